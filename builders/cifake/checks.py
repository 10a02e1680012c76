"""Whether each picture of a source is what the builder promises; which ones are copies of each other."""

import concurrent.futures
import hashlib
import io
import os
from collections.abc import Iterator

import numpy as np
import tensorflow as tf
import tqdm
from PIL import Image

from builders.cifake import ends, sources

FORMATS = ("JPEG", "PNG", "BMP", "GIF", "WEBP")

_OFFENDERS_SHOWN = 10
# The digest of all paths and files of the release.
_RELEASE = "5ecbc08d0c74f34bbb99c788dffbd177"
_DECODED_AT_ONCE = 100
_MAX_EDGE = 65_535  # pixels: of JPEG, and what those that read the examples take

Reason = str | None


def scan(reader: sources.Reader, *, strict: bool) -> dict[str, bytes]:
    """Reads every picture and makes sure that it decodes.

    Args:
      reader: of the source.
      strict: demand CIFAKE's own form (32x32 RGB JPEG, its file names) instead of any picture of any size.

    Returns:
      canonical path -> 16-byte BLAKE2b digest of the file.

    Raises:
      sources.SourceError: a class is empty or pictures are unfit; names the first ten with the reason of each.
    """
    digests: dict[str, bytes] = {}
    offenders: list[tuple[str, str]] = []
    for path, data in _read(reader, "Reading pictures", None, offenders):
        if path in digests:
            offenders.append((path, "stands in the source twice (folders that differ in case alone?)"))
        digests[path] = hashlib.blake2b(data, digest_size=16).digest()
    if not is_release(digests):  # whose pictures were decoded when its digest was taken
        check = _faults_strict if strict else _faults_any
        for chunk in sources.chunks(_read(reader, "Decoding pictures", len(digests), [])):
            offenders += check(chunk)
    if offenders:
        raise sources.SourceError(_complaint(reader.source, offenders))
    for folder in (f"{split}/{label}" for split in sources.SPLITS for label in sources.LABELS):
        if not any(path.startswith(f"{folder}/") for path in digests):
            raise sources.SourceError(
                f"{reader.source}: {folder} is missing or holds no picture. Both classes of both splits are needed."
            )
    return digests


def is_release(digests: dict[str, bytes]) -> bool:
    """Returns whether these are the 120,000 files of CIFAKE as its authors released it."""
    total = hashlib.blake2b(digest_size=16)
    for path in sorted(digests):
        total.update(path.encode("utf-8", "surrogateescape") + digests[path])
    return total.hexdigest() == _RELEASE


def first_copies(digests: dict[str, bytes]) -> dict[str, str]:
    """Returns, for every file that repeats another byte for byte, the first of its kind.

    First means train before test, then by path.

    >>> first_copies({"test/FAKE/1.jpg": b"x", "train/FAKE/9.jpg": b"x", "train/REAL/2.jpg": b"y"})
    {'test/FAKE/1.jpg': 'train/FAKE/9.jpg'}
    """
    first: dict[bytes, str] = {}
    copies = {}
    for path in sorted(digests, key=lambda path: (path.startswith("test/"), path)):
        original = first.setdefault(digests[path], path)
        if original != path:
            copies[path] = original
    return copies


def _complaint(source: os.PathLike | str, offenders: list[tuple[str, str]]) -> str:
    rows = [f"  {sources.printable(path)}: {reason}" for path, reason in offenders[:_OFFENDERS_SHOWN]]
    if len(offenders) > _OFFENDERS_SHOWN:
        rows.append(f"  and {len(offenders) - _OFFENDERS_SHOWN} more")
    return f"{source}: {len(offenders)} unfit file(s). Repair or remove them and start again:\n" + "\n".join(rows)


def _read(
    reader: sources.Reader, title: str, total: int | None, offenders: list[tuple[str, str]]
) -> Iterator[tuple[str, bytes]]:
    """Yields path and bytes of the files that can be loaded; adds the others to `offenders`."""
    for path, load in tqdm.tqdm(reader.pictures(), title, total, unit=" pictures", mininterval=1.0):
        try:
            yield path, load()
        except sources.READ_ERRORS as error:
            offenders.append((path, f"cannot be read: {error}"))


def _faults_any(chunk: list[tuple[str, bytes]]) -> list[tuple[str, str]]:
    with concurrent.futures.ThreadPoolExecutor() as pool:  # Pillow releases the interpreter's lock while it decodes
        reasons = pool.map(lambda file: _fault_in_encoding(file[0]) or _fault(file[1], FORMATS), chunk)
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
        return f"the name is not `N.jpg` or `N (2).jpg` to `N (10).jpg`: {name!r}"
    return None


def _fault_in_encoding(path: str) -> Reason:
    try:
        path.encode()
    except UnicodeEncodeError:  # Python holds such bytes as lone surrogates, which no TFRecord takes
        return "the name is not UTF-8"
    return None


def _fault_strict(data: bytes) -> Reason:
    if reason := _fault(data, ("JPEG",)):
        return reason
    with Image.open(io.BytesIO(data)) as image:
        if image.size != (32, 32):
            return f"the size is {image.width}x{image.height}, expected 32x32 (--builder_config=any takes any size)"
        if image.mode != "RGB":
            return f"the colour mode is {image.mode}, expected RGB"
    try:
        tf.io.decode_jpeg(data)
    except tf.errors.InvalidArgumentError as error:
        return f"TensorFlow cannot decode it: {error.message}"
    return None


def _fault(data: bytes, formats: tuple[str, ...]) -> Reason:
    if not data:
        return "empty"
    if ends.is_filled_up(data):
        return "damaged: its end is missing, and filled up with zeros"
    try:
        with Image.open(io.BytesIO(data)) as image:
            form = "JPEG" if image.format == "MPO" else image.format  # phones put other pictures behind the first
            if form not in formats:
                return f"the format is {form}, expected {' or '.join(formats)}"
            if max(image.size) > _MAX_EDGE:
                return f"too large: {image.width:,} x {image.height:,} pixels, at most {_MAX_EDGE:,} an edge"
            image.convert("RGB")
    except Image.UnidentifiedImageError:
        return "not an image"
    except Exception as error:  # damaged files make Pillow's plugins raise nearly anything
        return f"{'too large' if isinstance(error, Image.DecompressionBombError) else 'damaged'}: {error}"
    return None
