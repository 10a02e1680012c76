"""Small sources, made with Pillow."""

import io
import pathlib
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from builders.cifake import sources
from builders.cifake.cifake_dataset_builder import Builder

NAMES = ("0000.jpg", "0001 (2).jpg", "0002 (3).jpg", "0003 (10).jpg")


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
    folders = [f"{split}/{label}" for split in sources.SPLITS for label in sources.LABELS]
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


@pytest.fixture
def prepare(tmp_path) -> Callable[..., Builder]:
    """Returns a function that prepares a source with the builder."""

    def prepare_source(source: pathlib.Path, config: str = "strict") -> Builder:
        builder = Builder(config=config, data_dir=tmp_path / "prepared", source=source)
        builder.download_and_prepare()
        return builder

    return prepare_source


@pytest.fixture(scope="session")
def remains() -> Callable[[pathlib.Path], list[pathlib.Path]]:
    """Returns a function that lists what is left of failed preparations in a folder."""

    def remains_in(folder: pathlib.Path) -> list[pathlib.Path]:
        left = (path for path in folder.rglob("*") if path.is_file() or path.name.startswith("incomplete."))
        # Not counted: the lock file, and TFDS's note of which config is the default.
        return [path for path in left if path.suffix != ".lock" and path.parent.name != ".config"]

    return remains_in


@pytest.fixture
def refusal(tmp_path, prepare, remains) -> Callable[..., str]:
    """Returns a function that says why the builder refuses a source, after making sure that it leaves no file."""

    def refuse(source: pathlib.Path, config: str = "strict") -> str:
        with pytest.raises(sources.SourceError) as error:
            prepare(source, config)
        assert remains(tmp_path / "prepared") == []
        return str(error.value)

    return refuse
