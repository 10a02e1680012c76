"""How picture files are built: the chunks of a PNG, and where a file says that it ends."""

import re
import struct
from collections.abc import Iterator

_START_OF_SCAN, _END_OF_IMAGE = 0xDA, 0xD9
_STANDALONE = {0x01, *range(0xD0, 0xD9)}  # markers without a length
_MARKER = re.compile(rb"\xff+([^\x00\xff])")
# In the scan's data: a zero follows an FF that is data, D0 to D7 are restarts, FF is padding.
_MARKER_IN_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_PNG_SIGNATURE_BYTES, _PNG_CHUNK_BYTES = 8, 12  # of a chunk without its data: length, type, checksum


def end(form: str, data: bytes) -> int | None:
    """Returns where a file ends by its own account; its length where the format has none, None where it is cut short.

    Args:
      form: the format, as Pillow names it.
      data: the file.
    """
    return _ENDS.get(form, len)(data)


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


def png_chunks(data: bytes) -> Iterator[tuple[bytes, int]]:
    """Yields the type of each chunk and the position behind it, up to the last chunk that is whole."""
    position = _PNG_SIGNATURE_BYTES
    while position + _PNG_CHUNK_BYTES <= len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        position += length + _PNG_CHUNK_BYTES
        yield kind, position
        if kind == b"IEND":
            return


def _png_end(data: bytes) -> int | None:
    return dict(png_chunks(data)).get(b"IEND")


def _webp_end(data: bytes) -> int | None:
    end = int.from_bytes(data[4:8], "little") + 8  # of RIFF: the size of what follows these eight bytes
    return end if end <= len(data) else None


def _bmp_end(data: bytes) -> int | None:
    end = int.from_bytes(data[2:6], "little")
    return len(data) if not end else end if end <= len(data) else None  # some writers leave it 0


_ENDS = {"JPEG": _jpeg_end, "PNG": _png_end, "WEBP": _webp_end, "BMP": _bmp_end}
