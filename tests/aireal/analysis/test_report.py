"""aireal.analysis.report: what is written of small sources with planted faults, and the page in a real browser."""

import html
import itertools
import json
import re
import shutil
import subprocess
import zipfile

import numpy as np
import pytest

from aireal.analysis import report
from aireal.errors import UserError
from aireal.sources.source import Source
from builders.cifake import layout
from exports.web import chromium

BROWSER = chromium.find()


@pytest.fixture(scope="module")
def analysed(faulty, tmp_path_factory):
    output = tmp_path_factory.mktemp("analysed") / "out"
    return report.analyze(Source(str(faulty)), str(output), image_size=32), output


def test_every_planted_fault_is_listed_with_its_reason(analysed, rows):
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


def test_copies_are_grouped(analysed, rows):
    found, output = analysed
    groups = {}
    for row in rows(output / "duplicates.csv"):
        groups.setdefault((row["kind"], row["group"]), []).append(row["path"])
    assert ["train/REAL/0000.jpg", "test/FAKE/leak.jpg"] in groups.values()
    near = [paths for (kind, _), paths in groups.items() if kind == "near"]
    assert ["train/REAL/0001.jpg", "test/REAL/again.jpg"] in near
    assert found["identical"]["leaked"] == {"test": {"FAKE": 1, "REAL": 0}}
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
    found = report.analyze(Source(str(tmp_path / "set.zip")), str(tmp_path / "out"), image_size=32)
    for key in ("appearance", "container", "how_saved", "near_duplicates"):
        assert found[key] == analysed[0][key]


@pytest.mark.parametrize("kept", ["thesis.txt", "train/FAKE/a.jpg"])
def test_other_peoples_folders_are_left_alone(demo_source, tmp_path, kept):
    (tmp_path / kept).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / kept).write_text("mine")
    (tmp_path / "report.json").write_text("{}")
    with pytest.raises(UserError, match="holds something else"):
        report.analyze(Source(str(demo_source)), str(tmp_path), image_size=32)
    assert (tmp_path / kept).read_text() == "mine"


def test_an_earlier_analysis_is_replaced(demo_source, tmp_path):
    small = tmp_path / "set"
    shutil.copytree(demo_source / "test", small / "test")
    for size in (16, 32):
        report.analyze(Source(str(small)), str(tmp_path / "out"), image_size=size)
        assert json.loads((tmp_path / "out/report.json").read_text())["image_size"] == size


def test_an_output_that_cannot_be_is_refused_before_anything_is_read(demo_source, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.chdir(tmp_path)
    for output, complaint in {
        str(demo_source / "train/FAKE/analysis"): "among the pictures",
        "file": "is a file",
        ".": "holds something else than an analysis",
        "~nobody-of-this-name/x": "cannot be used",
        "x" * 300: "cannot be",
    }.items():
        with pytest.raises(UserError, match=complaint):
            report.analyze(Source(str(demo_source)), output, image_size=32)


def test_plain_pictures_have_figures_too(tmp_path, jpeg):
    for split, label, level in itertools.product(("train", "test"), ("FAKE", "REAL"), (201, 255)):
        (tmp_path / "set" / split / label).mkdir(parents=True, exist_ok=True)
        pixels = np.full([33, 33, 3], level if label == "REAL" else 201, np.uint8)
        (tmp_path / "set" / split / label / f"{level}.jpg").write_bytes(jpeg(pixels, quality=95))
    found = report.analyze(Source(str(tmp_path / "set")), str(tmp_path / "out"), image_size=33)
    assert found["channels"]["FAKE"]["standard_deviation"] == pytest.approx([0, 0, 0], abs=0.01)
    assert found["near_duplicates"]["leaked"] == {"test": {"FAKE": 0, "REAL": 0}}


def test_one_split_of_one_class_is_enough(demo_source, tmp_path):
    (tmp_path / "set/train").mkdir(parents=True)
    shutil.copytree(demo_source / "train/REAL", tmp_path / "set/train/REAL")
    found = report.analyze(Source(str(tmp_path / "set")), str(tmp_path / "out"), image_size=16)
    assert set(found["file_size"].values()) == {None}
    assert any("a class is missing" in finding["text"] for finding in found["findings"])


def test_a_source_with_a_validation_split_is_looked_at_whole(few, tmp_path, rows):
    source = shutil.copytree(few, tmp_path / "set")
    for label in ("FAKE", "REAL"):
        (source / "val" / label).mkdir(parents=True)
        for path in sorted((source / "train" / label).iterdir())[:6]:
            path.rename(source / "val" / label / path.name)
    shutil.copy(next((source / "train/REAL").iterdir()), source / "val/REAL/leak.jpg")
    found = report.analyze(Source(str(source)), str(tmp_path / "out"), image_size=32)
    assert list(found["file_sizes"]) == [f"{split}/{label}" for split in layout.SPLITS for label in layout.LABELS] + [
        "all"
    ]
    texts = {finding["text"]: finding["kind"] for finding in found["findings"]}
    leak = "1 of 7 real validation images are also in train, byte for byte: a network may know them by heart."
    assert texts[leak] == "warning"
    assert {row["path"].split("/")[0] for row in rows(tmp_path / "out/duplicates.csv")} == {"train", "validation"}


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
