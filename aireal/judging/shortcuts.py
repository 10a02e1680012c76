"""What tells a run's classes apart without a look at the pictures: how their files were saved, and their sizes.

A network may have learnt it instead of the pictures, so it stands beside the network's figures.
"""

import dataclasses
from typing import Any

import numpy as np
from sklearn.metrics import roc_auc_score

from aireal.analysis import container
from aireal.analysis.findings import causes
from aireal.analysis.numbers import DEGREES, SHORTCUT, Separation
from aireal.analysis.shortcuts import Alone, counts_by_value
from aireal.data.batches import Data
from aireal.runs.tables import Table

# Of a split, which stand in random order: three standard errors of an AUC are 0.03. To save anew takes longer: 0.05.
_FILES, _RESAVED = 4000, 1000
_NAMES = {
    "header": "how the files were saved",
    "size": "size in pixels",
    "bits_per_pixel": "file size for each pixel",
}


@dataclasses.dataclass(frozen=True)
class Shortcuts:
    """AUC of simple rules on n pictures: the better of the number's own order and trees by five-fold cross-validation.

    Attributes:
      n: pictures that were looked at.
      alone: what tells the classes.
      causes: a sentence about how files of the classes differ; may be empty.
    """

    n: int
    alone: Alone
    causes: str

    @classmethod
    def of(cls, data: Data, split: str, *, as_judged: bool = False) -> "Shortcuts":
        """Looks at the files of the first pictures of a split; `as_judged` at what `--resave=all` makes of them."""
        label = data.table(split).label[: _RESAVED if as_judged else _FILES]
        files = (data.judged_files if as_judged else data.files)(split, len(label))
        # One at a time: thousands of large pictures are more than memory.
        found, sizes = zip(*((dataclasses.astuple(container.header(file)), len(file)) for file in files), strict=True)
        names = [field.name for field in dataclasses.fields(container.Facts)]
        facts = {name: np.array(column) for name, column in zip(names, zip(*found, strict=True), strict=True)}
        alone = Alone.of(label, facts, np.array(sizes))
        return cls(len(label), alone, causes({name: counts_by_value(label, column) for name, column in facts.items()}))

    def as_dict(self) -> dict[str, Any]:
        """Returns it for JSON: n, and an AUC or None of header, size and bits_per_pixel."""
        return {"n": self.n} | {name: _auc(found) for name, found in self._each().items()}

    def alarm(self) -> str | None:
        """Returns a sentence where one of them tells the classes apart, about the one that does best."""
        name, found = max(self._each().items(), key=lambda one: one[1].distance)
        if found.grade < SHORTCUT:
            return None
        said = f"{_NAMES[name].capitalize()} alone {DEGREES[found.grade]} (AUC {_auc(found):.3f})."
        return f"{said} {self.causes if name != 'size' else ''}".strip()

    def beside(
        self, label: np.ndarray, p_real: np.ndarray, resaved: "Shortcuts | None" = None, *, own: bool = True
    ) -> str:
        """Returns a table of them beside a network's AUC, and a sentence where they explain it.

        Args:
          label: [N] int.
          p_real: [N], the network's scores.
          resaved: of the same pictures as the network saw them, where they were saved anew for it.
          own: whether the network learned from pictures of this source.
        """
        network = f"{roc_auc_score(label, p_real):.4f}"
        both = [self] if resaved is None else [self, resaved]
        rows = [
            [title, *(f"{_auc(one._each()[name]):.4f}" for one in both)]
            for name, title in _NAMES.items()
            if all(one._each()[name].is_known for one in both)
        ]
        header = ["told without the picture, by", "AUC", "saved anew"][: len(both) + 1]
        text = str(Table(header, [*rows, ["the network", *[""] * (len(both) - 1), network]]))
        if alarm := both[-1].alarm():
            learnt = " The network may have learnt that, and not who made the picture." if own else ""
            text += f"\n{alarm}{learnt}"
        return text

    def _each(self) -> dict[str, Separation]:
        return {field.name: getattr(self.alone, field.name) for field in dataclasses.fields(Alone)}


def _auc(found: Separation) -> float | None:
    return 0.5 + found.distance if found.is_known else None
