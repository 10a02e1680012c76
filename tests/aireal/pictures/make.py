"""Draws the pictures beside this file, once: python tests/aireal/pictures/make.py

They are kept as files because encoders differ between versions, and the tests pin what the decoders make of them.
"""

import pathlib

import numpy as np
import pillow_heif
from PIL import Image

FOLDER = pathlib.Path(__file__).parent


def scene(width: int, height: int) -> Image.Image:
    """A sky over a striped field, with a sun: smooth parts, edges and fine detail, and no symmetry."""
    y, x = np.mgrid[:height, :width] / height
    picture = np.stack([0.4 + 0.3 * x, 0.6 + 0.2 * y, 1 - 0.3 * y], axis=-1)
    picture[y > 0.6] = np.stack([0.2 + 0.3 * np.sin(60 * x) ** 2, 0.5 + 0.2 * np.cos(25 * y), 0.1 + 0 * x], -1)[y > 0.6]
    picture[(x - 0.4) ** 2 + (y - 0.3) ** 2 < 0.03] = (1.0, 0.9, 0.3)
    return Image.fromarray((np.clip(picture, 0, 1) * 255).astype(np.uint8))


def main() -> None:
    pillow_heif.register_heif_opener()
    wide, small = scene(96, 64), scene(32, 32)
    y, x = np.mgrid[:64, :96]
    wide.save(FOLDER / "baseline.jpg", quality=85)
    wide.save(FOLDER / "progressive.jpg", quality=85, progressive=True)
    wide.convert("CMYK").save(FOLDER / "cmyk.jpg", quality=85)
    wide.convert("L").save(FOLDER / "grey.jpg", quality=85)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned right
    wide.rotate(90, expand=True).save(FOLDER / "turned.jpg", quality=85, exif=exif)
    small.save(FOLDER / "32x32.jpg", quality=75)
    scene(640, 480).save(FOLDER / "640x480.jpg", quality=60)
    wide.quantize(16).save(FOLDER / "palette.png")
    wide.putalpha(Image.fromarray((x * 255 // 95).astype(np.uint8)))
    wide.save(FOLDER / "alpha.png")
    wide = wide.convert("RGB")
    Image.fromarray((x * 600 + y * 100).astype(np.uint16)).save(FOLDER / "grey16.png")
    wide.convert("L").save(FOLDER / "grey.png")
    Image.new("RGB", (1, 1), (200, 100, 50)).save(FOLDER / "1x1.png")
    frames = [wide.quantize(32), wide.transpose(Image.Transpose.ROTATE_180).quantize(32)]
    frames[0].save(FOLDER / "animation.gif", save_all=True, append_images=frames[1:])
    wide.save(FOLDER / "lossy.webp", quality=70)
    small.save(FOLDER / "plain.bmp")
    wide.save(FOLDER / "lzw.tiff", compression="tiff_lzw")
    wide.save(FOLDER / "photo.avif", quality=60)
    wide.save(FOLDER / "photo.heic", quality=60)


if __name__ == "__main__":
    main()
