"""What the file says, apart from its pixels: facts by which a detector could tell classes without looking at them."""

import dataclasses
import functools
import hashlib
import io
import pathlib
import re
import struct

import numpy as np
from PIL import Image, JpegImagePlugin

from aireal import decoding
from aireal.pictures import MAX_PIXELS

_ONE = {"MPO": "JPEG"}  # of phones: a JPEG with others behind it
# What Pillow's `info` holds of a file's own header and not beside the picture.
_NO_METADATA = ("jfif", "progress", "adobe", "dpi", "resolution", "compression", "transparency", "gamma", "background")
_NO_METADATA += ("version", "loop", "duration", "timestamp")
_SUBSAMPLINGS = {-1: "", 0: "4:4:4", 1: "4:2:2", 2: "4:2:0"}
_START_OF_SCAN, _END_OF_IMAGE = 0xDA, 0xD9
_STANDALONE = {0x01, *range(0xD0, 0xD9)}  # markers without a length
_MARKER = re.compile(rb"\xff+([^\x00\xff])")
# In the scan's data: a zero follows an FF that is data, D0 to D7 are restarts, FF is padding.
_MARKER_IN_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_PNG_SIGNATURE_BYTES, _PNG_CHUNK_BYTES = 8, 12  # of a chunk without its data: length, type, checksum


@dataclasses.dataclass(frozen=True)
class Facts:
    """Of one file. Those below `quality` are empty or 0 where the format has no such thing.

    Attributes:
      format: as Pillow names it, of the content and not of the file's name.
      width: pixels, as stored.
      height: pixels, as stored.
      mode: of the colours, as Pillow names it.
      metadata: what stands beside the pixels, as "exif, icc_profile"; names alone.
      subsampling: of a JPEG's colours: 4:4:4, 4:2:2, 4:2:0 or another.
      quality: of a JPEG, 1 to 100, estimated: whose tables of libjpeg are nearest to its own.
      tables: of a JPEG, 8 hexadecimal digits that stand for its quantisation tables.
      progressive: whether a JPEG is.
      trailing_bytes: after the picture's end.
    """

    format: str
    width: int
    height: int
    mode: str
    metadata: str
    subsampling: str = ""
    quality: int = 0
    tables: str = ""
    progressive: bool = False
    trailing_bytes: int = 0


def examine(path: str, data: bytes) -> tuple[Facts, np.ndarray, list[str]]:
    """Reads one file.

    Args:
      path: the file's name, for its ending.
      data: its content.

    Returns:
      The facts; the picture [H, W, 3] uint8 RGB, upright; what is wrong with the file though it can be read.

    Raises:
      OSError: it cannot be read; says why.
    """
    with decoding.open_image(io.BytesIO(data), MAX_PIXELS) as image:
        form, before = _ONE.get(image.format, image.format), set(image.info)
        facts = {"format": form, "width": image.width, "height": image.height, "mode": image.mode}
        pixels = decoding.to_rgb(image)  # which raises where what follows would, and takes the EXIF away
        names = {str(name) for name in before | set(image.info)}
        facts["metadata"] = ", ".join(sorted(name for name in names if not name.startswith(_NO_METADATA)))
        if isinstance(image, JpegImagePlugin.JpegImageFile):
            facts |= _jpeg_facts(image)
        end = _ENDS.get(image.format, len)(data)
    faults = []
    if end is None:
        faults.append("cut short: the picture's end is missing")
    elif end < len(data):
        facts["trailing_bytes"] = len(data) - end
        faults.append(f"{len(data) - end:,} bytes after the picture's end")
    if (claimed := _claimed_format(path)) != form:
        faults.append(f"its name says {claimed or 'nothing known'}, but it is {form}")
    return Facts(**facts), pixels, faults


def _jpeg_facts(image: JpegImagePlugin.JpegImageFile) -> dict:
    tables = tuple(tuple(table) for _, table in sorted(image.quantization.items()))
    return {
        "subsampling": _SUBSAMPLINGS.get(JpegImagePlugin.get_sampling(image), "another"),
        "quality": estimate_quality(tables),
        "tables": hashlib.blake2b(repr(tables).encode(), digest_size=4).hexdigest(),
        "progressive": "progressive" in image.info,
    }


@functools.lru_cache(maxsize=1024)
def estimate_quality(tables: tuple[tuple[int, ...], ...]) -> int:
    """Returns the libjpeg quality, 1 to 100, whose tables are nearest to these: by the mean difference of logarithms.

    Args:
      tables: one (grey) or two (luma, chroma) or more of 64 numbers, as Pillow gives them.
    """
    if not tables:
        return 0
    differences = [
        np.mean(
            [
                np.abs(np.log(np.maximum(a, 1) / np.maximum(b, 1))).mean()
                for a, b in zip(tables, reference, strict=False)
            ]
        )
        for reference in _libjpeg_tables()
    ]
    return int(np.argmin(differences)) + 1


@functools.cache
def _libjpeg_tables() -> list[list[list[int]]]:
    """Returns libjpeg's own tables of qualities 1 to 100, as Pillow writes and reads them."""
    found = []
    for quality in range(1, 101):
        file = io.BytesIO()
        Image.new("RGB", (8, 8)).save(file, "JPEG", quality=quality)
        with Image.open(file) as image:
            found.append([table for _, table in sorted(image.quantization.items())])
    return found


def _claimed_format(path: str) -> str | None:
    claimed = Image.registered_extensions().get(pathlib.PurePosixPath(path).suffix.lower())
    return _ONE.get(claimed, claimed)


def _jpeg_end(data: bytes) -> int | None:
    """Returns where the first picture of a JPEG ends, or None where its end marker is missing."""
    position = 2
    while match := _MARKER.match(data, position):
        marker, position = match[1][0], match.end()
        if marker == _END_OF_IMAGE:
            return position
        if marker in _STANDALONE:
            continue
        position += int.from_bytes(data[position : position + 2], "big")
        if marker == _START_OF_SCAN:
            if not (after := _MARKER_IN_SCAN.search(data, position)):
                return None
            position = after.start()
    return None


def _png_end(data: bytes) -> int | None:
    position = _PNG_SIGNATURE_BYTES
    while position + _PNG_CHUNK_BYTES <= len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        position += length + _PNG_CHUNK_BYTES
        if kind == b"IEND":
            return position
    return None


def _webp_end(data: bytes) -> int | None:
    end = int.from_bytes(data[4:8], "little") + 8  # of RIFF: the size of what follows these eight bytes
    return end if end <= len(data) else None


# The formats that say where they end and are walked through quickly.
_ENDS = {"JPEG": _jpeg_end, "PNG": _png_end, "WEBP": _webp_end}
