"""A source to batches."""
