"""The model as others run it."""
