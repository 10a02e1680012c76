"""A picture to a verdict."""
