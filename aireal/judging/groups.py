"""What a network is worth by group (generator or topic), those apart that it learned from and those that it did not."""

import dataclasses
from collections.abc import Set
from typing import Any

import numpy as np

from aireal.data.records import Table as Rows
from aireal.runs.tables import Table
from aireal.verdicts.verdict import REAL, Rule
from builders.cifake import layout
from builders.cifake.layout import LABELS

_DRAWN, _OUTSIDE = 400, 0.025  # samples of the bootstrap, and the share of them on either side of an interval
_SHOWN = 30  # rows of a table


@dataclasses.dataclass(frozen=True)
class Group:
    """Of one class and group; intervals hold in 95 of 100 samples of as many pictures (bootstrap, percentiles).

    Attributes:
      label: FAKE or REAL.
      name: of the group; may be empty.
      is_seen: whether the network learned from pictures of the class and group; None where nobody knows.
      n: pictures.
      accuracy: share of them that it says right.
      accuracy_interval: of it.
      auc: that the network gives pictures of the group and all of the other class an order; None without these.
      auc_interval: of it.
    """

    label: str
    name: str
    is_seen: bool | None
    n: int
    accuracy: float
    accuracy_interval: tuple[float, float]
    auc: float | None
    auc_interval: tuple[float, float] | None

    def as_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


def judge(table: Rows, p_real: np.ndarray, rule: Rule, learnt: Set[tuple[str, str]] | None) -> list[Group]:
    """Returns what a network is worth on each group of each class.

    Args:
      table: of N images.
      p_real: [N], their scores.
      rule: which of them say REAL.
      learnt: class and group of the pictures that it learned from; None where nobody knows.
    """
    found = []
    for of, label in enumerate(LABELS):
        others = p_real[table.label != of]
        for name in np.unique(table.group[table.label == of]):
            own = p_real[(table.label == of) & (table.group == name)]
            is_seen = None if learnt is None else (label, str(name)) in learnt
            found.append(_judge(label, str(name), is_seen, own, others, rule))
    return found


def _judge(label: str, name: str, is_seen: bool | None, own: np.ndarray, others: np.ndarray, rule: Rule) -> Group:
    rng, sign = np.random.default_rng(0), 1 if label == LABELS[REAL] else -1

    def accuracy(scores: np.ndarray) -> float:
        return float(np.mean(rule.is_real(scores) == (label == LABELS[REAL])))

    def auc(scores: np.ndarray, against: np.ndarray) -> float:
        ordered = np.sort(sign * against)  # scikit-learn's function takes fifty times as long, and there are hundreds
        below = (np.searchsorted(ordered, sign * scores, side) for side in ("left", "right"))
        return float(np.mean(sum(below)) / 2 / len(against))

    accuracies, areas = [], []
    for _ in range(_DRAWN):
        scores = rng.choice(own, len(own))
        accuracies.append(accuracy(scores))
        if len(others):
            areas.append(auc(scores, rng.choice(others, len(others))))
    return Group(
        label=label,
        name=name,
        is_seen=is_seen,
        n=len(own),
        accuracy=accuracy(own),
        accuracy_interval=_interval(accuracies),
        auc=auc(own, others) if len(others) else None,
        auc_interval=_interval(areas) if areas else None,
    )


def _interval(values: list[float]) -> tuple[float, float]:
    low, high = np.quantile(values, [_OUTSIDE, 1 - _OUTSIDE])
    return float(low), float(high)


def table(found: list[Group], title: str) -> Table:
    """Returns them side by side; of many the worst, the rest is in result.json."""
    worst = sorted(found, key=lambda group: group.accuracy)[:_SHOWN]
    rows = [
        [
            layout.printable(f"{one.label} {one.name}".strip()),
            "unseen" if one.is_seen is False else "",
            f"{one.n:,}",
            _with_interval(one.accuracy, one.accuracy_interval),
            _with_interval(one.auc, one.auc_interval) if one.auc is not None else "",
        ]
        for one in found
        if one in worst
    ]
    if len(found) > len(worst):
        rows.append([f"and {len(found) - len(worst):,} that are better, in result.json", "", "", "", ""])
    return Table([title, "", "images", "right (95 %)", "AUC (95 %)"], rows)


def _with_interval(value: float, interval: tuple[float, float]) -> str:
    low, high = interval
    return f"{value:.3f} ({low:.3f} to {high:.3f})"
