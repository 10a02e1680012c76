"""The one description of a run. Free of absl and TensorFlow, so that it loads at once."""

import dataclasses

from aireal.errors import UserError
from aireal.settings import rules
from aireal.settings.fields import Fields

_SETTLED = ("cache", "precision", "builder_config")
FREE = ("prepared_dir", "evaluate", "tensorboard")  # fields that change neither the data nor the weights


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config(Fields):
    """Values of `Fields` that are within their bounds and go together.

    Raises:
      UserError: a value is out of its bounds, or two of them do not go together.
    """

    def __post_init__(self):
        for complaint in rules.complaints(self):
            raise UserError(complaint)

    def as_begun(self, earlier: "Config") -> "Config":
        """Returns the same with each "auto" that an earlier start has settled for its machine as it was settled."""
        settled = {name: getattr(earlier, name) for name in _SETTLED if getattr(self, name) == "auto"}
        return dataclasses.replace(self, **settled)
