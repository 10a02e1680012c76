"""The CIFAKE data set, and any pictures laid out like it."""
