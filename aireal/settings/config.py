"""The one description of a run. Free of absl and TensorFlow, so that it loads at once."""

import dataclasses
from collections.abc import Iterable

from aireal import paths, shipped
from aireal.errors import UserError
from aireal.settings import rules
from aireal.settings.declaring import typed
from aireal.settings.fields import Fields
from aireal.sources.source import Source

_SETTLED = ("cache", "precision", "builder_config")
# Fields that change neither the data nor the weights.
FREE = ("prepared_dir", "beam_pipeline_options", "cluster", "task", "evaluate", "tensorboard")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config(Fields):
    """Values of `Fields` that are within their bounds and go together.

    Raises:
      UserError: a value is of another kind or out of its bounds, or two of them do not go together.
    """

    def __post_init__(self):
        for field in dataclasses.fields(self):
            object.__setattr__(self, field.name, typed(field, getattr(self, field.name)))
        for complaint in rules.complaints(self):
            raise UserError(complaint)

    def absolute(self) -> "Config":
        """Returns the same with places that hold in any folder. Raises UserError as `paths.absolute` does."""
        prepared, initial = self.prepared_dir, self.initial_weights
        return dataclasses.replace(
            self,
            source=Source(self.source).absolute().text,
            prepared_dir=prepared if prepared.startswith("~") else paths.absolute(prepared),  # ~ holds on any machine
            initial_weights=initial and shipped.absolute(initial),
        )

    def differences(self, earlier: "Config", names: Iterable[str]) -> str:
        """Returns a line for each of these fields that another Config has otherwise; "" where there is none."""
        return "".join(
            f"\n  --{name}: {getattr(earlier, name)} there, {getattr(self, name)} here"
            for name in names
            if getattr(self, name) != getattr(earlier, name)
        )

    def as_begun(self, earlier: "Config") -> "Config":
        """Returns the same with each "auto" that an earlier start has settled for its machine as it was settled."""
        settled = {name: getattr(earlier, name) for name in _SETTLED if getattr(self, name) == "auto"}
        return dataclasses.replace(self, **settled)
