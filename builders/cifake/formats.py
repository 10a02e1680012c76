"""The picture formats that are read, by Pillow."""

from PIL import Image

try:
    import pillow_heif
except ImportError:
    HAS_HEIF = False
else:
    HAS_HEIF = True
    pillow_heif.register_heif_opener()

# Those people have. Pillow knows more, some of which start other programs (EPS).
FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "PPM", "AVIF") + (("HEIF",) if HAS_HEIF else ())


def has_32_bits(image: Image.Image) -> bool:
    """Returns whether a picture's values have 32 bits, whose range nothing tells; of grey ones PPM's has 16."""
    return image.mode == "F" or (image.mode == "I" and image.format != "PPM")
