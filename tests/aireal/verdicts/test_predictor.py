"""aireal.verdicts.predictor: a verdict or a reason for every picture, by the pixels that training uses."""

import csv
import hashlib
import io
import json
import pathlib
import shutil
import struct
import time

import numpy as np
import pytest
from PIL import Image, ImageSequence

import aireal
from aireal import machine, shipped
from aireal.errors import UserError
from aireal.network import models
from aireal.pixels import decoding, resampling
from aireal.settings.config import Config
from aireal.verdicts.pictures import find
from aireal.verdicts.predictor import Predictor

PICTURES = pathlib.Path(__file__).parents[1] / "pictures"
FILES = {path.name: path.read_bytes() for path in sorted(PICTURES.iterdir()) if path.suffix != ".py"}
# SHA-256 of the 32x32 pixels that a model sees: stretched, and cut to the square in the middle.
PIXELS = {
    "1x1.png": ("4aa9c3b1bfbda3cf", "4aa9c3b1bfbda3cf"),
    "32x32.jpg": ("0fcf567afb851c0d", "0fcf567afb851c0d"),
    "640x480.jpg": ("17e9243b4a64c4ad", "3b66b6a29bc36656"),
    "alpha.png": ("f8a4dba9ae7ba637", "46f749253d4a5827"),
    "animation.gif": ("819d485835062338", "30c6042d029d95fa"),
    "baseline.jpg": ("d00153963e99a4ca", "9f66d98ac1cac4f5"),
    "cmyk.jpg": ("83b6aabd92e9a3e8", "5d2ca4ce2e822e00"),
    "grey.jpg": ("f0c5275cff84ea4c", "8235a81d906d1b38"),
    "grey.png": ("8f71b83dbc1ec8c1", "6c961186299ef038"),
    "grey16.png": ("2c9bdc59e051900e", "df4a6798dc51c4c9"),
    "lossy.webp": ("e5c623c2ceed7ea1", "f9e0bc1167a865cf"),
    "lzw.tiff": ("7ae25d1bf1f01ae8", "9aaf7cf52a35b692"),
    "palette.png": ("47402dff9ef4b287", "29d6097fe8a96498"),
    "photo.avif": ("8a28a7ee74a7a457", "718e51b8063cff3d"),
    "photo.heic": ("837b16695c675d2e", "b3b9eb8332f16a3a"),
    "plain.bmp": ("711b14a2ea89829b", "711b14a2ea89829b"),
    "progressive.jpg": ("d00153963e99a4ca", "9f66d98ac1cac4f5"),
    "turned.jpg": ("c599ef651b6a02ce", "62250d5f80538206"),
}


@pytest.fixture(scope="module")
def predictor(trained):
    return Predictor(trained[1])


def _seen(predictor, picture):
    ((prediction, pixels),) = predictor.stream([picture])
    assert prediction.error is None
    return pixels


def _png(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize("name", FILES)
def test_the_pixels_that_a_model_sees_are_pinned(predictor, trained, name):
    stretched, cropped = (
        hashlib.sha256(_seen(one, FILES[name]).tobytes()).hexdigest()[:16]
        for one in (predictor, Predictor(trained[1], aspect_ratio="center_crop"))
    )
    assert (stretched, cropped) == PIXELS[name]


LARGE = np.asarray(Image.effect_noise((401, 303), 60).convert("RGB").resize((501, 403)))
LARGE_JPEGS = {
    "plain": {},
    "4:4:4": {"subsampling": "4:4:4", "quality": 95},
    "4:2:2": {"subsampling": "4:2:2", "quality": 30},
    "progressive": {"progressive": True},
    "with restarts": {"restart_marker_rows": 1},
    "turned": {"exif": b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"},
    "in RGB": {"keep_rgb": True},
}


@pytest.mark.parametrize("options", LARGE_JPEGS.values(), ids=LARGE_JPEGS)
@pytest.mark.parametrize("aspect_ratio", ["stretch", "center_crop"])
def test_a_large_jpeg_has_the_same_pixels_the_short_way(trained, jpeg, options, aspect_ratio):
    encoded = jpeg(LARGE, **options)
    seen = _seen(Predictor(trained[1], aspect_ratio=aspect_ratio), encoded)
    np.testing.assert_array_equal(seen, resampling.resize(decoding.decode(encoded), 32, aspect_ratio))


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_a_large_jpeg_of_other_colours_has_the_same_pixels(predictor, mode):
    file = io.BytesIO()
    Image.fromarray(LARGE).convert(mode).save(file, "JPEG")
    encoded = file.getvalue()
    np.testing.assert_array_equal(_seen(predictor, encoded), resampling.resize(decoding.decode(encoded), 32))


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_a_large_jpeg_that_is_damaged_is_what_pillow_makes_of_it(predictor, jpeg):
    rng, outcomes = np.random.default_rng(0), []
    for encoded in (_mutated(rng, [jpeg(LARGE)]) for _ in range(100)):
        ((prediction, pixels),) = predictor.stream([encoded])
        expected = reason = None
        try:
            expected = resampling.resize(decoding.decode(encoded), 32)
        except OSError as error:
            reason = str(error)
        assert prediction.error == reason
        np.testing.assert_array_equal(pixels, expected)
        outcomes.append(reason is None)
    assert 20 < sum(outcomes) < 80


def test_a_folder_gets_the_scores_of_the_report(predictor, trained, demo_source):
    with open(trained[1] / "predictions.csv", newline="", encoding="utf-8") as file:
        expected = {row["filename"]: float(row["p_real"]) for row in csv.DictReader(file)}
    found = {
        "/".join(pathlib.Path(one.path).parts[-2:]): one.p_real
        for one in predictor.predict(find([str(demo_source / "test")]))
    }
    assert found.keys() == expected.keys()
    assert max(abs(found[name] - expected[name]) for name in expected) < 1e-6


def test_a_picture_is_the_same_as_path_bytes_image_and_array(predictor):
    path = PICTURES / "turned.jpg"
    with Image.open(path) as image:
        results = predictor.predict([str(path), path, path.read_bytes(), image, _upright(path)])
        assert image.size == (64, 96)  # what was given is left as it was
    assert len({one.p_real for one in results}) == 1
    assert {one.size for one in results} == {(96, 64)}
    assert [one.path for one in results] == [str(path), str(path), None, None, None]


def _upright(path):
    with Image.open(path) as image:
        return np.rot90(np.asarray(image), -1)


def test_order_and_errors_are_kept_over_several_batches(predictor):
    rng = np.random.default_rng(0)
    arrays = rng.integers(0, 256, [600, 32, 32, 3], np.uint8)
    mixed = [b"" if index % 7 == 3 else one for index, one in enumerate(arrays)]
    results = predictor.predict(iter(mixed))
    assert [one.error for one in results] == ["the file is empty" if index % 7 == 3 else None for index in range(600)]
    alone = [predictor.predict([arrays[index]])[0].p_real for index in (0, 300, 599)]
    np.testing.assert_allclose([results[index].p_real for index in (0, 300, 599)], alone, atol=1e-6)


def test_nothing_is_read_long_before_it_is_wanted(predictor):
    asked = []
    stream = predictor.stream(asked.append(index) or FILES["1x1.png"] for index in range(10_000))
    next(stream)
    stream.close()
    assert len(asked) < 1000


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        (b"", "the file is empty"),
        (
            b"no picture at all",
            "not a picture in JPEG, PNG, GIF, WEBP, BMP, TIFF, PPM, AVIF, HEIF, or damaged at its head",
        ),
        (FILES["baseline.jpg"][:900], "damaged: image file is truncated (37 bytes not processed)"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not a picture in"),
        (b"PK\3\4" + bytes(60), "an archive, or compressed: unpack it"),
        ("missing.jpg", "no such file or directory"),
        (str(PICTURES), "is a directory"),
    ],
    ids=["empty", "text", "truncated", "a program in disguise", "an archive", "missing", "folder"],
)
def test_what_cannot_be_read_has_a_reason(predictor, file, reason):
    (prediction,) = predictor.predict([file])
    assert prediction.error.startswith(reason)
    assert prediction.verdict is None


def test_a_picture_that_claims_to_be_huge_is_refused_unread(trained):
    claims = bytearray(FILES["plain.bmp"])
    claims[18:26] = (9_000).to_bytes(4, "little") * 2
    (prediction,) = Predictor(trained[1]).predict([bytes(claims)])
    limits = "65,535 an edge, 64,000,000 in all (max_pixels)"
    assert prediction.error == f"it has 9,000 x 9,000 pixels, more than the limit: {limits}"
    (prediction,) = Predictor(trained[1], max_pixels=1000).predict([FILES["32x32.jpg"]])
    assert prediction.error == "it has 32 x 32 pixels, more than the limit: 65,535 an edge, 1,000 in all (max_pixels)"
    with Image.open(PICTURES / "32x32.jpg") as image:
        assert Predictor(trained[1], max_pixels=1000).predict([image])[0].error == prediction.error


def test_pillows_own_limit_is_lifted_to_ours(trained, monkeypatch):
    predictor = Predictor(trained[1], max_pixels=2000)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    (refused,) = predictor.predict([FILES["32x32.jpg"]])
    assert refused.error.startswith("too large (max_pixels): ")
    (judged,) = Predictor(trained[1], max_pixels=2000).predict([FILES["32x32.jpg"]])
    assert judged.error is None


def test_a_tiff_whose_tile_is_huge_is_refused(trained):
    file = bytearray(FILES["lzw.tiff"])
    directory = int.from_bytes(file[4:8], "little")
    (entry,) = [at for at in range(directory + 2, directory + 122, 12) if file[at : at + 2] == b"\x16\x01"]
    file[entry : entry + 12] = struct.pack("<HHII", 322, 4, 1, 70_000_000)  # rows of a strip -> width of a tile
    (prediction,) = Predictor(trained[1]).predict([bytes(file)])
    assert prediction.error.startswith("it has 96 x 64 pixels, more than the limit")


def test_a_picture_of_one_long_line_is_refused(predictor):
    (prediction,) = predictor.predict([_png(np.zeros([1, 70_000, 3], np.uint8))])
    assert prediction.error.startswith("it has 70,000 x 1 pixels, more than the limit")


def test_what_is_given_may_change_once_the_next_is_asked_for(predictor):
    def frames(shape):
        frame = np.empty(shape, np.uint8)
        for level in range(0, 250, 25):
            frame[:] = level
            yield frame

    for shape in ((32, 32, 3), (48, 64, 3)):
        seen = [pixels[0, 0, 0] for _, pixels in predictor.stream(frames(shape))]
        assert seen == list(range(0, 250, 25))


def test_deep_grey_values_are_the_same_as_bytes_and_image(predictor):
    levels = 64 * np.arange(32 * 32).reshape(32, 32)
    encoded = b"P5 32 32 65535 " + levels.astype(">u2").tobytes()
    with Image.open(io.BytesIO(encoded)) as image:
        (one, first), (other, second) = predictor.stream([encoded, image])
    assert (one.error, other.error) == (None, None)
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(first[..., 0], levels * 255 // 65535)


def test_pil_images_that_cannot_be_read_have_a_reason(predictor):
    closed = Image.open(PICTURES / "grey.png")
    closed.close()
    errors = [one.error for one in predictor.predict([closed, Image.new("RGB", (0, 5)), "a\0b.jpg"])]
    assert errors[0].startswith("damaged: ")
    assert errors[1] == "it has 0 x 5 pixels"
    assert "null" in errors[2]


def test_one_pil_image_many_times_and_the_frames_of_an_animation(predictor):
    with Image.open(PICTURES / "baseline.jpg") as image:
        assert len({one.p_real for one in predictor.predict([image] * 6)}) == 1
    with Image.open(PICTURES / "animation.gif") as image:
        first, second = predictor.predict(ImageSequence.Iterator(image))
    assert first.p_real != second.p_real


@pytest.mark.parametrize(
    "picture",
    [3, None, np.zeros([4, 4, 3]), np.zeros([4, 4], np.uint8), np.zeros([0, 4, 3], np.uint8)],
    ids=["number", "nothing", "floats", "grey array", "no rows"],
)
def test_what_is_no_picture_by_type_is_a_mistake_of_the_program(predictor, picture):
    with pytest.raises(TypeError, match="expected"):
        predictor.predict([picture])


@pytest.mark.parametrize("picture", ["a.jpg", b"x", PICTURES / "grey.png"], ids=["str", "bytes", "path"])
def test_a_picture_without_a_list_is_a_mistake_of_the_program(predictor, picture):
    with pytest.raises(TypeError, match="list"):
        predictor.predict(picture)


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_five_thousand_mutated_files_give_a_verdict_or_a_reason(predictor):
    """Bytes changed, files cut, two spliced: no exception, no hang, no memory eaten."""
    rng = np.random.default_rng(0)
    predictor.predict(FILES.values())
    before, slowest, verdicts = machine.peak_memory_bytes(), 0.0, 0
    for _ in range(5000):
        start = time.perf_counter()
        (prediction,) = predictor.predict([_mutated(rng, list(FILES.values()))])
        slowest = max(slowest, time.perf_counter() - start)
        assert (prediction.verdict is None) == bool(prediction.error)
        assert prediction.error is None or prediction.error.isprintable()
        verdicts += prediction.verdict is not None
    assert 500 < verdicts < 4500
    assert slowest < 5  # seconds; a hang, and no measure of speed
    assert machine.peak_memory_bytes() - before < 1 << 30


def _mutated(rng, files):
    one, other = (bytearray(files[index]) for index in rng.integers(len(files), size=2))
    here, there = rng.integers(len(one)), rng.integers(len(other))
    match rng.integers(4):
        case 0:  # a few bytes, half of the time in the head, where they do most
            end = min(len(one), 64) if rng.random() < 0.5 else len(one)
            for position in rng.integers(end, size=rng.integers(1, 12)):
                one[position] = rng.integers(256)
            return bytes(one)
        case 1:
            return bytes(one[:here])
        case 2:
            return bytes(one[:here] + other[there:])
        case _:
            return bytes(one[:here] + other[there : there + 200] + one[here:])


def test_the_run_says_what_becomes_of_wide_pictures(trained, tmp_path):
    shutil.copy(trained[1] / "model.keras", tmp_path)
    wide = FILES["baseline.jpg"]
    assert (_seen(Predictor(tmp_path / "model.keras"), wide) == _seen(Predictor(trained[1]), wide)).all()
    stated = json.loads((trained[1] / "preprocessing.json").read_text())
    (tmp_path / "preprocessing.json").write_text(json.dumps({**stated, "aspect_ratio": "center_crop"}))
    cropped = _seen(Predictor(trained[1], aspect_ratio="center_crop"), wide)
    assert (_seen(Predictor(tmp_path / "model.keras"), wide) == cropped).all()


@pytest.mark.parametrize("text", ["{", "{}", "[]", '{"aspect_ratio": "crop"}'])
def test_a_damaged_statement_of_the_preprocessing_is_refused(trained, tmp_path, text):
    shutil.copy(trained[1] / "model.keras", tmp_path)
    (tmp_path / "preprocessing.json").write_text(text)
    with pytest.raises(UserError, match=r"preprocessing\.json is damaged"):
        Predictor(tmp_path / "model.keras")


def test_a_lone_file_that_withholds_verdicts_wants_its_rule(tmp_path):
    shutil.copy(shipped.locate("robust") / "export/model_int8.tflite", tmp_path)
    with pytest.raises(UserError, match=r"by the rule in the preprocessing\.json that was made with it"):
        Predictor(tmp_path / "model_int8.tflite")
    (found,) = Predictor(tmp_path / "model_int8.tflite", unsure=False).predict([FILES["32x32.jpg"]])
    assert found.verdict == "REAL"


def test_verdicts_are_withheld_as_the_runs_rule_says(withholding, demo_source):
    predictor = Predictor(withholding[1])
    with open(withholding[1] / "predictions.csv", newline="", encoding="utf-8") as file:
        names = [row["filename"] for row in csv.DictReader(file)]
    found = predictor.predict([demo_source / "test" / name for name in names] + [FILES["640x480.jpg"]])
    rule = predictor.contract.rule
    scores = predictor.scorer(np.stack([_seen(predictor, demo_source / "test" / name) for name in names]))
    reasons = [*rule.reasons(scores.p_real, scores.foreign), "FOREIGN"]
    agreeing = [(one.reason or "") == reason for one, reason in zip(found, reasons, strict=True)]
    assert np.mean(agreeing) > 0.99  # a score on the very border may fall on either side in another batch
    assert {one.reason for one in found} == {None, "LOW_CONFIDENCE", "FOREIGN"}
    for one in found:
        assert one.verdict == rule.verdicts(one.p_real, one.reason or "")


def test_every_picture_gets_a_verdict_where_none_is_to_be_withheld(withholding):
    pictures = [np.full([32, 32, 3], level, np.uint8) for level in range(0, 256, 5)] + [FILES["640x480.jpg"]]
    predictors = [Predictor(withholding[1]), Predictor(withholding[1], unsure=False)]
    withheld, given = (one.predict(pictures) for one in predictors)
    assert {one.verdict for one in given} <= {"FAKE", "REAL"}
    assert {one.reason for one in given} == {None}
    assert "UNSURE" in {one.verdict for one in withheld}
    assert [one.p_real for one in given] == [one.p_real for one in withheld]
    assert [one.confidence for one in given] == [one.confidence for one in withheld]
    assert not predictors[1].contract.rule.withholds
    assert aireal.load(withholding[1], unsure=False).contract == predictors[1].contract


def _saved(model, tmp_path):
    path = tmp_path / "model.keras"
    model.save(path)
    return path


def test_a_model_of_nan_is_refused(tmp_path):
    model = models.build_model(Config(filters=(4,), dense_units=(4,)))
    model.set_weights([np.full_like(weights, np.nan) for weights in model.get_weights()])
    with pytest.raises(UserError, match="NaN"):
        Predictor(_saved(model, tmp_path)).predict([FILES["32x32.jpg"]])


def test_windows_get_the_scores_of_the_report_and_are_kept(reads_windows):
    config, folder = reads_windows
    with open(folder / "predictions.csv", newline="", encoding="utf-8") as file:
        expected = {row["filename"]: float(row["p_real"]) for row in csv.DictReader(file)}
    names = {"FAKE": "ai", "REAL": "photo"}
    paths = [pathlib.Path(config.source, names[name.split("/")[0]], name.split("/")[1]) for name in expected]
    found = Predictor(folder).predict(paths)
    assert [one.p_real for one in found] == pytest.approx(list(expected.values()), abs=1e-6)
    for one in found:
        logits = np.log(np.array(one.windows) / (1 - np.array(one.windows)))
        assert len(logits) == 3
        assert 1 / (1 + np.exp(-logits.mean())) == pytest.approx(one.p_real, abs=1e-5)
    assert np.mean([one.verdict == name.split("/")[0] for one, name in zip(found, expected, strict=True)]) > 0.9


def test_a_network_that_reads_windows_takes_no_aspect_ratio(reads_windows):
    with pytest.raises(UserError, match="--aspect_ratio=center_crop is for others"):
        Predictor(reads_windows[1], aspect_ratio="center_crop")


def test_pictures_of_any_size_and_kind_are_seen_by_windows(reads_windows):
    predictor = Predictor(reads_windows[1])
    small, large = (np.random.default_rng(0).integers(0, 256, [*size, 3], np.uint8) for size in ((3, 5), (700, 900)))
    seen = list(predictor.stream([small, large, Image.fromarray(large), b"text"]))
    assert [None if pixels is None else pixels.shape for _, pixels in seen] == [(3, 16, 16, 3)] * 3 + [None]
    assert seen[1][0].p_real == seen[2][0].p_real
    assert np.array_equal(seen[1][1][0], large[342:358, 442:458])
    assert "<img" in predictor.predict([large])._repr_html_()
