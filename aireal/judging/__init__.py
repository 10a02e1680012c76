"""Scores and labels to figures."""
