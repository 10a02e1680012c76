"""Facts about files, on files made here with known facts, and on damaged ones."""

import io
import pathlib
import random
import warnings

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from aireal.analysis import container

PICTURES = pathlib.Path(__file__).parent.parent / "pictures"
NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 256, [24, 40, 3], np.uint8))


def encoded(image: Image.Image = NOISE, form: str = "JPEG", **options) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def facts(data: bytes, path: str = "train/FAKE/a.jpg") -> container.Facts:
    return container.examine(path, data)[0]


def faults(data: bytes, path: str = "train/FAKE/a.jpg") -> list[str]:
    return container.examine(path, data)[2]


@pytest.mark.parametrize("quality", [1, 30, 50, 75, 92, 99])
def test_the_quality_is_that_it_was_saved_with(quality):
    assert facts(encoded(quality=quality)).quality == quality
    assert facts(encoded(NOISE.convert("L"), quality=quality)).quality == quality


def test_the_quality_of_foreign_tables_is_the_nearest():
    tables = [list(np.clip(np.array(table) + shift, 1, 255)) for table, shift in zip(_tables(80), (1, -1), strict=True)]
    assert abs(facts(encoded(qtables=tables)).quality - 80) <= 3
    assert facts(encoded(qtables=tables)).tables != facts(encoded(quality=80)).tables


def _tables(quality: int) -> list[list[int]]:
    with Image.open(io.BytesIO(encoded(quality=quality))) as image:
        return list(image.quantization.values())


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
def test_the_subsampling_is_that_it_was_saved_with(subsampling):
    assert facts(encoded(subsampling=subsampling)).subsampling == subsampling


def test_a_subsampling_that_few_use_is_another():
    sampled = bytearray(encoded(subsampling="4:4:4"))
    start = sampled.index(b"\xff\xc0")
    sampled[start + 11] = 0x12  # of luma: 4:4:0
    with Image.open(io.BytesIO(bytes(sampled))) as image:
        assert container.jpeg_facts(image)["subsampling"] == "another"
    assert facts(encoded(NOISE.convert("L"))).subsampling == ""


def test_format_size_mode_and_progression():
    found = facts(encoded(progressive=True))
    assert (found.format, found.width, found.height, found.mode, found.progressive) == ("JPEG", 40, 24, "RGB", True)
    png = container.Facts("PNG", 40, 24, "LA", metadata="")
    assert facts(encoded(NOISE.convert("LA"), "PNG"), "a.png") == png


def test_metadata_beside_the_picture_is_named():
    plain = facts(encoded()).metadata
    exif = Image.Exif()
    exif[0x010F], exif[0x0131] = "a camera", "a program"
    named = {"APP0", "APP1", "COM", "comment", "dpi=72x72", "exif", "make=a camera", "software=a program"}
    assert set(facts(encoded(exif=exif, comment=b"by hand")).metadata.split(", ")) == named
    assert (plain, facts(encoded(form="PNG"), "a.png").metadata) == ("APP0", "")
    assert facts(encoded(dpi=(300, 300))).metadata == "APP0, dpi=300x300"


def test_what_generators_leave_is_named():
    text = PngInfo()
    text.add_text("parameters", "a prompt")
    text.add_text("version", "1.5")
    text.add(b"caBX", b"content credentials")
    assert facts(encoded(form="PNG", pnginfo=text), "a.png").metadata == "caBX, parameters, version"
    data = encoded()
    assert facts(data[:2] + b"\xff\xeb\x00\x04JP" + data[2:]).metadata == "APP0, APP11"  # content credentials in JPEG


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_damaged_exif_is_no_damage_to_the_picture():
    found, _, wrong = container.examine("a.jpg", encoded(exif=b"Exif\0\0MM\0*\xff\xff\xff\xff"))
    assert wrong == []
    assert "APP1" in found.metadata


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "BMP"])
def test_bytes_behind_the_picture_are_counted(form):
    data, path = encoded(form=form), f"a.{form.lower()}"
    assert (facts(data, path).trailing_bytes, faults(data, path)) == (0, [])
    # An end marker in what follows is not the picture's.
    assert facts(data + b"12345\xff\xd9", path).trailing_bytes == 7
    assert faults(data + b"12345\xff\xd9", path) == ["7 bytes after the picture's end"]


@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpegs_end_is_found_behind_restart_markers(progressive):
    assert faults(encoded(progressive=progressive, restart_marker_blocks=1)) == []


def test_padding_between_segments_does_not_hide_the_end():
    data = encoded()
    end = 4 + int.from_bytes(data[4:6], "big")  # of APP0
    assert faults(data[:end] + b"\0\0" + data[end:]) == []
    assert facts(data[:end] + b"\0\0" + data[end:] + b"xyz").trailing_bytes == 3


def test_a_png_without_its_last_chunk_is_cut_short():
    assert faults(encoded(form="PNG")[:-12], "a.png") == ["cut short: the picture's end is missing"]


@pytest.mark.parametrize("missing", [2, 200])
def test_a_jpeg_that_is_cut_cannot_be_read(missing):
    with pytest.raises(OSError, match="truncated"):
        container.examine("a.jpg", encoded()[:-missing])


def test_a_second_picture_behind_a_phones_first_is_no_fault():
    data = encoded(form="MPO", save_all=True, append_images=[NOISE])
    assert facts(data).format == "JPEG"
    assert faults(data) == []


def test_a_name_that_says_something_else_is_found():
    assert faults(encoded(form="PNG")) == ["its name says JPEG, but it is PNG"]
    assert faults(encoded(), "a") == ["its name says nothing known, but it is JPEG"]
    assert faults(encoded(), "a.JPEG") == []


def test_the_picture_is_that_of_predict():
    from aireal.pixels import decoding

    data = (PICTURES / "turned.jpg").read_bytes()
    _, pixels, _ = container.examine("turned.jpg", data)
    np.testing.assert_array_equal(pixels, decoding.decode(data))


def test_damaged_files_raise_nothing_but_oserror():
    rng = random.Random(0)
    files = [path for path in sorted(PICTURES.iterdir()) if path.suffix != ".py"]
    assert len(files) > 15
    unreadable = 0
    for path in files:
        for _ in range(40):
            data = bytearray(path.read_bytes())
            for _ in range(rng.randint(1, 8)):
                data[rng.randrange(len(data))] = rng.randrange(256)
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    container.examine(path.name, bytes(data[: rng.randint(1, 2 * len(data))]))
            except OSError:
                unreadable += 1
    assert unreadable > 100


@pytest.mark.parametrize("options", [{"form": "PNG"}, {"form": "WEBP"}, {"form": "JPEG"}, {"form": "TIFF"}], ids=str)
def test_the_header_alone_says_the_same(options, picture):
    data = picture(size=(40, 24), **options)
    assert container.header(data) == container.examine("a.jpg", data)[0]


def test_what_is_no_picture_has_no_header():
    with pytest.raises(OSError, match="not a picture"):
        container.header(b"text" * 100)
