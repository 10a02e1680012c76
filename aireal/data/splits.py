"""Which images are for training, for validation and for the test."""

import hashlib

import numpy as np

from aireal.data.records import Table
from aireal.settings.config import Config


def folder(split: str) -> str:
    """Returns the folder of the source that a split's images are in: train has those of validation too."""
    return "test" if split == "test" else "train"


def masks(train: Table, test_count: int, config: Config) -> dict[str, np.ndarray]:
    """Returns for each split which of its folder's images it has: [N] bool, in the order of the records.

    Args:
      train: of all images in the train folder.
      test_count: images in the test folder.
      config: its seed, `validation_fraction` and `train_fraction` are used.
    """
    validation = held_out(train, config.validation_fraction, config.seed)
    training = ~validation
    if config.train_fraction < 1:
        kept = np.flatnonzero(training)
        training[kept[held_out(train.rows(kept), 1 - config.train_fraction, config.seed)]] = False
    return {"train": training, "validation": validation, "test": np.ones(test_count, bool)}


def held_out(table: Table, fraction: float, seed: int) -> np.ndarray:
    """Returns which images of the train folder are kept out of training, for validation: [N] bool.

    Stratified by label, copies of a picture on the same side, and the same for the same file names and seed
    whatever the machine: groups of copies are taken in the order of a hash of seed and name.
    """
    groups: dict[str, list[int]] = {}
    for position, (filename, copy_of) in enumerate(zip(table.filename, table.copy_of, strict=True)):
        groups.setdefault(copy_of or f"train/{filename}", []).append(position)
    left = np.rint(fraction * np.bincount(table.label, minlength=2)).astype(int)
    held_out = np.zeros(len(table), bool)
    for name in sorted(groups, key=lambda name: hashlib.blake2b(f"{seed}/{name}".encode()).digest()):
        positions = groups[name]
        counts = np.bincount(table.label[positions], minlength=2)
        if np.all(counts <= left):
            held_out[positions] = True
            left -= counts
    return held_out
