"""Whether a picture's file was ever written to its end."""

_FILLING = (b"\0", b"\xff")  # what space holds that was reserved on a disk, or erased, and never written
_LEAST = 64  # bytes of it: encoders pad by a few
_JPEG, _PNG, _WEBP = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF"
_SCAN, _END = 0xDA, b"\xff\xd9"  # markers of JPEG: what follows the one is compressed, up to the other


def is_filled_up(data: bytes) -> bool:
    """Returns whether a JPEG, PNG or lossy WebP lacks its end and is filled up with zeros or ones in its place.

    Downloads that broke off leave such files where their space was reserved. Decoders take the filling for code words
    and draw something; the files have the right size and the right head. Other formats are not looked into: there a
    run of zeros may be a picture.

    Args:
      data: a file's whole content.
    """
    if data.startswith(_WEBP) and data[8:12] == b"WEBP":
        return _is_filled(*_webp_frame(data))
    if not _is_filled(data):
        return False
    if data.startswith(_PNG):
        return b"IEND" not in data
    return data.startswith(_JPEG) and _END not in data[_scan(data) :]


def _is_filled(data: bytes, least: int = _LEAST) -> bool:
    return any(data.endswith(filling * least) for filling in _FILLING)


def _webp_frame(data: bytes) -> tuple[bytes, int]:
    """Returns a WebP's first lossy picture, without what stands behind it, and how many bytes of filling are too many.

    These code a block of 16x16 pixels of one colour by less than a zero byte. Lossless ones may code all of it so.
    """
    place = 12
    while place + 8 <= len(data):
        kind, size = data[place : place + 4], int.from_bytes(data[place + 4 : place + 8], "little")
        frame = data[place + 8 : place + 8 + size]
        if kind == b"VP8 ":
            width, height = (int.from_bytes(frame[at : at + 2], "little") & 0x3FFF for at in (6, 8))
            return frame, max(_LEAST, width * height // 256)
        place += 24 if kind == b"ANMF" else 8 + size + size % 2  # a frame of an animation holds one
    return b"", _LEAST


def _scan(data: bytes) -> int:
    """Returns where the compressed part of a JPEG begins: before it a thumbnail may stand, with an end of its own."""
    place = 2
    while place + 4 <= len(data) and data[place] == 0xFF and data[place + 1] != _SCAN:
        place += 2 + int.from_bytes(data[place + 2 : place + 4], "big")
    return place
