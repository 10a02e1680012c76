"""Every file of a source, looked at once, by several processes."""

import dataclasses
import functools
import hashlib
import sys
import warnings
from collections.abc import Iterator, Sequence

import joblib
import numpy as np
from joblib.externals.loky.process_executor import TerminatedWorkerError
from PIL import Image

from aireal.analysis import appearance, container
from aireal.analysis.container import Facts
from aireal.errors import UserError
from builders import progress
from builders.cifake import copies, layout, passes, sources

_PIXELS_AT_ONCE = 1 << 22  # whose numbers are computed together: about 150 MB


@dataclasses.dataclass
class _File:
    """One row of `Files`, whose attributes it has; the last three are None where it cannot be decoded."""

    path: str
    bytes: int
    digest: str
    faults: Sequence[str] = ()
    facts: Facts | None = None
    looks: np.ndarray | None = None
    thumbnail: np.ndarray | None = None


@dataclasses.dataclass(frozen=True)
class Files:
    """What is known of each file, in the order of `path`.

    Attributes:
      path: [N] str of any length, as train/FAKE/0001 (2).jpg
      split: [N] str, train, validation or test.
      label: [N] int, 0 = FAKE, 1 = REAL.
      bytes: [N] int, size of the file.
      digest: [N] str likewise, 32 hexadecimal digits that stand for its content; empty where it could not be read.
      faults: [N] object, tuples of what is wrong with it.
      decoded: [N] bool, whether it is a picture that could be decoded. What follows has M rows, of those alone.
      facts: column -> [M], those of `container.Facts`; names are objects, because few are many files' own.
      looks: [M, 4] float32, `appearance.STATISTICS`.
      thumbnails: [M, 8, 8, 3] uint8.
    """

    path: np.ndarray
    split: np.ndarray
    label: np.ndarray
    bytes: np.ndarray
    digest: np.ndarray
    faults: np.ndarray
    decoded: np.ndarray
    facts: dict[str, np.ndarray]
    looks: np.ndarray
    thumbnails: np.ndarray

    @property
    def splits(self) -> list[str]:
        """Train and test, and validation where there are such files."""
        return [split for split in layout.SPLITS if split != "validation" or np.any(self.split == split)]

    @functools.cached_property
    def rank(self) -> np.ndarray:
        """[N] int, places of the files' splits in `layout.SPLITS`: a later one should share nothing with an earlier."""
        return np.sum([number * (self.split == split) for number, split in enumerate(layout.SPLITS)], axis=0)

    def held_out(self, rows: np.ndarray) -> dict[str, dict[str, int]]:
        """Counts rows of held-out splits: split -> label -> how many."""
        return {
            split: {
                name: int(np.sum((self.split[rows] == split) & (self.label[rows] == label)))
                for label, name in enumerate(layout.LABELS)
            }
            for split in self.splits[1:]
        }

    def groups(self) -> dict[str, np.ndarray]:
        """Returns the masks [N] of each class of each split, and of all."""
        found = {
            f"{split}/{name}": (self.split == split) & (self.label == label)
            for split in self.splits
            for label, name in enumerate(layout.LABELS)
        }
        return {**found, "all": np.ones(len(self.path), bool)}

    @functools.cached_property
    def objects(self) -> np.ndarray | None:
        """[N] str, what each decoded picture shows as CIFAKE's file names say; None where names are of another kind."""
        named = [
            sources.object_of(path.split("/", 2)[2]) if good else ""
            for path, good in zip(self.path, self.decoded, strict=True)
        ]
        # Plain numbers say "airplane" in CIFAKE and nothing elsewhere.
        return np.array(named) if None not in named and set(named) >= set(sources.OBJECTS) else None


def survey(reader: passes.Reader, image_size: int) -> tuple[Files, appearance.Sums]:
    """Looks at every file.

    Args:
      reader: of the source.
      image_size: edge in pixels that pictures are brought to before what they look like is measured.

    Returns:
      What is known of each file, sorted by path, and sums over the pictures of each class.

    Raises:
      layout.SourceError: the source cannot be used at all.
      UserError: a process was killed.
    """
    look = joblib.delayed(functools.partial(_look, image_size=image_size))
    workers = joblib.Parallel(n_jobs=-1, return_as="generator", pre_dispatch="2*n_jobs")
    parts, total = [], _sums([], _no_images(image_size))
    try:
        for found, sums in workers(look(chunk) for chunk in passes.chunks(_read(reader))):
            parts.append(found)
            total += sums
    except TerminatedWorkerError as error:
        raise UserError("A process was killed, probably for want of memory. Try a smaller --image_size.") from error
    if not any(part.decoded.any() for part in parts):
        reason = f": {parts[0].path[0]}: {parts[0].faults[0][0]}" if parts else ""
        raise layout.SourceError(f"{reader.collection} holds no picture that can be read{reason}.")
    files = _joined(parts)
    _mark_repeated(files)
    return files, total


def _read(reader: passes.Reader) -> Iterator[tuple[str, bytes | str]]:
    """Yields each path with the content, or what keeps it from being read."""
    for place, load in progress.bar(reader.pictures(), "Looking at pictures", unit=" pictures"):
        try:
            yield layout.printable(place.path), load()
        except sources.READ_ERRORS as error:
            yield layout.printable(place.path), f"cannot be read: {error}"


def _look(chunk: Sequence[tuple[str, bytes | str]], image_size: int) -> tuple[Files, appearance.Sums]:
    warnings.filterwarnings("ignore", module="PIL")  # which says of damaged files what `faults` say too
    rows, total = [], _sums([], _no_images(image_size))
    pending: list[tuple[_File, np.ndarray]] = []
    at_once = max(_PIXELS_AT_ONCE // image_size**2, 1)
    for path, data in chunk:
        if isinstance(data, str):
            rows.append(_File(path, 0, "", [data]))
            continue
        row = _File(path, len(data), hashlib.blake2b(data, digest_size=16).hexdigest())
        rows.append(row)
        try:
            row.facts, pixels, row.faults = container.examine(path, data)
        except OSError as error:
            row.faults = [str(error)]
            continue
        row.thumbnail = copies.thumbnail(Image.fromarray(pixels))
        pending.append((row, appearance.resize(pixels, image_size)))
        if len(pending) == at_once:
            total += _measure(pending)
            pending.clear()
    if pending:
        total += _measure(pending)
    return _files(rows), total


def _measure(pictures: Sequence[tuple[_File, np.ndarray]]) -> appearance.Sums:
    """Completes the rows of pictures, and sums up the pictures."""
    rows, images = zip(*pictures, strict=True)
    stacked = np.stack(images)
    for row, looks in zip(rows, appearance.describe(stacked), strict=True):
        row.looks = looks
    return _sums(rows, stacked)


def _sums(rows: Sequence[_File], images: np.ndarray) -> appearance.Sums:
    return appearance.sums(images, [_label(row.path) for row in rows])


def _mark_repeated(files: Files) -> None:
    same = np.append(files.path[1:] == files.path[:-1], False)
    for row in np.flatnonzero(same | np.roll(same, 1)):
        files.faults[row] += ("this path stands in the source more than once",)


def _no_images(size: int) -> np.ndarray:
    return np.empty([0, size, size, 3], np.uint8)


def _label(path: str) -> int:
    return layout.LABELS.index(path.split("/")[1])


def _files(rows: Sequence[_File]) -> Files:
    decoded, text = [row for row in rows if row.facts], np.dtypes.StringDType()
    return Files(
        path=np.array([row.path for row in rows], text),
        split=np.array([row.path.split("/")[0] for row in rows]),
        label=np.array([_label(row.path) for row in rows]),
        bytes=np.array([row.bytes for row in rows]),
        digest=np.array([row.digest for row in rows], text),
        faults=np.fromiter((tuple(row.faults) for row in rows), object),
        decoded=np.array([row.facts is not None for row in rows]),
        facts={field.name: _fact(decoded, field) for field in dataclasses.fields(Facts)},
        looks=np.array([row.looks for row in decoded]).reshape(-1, len(appearance.STATISTICS)),
        thumbnails=np.array([row.thumbnail for row in decoded], np.uint8).reshape(-1, copies.EDGE, copies.EDGE, 3),
    )


def _fact(rows: Sequence[_File], field: dataclasses.Field) -> np.ndarray:
    values = [getattr(row.facts, field.name) for row in rows]
    if field.type is str:
        return np.array([sys.intern(value) for value in values], object)
    return np.array(values, field.type)


def _joined(parts: Sequence[Files]) -> Files:
    """Returns the files of all parts, in the order of their paths."""
    order = np.argsort(np.concatenate([part.path for part in parts]), kind="stable")
    decoded = np.concatenate([part.decoded for part in parts])
    of_decoded = (np.cumsum(decoded) - 1)[order][decoded[order]]

    def column(name: str, order: np.ndarray) -> np.ndarray:
        return np.concatenate([getattr(part, name) for part in parts])[order]

    return Files(
        **{name: column(name, order) for name in ("path", "split", "label", "bytes", "digest", "faults", "decoded")},
        **{name: column(name, of_decoded) for name in ("looks", "thumbnails")},
        facts={name: np.concatenate([part.facts[name] for part in parts])[of_decoded] for name in parts[0].facts},
    )
