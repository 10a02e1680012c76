"""aireal.paths: what a name on the command line means."""

import os

import pytest

from aireal import paths
from aireal.errors import UserError


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """The current folder: `link` leads from it to far/below."""
    (tmp_path / "here").mkdir()
    (tmp_path / "far/below").mkdir(parents=True)
    (tmp_path / "here/link").symlink_to("../far/below")
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


def test_links_are_followed_or_kept(folder):
    assert paths.resolve("link/a") == folder.parent / "far/below/a"
    assert paths.absolute("link/a") == str(folder / "link/a")


def test_above_a_link_is_above_what_it_leads_to(folder):
    assert paths.absolute("link/../a") == str(folder.parent / "far/a")
    assert paths.absolute("../here/./link/") == str(folder / "link")


def test_the_home_is_found_and_nobodys_is_refused(folder):
    assert str(paths.resolve("~")) == os.path.realpath(os.path.expanduser("~"))
    for meant in (paths.resolve, paths.absolute):
        with pytest.raises(UserError, match=r"~nobody .* write \./~nobody"):
            meant("~nobody of this name")
        assert str(meant("./~nobody")) == str(folder / "~nobody")


def test_a_loop_of_links_stays(folder):
    (folder / "loop").symlink_to("loop")
    assert paths.resolve("loop") == folder / "loop"


@pytest.mark.parametrize(
    "name", [" a ", "[1]{a,b}*?", "'\"#%$\\", "-a=,", "~", "\xe9\u6728", "\u200c", "\xa0", "x" * 255]
)
def test_most_names_are_fit(name):
    assert paths.complaint(name) is None
