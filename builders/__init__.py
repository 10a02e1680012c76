"""TFDS builders: folders and archives of pictures -> TFRecords."""
