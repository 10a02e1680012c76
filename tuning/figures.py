"""The trials of a search -> figures."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from aireal.runs import drawing
from tuning import effects
from tuning.study import Study, Trial, baseline

_TICKS = 8  # values of a hyperparameter, up to which each has its place


def course(study: Study, trials: Sequence[Trial]) -> Figure:
    values = np.array([trial.metrics[study.objective] for trial in trials])
    best = np.maximum.accumulate(values) if study.direction == "max" else np.minimum.accumulate(values)
    numbers = [trial.number for trial in trials]
    figure, axes = _axes("trial", study.objective)
    axes.plot(numbers, values, "o", color=drawing.GREY, ms=4, label="trials")
    axes.plot(numbers, best, drawstyle="steps-post", color=drawing.BLUE, label="best so far")
    if first := baseline(trials):
        axes.axhline(first.metrics[study.objective], ls="--", color=drawing.ORANGE, label="baseline")
    axes.legend()
    return figure


def sizes(study: Study, trials: Sequence[Trial]) -> Figure:
    longest = max(map(study.epochs, trials))
    trials = [trial for trial in trials if study.epochs(trial) == longest]
    values = np.array([trial.metrics[study.objective] for trial in trials])
    parameters = np.array([trial.metrics["parameters"] for trial in trials])
    front = pareto_front(parameters, values if study.direction == "max" else -values)
    figure, axes = _axes("parameters", study.objective)
    axes.semilogx(parameters, values, "o", color=drawing.GREY, ms=4, label="trials")
    axes.semilogx(
        parameters[front], values[front], "o-", color=drawing.BLUE, drawstyle="steps-post", label="Pareto front"
    )
    if first := baseline(trials):
        place = [first.metrics["parameters"]], [first.metrics[study.objective]]
        axes.semilogx(*place, "*", ms=12, color=drawing.ORANGE, label="baseline")
    axes.legend()
    return figure


def slices(study: Study, trials: Sequence[Trial]) -> Figure:
    names, _ = effects.varied(trials)
    columns = 4
    rows = max(-(-len(names) // columns), 1)
    figure = drawing.figure(10, 2.1 * rows)
    grid = figure.subplots(rows, columns, squeeze=False, sharey=True)
    for axes in grid.flat[len(names) :]:
        axes.axis("off")
    for axes, name in zip(grid.flat, names, strict=False):
        shown = [trial for trial in trials if name in trial.values]
        values = [trial.values[name] for trial in shown]
        if name.endswith("learning_rate"):
            axes.set_xscale("log")
        elif not isinstance(values[0], (int, float)) or len(set(values)) < _TICKS:
            order = sorted(set(values))
            axes.set_xticks(range(len(order)), map(str, order), fontsize=7)
            values = [order.index(value) for value in values]
        axes.plot(values, [trial.metrics[study.objective] for trial in shown], "o", color=drawing.BLUE, ms=3, alpha=0.6)
        axes.set_title(name, fontsize=8)
        axes.grid(**drawing.GRID)
    return figure


def memory(trials: Sequence[Trial]) -> Figure:
    """Draws what the chief and the worker of each trial had in memory at its end."""
    figure, axes = _axes("trial", "resident memory, MiB")
    for name, color in (("worker", drawing.BLUE), ("chief", drawing.ORANGE)):
        mebibytes = [trial.metrics[f"{name}_memory_bytes"] / 2**20 for trial in trials]
        axes.plot([trial.number for trial in trials], mebibytes, "o-", ms=3, color=color, label=name)
    axes.set_ylim(0)
    axes.legend()
    return figure


def pareto_front(cost: np.ndarray, value: np.ndarray) -> np.ndarray:
    """Returns the positions of the points that no other beats: by cost, each better than all cheaper ones."""
    front, best = [], -np.inf
    for position in np.lexsort((-value, cost)):
        if value[position] > best:
            front.append(position)
            best = value[position]
    return np.array(front)


def _axes(x: str, y: str) -> tuple[Figure, Axes]:
    figure = drawing.figure(10, 4)
    axes = figure.subplots()
    axes.set(xlabel=x, ylabel=y)
    if x == "trial":
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(**drawing.GRID)
    return figure, axes
