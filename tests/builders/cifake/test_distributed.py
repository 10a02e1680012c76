"""builders.cifake.distributed: the examples of a local build, by processes that are handed files of what to do."""

import pathlib
import pickle
import shutil

import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from builders.cifake import checks, distributed, layout, passes, sources
from builders.cifake.cifake_dataset_builder import Builder


class Here:
    """Does each part at once, as another process would have it."""

    def each(self, work, parts, title):
        return [work(pickle.loads(pickle.dumps(part))) for part in parts]


def examples(builder):
    """Returns file -> the examples in it, in their order."""
    return {
        path.name: [
            tf.train.Example.FromString(record) for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator()
        ]
        for path in sorted(pathlib.Path(builder.data_dir).glob("*.tfrecord*"))
    }


@pytest.fixture
def many(files, picture):
    """More pictures than one shard has, with copies."""
    more = {f"train/{label}/{number:04}.jpg": picture(number) for label in layout.LABELS for number in range(20, 32)}
    return files | more | {"test/REAL/0099.jpg": files["train/REAL/0000.jpg"]}


@pytest.mark.parametrize("form", ["strict", "any"])
@pytest.mark.parametrize("packed", ["folder", "zip", "tar"])
def test_a_scan_finds_what_a_local_one_finds(form, packed, many, write, tmp_path):
    source = write(many)
    if packed != "folder":
        source = shutil.make_archive(tmp_path / "archive", packed, source)
    how = {"strict": form == "strict", "leave_out": False}
    expected = checks.scan(passes.Reader(sources.Collection(source)), **how)
    found = distributed.scan(sources.Collection(source), Here(), **how)
    assert found.digests == expected.digests
    assert {path: image.tolist() for path, image in found.thumbnails.items()} == {
        path: image.tolist() for path, image in expected.thumbnails.items()
    }


def test_unfit_files_are_named_or_left_out(many, write):
    source = write(many | {"train/FAKE/0020.jpg": b"", "test/REAL/0000.jpg": many["test/REAL/0000.jpg"][:200]})
    how = {"strict": False}
    with pytest.raises(layout.SourceError) as refused:
        checks.scan(passes.Reader(sources.Collection(source)), **how)
    with pytest.raises(layout.SourceError) as refused_too:
        distributed.scan(sources.Collection(source), Here(), **how, leave_out=False)
    assert sorted(str(refused_too.value).splitlines()) == sorted(str(refused.value).splitlines())
    found = distributed.scan(sources.Collection(source), Here(), **how, leave_out=True)
    assert sorted(path for path, _ in found.unfit) == ["test/REAL/0000.jpg", "train/FAKE/0020.jpg"]
    assert found.digests.keys() == many.keys() - dict(found.unfit).keys()


def test_a_compressed_tar_cannot_be_begun_in_its_middle(many, write, tmp_path):
    source = shutil.make_archive(tmp_path / "archive", "gztar", write(many))
    with pytest.raises(layout.SourceError, match="compressed as a whole"):
        distributed.scan(sources.Collection(source), Here(), strict=True, leave_out=False)


@pytest.mark.parametrize("form", ["strict", "any"])
def test_records_hold_the_examples_of_a_local_build(form, many, write, tmp_path, monkeypatch):
    source = write(many)
    local = Builder(config=form, data_dir=tmp_path / "local", source=source)
    local.download_and_prepare()
    monkeypatch.setattr(Builder, "_engine_of", lambda *_: Here())
    built = Builder(config=form, data_dir=tmp_path / "built", source=source)
    built.download_and_prepare()
    assert examples(built) == examples(local)
    assert built.info.splits["train"].shard_lengths == local.info.splits["train"].shard_lengths
    assert built.info.splits["train"].num_bytes == local.info.splits["train"].num_bytes
    assert sorted(path.name for path in pathlib.Path(built.data_dir).iterdir()) == sorted(
        path.name for path in pathlib.Path(local.data_dir).iterdir()
    )


@pytest.mark.parametrize("form", ["strict", "any"])
def test_beam_builds_them_too(form, many, write, tmp_path):
    pytest.importorskip("apache_beam", reason="needs Apache Beam: pip install -e '.[beam]'")
    from apache_beam.options.pipeline_options import PipelineOptions
    from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner

    source = write(many)
    local = Builder(config=form, data_dir=tmp_path / "local", source=source)
    local.download_and_prepare()
    built = Builder(config=form, data_dir=tmp_path / "built", source=source)
    config = tfds.download.DownloadConfig(beam_runner=FnApiRunner(), beam_options=PipelineOptions([]))
    built.download_and_prepare(download_config=config)
    assert examples(built) == examples(local)
    assert not list((tmp_path / "built").rglob("beam"))
