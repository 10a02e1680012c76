"""Numbers -> figures. Each function returns a matplotlib Figure, which no global state knows of."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullFormatter, PercentFormatter
from sklearn.metrics import roc_auc_score, roc_curve

from aireal.judging import metrics
from aireal.judging.selective import Selective
from aireal.runs import drawing
from aireal.verdicts.verdict import DEFAULT, FAKE, Rule
from builders.cifake.layout import LABELS

_ACROSS = 4  # panels beside each other


def curves(rows: Sequence[dict[str, float]]) -> Figure:
    """Draws accuracy and loss over the epochs, from the rows of metrics.jsonl."""
    figure = drawing.figure(10, 4)
    epochs = [row["epoch"] for row in rows]
    titles = {"accuracy": "Accuracy", "loss": "Loss"}
    for axes, (name, title) in zip(figure.subplots(1, 2), titles.items(), strict=True):
        marker = "o" if len(rows) < 40 else None
        axes.plot(
            epochs,
            [row[name] for row in rows],
            marker=marker,
            ms=3,
            color=drawing.BLUE,
            label="training, while it learns",
        )
        if f"val_{name}" in rows[0]:
            values = [row[f"val_{name}"] for row in rows]
            axes.plot(epochs, values, marker=marker, ms=3, color=drawing.ORANGE, label="validation")
        axes.set(title=title, xlabel="epoch", ylabel=name)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(**drawing.GRID)
        axes.legend()
    figure.axes[0].yaxis.set_major_formatter(PercentFormatter(1.0))
    return figure


def confusion_matrix(label: np.ndarray, p_real: np.ndarray, split: str, rule: Rule = DEFAULT) -> Figure:
    """Draws counts, and shares of each true class, for labels [N] and scores [N]."""
    counts = np.array(metrics.Figures.of(label, p_real, rule).confusion_matrix)
    shares = counts / counts.sum(axis=1, keepdims=True)
    figure = drawing.figure(5, 4.4)
    axes = figure.subplots()
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), share in np.ndenumerate(shares):
        color = "white" if share > 0.5 else "black"
        axes.text(column, row, f"{counts[row, column]:,}\n{share:.2%}", ha="center", va="center", color=color)
    axes.set(
        title=f"Verdicts on {counts.sum():,} {split} images",
        xlabel="verdict",
        ylabel="truth",
        xticks=[0, 1],
        yticks=[0, 1],
        xticklabels=LABELS,
        yticklabels=LABELS,
    )
    figure.colorbar(image, label="share of the true class", format=PercentFormatter(1.0))
    return figure


def roc(label: np.ndarray, p_real: np.ndarray, split: str) -> Figure:
    """Draws fakes caught over photographs accused, the latter on a logarithmic axis: the low end is what counts."""
    is_fake = label == FAKE
    accused, caught, _ = roc_curve(is_fake, -p_real)
    at_one = metrics.tpr_at_fpr(is_fake, -p_real, 0.01)
    figure = drawing.figure(5.5, 4.4)
    axes = figure.subplots()
    axes.plot(
        accused, caught, color=drawing.BLUE, drawstyle="steps-post", label=f"area {roc_auc_score(is_fake, -p_real):.4f}"
    )
    axes.plot([0.01], [at_one], "o", color=drawing.ORANGE, label=f"{at_one:.1%} caught at 1 % accused")
    chance = np.geomspace(1e-4, 1, 50)
    axes.plot(chance, chance, "--", color=drawing.GREY, label="chance")
    axes.set(
        title=f"ROC on {len(label):,} {split} images",
        xlabel="photographs accused (false positive rate, log)",
        ylabel="fakes caught (true positive rate)",
        xscale="log",
        xlim=(np.clip(1 / np.sum(~is_fake), 1e-4, 0.5), 1),
        ylim=(0, 1.01),
    )
    axes.xaxis.set_major_formatter(lambda share, _: f"{100 * share:g}%")  # PercentFormatter makes 0% of 0.1%
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.grid(**drawing.GRID)
    axes.legend(loc="lower right")
    return figure


def reliability(label: np.ndarray, p_real: np.ndarray, split: str, rule: Rule = DEFAULT) -> Figure:
    """Draws accuracy over confidence for the bins of the calibration error, with the number of images in each."""
    bins = metrics.reliability(label, p_real, rule)
    used = bins.count > 0
    error = metrics.expected_calibration_error(label, p_real, rule)
    figure = drawing.figure(5.5, 5)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    upper.plot([0.5, 1], [0.5, 1], "--", color=drawing.GREY, label="perfectly calibrated")
    upper.plot(
        bins.confidence[used], bins.accuracy[used], "o-", color=drawing.BLUE, label=f"this model, error {error:.4f}"
    )
    upper.set(
        title=f"Calibration on {bins.count.sum():,} {split} images",
        ylabel="accuracy",
        xlim=(0.49, 1.01),
        ylim=(None, 1.01),
    )
    upper.legend()
    lower.bar(bins.edges[:-1], bins.count, np.diff(bins.edges), align="edge", color=drawing.BLUE, edgecolor="white")
    lower.set(xlabel="confidence of the verdict", ylabel="images (log)", yscale="log", ylim=(0.5, None))
    lower.yaxis.set_major_formatter("{x:,.0f}")
    lower.yaxis.set_minor_formatter(NullFormatter())  # which a few images would bring out
    upper.yaxis.set_major_formatter(PercentFormatter(1.0))
    lower.xaxis.set_major_formatter(PercentFormatter(1.0))
    for axes in (upper, lower):
        axes.grid(**drawing.GRID)
    return figure


def risk_coverage(
    coverage: np.ndarray, risk: np.ndarray, split: str, stated: float | None, given: Selective | None = None
) -> Figure:
    """Draws the share of wrong verdicts over the share of verdicts given, the most confident first.

    Args:
      coverage, risk: [N], of `selective.curve`.
      split: for the title.
      stated: the risk that the rule keeps to; None where it states none.
      given: what the rule withholds and gives, a point beside the curve: it withholds by other signs, too.
    """
    figure = drawing.figure(5.5, 4.4)
    axes = figure.subplots()
    axes.plot(coverage, risk, color=drawing.BLUE, label=f"by confidence alone, mean {np.mean(risk):.4f}")
    if stated:
        axes.axhline(stated, ls="--", color=drawing.GREY, label=f"stated risk {stated:g}")
    if given:
        told = f"by the rule: {given.coverage:.1%} given, {given.error:.2%} of them wrong"
        axes.plot([given.coverage], [given.error], "o", color=drawing.ORANGE, label=told)
    axes.set(
        title=f"What verdicts given are worth, on {len(risk):,} {split} images",
        xlabel="verdicts given, the most confident first (coverage)",
        ylabel="of them wrong (risk)",
        xlim=(0, 1),
        ylim=(0, None),
    )
    axes.xaxis.set_major_formatter(PercentFormatter(1.0))
    axes.yaxis.set_major_formatter(lambda share, _: f"{100 * share:g}%")
    axes.grid(**drawing.GRID)
    axes.legend()
    return figure


def errors(images: Sequence[np.ndarray], table, p_real: np.ndarray, split: str) -> Figure:
    """Draws a sheet of wrong verdicts.

    Args:
      images: up to 24 of [S, S, 3] uint8, the most confident error first.
      table: their `records.Table`.
      p_real: their scores, [N].
      split: for the title.
    """
    figure = drawing.figure(10, 7.4)
    figure.suptitle(f"The {len(images)} most confident errors on the {split} images" if len(images) else "No errors")
    for position, axes in enumerate(figure.subplots(4, 6).flat):
        axes.axis("off")
        if position < len(images):
            axes.imshow(images[position], interpolation="nearest")
            truth = LABELS[table.label[position]]
            title = f"truth {truth}, p_real {p_real[position]:.4f}\n{table.filename[position]}"
            axes.set_title(title, fontsize=7, parse_math=False)
    return figure


class Named(Protocol):
    """What a figure needs to know of a condition: those of `battery.Condition` and `battery.InCondition`."""

    name: str
    family: str
    strength: float


def robustness(
    conditions: Sequence[Named],
    accuracy: dict[str, np.ndarray],
    unchanged: dict[str, float],
    published: dict[str, float],
    title: str,
) -> Figure:
    """Draws accuracy over the strength of each family of corruptions: a line for each model, a band over its seeds.

    Args:
      conditions: that of clean pictures first.
      accuracy: name of a model -> [seeds, conditions] in [0, 1].
      unchanged: family -> the strength at which it leaves pictures clean, where that is not 0.
      published: name of a condition -> the best accuracy that is known.
      title: says what the models were judged on.
    """
    families = list(dict.fromkeys(row.family for row in conditions[1:]))
    lines = -(-len(families) // _ACROSS)
    figure = drawing.figure(11, 1 + 2.6 * lines)
    grid = figure.subplots(lines, _ACROSS, sharey=True, squeeze=False)
    for axes in grid.flat[len(families) :]:
        axes.set_axis_off()
    for axes, family in zip(grid.flat, families, strict=False):
        rows = [0, *(row for row, condition in enumerate(conditions) if condition.family == family)]
        strengths = np.array([unchanged.get(family, 0.0), *(conditions[row].strength for row in rows[1:])])
        known = {
            strength: published[conditions[row].name]
            for strength, row in zip(strengths, rows, strict=True)
            if conditions[row].name in published
        }
        _over_strength(axes, strengths, {name: values[:, rows] for name, values in accuracy.items()}, known)
        axes.set(xlabel=family)
    figure.suptitle(title)
    for axes in grid[:, 0]:
        axes.set(ylabel="accuracy")
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    figure.legend(*grid[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=len(accuracy) + 1)
    return figure


def _over_strength(
    axes: Axes, strengths: np.ndarray, accuracy: dict[str, np.ndarray], published: dict[float, float]
) -> None:
    """Draws the accuracies [seeds, strengths] of every model, the stronger the further to the right.

    The first strength is that which leaves pictures clean.
    """
    order = np.argsort(strengths)
    for name, values in accuracy.items():
        # matplotlib leaves out of legends what begins with _, and takes $...$ for mathematics.
        label = (" " * name.startswith("_") + name).replace("$", r"\$")
        (line,) = axes.plot(strengths[order], values.mean(axis=0)[order], "o-", ms=4, label=label)
        low, high = values.min(axis=0)[order], values.max(axis=0)[order]
        axes.fill_between(strengths[order], low, high, color=line.get_color(), alpha=0.2, lw=0)
    if published:
        axes.plot(published.keys(), published.values(), "x", color="black", mew=2, label="best published")
    labels = ["clean", *(f"{strength:g}" for strength in strengths[1:])]
    axes.set_xticks(strengths, labels, fontsize="x-small", rotation=45)  # a noise of 0.01 stands close to clean
    if strengths[-1] < strengths[0]:
        axes.invert_xaxis()
    axes.grid(**drawing.GRID)
