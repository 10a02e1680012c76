"""Whether each picture of a source is what the builder promises."""

import concurrent.futures
import dataclasses
import hashlib
import io
from collections.abc import Iterable, Iterator

import numpy as np
import tensorflow as tf
from PIL import Image

from builders import progress
from builders.cifake import copies, ends, layout, passes, sources
from builders.cifake.formats import FORMATS, MAX_EDGE, RangeUnknownError

_OFFENDERS_SHOWN = 10
# The digest of all paths and files of the release.
_RELEASE = "5ecbc08d0c74f34bbb99c788dffbd177"
_DECODED_AT_ONCE = 100

Reason = str | None


@dataclasses.dataclass(frozen=True)
class Scan:
    """What was found out about the pictures of a source.

    Attributes:
      digests: canonical path -> 16-byte BLAKE2b digest of the file.
      thumbnails: canonical path -> [8, 8, 3] uint8; none of a strict source, where only the same bytes are copies.
      unfit: canonical path and reason of those that are left out; of `judged` the source's own name for them.
    """

    digests: dict[str, bytes]
    thumbnails: dict[str, np.ndarray]
    unfit: list[tuple[str, str]]

    def add_digest(self, path: str, digest: bytes) -> None:
        """Adds a picture, which is unfit where its path has been added before."""
        if path in self.digests:
            self.unfit.append((path, "stands in the source twice"))
        self.digests[path] = digest

    def judged(self, source: sources.Collection, *, strict: bool, leave_out: bool) -> "Scan":
        """Returns itself once all pictures are in it, without those that are unfit. Raises as `scan`."""
        if not self.unfit:
            return self
        names = source.own_names({path for path, _ in self.unfit})
        unfit = [(names.get(path, path), reason) for path, reason in self.unfit]
        if not leave_out:
            raise layout.SourceError(_complaint(source, unfit, strict))
        for path, _ in self.unfit:
            self.digests.pop(path, None)
            self.thumbnails.pop(path, None)
        return dataclasses.replace(self, unfit=unfit)


def scan(reader: passes.Reader, *, strict: bool, leave_out: bool = False) -> Scan:
    """Reads every picture and makes sure that it decodes.

    Args:
      reader: of the source.
      strict: demand CIFAKE's own form (32x32 RGB JPEG, its file names) instead of any picture of any size.
      leave_out: do without those that are unfit.

    Raises:
      layout.SourceError: pictures are unfit, and not left out; names the first ten with the reason of each.
    """
    found = Scan({}, {}, [])
    pictures = progress.bar(reader.pictures(), "Reading pictures", unit=" pictures")
    for path, data in read(pictures, found.unfit):
        found.add_digest(path, digest(data))
    if not is_release(found.digests):  # whose pictures were decoded when its digest was taken
        pictures = progress.bar(reader.pictures(), "Decoding pictures", len(found.digests), unit=" pictures")
        lost = {*found.digests}
        for chunk in passes.chunks(read(pictures, [])):
            lost.difference_update(path for path, _ in chunk)
            found.unfit.extend(faults(chunk, found.thumbnails, strict=strict))
        found.unfit.extend((path, "could be read once, and then no more") for path in sorted(lost))
    return found.judged(reader.collection, strict=strict, leave_out=leave_out)


def digest(data: bytes) -> bytes:
    """Returns what stands for a file's content, 16 bytes of BLAKE2b."""
    return hashlib.blake2b(data, digest_size=16).digest()


def faults(chunk: list[tuple[str, bytes]], thumbnails: dict[str, np.ndarray], *, strict: bool) -> list[tuple[str, str]]:
    """Decodes pictures.

    Args:
      chunk: canonical path and content of some.
      thumbnails: gets the thumbnail of each that is fit, by its path, unless `strict`.
      strict: as of `scan`.

    Returns:
      Path and reason of those that are unfit.
    """
    return _faults_strict(chunk) if strict else _faults_any(chunk, thumbnails)


def is_release(digests: dict[str, bytes]) -> bool:
    """Returns whether these are the 120,000 files of CIFAKE as its authors released it."""
    total = hashlib.blake2b(digest_size=16)
    for path in sorted(digests):
        total.update(path.encode("utf-8", "surrogateescape") + digests[path])
    return total.hexdigest() == _RELEASE


def _complaint(source: sources.Collection, offenders: list[tuple[str, str]], strict: bool) -> str:
    rows = [f"  {layout.printable(path)}: {reason}" for path, reason in offenders[:_OFFENDERS_SHOWN]]
    if len(offenders) > _OFFENDERS_SHOWN:
        rows.append(f"  and {len(offenders) - _OFFENDERS_SHOWN} more")
    if strict:
        rows.append(
            "Only CIFAKE's own form was expected: its file names, 32x32 pixels, JPEG (--builder_config=strict). "
            "For pictures of your own give --builder_config=any."
        )
    return (
        f"{source}: {len(offenders):,} unfit file(s). Repair or remove them and start again, or go on without them, "
        "--damaged=leave_out:\n" + "\n".join(rows)
    )


def read(pictures: Iterable[sources.Picture], offenders: list[tuple[str, str]]) -> Iterator[tuple[str, bytes]]:
    """Yields path and bytes of the files that can be loaded; adds path and reason of the others to `offenders`."""
    for place, load in pictures:
        try:
            yield place.path, load()
        except sources.READ_ERRORS as error:
            offenders.append((place.path, f"cannot be read: {error}"))


def _faults_any(chunk: list[tuple[str, bytes]], thumbnails: dict[str, np.ndarray]) -> list[tuple[str, str]]:
    """Returns the unfit files of a chunk with their reasons; adds the others' thumbnails."""

    def look(file: tuple[str, bytes]) -> Reason:
        path, data = file
        try:
            thumbnails[path] = _thumbnail(data, FORMATS)
        except _Unfit as error:
            return str(error)
        return _fault_in_encoding(path)

    with concurrent.futures.ThreadPoolExecutor() as pool:  # Pillow releases the interpreter's lock while it decodes
        reasons = pool.map(look, chunk)
    return [(path, reason) for (path, _), reason in zip(chunk, reasons, strict=True) if reason]


def _faults_strict(chunk: list[tuple[str, bytes]]) -> list[tuple[str, str]]:
    # TensorFlow decodes a chunk several times as fast as Pillow, but stops at the first fault without a name:
    # so Pillow looks only into chunks that have one.
    sound = _all_sound([data for _, data in chunk])
    reasons = ((path, _fault_in_name(path) or (None if sound else _fault_strict(data))) for path, data in chunk)
    return [(path, reason) for path, reason in reasons if reason]


def _all_sound(encoded: list[bytes]) -> bool:
    """Returns whether every file is a JPEG that decodes to [32, 32, 3]."""
    if not all(data.startswith(b"\xff\xd8\xff") for data in encoded):  # decode_jpeg also takes PNG
        return False
    if any(map(ends.is_filled_up, encoded)):  # which decode_jpeg forgives
        return False
    padded = encoded + encoded[:1] * (-len(encoded) % _DECODED_AT_ONCE)
    try:
        return all(
            _decode(part).numpy() for part in np.split(np.array(padded, object), len(padded) // _DECODED_AT_ONCE)
        )
    except tf.errors.InvalidArgumentError:
        return False


@tf.function(input_signature=[tf.TensorSpec([_DECODED_AT_ONCE], tf.string)])
def _decode(encoded: tf.Tensor) -> tf.Tensor:
    # One operation a picture, side by side: twice the speed of a tf.map_fn loop.
    pictures = tf.unstack(encoded)
    shapes = [tf.shape(tf.io.decode_jpeg(data)) for data in pictures]
    shapes += [tf.image.extract_jpeg_shape(data) for data in pictures]  # CMYK has 4 channels here, but decodes to 3
    return tf.reduce_all(tf.stack(shapes) == [32, 32, 3])


def _fault_in_name(path: str) -> Reason:
    name = path.split("/", 2)[2]
    if sources.object_of(name) is None:
        return f"the name is not `N.jpg` or `N (2).jpg` to `N (10).jpg` within its class: {name!r}"
    return None


def _fault_in_encoding(path: str) -> Reason:
    try:
        path.encode()
    except UnicodeEncodeError:  # Python holds such bytes as lone surrogates, which no TFRecord takes
        return "the name is not UTF-8"
    return None


def _fault_strict(data: bytes) -> Reason:
    try:
        _thumbnail(data, ("JPEG",))
    except _Unfit as error:
        return str(error)
    with Image.open(io.BytesIO(data)) as image:
        if image.size != (32, 32):
            return f"the size is {image.width}x{image.height}, expected 32x32"
        if image.mode != "RGB":
            return f"the colour mode is {image.mode}, expected RGB"
    try:
        tf.io.decode_jpeg(data)
    except tf.errors.InvalidArgumentError as error:
        return f"TensorFlow cannot decode it: {error.message}"
    return None


class _Unfit(Exception):
    """A picture cannot be used; the message is the reason."""


def _thumbnail(data: bytes, taken: tuple[str, ...]) -> np.ndarray:
    """Decodes a whole picture and returns its thumbnail. Raises _Unfit."""
    if not data:
        raise _Unfit("empty")
    if ends.is_filled_up(data):
        raise _Unfit("damaged: its end is missing, and filled up with zeros")
    try:
        with Image.open(io.BytesIO(data)) as image:
            form = "JPEG" if image.format == "MPO" else image.format  # phones put other pictures behind the first
            if form not in taken:
                raise _Unfit(f"the format is {form}, expected {' or '.join(taken)}")
            if max(image.size) > MAX_EDGE:
                raise _Unfit(f"too large: {image.width:,} x {image.height:,} pixels, at most {MAX_EDGE:,} an edge")
            return copies.thumbnail(image)
    except _Unfit:
        raise
    except RangeUnknownError as error:
        raise _Unfit(str(error)) from None
    except Image.UnidentifiedImageError:
        raise _Unfit("not an image") from None
    except Exception as error:  # damaged files make Pillow's plugins raise nearly anything
        kind = "too large" if isinstance(error, Image.DecompressionBombError) else "damaged"
        raise _Unfit(f"{kind}: {error}") from error
