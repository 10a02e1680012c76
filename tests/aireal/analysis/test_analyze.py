"""The command on small sources with planted faults, and the page in a real browser."""

import csv
import html
import io
import itertools
import json
import re
import shutil
import subprocess
import zipfile

import numpy as np
import pytest
from PIL import Image

from aireal.analysis import copies, report, survey
from aireal.errors import UserError
from builders.cifake import sources

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def rows(path) -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def jpeg(pixels: np.ndarray, **options) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", **options)
    return file.getvalue()


@pytest.fixture(scope="module")
def faulty(demo_source, tmp_path_factory):
    """The demo with one fault of each kind planted in it."""
    folder = tmp_path_factory.mktemp("faulty") / "set"
    shutil.copytree(demo_source, folder)
    fake, real, test_real = folder / "train/FAKE", folder / "train/REAL", folder / "test/REAL"
    (fake / "0000.jpg").write_bytes((fake / "0000.jpg").read_bytes()[:-100])
    (fake / "0001.jpg").write_bytes(b"")
    (fake / "0002.jpg").write_bytes(b"no picture at all")
    with Image.open(fake / "0003.jpg") as image:
        image.save(fake / "0003.jpg.new", "PNG")
    (fake / "0003.jpg.new").rename(fake / "0003.jpg")
    (fake / "0004.jpg").write_bytes((fake / "0004.jpg").read_bytes() + b"<script>")
    (fake / "<b>&.jpg").write_bytes(b"")
    (fake / "wide.jpg").write_bytes(jpeg(np.zeros([16, 64, 3], np.uint8)))
    shutil.copy(real / "0000.jpg", folder / "test/FAKE/leak.jpg")  # across splits and labels
    with Image.open(real / "0001.jpg") as image:
        image.save(test_real / "again.jpg", quality=60)  # near, not identical
    (real / b"\xff.jpg".decode(errors="surrogateescape")).write_bytes(b"")
    return folder


@pytest.fixture(scope="module")
def analysed(faulty, tmp_path_factory):
    output = tmp_path_factory.mktemp("analysed") / "out"
    return report.analyze(str(faulty), str(output), image_size=32), output


def test_every_planted_fault_is_listed_with_its_reason(analysed):
    found, output = analysed
    reasons = {row["path"].split("/")[-1]: row["reason"] for row in rows(output / "offending.csv")}
    assert re.match("damaged: image file is truncated", reasons.pop("0000.jpg"))
    assert reasons.pop("0001.jpg") == reasons.pop("<b>&.jpg") == reasons.pop("\\udcff.jpg") == "the file is empty"
    assert re.match("not a picture in JPEG", reasons.pop("0002.jpg"))
    assert re.match("its name says JPEG, but it is PNG; its format is PNG, where 99.9", reasons.pop("0003.jpg"))
    assert reasons.pop("0004.jpg") == "8 bytes after the picture's end"
    assert re.match("its size is 64x16, where 99.9.% have 32x32", reasons.pop("wide.jpg"))
    assert reasons == {}
    assert (found["offending"]["files"], found["offending"]["unreadable"]) == (8, 5)


def test_copies_are_grouped(analysed):
    found, output = analysed
    groups = {}
    for row in rows(output / "duplicates.csv"):
        groups.setdefault((row["kind"], row["group"]), []).append(row["path"])
    assert ["train/REAL/0000.jpg", "test/FAKE/leak.jpg"] in groups.values()
    near = [paths for (kind, _), paths in groups.items() if kind == "near"]
    assert ["train/REAL/0001.jpg", "test/REAL/again.jpg"] in near
    assert found["identical"]["test_in_train"] == {"FAKE": 1, "REAL": 0}
    assert found["identical"]["across_labels"] == 1
    assert not any("<b>" in path for paths in groups.values() for path in paths)  # one of three empty files
    assert found["near_duplicates"]["other_class"] == 0  # the leak across the classes has the same bytes


def test_every_file_is_counted(analysed, faulty):
    found, _ = analysed
    files = sum(path.is_file() for path in faulty.rglob("*"))
    assert sum(sum(counts.values()) for counts in found["counts"].values()) == files
    assert found["file_sizes"]["all"]["count"] == files
    assert sum(sum(counts) for counts in found["container"]["format"].values()) == files - 5


def test_report_json_holds_what_is_returned(analysed):
    found, output = analysed
    assert json.loads((output / "report.json").read_text()) == json.loads(json.dumps(found))


def test_an_archive_gives_the_same(analysed, faulty, tmp_path):
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        for path in sorted(faulty.rglob("*.jpg")):
            if path.name.isascii():
                archive.write(path, path.relative_to(faulty))
    found = report.analyze(str(tmp_path / "set.zip"), str(tmp_path / "out"), image_size=32)
    for key in ("appearance", "container", "how_saved", "near_duplicates"):
        assert found[key] == analysed[0][key]


def test_the_command_ends_with_1_and_shows_findings(run_python, faulty, tmp_path):
    done = run_python("-X", "importtime", "-m", "aireal.analyze", f"--source={faulty}", "--output=out")
    assert done.returncode == 1
    assert "warning  8 files are not as they should be, 5 of which cannot be read" in done.stdout
    assert "1 of 201 fake test images are also in train, byte for byte" in done.stdout
    assert "Looking at pictures" in done.stderr
    assert "tensorflow" not in done.stderr  # which takes longer to load than this to finish
    assert sorted(path.name for path in tmp_path.iterdir()) == [".out.lock", "out"]


def test_a_sound_source_ends_with_0(run_python, tmp_path):
    done = run_python("-m", "aireal.analyze", "--output=out")
    assert (done.returncode, rows(tmp_path / "out/offending.csv")) == (0, [])
    assert "Every file can be read" in done.stdout


@pytest.mark.parametrize("flags", [["--source=nowhere"], ["--image_size=4"], ["here"]])
def test_a_wrong_command_ends_with_2(run_python, flags):
    done = run_python("-m", "aireal.analyze", *flags)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")


@pytest.mark.parametrize("kept", ["thesis.txt", "train/FAKE/a.jpg"])
def test_other_peoples_folders_are_left_alone(demo_source, tmp_path, kept):
    (tmp_path / kept).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / kept).write_text("mine")
    (tmp_path / "report.json").write_text("{}")
    with pytest.raises(UserError, match="holds something else"):
        report.analyze(str(demo_source), str(tmp_path), image_size=32)
    assert (tmp_path / kept).read_text() == "mine"


def test_an_earlier_analysis_is_replaced(demo_source, tmp_path):
    small = tmp_path / "set"
    shutil.copytree(demo_source / "test", small / "test")
    for size in (16, 32):
        report.analyze(str(small), str(tmp_path / "out"), image_size=size)
        assert json.loads((tmp_path / "out/report.json").read_text())["image_size"] == size


def test_an_output_that_cannot_be_is_refused_before_anything_is_read(demo_source, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.chdir(tmp_path)
    for output, complaint in {
        str(demo_source / "train/FAKE/analysis"): "among the pictures",
        "file": "is a file",
        ".": "cannot be replaced where it stands",
        "~nobody-of-this-name/x": "cannot be used",
        "x" * 300: "cannot be",
    }.items():
        with pytest.raises(UserError, match=complaint):
            report.analyze(str(demo_source), output, image_size=32)


def test_plain_pictures_have_figures_too(tmp_path):
    for split, label, level in itertools.product(("train", "test"), ("FAKE", "REAL"), (201, 255)):
        (tmp_path / "set" / split / label).mkdir(parents=True, exist_ok=True)
        pixels = np.full([33, 33, 3], level if label == "REAL" else 201, np.uint8)
        (tmp_path / "set" / split / label / f"{level}.jpg").write_bytes(jpeg(pixels, quality=95))
    found = report.analyze(str(tmp_path / "set"), str(tmp_path / "out"), image_size=33)
    assert found["channels"]["FAKE"]["standard_deviation"] == pytest.approx([0, 0, 0], abs=0.01)
    assert found["near_duplicates"]["test_in_train"] == 0


def test_files_that_change_while_they_are_looked_at(demo_source, tmp_path, monkeypatch):
    """The second pass, of large sources, may not find what the first one found."""
    folder = tmp_path / "set"
    shutil.copytree(demo_source / "test", folder / "test")
    monkeypatch.setattr(sources.Reader.__init__, "__defaults__", (0,))
    look = survey.survey

    def look_and_lose(*arguments):
        found = look(*arguments)
        for number, path in enumerate(sorted(folder.rglob("*.jpg"))):
            path.unlink() if number % 2 else path.write_bytes(b"changed")
        return found

    monkeypatch.setattr(survey, "survey", look_and_lose)
    assert report.analyze(str(folder), str(tmp_path / "out"), image_size=32)["offending"]["files"] == 0


def test_a_path_that_occurs_twice_is_a_fault(tmp_path):
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        for root in ("a", "b"):
            archive.writestr(f"{root}/train/FAKE/x.jpg", jpeg(np.full([32, 32, 3], ord(root), np.uint8)))
    report.analyze(str(tmp_path / "set.zip"), str(tmp_path / "out"), image_size=32)
    assert [row["reason"] for row in rows(tmp_path / "out/offending.csv")] == [
        "this path stands in the source more than once"
    ] * 2


def test_a_source_without_any_readable_picture_is_refused(tmp_path):
    (tmp_path / "set/train/FAKE").mkdir(parents=True)
    (tmp_path / "set/train/FAKE/a.jpg").write_bytes(b"broken")
    with pytest.raises(UserError, match="no picture that can be read"):
        report.analyze(str(tmp_path / "set"), str(tmp_path / "out"), image_size=32)
    assert not (tmp_path / "out").exists()


def test_one_split_of_one_class_is_enough(demo_source, tmp_path):
    (tmp_path / "set/train").mkdir(parents=True)
    shutil.copytree(demo_source / "train/REAL", tmp_path / "set/train/REAL")
    found = report.analyze(str(tmp_path / "set"), str(tmp_path / "out"), image_size=16)
    assert set(found["file_size"].values()) == {None}
    assert any("a class is missing" in finding["text"] for finding in found["findings"])


def test_how_files_were_saved_gives_the_class_away(tmp_path):
    rng = np.random.default_rng(0)
    for label, quality in (("FAKE", 75), ("REAL", 90)):
        (tmp_path / "train" / label).mkdir(parents=True)
        for number in range(20):
            data = jpeg(rng.integers(0, 256, [32, 32, 3], np.uint8), quality=quality)
            (tmp_path / "train" / label / f"{number}.jpg").write_bytes(data)
    found = report.analyze(str(tmp_path), str(tmp_path / "out"), image_size=32)
    assert found["how_saved"]["tree_auc"] == 1
    assert any("How the files were saved" in one["text"] for one in found["findings"] if one["kind"] == "warning")


def test_near_duplicates_survive_what_uploads_do(demo_source, tmp_path):
    """Re-encoded, brightened and reduced pictures are found; plain pictures are not each other's duplicates."""
    for split in ("train", "test"):
        (tmp_path / split / "REAL").mkdir(parents=True)
    changes = {
        "encoded": lambda image: image,
        "brighter": lambda image: image.point(lambda value: min(value + 12, 255)),
        "smaller": lambda image: image.resize((28, 28)),
    }
    for number, (name, change) in zip((0, 3, 7), changes.items(), strict=True):  # crops with some structure
        with Image.open(demo_source / f"train/REAL/{number:04}.jpg") as image:
            image.save(tmp_path / f"train/REAL/{name}.jpg")
            change(image).save(tmp_path / f"test/REAL/{name}.jpg", quality=50)
    for split, name, color in (
        ("train", "grey", (100, 100, 100)),
        ("test", "grey", (103, 103, 103)),
        ("train", "red", (200, 60, 40)),
        ("test", "red", (120, 30, 20)),
    ):
        plain = np.full([32, 32, 3], color, np.uint8)
        (tmp_path / split / f"REAL/{name}.jpg").write_bytes(jpeg(plain))
    files, _ = survey.survey(sources.Reader(tmp_path), image_size=32)
    near = copies.near(files)
    assert set(files.path[near.test]) == {f"test/REAL/{name}.jpg" for name in changes}
    assert [path.replace("train", "test") for path in files.path[near.train]] == list(files.path[near.test])


@pytest.mark.skipif(not BROWSER, reason="needs chromium or google-chrome")
def test_the_page_in_a_browser_without_a_network(analysed, tmp_path):
    page = (analysed[1] / "report.html").read_text(encoding="utf-8")
    counted = json.loads(probe(page, tmp_path))
    assert counted == {"overflow": 0, "broken": 0, "images": 6, "bold": 0, "findings": len(analysed[0]["findings"])}


def probe(page: str, folder) -> str:
    """Opens the page 390 pixels wide, as on a phone, and returns what a script in it counts."""
    script = """
      const inside = document.querySelector("iframe").contentDocument, images = [...inside.images];
      const root = inside.documentElement;
      document.title = JSON.stringify({
        overflow: root.scrollWidth - root.clientWidth,
        broken: images.filter(image => !image.naturalWidth).length,
        images: images.length,
        bold: inside.querySelectorAll("td b").length,
        findings: inside.querySelectorAll(".findings li").length,
      });"""
    frame = f'<iframe width=390 height=844 srcdoc="{html.escape(page)}"></iframe>'
    (folder / "frame.html").write_text(
        f"<meta charset=utf-8>{frame}<script>onload = () => {{{script}}}</script>", encoding="utf-8"
    )
    done = subprocess.run(
        [
            BROWSER,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--host-resolver-rules=MAP * ~NOTFOUND",
            "--virtual-time-budget=10000",
            f"--user-data-dir={folder / 'profile'}",
            "--dump-dom",
            (folder / "frame.html").as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
    )
    (title,) = re.findall("<title>({.*?})</title>", done.stdout)
    return html.unescape(title)
