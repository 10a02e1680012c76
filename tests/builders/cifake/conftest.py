"""Small sources, prepared or refused."""

import pathlib
from collections.abc import Callable

import pytest

from builders.cifake import layout
from builders.cifake.cifake_dataset_builder import Builder


@pytest.fixture
def prepare(tmp_path) -> Callable[..., Builder]:
    """Returns a function that prepares a source with the builder."""

    def prepare_source(source: pathlib.Path, config: str = "strict") -> Builder:
        builder = Builder(config=config, data_dir=tmp_path / "prepared", source=source)
        builder.download_and_prepare()
        return builder

    return prepare_source


@pytest.fixture
def refusal(tmp_path, prepare, remains) -> Callable[..., str]:
    """Returns a function that says why the builder refuses a source, after making sure that it leaves no file."""

    def refuse(source: pathlib.Path, config: str = "strict") -> str:
        with pytest.raises(layout.SourceError) as error:
            prepare(source, config)
        assert remains(tmp_path / "prepared") == []
        return str(error.value)

    return refuse
