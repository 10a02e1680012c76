"""Every value of a run with its default, its documentation and its bounds. Free of absl and TensorFlow.

`flags.py` makes the command line from this table, `rules.py` says what speaks against values.
"""

import dataclasses

from aireal.settings.augmentation import AugmentationFields
from aireal.settings.data import DataFields
from aireal.settings.evaluation import EvaluationFields
from aireal.settings.network import NetworkFields
from aireal.settings.training import TrainingFields


# Dataclasses take the fields of the last base first.
@dataclasses.dataclass(frozen=True, kw_only=True)
class Fields(EvaluationFields, TrainingFields, NetworkFields, AugmentationFields, DataFields):
    """Every value of a training run. The defaults are the seed project's baseline on the demo data."""

    @classmethod
    def of_network(cls) -> tuple[str, ...]:
        """Returns the names of the fields that a network keeps when it is trained on."""
        groups = {field.name: field.metadata["group"] for field in dataclasses.fields(cls)}
        model = (name for name, group in groups.items() if group == "model")
        # Of the same source it keeps for validation what that run did not learn from.
        return ("reading", "windows", "image_size", "aspect_ratio", "validation_fraction", "seed", *model)
