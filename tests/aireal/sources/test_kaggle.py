"""aireal.sources.kaggle: a download that fails, or gives something else than CIFAKE, says what to do by hand."""

import sys

import pytest

from aireal.data import records
from aireal.settings import config


@pytest.fixture
def kaggle_refusal(tmp_path, remains):
    """Returns a function that says why `--source=kaggle` fails."""

    def refuse() -> str:
        with pytest.raises(config.UserError) as error:
            records.prepare(config.Config(source="kaggle", prepared_dir=str(tmp_path / "prepared")))
        assert remains(tmp_path / "prepared") == []
        return str(error.value)

    return refuse


def test_kaggle_without_kagglehub_says_how_to_install_it(kaggle_refusal, monkeypatch):
    monkeypatch.setitem(sys.modules, "kagglehub", None)
    message = kaggle_refusal()
    assert "pip install 'aireal[kaggle]'" in message
    assert "--source=archive.zip" in message


def test_kaggle_without_a_network_says_how_to_download_by_hand(kaggle_refusal, monkeypatch, tmp_path):
    pytest.importorskip("kagglehub")
    # Nobody listens on the discard port: the real client fails here as it does without a network.
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path / "kagglehub"))
    message = kaggle_refusal()
    assert "could not be downloaded" in message
    assert "https://www.kaggle.com/datasets/birdy654" in message
    assert "--source=archive.zip" in message


def test_a_failed_kaggle_download_says_why_and_how_to_do_it_by_hand(kaggle_refusal, monkeypatch):
    def fail(handle: str) -> str:
        raise ConnectionError(f"no route to {handle}")

    monkeypatch.setattr(pytest.importorskip("kagglehub"), "dataset_download", fail)
    message = kaggle_refusal()
    assert "ConnectionError: no route to birdy654/cifake" in message
    assert "--source=archive.zip" in message


def test_a_changed_kaggle_archive_is_refused(kaggle_refusal, monkeypatch, files, write):
    folder = write(files)
    monkeypatch.setattr(pytest.importorskip("kagglehub"), "dataset_download", lambda handle: str(folder))
    message = kaggle_refusal()
    assert f"{folder} is not CIFAKE as its authors released it" in message
    assert "give that folder as the source" in message


def test_a_changed_kaggle_archive_is_refused_even_where_it_was_prepared_as_a_folder(
    monkeypatch, files, write, tmp_path
):
    folder, prepared_dir = write(files), str(tmp_path / "prepared")
    records.prepare(config.Config(source=str(folder), prepared_dir=prepared_dir))
    monkeypatch.setattr(pytest.importorskip("kagglehub"), "dataset_download", lambda handle: str(folder))
    with pytest.raises(config.UserError, match="is not CIFAKE as its authors released it"):
        records.prepare(config.Config(source="kaggle", prepared_dir=prepared_dir))
