"""Trains classifiers that tell AI-generated images from photographs."""
