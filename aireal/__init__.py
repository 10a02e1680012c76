"""Tells AI-generated images from photographs: trains classifiers, judges pictures, makes files for phones.

>>> import aireal
>>> aireal.load("robust").predict(["photo.jpg"])  # doctest: +SKIP
>>> run = aireal.fit(aireal.recipe("fast", source="archive.zip"), "runs/mine")  # doctest: +SKIP
>>> run.figures["test"]["accuracy"], run.model, run.evaluate("validation"), run.export()  # doctest: +SKIP
>>> aireal.build_model(config).fit(aireal.batches(config), epochs=2)  # doctest: +SKIP

Nothing is loaded before it is used. On the command line: `aireal --help`.
"""

import importlib
import importlib.metadata
import os
import platform

_OFFERED = {
    "load": "aireal.verdicts.predictor",
    "fit": "aireal.door",
    "batches": "aireal.door",
    "build_model": "aireal.door",
    "Run": "aireal.door",
    "Config": "aireal.settings.config",
    "recipe": "aireal.settings.flagfile",
    "Predictor": "aireal.verdicts.predictor",
    "Prediction": "aireal.verdicts.pictures",
    "UserError": "aireal.errors",
}
__all__ = [*_OFFERED, "__version__"]  # noqa: F822 - `__getattr__` has it

if platform.machine() in ("x86_64", "AMD64"):
    # TensorFlow, as it is imported, turns oneDNN on where there are instructions for neural networks (AVX512_VNNI and
    # later). With AVX2 alone a training step takes 1.6 times as long without it.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")


def __getattr__(name: str):
    """Imports what is offered when it is first asked for."""
    if name == "__version__":
        return importlib.metadata.version("aireal")
    if name in _OFFERED:
        return getattr(importlib.import_module(_OFFERED[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
