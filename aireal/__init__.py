"""Trains classifiers that tell AI-generated images from photographs."""

import os
import platform

if platform.machine() in ("x86_64", "AMD64"):
    # TensorFlow turns oneDNN on by itself only where there are instructions for neural networks (AVX512_VNNI and later).
    # With AVX2 alone a training step takes 1.6 times as long without it. Read when TensorFlow is first used.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
