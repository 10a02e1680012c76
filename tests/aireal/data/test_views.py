"""aireal.data.views: windows and copies saved anew, made once; Data and its scores count pictures."""

import dataclasses
import io

import numpy as np
import pytest
from PIL import Image

from aireal.data import views
from aireal.data.batches import Data
from aireal.pixels import decoding, windows


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """Twenty noisy pictures of each class, in several sizes."""
    folder, rng = tmp_path_factory.mktemp("source"), np.random.default_rng(0)
    for label in ("ai", "photo"):
        (folder / label).mkdir()
        for number in range(20):
            noise = rng.integers(0, 256, [60 + number, 90, 3], np.uint8)
            Image.fromarray(noise).save(folder / label / f"{number}.png")
    return folder


@pytest.fixture
def make(source, make_config, tmp_path):
    """Returns a function that makes the Config of a run that reads windows."""
    usual = {"source": str(source), "reading": "windows", "image_size": 16, "windows": 3, "views": 5, "cache": "none"}
    return lambda **values: make_config(**{**usual, "prepared_dir": str(tmp_path / "prepared"), **values})


def _picture(data, split, row):
    name = data.table(split).filename[row]
    return decoding.decode(list(data.files(split))[row]), f"train/{name}"


@pytest.mark.parametrize("cache", ["none", "ram"])
def test_windows_to_learn_from_are_pieces_of_their_pictures(make, cache):
    data = Data(make(cache=cache, batch_size=10))
    batches = list(data.training(1).as_numpy_iterator())
    assert len(batches) == data.steps_per_epoch() == 13  # 26 pictures of five windows
    pixels = np.concatenate([np.rint(images * 255).astype(np.uint8) for images, _ in batches])
    labels = np.concatenate([labels for _, labels in batches])
    assert np.bincount(labels.astype(int)).tolist() == [65, 65]
    pictures = [decoding.decode(file) for file in data.files("train")]
    found = [any(_holds(picture, window) for picture in pictures) for window in pixels[:10]]
    assert all(found)


def _holds(picture, window):
    candidates = np.lib.stride_tricks.sliding_window_view(picture, (16, 16, 3))[:, :, 0]
    first = np.argwhere(np.all(candidates[:, :, 0, 0] == window[0, 0], axis=-1))
    return any(np.array_equal(candidates[top, left], window) for top, left in first)


def test_every_picture_is_judged_by_the_same_windows(make):
    data = Data(make())
    pixels = np.concatenate(list(data.pixels("test", 4).as_numpy_iterator()))
    assert pixels.shape == (len(data.table("test")) * 3, 16, 16, 3)
    for row in (0, 5):
        picture, _ = _picture(data, "test", row)
        expected = windows.cut(picture, 16, windows.places(*picture.shape[:2], 16, 3))
        assert np.array_equal(pixels[3 * row : 3 * row + 3], expected)
    assert np.array_equal(data.images("test", np.array([5, 0])), pixels[[15, 0]])


def test_views_are_made_once_and_for_every_seed(make, monkeypatch):
    before = list(Data(make()).pixels("test").as_numpy_iterator())
    monkeypatch.setattr(views, "_write", None)
    after = list(Data(make(seed=5, batch_size=3, train_fraction=0.5)).pixels("test", 64).as_numpy_iterator())
    assert np.array_equal(np.concatenate(before), np.concatenate(after))
    with pytest.raises(TypeError):
        Data(make(views=6))


def test_what_was_begun_and_not_finished_is_made_anew(make, monkeypatch, tmp_path):
    config, write = make(), views._write

    def write_and_die(*arguments):
        write(*arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(views, "_write", write_and_die)
    with pytest.raises(KeyboardInterrupt):
        Data(config)
    assert not list((tmp_path / "prepared").glob(".partial*"))  # which may have filled the disk
    monkeypatch.setattr(views, "_write", write)
    assert len(list(Data(config).validation())) == 1
    assert not list((tmp_path / "prepared").glob(".partial*"))


def test_views_of_pictures_that_were_only_judged_are_none_to_learn_from(make):
    judged = Data(make(), learnt_from="others")
    assert len(judged.table("test")) == 40
    learnt = Data(make(cache="ram"))
    assert sum(len(labels) for _, labels in learnt.training(1)) == 130


@pytest.mark.parametrize("damage", ["cut", "lose", "forget"])
def test_damaged_views_are_made_anew(make, tmp_path, capsys, damage):
    before = np.concatenate(list(Data(make()).pixels("test", 64).as_numpy_iterator()))
    (folder,) = (path for path in (tmp_path / "prepared").glob("*-windows-*") if path.is_dir())
    if damage == "forget":
        (folder / "views.json").unlink()
    else:
        shard = folder / "judged-0.rgb"
        shard.unlink() if damage == "lose" else shard.write_bytes(shard.read_bytes()[:-9])
    after = np.concatenate(list(Data(make()).pixels("test", 64).as_numpy_iterator()))
    assert np.array_equal(before, after)
    assert "is damaged: it is made anew." in capsys.readouterr().out


def test_pictures_are_saved_anew_blind_to_their_class(make):
    none, train, every = (Data(make(resave=how)) for how in ("none", "train", "all"))
    for kind, other in ((train, False), (every, True)):
        ours, plain = (next(data.pixels("test", 64).as_numpy_iterator()) for data in (kind, none))
        assert np.any(ours != plain) == other
        learnt, before = (next(iter(data.training(1)))[0].numpy() for data in (kind, none))
        assert np.any(learnt != before)
    picture, name = _picture(every, "test", 0)
    expected = views.to_judge(picture, every.config, name)
    assert np.array_equal(next(every.pixels("test", 3).as_numpy_iterator()), expected)
    with Image.open(io.BytesIO(views.judged_file(picture, every.config, name))) as image:
        assert np.array_equal(
            views.to_judge(np.asarray(image), dataclasses.replace(every.config, resave="none"), ""), expected
        )


def test_whole_pictures_can_be_saved_anew_too(make):
    data = Data(make(reading="whole", resave="train", views=2))
    assert data.steps_per_epoch() == 1
    assert len(next(iter(data.training(1)))[1]) == 52
    assert len(np.concatenate(list(data.pixels("test").as_numpy_iterator()))) == len(data.table("test"))
