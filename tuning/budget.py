"""Candidates that are rejected before they train."""

import dataclasses
from typing import Any

import keras
import keras_tuner

from aireal.errors import UserError
from aireal.network import models
from aireal.settings.config import Config
from tuning.hypermodel import size
from tuning.space import Space
from tuning.study import BUDGETS, Study

_WITHOUT_SIZE = ("l2", "conv_dropout", "dense_dropout")
# What a network's size depends on.
_NETWORK = [
    "image_size",
    *(
        field.name
        for field in dataclasses.fields(Config)
        if field.metadata["group"] == "model" and field.name not in _WITHOUT_SIZE
    ),
]


class Budget:
    """What a phone can carry; says of candidates what speaks against training them.

    Args:
      study: with the limits.
      space: whose points the candidates are.
      hp: with everything that the space declares.
    """

    def __init__(self, study: Study, space: Space, hp: keras_tuner.HyperParameters):
        self._limits = {what: getattr(study, flag) for what, flag in BUDGETS.items() if getattr(study, flag)}
        self._space = space
        self._hp = hp
        self._sizes: dict[tuple, dict[str, int]] = {}  # of the networks that were built

    def __call__(self, values: dict[str, Any]) -> str | None:
        """Returns why the values make no network, or one beyond the budget; or None."""
        hp = self._hp.copy()  # which would grow with every use
        hp.values = values
        try:
            config = self._space.config(hp)
        except UserError as error:
            return str(error)
        return self.beyond(config)

    def beyond(self, config: Config) -> str | None:
        """Returns by how much a network is beyond the budget, or None."""
        if not self._limits:
            return None
        network = tuple(getattr(config, name) for name in _NETWORK)
        if network not in self._sizes:
            keras.backend.clear_session()
            self._sizes[network] = size(models.build_model(config))
        found = self._sizes[network]
        beyond = [f"{found[what]:,} {what} of {limit:,}" for what, limit in self._limits.items() if found[what] > limit]
        return ", ".join(beyond) or None
