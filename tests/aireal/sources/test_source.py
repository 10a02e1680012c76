"""aireal.sources.source: what --source says: its name, its form, where it is and what tells it from others."""

import os
import pathlib

import pytest

from aireal.errors import UserError
from aireal.sources import demo
from aireal.sources.source import Source, imbalance
from builders.cifake import layout, sources


@pytest.mark.parametrize(
    ("text", "name", "form", "is_release"),
    [
        ("demo", "demo", "any", False),
        ("kaggle", "kaggle", "strict", True),
        ("/data/cifake.zip", "cifake.zip", "strict", False),
        ("/data/photographs/", "photographs", "strict", False),
        ("./demo", "demo", "strict", False),  # a folder of that name
    ],
)
def test_a_source_has_a_name_and_a_form(text, name, form, is_release):
    source = Source(text)
    assert (source.name, source.form, source.is_release) == (name, form, is_release)


@pytest.mark.parametrize(("folder", "form"), [("train/FAKE", "strict"), ("ai", "any"), ("train/ai", "any")])
def test_the_form_is_by_folders_and_names(folder, form, picture, write):
    assert Source(str(write({f"{folder}/0001 (2).jpg": picture()}))).form == form


def test_the_flags_about_a_source_come_with_it(make_config, write, picture):
    folder = str(write({"sd/0.jpg": picture(0), "real/0.jpg": picture(1)}))
    source = Source.of(make_config(source=folder, fake="sd", pair="stem", damaged="leave_out"))
    assert source == Source(folder, layout.Naming(fake="sd", pair="stem"), leave_out=True)
    source.check()
    with pytest.raises(UserError, match="it has no FAKE"):
        Source(folder).check()
    others = [Source(folder), Source(folder, source.naming), source]
    assert len({other.fingerprint(0) for other in others}) == 3
    assert Source.of(make_config(fake="sd")) == Source("demo")  # which has names of its own
    with pytest.raises(UserError, match="--fake and --real both have x"):
        make_config(source=folder, fake="x", real="x")


def test_the_current_folder_has_its_own_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert Source(".").name == tmp_path.name


def test_a_path_means_the_same_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert Source("photos.zip").absolute() == Source(str(tmp_path / "photos.zip"))
    assert Source("~/photos").absolute() == Source(os.path.expanduser("~/photos"))
    absolute = Source(str(tmp_path))
    assert absolute.absolute() == absolute
    for word in ("demo", "kaggle", ""):
        assert Source(word).absolute() == Source(word)


def test_the_name_of_what_a_link_leads_to_is_printable(tmp_path):
    (tmp_path / "caf\udce9\n").mkdir()
    (tmp_path / "link").symlink_to("caf\udce9\n")
    assert Source(str(tmp_path / "link")).name == r"caf\udce9\n"  # it stands in the README.md of an export


def test_the_demo_is_told_apart_by_its_seed():
    assert Source("demo").fingerprint(1) == demo.fingerprint(1) != Source("demo").fingerprint(2)


def test_files_are_told_apart_by_names_sizes_and_times_and_not_by_a_seed(files, write):
    folder = write(files)
    source = Source(str(folder))
    before = source.fingerprint(0)
    assert before == source.fingerprint(1) == sources.fingerprint(folder)
    os.utime(folder / "train/FAKE/0000.jpg", ns=(0, 0))
    assert source.fingerprint(0) != before


def test_what_is_not_there_has_no_fingerprint(tmp_path):
    with pytest.raises(layout.SourceError, match="nowhere does not exist"):
        Source(str(tmp_path / "nowhere")).fingerprint(0)


def test_the_demo_is_made_and_goes_away_again(monkeypatch):
    monkeypatch.setattr(demo, "COUNTS", {"train": 100, "test": 10})
    with Source("demo").located(seed=0) as place:
        made = pathlib.Path(place)
        assert len(list(made.rglob("*.jpg"))) == 220
        assert sorted(path.name for path in made.iterdir()) == ["test", "train"]
    assert not made.exists()


def test_a_path_is_where_it_is(tmp_path):
    with Source(str(tmp_path)).located(seed=0) as place:
        assert place == str(tmp_path)
    assert tmp_path.exists()


def test_it_needs_no_tensorflow(command):
    done = command("-c", "from aireal.sources.source import Source; print(Source('demo').fingerprint(0))")
    assert done.stdout.strip() == demo.fingerprint(0), done.stderr


@pytest.mark.parametrize(("fakes", "photographs", "warned"), [(100, 100, False), (150, 100, False), (100, 151, True)])
def test_unequal_classes_are_warned_of(fakes, photographs, warned):
    warning = imbalance("train", fakes, photographs)
    assert (warning is not None) == warned
    if warned:
        assert "100 FAKE and 151 REAL" in warning
