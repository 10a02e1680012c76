"""Data for the tests: a demo source taken through the real builder, and CIFAKE itself where its archive is at hand."""

import hashlib
import os
import pathlib
import subprocess
import sys
import tarfile

import filelock
import pytest

import aireal  # noqa: F401 - it sets how TensorFlow computes, so it comes before any test that imports TensorFlow

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

ROOT = pathlib.Path(__file__).resolve().parent.parent
# The release as one archive; unpacked once into a cache that is named by its hash.
ARCHIVE = pathlib.Path(os.environ.get("AIREAL_CIFAKE", ROOT.parent / "shared/cifake/cifake.tar.xz"))
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "aireal-tests"


@pytest.fixture(scope="session")
def prepared_dir(tmp_path_factory) -> pathlib.Path:
    return tmp_path_factory.mktemp("prepared")


@pytest.fixture(scope="session")
def demo_source(tmp_path_factory) -> pathlib.Path:
    """The demo's 2,400 pictures as a folder."""
    from aireal.sources import demo

    folder = tmp_path_factory.mktemp("source")
    demo.write(folder, seed=0)
    return folder


@pytest.fixture
def make_config(prepared_dir):
    """A Config for a network and a run of seconds."""
    from aireal.settings.config import Config

    small = {"filters": (8, 4), "dense_units": (16,), "epochs": 2, "learning_rate": 1e-3, "batch_size": 100}
    return lambda **values: Config(**{"prepared_dir": str(prepared_dir), **small, **values})


@pytest.fixture(scope="session")
def trained(tmp_path_factory, prepared_dir):
    """A Config and the folder of its run: a small network, right on nine tenths of the demo. To be left alone."""
    from aireal.settings.config import Config
    from aireal.training import experiment

    config = Config(
        prepared_dir=str(prepared_dir),
        filters=(8, 4),
        dense_units=(16,),
        normalization="batch",
        conv_dropout=0.0,
        dense_dropout=0.0,
        augment_flip=True,
        augment_shift_pixels=2,
        epochs=4,
        learning_rate=3e-3,
        batch_size=64,
    )
    folder = tmp_path_factory.mktemp("runs") / "run"
    experiment.run(config, str(folder))
    return config, folder


@pytest.fixture(scope="session")
def cifake() -> pathlib.Path:
    """The folder of the 120,000 images; skips where the archive is missing."""
    if not ARCHIVE.exists():
        pytest.skip(f"needs CIFAKE: set AIREAL_CIFAKE to its archive (looked for {ARCHIVE.name} beside the checkout)")
    folder = CACHE / hashlib.sha256(ARCHIVE.read_bytes()).hexdigest()[:16]
    folder.parent.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(folder.with_suffix(".lock")):  # two processes share the tests
        if not folder.exists():
            partial = folder.with_suffix(".partial")
            with tarfile.open(ARCHIVE) as archive:
                archive.extractall(partial, filter="data")
            partial.rename(folder)
    return folder


@pytest.fixture
def run_python(tmp_path):
    """Runs `python -m ...` from an empty folder, as a user would, and returns the finished process."""

    def run(*arguments: str, **options) -> subprocess.CompletedProcess:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), **options.pop("env", {})}
        return subprocess.run(
            [sys.executable, *map(str, arguments)],
            cwd=options.pop("cwd", tmp_path),
            env=environment,
            capture_output=True,
            text=True,
            **options,
        )

    return run
