"""exports.web.site: the folder that is the page of a network."""

import json
import pathlib
import shutil

import numpy as np
import pytest
from PIL import Image

from aireal.errors import UserError
from aireal.machine import package_folder
from aireal.verdicts.predictor import Predictor
from exports.web import site

SHIPPED = package_folder() / "aireal/trained/robust"


@pytest.fixture
def model(tmp_path):
    """An int8 file of its own, without the run and the card that it came from."""
    (tmp_path / "mine").mkdir()
    shutil.copy(SHIPPED / "export/preprocessing.json", tmp_path / "mine")
    return shutil.copy(SHIPPED / "export/model_int8.tflite", tmp_path / "mine/model_int8.tflite")


def test_the_folder_has_the_model_and_its_contract(folder):
    export = SHIPPED / "export"
    assert (folder / "model/model.tflite").read_bytes() == (export / "model_int8.tflite").read_bytes()
    contract = json.loads((folder / "model/preprocessing.json").read_text())
    assert contract["rule"] == json.loads((export / "preprocessing.json").read_text())["rule"]
    assert (folder / "model/labels.txt").read_text() == (export / "labels.txt").read_text()


def test_the_page_says_what_the_network_knows_and_has_its_card(folder):
    text = (folder / "index.html").read_text()
    assert "It learned from CIFAKE alone" in text
    assert 'href="card.html"' in text
    assert "<table>" in (folder / "card.html").read_text()
    assert "pipeline_tag" not in (folder / "card.html").read_text()


def test_the_sample_is_one_that_gets_a_verdict(folder):
    with Image.open(folder / "sample.png") as sample:
        assert sample.size == (32, 32)
        (prediction,) = Predictor(folder / "model/model.tflite").predict([np.asarray(sample)])
    assert prediction.reason is None


def test_the_service_worker_keeps_every_file_and_knows_when_one_changes(folder, litert, model, tmp_path):
    def kept(page):
        version, names = (page / "service-worker.js").read_text().splitlines()[:2]
        return version, json.loads(names.removeprefix("const FILES = ").removesuffix(";"))

    version, names = kept(folder)
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert set(names) == {"./", *files} - {"service-worker.js", "_headers", "made-by-aireal.json"}
    assert kept(site.make(model, tmp_path / "other"))[0] != version


def test_a_bare_file_has_a_page_without_a_card(litert, model, tmp_path):
    page = site.make(model, tmp_path / "page")
    assert not (page / "card.html").exists()
    text = (page / "index.html").read_text()
    assert "Nobody says what it learned from." in text
    assert "card.html" not in text


def test_without_a_rule_there_is_no_switch(folder, litert, model, tmp_path):
    assert 'id="anyway"' in (folder / "index.html").read_text()
    contract = json.loads((SHIPPED / "export/preprocessing.json").read_text())
    (tmp_path / "mine/preprocessing.json").write_text(json.dumps({**contract, "rule": {"real_from": 0.5}}))
    assert 'id="anyway"' not in (site.make(model, tmp_path / "page") / "index.html").read_text()


def test_markup_in_a_card_is_shown_and_not_obeyed(litert, model, tmp_path):
    (tmp_path / "mine/README.md").write_text("---\na: b\n---\n\n# Mine\n\n<script>alert(1)</script>\n")
    text = (site.make(model, tmp_path / "page") / "card.html").read_text()
    assert "<script>" not in text
    assert "&lt;script&gt;" in text


def test_a_page_is_made_anew_and_a_folder_of_somebodys_own_is_left_alone(litert, model, tmp_path):
    page = site.make(model, tmp_path / "page")
    mark = json.loads((page / "made-by-aireal.json").read_text())
    (page / "made-by-aireal.json").write_text(json.dumps({**mark, "names": [*mark["names"], "old"]}))
    (page / "old").write_text("of an earlier version")
    assert not (site.make(model, page) / "old").exists()
    own = tmp_path / "mine"
    with pytest.raises(UserError, match="is not a page that was made here, so it is not replaced"):
        site.make(model, own)
    assert (own / "model_int8.tflite").exists()


def test_what_somebody_put_into_a_page_stays(litert, model, tmp_path):
    page = site.make(model, tmp_path / "page")
    (page / ".git/refs").mkdir(parents=True)
    (page / ".git/HEAD").write_text("ref: refs/heads/main")
    (page / "CNAME").write_text("example.org")
    (page / "latest").symlink_to("nowhere")
    before = (page / "service-worker.js").read_text()
    site.make(model, page)
    assert (page / ".git/HEAD").read_text() == "ref: refs/heads/main"
    assert (page / ".git/refs").is_dir()
    assert (page / "CNAME").read_text() == "example.org"
    assert (page / "latest").readlink() == pathlib.Path("nowhere")
    assert (page / "service-worker.js").read_text() == before  # it serves the page alone


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (
            "mine",
            r"has no model_int8\.tflite, which the page would run\. Make one: python -m exports\.export --run=.*mine",
        ),
        ("mine/model.keras", r"model\.keras cannot run in a browser\. Expected a \.tflite file"),
        ("nothing", "does not exist"),
    ],
)
def test_what_no_browser_runs_is_refused(tmp_path, name, words):
    (tmp_path / "mine").mkdir()
    shutil.copy(SHIPPED / "model.keras", tmp_path / "mine")
    with pytest.raises(UserError, match=words):
        site.make(tmp_path / name, tmp_path / "page")
    assert not (tmp_path / "page").exists()


def test_a_form_for_cameras_is_refused(model, tmp_path):
    (tmp_path / "mine/preprocessing.json").unlink()
    camera = shutil.move(model, tmp_path / "mine/model_camera.tflite")
    contract = json.loads((SHIPPED / "export/preprocessing.json").read_text())
    (tmp_path / "mine/preprocessing.json").write_text(json.dumps({**contract, "image_size": 16}))
    with pytest.raises(UserError, match=r"takes pictures as cameras give them\. The page needs model_int8\.tflite"):
        site.make(camera, tmp_path / "page")
