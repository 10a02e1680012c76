"""Which images are for training, for validation and for the test."""

import hashlib

import numpy as np

from aireal.data.records import Table
from aireal.settings.config import Config
from builders.cifake import copies

TEST_FRACTION = 0.2  # of the train folder, where the source has none for the test
_TEST_SEED = 0  # the test is the same for every --seed


def masks(table: Table, config: Config, *, to_learn: bool = True) -> dict[str, np.ndarray]:
    """Returns for train, validation and test which images each has: [N] bool.

    Where the source has no folder for one of them, it comes from the train folder.

    Args:
      table: of all images.
      config: its seed, `validation_fraction`, `train_fraction` and `leave_out` are used.
      to_learn: whether a network learns from them; else all of a source without a folder for the test are the test.
    """
    folder = {name: table.folder == name for name in ("train", "validation", "test")}
    if not folder["test"].any():
        if not to_learn:
            none = np.zeros(len(table), bool)
            return {"train": none, "validation": none, "test": ~none}
        free = folder["train"]
        if folder["validation"].any():  # whose pictures have copies and pairs that no test may have
            firsts = np.array(_firsts(table))
            free = free & ~np.isin(firsts, firsts[folder["validation"]])
        folder["test"] = _held_out_of(free, table, TEST_FRACTION, _TEST_SEED)
    seen = ~left_out(table, config)
    training = folder["train"] & ~folder["test"] & seen
    validation = folder["validation"] & (config.validation_fraction > 0) & seen
    if not folder["validation"].any():
        validation = _held_out_of(training, table, config.validation_fraction, config.seed)
    training &= ~validation
    if config.train_fraction < 1:
        training &= ~_held_out_of(training, table, 1 - config.train_fraction, config.seed)
    return {"train": training, "validation": validation, "test": folder["test"]}


def left_out(table: Table, config: Config) -> np.ndarray:
    """Returns which images are of groups that training leaves out, by their whole name or a part of it: [N] bool."""
    groups = [name for name in np.unique(table.group) if {name, *name.split("/")} & {*config.left_out}]
    return np.isin(table.group, groups)


def _held_out_of(mask: np.ndarray, table: Table, fraction: float, seed: int) -> np.ndarray:
    """Returns `held_out` of the images of a mask [N] bool, as a mask of all."""
    found = np.zeros(len(table), bool)
    found[mask] = held_out(table.rows(mask), fraction, seed)
    return found


def held_out(table: Table, fraction: float, seed: int) -> np.ndarray:
    """Returns which of some images are kept apart: [N] bool.

    Stratified by label; copies of a picture, and pictures of a pair, on the same side; and the same for the same file
    names and seed whatever the machine: what belongs together is taken in the order of a hash of seed and name.
    """
    together: dict[str, list[int]] = {}
    for position, name in enumerate(_firsts(table)):
        together.setdefault(name, []).append(position)
    # In Python's own numbers: NumPy takes longer for two of them.
    fakes, photographs = np.rint(fraction * np.bincount(table.label, minlength=2)).astype(int).tolist()
    label, kept = table.label.tolist(), []
    for name in sorted(together, key=lambda name: hashlib.blake2b(f"{seed}/{name}".encode()).digest()):
        positions = together[name]
        of_real = sum(label[position] for position in positions)
        if of_real <= photographs and len(positions) - of_real <= fakes:
            kept += positions
            photographs -= of_real
            fakes -= len(positions) - of_real
    held_out = np.zeros(len(table), bool)
    held_out[kept] = True
    return held_out


def _firsts(table: Table) -> list[str]:
    """Returns for each image the name of the first that it belongs together with, as a copy or by a pair: [N]."""
    names = [
        first or f"{folder}/{name}"
        for first, folder, name in zip(table.copy_of, table.folder, table.filename, strict=True)
    ]
    if not np.any(table.pair != ""):
        return names
    first_of: dict[tuple[str, str], int] = {}
    links = [(first_of.setdefault(("name", name), row), row) for row, name in enumerate(names)]
    links += [(first_of.setdefault(("pair", pair), row), row) for row, pair in enumerate(table.pair) if pair]
    return [names[row] for row in copies.originals(np.array(links), len(names))]
