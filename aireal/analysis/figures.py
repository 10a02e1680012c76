"""What was found -> figures, as `plots.py` makes them of a run."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from aireal.analysis import appearance
from aireal.analysis.appearance import Sums
from aireal.analysis.survey import Files
from aireal.runs import drawing
from builders.cifake.layout import LABELS

_BINS = 60  # at most
SAMPLES = 5  # pictures of each class in a row of the sheet
PAIRS = 12  # near-duplicates on the sheet
_TITLE_CHARACTERS = 32


def file_sizes(files: Files) -> Figure:
    """Draws a histogram of the bytes of each class of each split, and one of all with the classes over each other."""
    splits = [split for split in files.splits if np.any(files.split == split)]
    rows = len(splits)
    figure = drawing.figure(10, 7 * (rows + 1) / 3)
    upper, lower = figure.subfigures(2, 1, height_ratios=[rows, 1])
    read = files.digest != ""
    groups = {
        name: files.bytes[mask & read] for name, mask in files.groups().items() if name.partition("/")[0] in splits
    }
    bins = _bins(files.bytes[read])
    grid = upper.subplots(rows, len(LABELS), sharex=True, sharey=True, squeeze=False)
    for axes, (name, sizes) in zip(grid.flat, groups.items(), strict=True):
        axes.hist(np.clip(sizes, bins[0], bins[-1]), bins, color=drawing.COLORS[name.split("/")[1]])
        mean = f", mean {sizes.mean():,.0f} bytes" if len(sizes) else ""
        axes.set_title(f"{name}: {len(sizes):,} files{mean}", fontsize=10)
        axes.set_ylabel("files")
        axes.grid(**drawing.GRID)
    axes = lower.subplots()
    _overlaid(axes, files.bytes[read], files.label[read], bins)
    axes.set(title="all, shares of each class", xlabel="bytes", xlim=(bins[0], bins[-1]))
    for below in upper.axes[-2:]:
        below.set_xlabel("bytes")
    for every in (upper.axes[0], axes):
        every.xaxis.set_major_locator(MaxNLocator(5))
        every.xaxis.set_major_formatter("{x:,.0f}")
    return figure


def looks(files: Files) -> Figure:
    """Draws brightness, contrast, saturation and sharpness of the two classes over each other."""
    figure = drawing.figure(10, 6)
    label = files.label[files.decoded]
    for axes, (name, meaning), values in zip(
        figure.subplots(2, 2).flat, appearance.STATISTICS.items(), files.looks.T, strict=True
    ):
        _overlaid(axes, values, label, _bins(values))
        axes.set_title(name.capitalize(), fontsize=11)
        axes.set_xlabel(meaning, fontsize=8)
    return figure


def mean_images(sums: Sums) -> Figure:
    """Draws the mean image of each class that there is, and of two classes the difference, magnified."""
    figure = drawing.figure(10, 3.6)
    means = _means(sums.image, sums.count)
    shown = {f"mean of {name}": mean / 255 for name, mean in means.items()}
    if len(means) == len(LABELS):
        difference = means["REAL"] - means["FAKE"]
        largest = max(np.abs(difference).max(), 1e-9)
        shown[f"REAL - FAKE: white +{largest:.1f}, black -{largest:.1f}"] = 0.5 + 0.5 * difference / largest
    grid = figure.subplots(1, 3)
    for axes in grid:
        axes.axis("off")
    for axes, (title, image) in zip(grid, shown.items(), strict=False):
        axes.imshow(image, interpolation="nearest")
        axes.set_title(title, fontsize=10)
    return figure


def spectra(sums: Sums) -> Figure:
    """Draws the mean logarithm of the power spectrum of each class, their difference, and the means over rings."""
    figure = drawing.figure(10, 7)
    means = {name: np.fft.fftshift(mean) / np.log(10) for name, mean in _means(sums.log_power, sums.count).items()}
    size = sums.log_power.shape[1]
    for power in means.values():
        power[size // 2, size // 2] = np.nan  # the mean, which was taken away
    low, high = np.nanpercentile(list(means.values()), [1, 99.9])
    panels, rings = figure.subplots(2, 2).ravel()[:3], figure.axes[3]
    for axes in panels:
        axes.axis("off")
    for axes, (name, power) in zip(panels, means.items(), strict=False):
        style = {"vmin": low, "vmax": high, "cmap": "magma"}
        _spectrum(axes, power, f"{name}: mean log power of luma", "log10 power", **style)
    if len(means) == len(LABELS):
        difference = means["REAL"] - means["FAKE"]
        largest = max(np.nanpercentile(np.abs(difference), 99.5), 1e-9)
        style = {"vmin": -largest, "vmax": largest, "cmap": "RdBu_r"}
        _spectrum(panels[2], difference, "REAL - FAKE", "log10 ratio of power", **style)
    radius, ring = _rings(size)
    for name, power in means.items():
        over_rings = np.bincount(ring, power.ravel()) / np.bincount(ring)
        rings.plot(radius[1:], over_rings[1 : len(radius)], color=drawing.COLORS[name], label=name)
    rings.set(title="mean over rings: fine detail is on the right", xlabel="cycles a pixel", ylabel="log10 power")
    rings.title.set_fontsize(10)
    rings.grid(**drawing.GRID)
    rings.legend()
    return figure


def _spectrum(axes: Axes, power: np.ndarray, title: str, unit: str, **style) -> None:
    size = len(power)
    first, last = -(size // 2) - 0.5, (size - 1) // 2 + 0.5
    axes.axis("on")
    image = axes.imshow(power, extent=(first / size, last / size, last / size, first / size), **style)
    axes.set_title(title, fontsize=10)
    axes.set(xlabel="cycles a pixel, across", ylabel="cycles a pixel, down")
    axes.figure.colorbar(image, ax=axes, label=unit)


def samples(rows: Sequence[tuple[str, Mapping[str, Sequence[np.ndarray]]]]) -> Figure:
    """Draws a sheet, FAKE on the left: rows of (title, label -> up to SAMPLES pictures [H, W, 3] uint8)."""
    figure = drawing.figure(10, 0.3 + 0.92 * len(rows))
    for side, label in zip(figure.subfigures(1, 2, wspace=0.03), LABELS, strict=True):
        side.suptitle(label, fontsize=11, color=drawing.COLORS[label])
        for line, (title, pictures) in zip(side.subplots(len(rows), SAMPLES, squeeze=False), rows, strict=True):
            for axes in line:
                axes.axis("off")
            for axes, picture in zip(line, pictures[label], strict=False):
                axes.imshow(picture, interpolation="nearest")
            line[0].set_title(title, fontsize=7, loc="left", pad=2)
    return figure


def pairs(images: Sequence[tuple[np.ndarray, np.ndarray]], titles: Sequence[tuple[str, str]]) -> Figure:
    """Draws up to PAIRS of near-duplicates side by side: [H, W, 3] uint8 each, with a title above each of the two."""
    columns = 3
    rows = -(-len(images) // columns)
    figure = drawing.figure(10, 2 * rows)
    for axes in (flat := figure.subplots(rows, 2 * columns, squeeze=False).ravel()):
        axes.axis("off")
    both = zip(
        [picture for pair in images for picture in pair], [title for pair in titles for title in pair], strict=True
    )
    for axes, (picture, title) in zip(flat, both, strict=False):
        axes.imshow(picture, interpolation="nearest")
        axes.set_title(_short(title), fontsize=6.5, parse_math=False)
    return figure


def _short(title: str) -> str:
    """Returns a title that does not run into the next one; names that the font lacks would be boxes."""
    title = title.encode("ascii", "replace").decode()
    return title if len(title) <= _TITLE_CHARACTERS else f"...{title[3 - _TITLE_CHARACTERS :]}"


def _overlaid(axes: Axes, values: np.ndarray, label: np.ndarray, bins: np.ndarray) -> None:
    for of, name in enumerate(LABELS):
        mine = np.clip(values[label == of], bins[0], bins[-1])  # what is beyond counts in the outermost bars
        weights = np.full(len(mine), 1 / max(len(mine), 1))
        axes.hist(
            mine, bins, weights=weights, histtype="stepfilled", alpha=0.45, color=drawing.COLORS[name], label=name
        )
    axes.set_ylabel("share of the class")
    axes.grid(**drawing.GRID)
    axes.legend()


def _bins(values: np.ndarray) -> np.ndarray:
    """Returns edges that leave out the outermost thousandth at either end, which would squeeze the rest."""
    low, high = np.percentile(values, [0.1, 99.9])
    count = min(_BINS, 2 + 2 * math.isqrt(len(values)))  # few pictures in many bins are spikes
    if values.dtype.kind == "i":  # else some bars hold one whole number more than others
        width = max(int(np.ceil((high - low) / count)), 1)
        return np.arange(int(low), high + width + 1, width) - 0.5
    return np.linspace(low, high if high > low else low + 1, count + 1)


def _means(total: np.ndarray, count: np.ndarray) -> dict[str, np.ndarray]:
    """Returns the means of the classes that have pictures."""
    return {name: total[of] / count[of] for of, name in enumerate(LABELS) if count[of]}


def _rings(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns the frequencies of the rings up to 0.5 cycles a pixel, and [size * size] the ring of each frequency."""
    frequency = np.fft.fftshift(np.fft.fftfreq(size))
    rings = np.round(np.hypot(*np.meshgrid(frequency, frequency)) * size).astype(int)
    return np.arange(size // 2 + 1) / size, rings.ravel()
