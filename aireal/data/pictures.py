"""What is known of the pictures of a run, and the files that they came in."""

import dataclasses
import io
from collections.abc import Iterator

import numpy as np

from aireal.data import splits, views
from aireal.data.records import Records, Table, fingerprint, prepare
from aireal.errors import UserError
from aireal.pixels import decoding
from aireal.settings.config import Config
from builders.cifake import layout, sources


class Pictures:
    """The pictures of a run in their splits, as `splits.masks` makes them.

    Args:
      config: its data fields and its seed are used.
      learnt_from: the fingerprint of the images that a network which is judged learned from, where it is known: all of
        others are for the test where there is no folder for it.

    Raises:
      UserError: the source cannot be used.

    Attributes:
      config: what was given, with the form settled.
      fingerprint: what tells these images from others.
      objects: names of what images may show, by `Table.object`.
    """

    def __init__(self, config: Config, *, learnt_from: str | None = None):
        builder = prepare(config)
        self.config = dataclasses.replace(config, builder_config="strict" if config.strict else "any")
        self.fingerprint = fingerprint(builder)
        self.objects = tuple(builder.info.features["object"].names)
        self._records = Records.read(builder)
        self._is_learnt_from = learnt_from in (None, self.fingerprint)
        self._masks = splits.masks(self._records.table, config, to_learn=self._is_learnt_from)
        self._all_judged = not self._is_learnt_from and not np.any(self._records.table.folder == "test")
        if self._all_judged:
            print("The network learned from others: all of these are judged.", flush=True)

    def table(self, split: str) -> Table:
        """Returns what is known of the split's images, in the order of `evaluation`."""
        return self._records.table.rows(self._masks[split])

    def learnt_groups(self) -> set[tuple[str, str]] | None:
        """Returns class and group of the images to learn from; None where a network learned from others."""
        if not self._is_learnt_from:
            return None
        table = self.table("train")
        return {*zip(np.array(layout.LABELS)[table.label].tolist(), table.group.tolist(), strict=True)}

    def unseen(self, split: str) -> np.ndarray:
        """Returns which images of a split have no copy and no other of their pair where a network learns: [N] bool."""
        table, whole = self.table(split), self._records.table
        seen = np.strings.startswith(table.copy_of, "train/") | np.strings.startswith(table.copy_of, "validation/")
        seen |= np.isin(table.pair, np.setdiff1d(whole.pair[whole.folder != "test"], [""]))
        return ~(seen & (table.folder == "test"))  # in one folder they are on one side

    def check_training(self) -> None:
        """Raises UserError where a split that training needs lacks a class, or --leave_out names no group."""
        groups = np.unique(self._records.table.group)
        if unknown := {*self.config.left_out} - {part for name in groups for part in (name, *name.split("/"))}:
            raise UserError(
                f"--leave_out={layout.listed(unknown)}: no picture is of such a group. There are "
                f"{layout.listed(groups)}."
            )
        fraction = self.config.validation_fraction
        for split in ("train", "validation") if fraction else ("train",):
            fakes, photographs = np.bincount(self.table(split).label, minlength=2)
            if not fakes or not photographs:
                raise UserError(
                    f"--validation_fraction={fraction:g} and --train_fraction={self.config.train_fraction:g} leave "
                    f"{fakes:,} FAKE and {photographs:,} REAL of {np.sum(~self._masks['test']):,} images for {split}, "
                    "which needs one of each at least."
                )
        if self.config.evaluate == "test":
            self.check_judging("test")

    def check_judging(self, split: str) -> None:
        """Raises UserError where a split is none, has no images, or those of one class alone."""
        if split not in layout.SPLITS:
            raise UserError(f"split={split!r}: expected {', '.join(layout.SPLITS)}.")
        fakes, photographs = np.bincount(self.table(split).label, minlength=2)
        why = f"--validation_fraction={self.config.validation_fraction:g}"
        if split == "test":
            why = "a fifth of each class is kept for it, of three pictures at least; else --evaluate=validation"
        elif self._all_judged:
            why = "the network learned from others, so all of these are for --split=test"
        if not fakes and not photographs:
            raise UserError(f"There are no {split} images: {why}.")
        if not fakes or not photographs:
            raise UserError(
                f"Of the {split} images {fakes:,} are FAKE and {photographs:,} REAL ({why}); to judge a model needs "
                "one of each at least."
            )

    def sizes(self, split: str) -> np.ndarray:
        """Returns widths and heights in pixels of the pictures as they came: [N, 2] int, in the order of `table`."""
        if self.config.strict:
            return np.full((len(self.table(split)), 2), sources.SIZE)
        return np.array([_size(file) for file in self.files(split)])

    def files(self, split: str, count: int | None = None) -> Iterator[bytes]:
        """Yields the pictures of a split as they came, files of any format, in the order of `table`; or the first."""
        mask = self._masks[split].copy()
        if count is not None:
            mask[np.flatnonzero(mask)[count:]] = False
        yield from self._records.stored.each(mask)

    def judged_files(self, split: str, count: int | None = None) -> Iterator[bytes]:
        """Yields what `--resave=all` made of `files` before a network judges them: JPEG files."""
        table = self.table(split)
        for row, file in enumerate(self.files(split, count)):
            yield views.judged_file(decoding.decode(file), self.config, views.name_of(table, row))


def _size(encoded: bytes) -> tuple[int, int]:
    """Returns width and height of a picture by its head."""
    with decoding.open_image(io.BytesIO(encoded)) as image:
        return image.size
