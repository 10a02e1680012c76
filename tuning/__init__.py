"""Keras Tuner around the baseline."""
