"""Where pictures come from: the demo, Kaggle, a folder or an archive."""
