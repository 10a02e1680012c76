"""A small trained run, judged by the battery; commands that must answer without TensorFlow; pictures with faults."""

import copy
import io
import os
import shutil
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from aireal.machine import package_folder


@pytest.fixture(scope="session")
def _judged_once(trained, tmp_path_factory):
    from aireal.judging import battery
    from aireal.runs.folder import RunFolder

    config, folder = trained
    run = RunFolder(shutil.copytree(folder, tmp_path_factory.mktemp("judged") / "run"))
    return run.path, config, battery.judge(run.model, run, config)[0]


@pytest.fixture
def judged(_judged_once, tmp_path):
    """A run folder of the test's own, its Config, and what `judge` found of it."""
    from aireal.runs.folder import RunFolder

    folder, config, result = _judged_once
    return RunFolder(shutil.copytree(folder, tmp_path / "run")), config, copy.deepcopy(result)


@pytest.fixture
def command(tmp_path):
    """Runs Python with arguments in an empty folder, without a TensorFlow to import."""
    fake = tmp_path / "fake"
    (fake / "tensorflow").mkdir(parents=True)
    (fake / "tensorflow" / "__init__.py").write_text("raise ImportError('TensorFlow is being imported')")
    folder = tmp_path / "folder"
    folder.mkdir()
    path = os.pathsep.join([str(fake), str(package_folder())])

    def run(*arguments, env=None):
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": path, "COLUMNS": "200", **(env or {})},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    run.folder = folder
    return run


@pytest.fixture
def train(command):
    """Runs `python -m aireal.train` as `command` does."""
    return lambda *arguments, **options: command("-m", "aireal.train", *arguments, **options)


@pytest.fixture(scope="session")
def make_table() -> Callable:
    """Returns a function that makes a `records.Table` of labels [N] and names [N]; all else is unknown unless given."""

    def make(label, filename, **columns):
        from aireal.data.records import Table

        count = len(label)
        unknown = {"object": np.full(count, -1), "folder": np.full(count, "train")}
        unknown |= {name: np.full(count, "") for name in ("copy_of", "group", "pair")}
        return Table(**{**unknown, "label": np.asarray(label), "filename": np.asarray(filename), **columns})

    return make


@pytest.fixture(scope="session")
def jpeg() -> Callable[..., bytes]:
    """Returns a function that encodes pixels, [H, W, 3] uint8, as a JPEG with Pillow's options."""

    def encode(pixels: np.ndarray, **options) -> bytes:
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "JPEG", **options)
        return file.getvalue()

    return encode


@pytest.fixture(scope="module")
def faulty(demo_source, tmp_path_factory, jpeg):
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
