"""TFDS builder: CIFAKE, or pictures as people have them, to TFRecords."""

import collections
import dataclasses
import gc
import io
import os
import pathlib
from collections.abc import Iterator, Sequence
from typing import Any

import tensorflow_datasets as tfds

from builders import progress
from builders.cifake import checks, copies, distributed, examples, layout, passes, sources
from builders.cifake.outline import Outline

SHARDS = 8  # a split: enough for TFDS to interleave and shuffle, which by itself would write a single one


@dataclasses.dataclass(kw_only=True)
class Config(tfds.core.BuilderConfig):
    """`strict`: CIFAKE's own form, 32x32 RGB JPEG and file names that state the object."""

    strict: bool


class Builder(tfds.core.GeneratorBasedBuilder):
    """Examples with the file's own bytes, its label, what it shows, its name and what it is a copy of.

    A copy has the same bytes. Where any pictures are taken, one that was scaled, turned upright or saved anew counts
    too, and there are the group (generator or topic) and the pair, as `layout.Place` has them.

    Args:
      source: a folder, archive or list, as `sources.Collection` takes it, or one that is understood already. By
        default TFDS's `manual_dir`.
      release_only: refuse anything but CIFAKE's own 120,000 files, byte for byte.
      leave_out: do without files that are unfit.
      run_pipeline: what runs a pipeline of Apache Beam. There are some where the download config has a `beam_runner`
        or `beam_options`, as of `tfds build --beam_pipeline_options`; then processes read and write.
      **kwargs: those of tfds.core.DatasetBuilder.

    Attributes:
      unfit: path and reason of the files that were left out, once the examples are made.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "Initial release."}
    BUILDER_CONFIGS = [
        Config(name="strict", strict=True, description="32x32 RGB JPEG with CIFAKE's file names."),
        Config(
            name="any",
            version="1.3.0",  # groups, pairs, splits and copies as they are
            strict=False,
            description="Pictures of any names, sizes and formats.",
        ),
    ]
    MANUAL_DOWNLOAD_INSTRUCTIONS = """
    Put CIFAKE (https://www.kaggle.com/datasets/birdy654/cifake-real-and-ai-generated-synthetic-images) into
    manual_dir: the folders train/ and test/, each with FAKE/ and REAL/, or the archive as downloaded.
    """

    def __init__(
        self,
        *,
        source: sources.Collection | os.PathLike | str | None = None,
        release_only: bool = False,
        leave_out: bool = False,
        run_pipeline: distributed.Run = distributed.run,
        **kwargs,
    ):
        self._source = source
        self._release_only = release_only
        self._leave_out = leave_out
        self._run_pipeline = run_pipeline
        self.unfit: list[tuple[str, str]] = []
        super().__init__(**kwargs)

    def _info(self) -> tfds.core.DatasetInfo:
        return self.dataset_info_from_configs(
            features=examples.features(strict=self.builder_config.strict),
            supervised_keys=("image", "label"),
            homepage="https://www.kaggle.com/datasets/birdy654/cifake-real-and-ai-generated-synthetic-images",
        )

    def _log_download_bytes(self) -> None:
        """Says nothing: TFDS would speak of a download of unknown size, and nothing is downloaded."""

    def _log_download_done(self) -> None:
        """Says nothing: the bars have shown it."""

    def _download_and_prepare(self, dl_manager, download_config):
        source = self._source or dl_manager.manual_dir
        collection = source if isinstance(source, sources.Collection) else sources.Collection(source)
        name = layout.printable(str(collection))
        # All files are looked at before the first is written: a bad source costs seconds and leaves nothing behind.
        collection.outline.check(name, to_learn=False)
        self._reader, self._engine = passes.Reader(collection), self._engine_of(download_config)
        how = {"strict": self.builder_config.strict, "leave_out": self._leave_out}
        found = distributed.scan(collection, self._engine, **how) if self._engine else checks.scan(self._reader, **how)
        self.unfit = found.unfit
        sound = Outline.of(map(layout.Place, found.digests), collection.outline.by_split)
        if lost := collection.outline.counts.keys() - sound.counts.keys():
            raise layout.SourceError(f"{name}: every picture of {layout.listed(lost)} is damaged.")
        sound.check(name, to_learn=False)
        if self._release_only and not checks.is_release(found.digests):
            raise layout.SourceError(
                f"{name} is not CIFAKE as its authors released it: the archive has changed. Look at what is "
                "there, and if you trust it give that folder as the source."
            )
        self._copies = copies.first_copies(found.digests, found.thumbnails)
        self._paths = found.digests.keys()
        self._counts = collections.Counter(path.split("/")[0] for path in self._paths)
        # Numbers alone say "airplane" in CIFAKE, where others stand in brackets, and nothing elsewhere.
        self._tells_objects = self.builder_config.strict and any("(" in path for path in self._paths)
        tfds.display_progress_bar(False)  # its bars are of files and shards; `_generate_examples` counts pictures
        gc.disable()  # TFDS keeps all examples until they are shuffled: the collector takes a fifth of the time there
        try:
            super()._download_and_prepare(
                dl_manager, dataclasses.replace(download_config, num_shards=min(SHARDS, *self._counts.values()))
            )
        finally:
            gc.enable()
            tfds.display_progress_bar(True)
            del self._reader  # and the pictures that it keeps

    def _engine_of(self, download_config: tfds.download.DownloadConfig) -> distributed.Engine | None:
        """Returns what runs pipelines of Beam, where the download config says that there are to be some."""
        runner, options = download_config.beam_runner, download_config.beam_options
        if not runner and not options:
            return None
        return distributed.Engine(runner, options, self._run_pipeline, pathlib.Path(self.data_dir) / "beam")

    def _split_generators(self, dl_manager: tfds.download.DownloadManager):
        del dl_manager  # the source is known already
        return {split: self._generate_examples(split) for split in layout.SPLITS if self._counts[split]}

    def _generate_examples(self, split: str) -> Iterator[tuple[str, dict[str, Any]]]:
        pictures = ((place, load) for place, load in self._reader.pictures([split]) if place.path in self._paths)
        for place, load in progress.bar(pictures, f"Writing {split}", self._counts[split], unit=" pictures"):
            yield place.path, {"image": io.BytesIO(load()), **self._about(place)}

    def _about(self, place: layout.Place) -> dict[str, Any]:
        """Returns an example but for its image."""
        how = {"strict": self.builder_config.strict, "tells_objects": self._tells_objects}
        return examples.about(place, self._copies.get(place.path, ""), **how)

    def _generate_splits(
        self, dl_manager: tfds.download.DownloadManager, download_config: tfds.download.DownloadConfig
    ) -> Sequence[tfds.core.SplitInfo]:
        if self._engine is None:
            return super()._generate_splits(dl_manager, download_config)
        kept = {
            split: [
                distributed.Kept(place.path, self._about(place), load)
                for place, load in self._reader.collection.pictures([split], apart=True)
                if place.path in self._paths
            ]
            for split in layout.SPLITS
            if self._counts[split]
        }
        templates = {split: self._get_filename_template(split) for split in kept}
        how = {"strict": self.builder_config.strict}
        written = distributed.write(kept, templates, download_config.num_shards, self._engine, **how)
        return [
            tfds.core.SplitInfo(
                name=split,
                shard_lengths=[shard.pictures for shard in shards],
                num_bytes=sum(shard.bytes for shard in shards),
                filename_template=templates[split],
            )
            for split, shards in written.items()
        ]
