"""What the file says, apart from its pixels: facts by which a detector could tell classes without looking at them."""

import contextlib
import dataclasses
import functools
import hashlib
import io
import itertools
import pathlib
import re
import struct
from collections.abc import Iterator
from typing import Any

import numpy as np
from PIL import Image, JpegImagePlugin

from aireal.pixels import decoding
from aireal.pixels.decoding import MAX_PIXELS

_ONE = {"MPO": "JPEG"}  # of phones: a JPEG with others behind it
# What Pillow's `info` holds of the picture itself and its encoding, and not beside it.
_NO_METADATA = {
    "jfif",
    "adobe",
    "jfif_version",
    "jfif_unit",
    "jfif_density",
    "progressive",
    "progression",
    "adobe_transform",
    "dpi",
    "loop",
}
_NO_METADATA |= {
    "compression",
    "transparency",
    "gamma",
    "background",
    "duration",
    "timestamp",
    "resolution",
    "interlace",
}
_NO_METADATA |= {"bit_depth", "chroma", "primary", "nclx_profile", "original_orientation", "exif", "extension", "srgb"}
_MAKERS = {270: "description", 271: "make", 272: "model", 305: "software", 315: "artist"}  # tags of EXIF and TIFF
_VALUE_CHARACTERS = 40
_SUBSAMPLINGS = {0: "4:4:4", 1: "4:2:2", 2: "4:2:0"}
_START_OF_SCAN, _END_OF_IMAGE = 0xDA, 0xD9
_STANDALONE = {0x01, *range(0xD0, 0xD9)}  # markers without a length
_MARKER = re.compile(rb"\xff+([^\x00\xff])")
# In the scan's data: a zero follows an FF that is data, D0 to D7 are restarts, FF is padding.
_MARKER_IN_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_PNG_CHUNKS = {"IHDR", "PLTE", "IDAT", "IEND", "tRNS", "gAMA", "cHRM", "sRGB", "bKGD", "tEXt", "zTXt", "iTXt"}
_PNG_WORDS = {b"eXIf", b"tEXt", b"zTXt", b"iTXt"}
_PNG_SIGNATURE_BYTES, _PNG_CHUNK_BYTES = 8, 12  # of a chunk without its data: length, type, checksum


@dataclasses.dataclass(frozen=True)
class Facts:
    """Of one file. From `subsampling` on they are empty or 0 where the format has no such thing.

    Attributes:
      format: as Pillow names it, of the content and not of the file's name.
      width: pixels, as stored.
      height: pixels, as stored.
      mode: of the colours, as Pillow names it.
      metadata: what stands beside the pixels, as "APP1, exif, make=Canon, xmp": names, and of a few the values.
      subsampling: of a JPEG's colours: 4:4:4, 4:2:2, 4:2:0 or another.
      quality: of a JPEG, 1 to 100, estimated: whose tables of libjpeg are nearest to its own.
      tables: of a JPEG, 8 hexadecimal digits that stand for its quantisation tables.
      progressive: whether a JPEG is.
      trailing_bytes: after the picture's end; looked for in JPEG, PNG, WebP and BMP, and not behind several pictures.
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
        makers = _makers(image, data)  # before the picture is turned upright
        size = image.size
        pixels = decoding.to_rgb(image)  # raises where what follows would
        facts, is_whole = _facts(image, size, makers, data)
    faults = []
    if not is_whole:
        faults.append("cut short: the picture's end is missing")
    if facts.trailing_bytes:
        faults.append(f"{facts.trailing_bytes:,} bytes after the picture's end")
    if (claimed := _claimed_format(path)) != facts.format:
        faults.append(f"its name says {claimed or 'nothing known'}, but it is {facts.format}")
    return facts, pixels, faults


def header(data: bytes) -> Facts:
    """Returns the facts about a file that can be decoded. Decodes only a PNG with words behind its pixels.

    Raises:
      OSError: it is no picture.
    """
    with decoding.open_image(io.BytesIO(data)) as image:
        return _facts(image, image.size, _makers(image, data), data)[0]


def _facts(image: Image.Image, size: tuple[int, int], makers: set[str], data: bytes) -> tuple[Facts, bool]:
    """Returns the facts, and whether the file has its end."""
    end = _ENDS.get(image.format, len)(data)
    facts = Facts(
        format=_ONE.get(image.format, image.format),
        width=size[0],
        height=size[1],
        mode=image.mode,
        metadata=", ".join(sorted(makers | _beside(image, data))),
        trailing_bytes=len(data) - end if end else 0,
        **(jpeg_facts(image) if isinstance(image, JpegImagePlugin.JpegImageFile) else {}),
    )
    return facts, end is not None


def _makers(image: Image.Image, data: bytes) -> set[str]:
    """Returns who made a picture with what, as EXIF says."""
    if image.format == "PNG" and not _may_have_exif(image, data):
        return set()
    with contextlib.suppress(Exception):  # damaged EXIF makes Pillow raise nearly anything
        exif = image.getexif()
        found = {f"{name}={str(exif[tag]).strip()[:_VALUE_CHARACTERS]}" for tag, name in _MAKERS.items() if tag in exif}
        return found | ({"exif"} if exif else set())
    return {"damaged exif"}


def _may_have_exif(image: Image.Image, data: bytes) -> bool:
    """Whether a PNG says so, or has words behind its pixels, where Pillow looks by decoding it: most have neither."""
    behind = itertools.dropwhile(lambda kind: kind != b"IDAT", (kind for kind, _ in _png_chunks(data)))
    return bool({"exif", "Raw profile type exif"} & image.info.keys() or _PNG_WORDS & set(behind))


def _beside(image: Image.Image, data: bytes) -> set[str]:
    """Returns the names of what stands beside the picture: Pillow's, a JPEG's application segments, a PNG's chunks."""
    found = {
        str(name) for name, value in image.info.items() if name not in _NO_METADATA and value not in (None, b"", [], {})
    }
    if "dpi" in image.info:
        found.add("dpi=" + "x".join(f"{float(value):g}" for value in image.info["dpi"]))
    found |= {name for name, _ in getattr(image, "applist", [])}
    if image.format == "PNG":
        found |= {kind.decode("latin1") for kind, _ in _png_chunks(data)} - _PNG_CHUNKS
    return found


def jpeg_facts(image: JpegImagePlugin.JpegImageFile) -> dict[str, Any]:
    """Returns what only a JPEG says of itself: those of `Facts` that other formats leave at their defaults."""
    sampling = JpegImagePlugin.get_sampling(image)
    tables = tuple(tuple(table) for _, table in sorted(image.quantization.items()))
    return {
        "subsampling": _SUBSAMPLINGS.get(sampling, "another" if image.layers == 3 else ""),
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


def _jpeg_end(data: bytes) -> int:
    """Returns where the first picture of a JPEG ends; the file's own end where the markers do not lead there."""
    position = 2
    while match := _MARKER.search(data, position):
        marker, position = match[1][0], match.end()
        if marker == _END_OF_IMAGE:
            return position
        if marker in _STANDALONE:
            continue
        position += int.from_bytes(data[position : position + 2], "big")
        if marker == _START_OF_SCAN:
            if not (after := _MARKER_IN_SCAN.search(data, position)):
                break
            position = after.start()
    return len(data)  # Pillow has found the picture whole


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, int]]:
    """Yields the type of each chunk and the position behind it, up to the last chunk that is whole."""
    position = _PNG_SIGNATURE_BYTES
    while position + _PNG_CHUNK_BYTES <= len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        position += length + _PNG_CHUNK_BYTES
        yield kind, position
        if kind == b"IEND":
            return


def _png_end(data: bytes) -> int | None:
    return dict(_png_chunks(data)).get(b"IEND")


def _webp_end(data: bytes) -> int | None:
    end = int.from_bytes(data[4:8], "little") + 8  # of RIFF: the size of what follows these eight bytes
    return end if end <= len(data) else None


def _bmp_end(data: bytes) -> int | None:
    end = int.from_bytes(data[2:6], "little")
    return len(data) if not end else end if end <= len(data) else None  # some writers leave it 0


# Of formats that say where they end. None: the file ends before.
_ENDS = {"JPEG": _jpeg_end, "PNG": _png_end, "WEBP": _webp_end, "BMP": _bmp_end}
