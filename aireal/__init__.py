"""Trains classifiers that tell AI-generated images from photographs."""

import os
import platform

if platform.machine() in ("x86_64", "AMD64"):
    # TensorFlow, as it is imported, turns oneDNN on where there are instructions for neural networks (AVX512_VNNI and
    # later). With AVX2 alone a training step takes 1.6 times as long without it.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")


def __getattr__(name: str):
    """Imports `Predictor` when it is first asked for: `import aireal` alone loads nothing."""
    if name == "Predictor":
        from aireal.verdicts.predictor import Predictor

        return Predictor
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
