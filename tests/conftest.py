"""Data for the tests: small sources made with Pillow, a demo taken through the real builder, and CIFAKE itself."""

import hashlib
import io
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator

import filelock
import numpy as np
import pytest
from PIL import Image

import aireal  # noqa: F401 - it sets how TensorFlow computes, so it comes before any test that imports TensorFlow
from builders.cifake import layout

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# A shell that starts the tests in the background has them ignore Ctrl-C, and by them the programs that they interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = pathlib.Path(__file__).resolve().parent.parent
# The release as one archive; unpacked once into a cache that is named by its hash.
ARCHIVE = pathlib.Path(os.environ.get("AIREAL_CIFAKE", ROOT.parent / "shared/cifake/cifake.tar.xz"))
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "aireal-tests"
NAMES = ("0000.jpg", "0001 (2).jpg", "0002 (3).jpg", "0003 (10).jpg")  # of the pictures in each folder of `files`


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
def withholding(trained, tmp_path_factory):
    """The run of `trained`, with a rule for a risk of 0.3, which withholds some verdicts. To be left alone."""
    from aireal.judging import unsure
    from aireal.runs.folder import RunFolder

    config, folder = trained
    copy = shutil.copytree(folder, tmp_path_factory.mktemp("withholding") / "run")
    unsure.refit(RunFolder(copy), config, 0.3, 0.95)
    return config, copy


@pytest.fixture(scope="session")
def reads_windows(tmp_path_factory, prepared_dir):
    """A Config and the folder of a run that reads windows, of smooth FAKE and noisy REAL. To be left alone."""
    from aireal.settings.config import Config
    from aireal.training import experiment

    source, rng = tmp_path_factory.mktemp("sizes"), np.random.default_rng(0)
    for label in ("ai", "photo"):
        (source / label).mkdir()
        for number in range(60):
            noise = rng.integers(0, 256, [50 + number, 90, 3], np.uint8)
            image = Image.fromarray(noise)
            smooth = image.resize((30, 20)).resize(image.size, Image.Resampling.BICUBIC)
            (smooth if label == "ai" else image).save(source / label / f"{number}.png")
    config = Config(
        source=str(source),
        prepared_dir=str(prepared_dir),
        reading="windows",
        windows=3,
        views=4,
        image_size=16,
        filters=(8,),
        head="average",
        dense_units=(),
        normalization="batch",
        epochs=8,
        learning_rate=1e-2,
        batch_size=32,
        risk=0.0,
    )
    folder = tmp_path_factory.mktemp("windows") / "run"
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


@pytest.fixture
def disk(tmp_path) -> Iterator[Callable[[int], pathlib.Path]]:
    """Returns a function that makes a disk of so many KiB; skips where mounting is not allowed."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def mount(kibibytes: int) -> pathlib.Path:
        command = ["mount", "-t", "tmpfs", "-o", f"size={kibibytes}k", "tmpfs", folder]
        if os.geteuid() or subprocess.run(command, capture_output=True).returncode:
            pytest.skip("mounting is not allowed here")
        return folder

    yield mount
    if folder.is_mount():
        subprocess.run(["umount", folder], check=True)


@pytest.fixture(scope="session")
def picture() -> Callable[..., bytes]:
    """Returns a function that encodes a picture; another seed gives other pixels."""

    def encode(seed: int = 0, *, size: tuple[int, int] = (32, 32), mode: str = "RGB", form: str = "JPEG") -> bytes:
        coarse = np.random.default_rng(seed).integers(0, 256, [4, 4, 3], np.uint8)
        file = io.BytesIO()
        Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC).convert(mode).save(file, form)
        return file.getvalue()

    return encode


@pytest.fixture(scope="session")
def files(picture) -> dict[str, bytes]:
    """A sound source: canonical path -> bytes, four pictures of each class and split, none like another."""
    folders = [f"{split}/{label}" for split in ("train", "test") for label in layout.LABELS]
    paths = [f"{folder}/{name}" for folder in folders for name in NAMES]
    return {path: picture(seed) for seed, path in enumerate(paths)}


@pytest.fixture
def write(tmp_path) -> Callable[..., pathlib.Path]:
    """Returns a function that writes files into a folder and returns it."""

    def write_files(contents: dict[str, bytes], folder: str = "source") -> pathlib.Path:
        for path, data in contents.items():
            file = tmp_path / folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
        return tmp_path / folder

    return write_files


@pytest.fixture(scope="session")
def remains() -> Callable[[pathlib.Path], list[pathlib.Path]]:
    """Returns a function that lists what is left of failed preparations in a folder."""

    def remains_in(folder: pathlib.Path) -> list[pathlib.Path]:
        left = (path for path in folder.rglob("*") if path.is_file() or path.name.startswith("incomplete."))
        # Not counted: the lock file, and TFDS's note of which config is the default.
        return [path for path in left if path.suffix != ".lock" and path.parent.name != ".config"]

    return remains_in
