"""What the file says, apart from its pixels: facts by which a detector could tell classes without looking at them."""

import contextlib
import dataclasses
import functools
import hashlib
import io
import itertools
import pathlib
from typing import Any

import numpy as np
from PIL import Image, JpegImagePlugin

from aireal.analysis import structure
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
_PNG_CHUNKS = {"IHDR", "PLTE", "IDAT", "IEND", "tRNS", "gAMA", "cHRM", "sRGB", "bKGD", "tEXt", "zTXt", "iTXt"}
_PNG_WORDS = {b"eXIf", b"tEXt", b"zTXt", b"iTXt"}


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
    end = structure.end(image.format, data)
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
    behind = itertools.dropwhile(lambda kind: kind != b"IDAT", (kind for kind, _ in structure.png_chunks(data)))
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
        found |= {kind.decode("latin1") for kind, _ in structure.png_chunks(data)} - _PNG_CHUNKS
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
