"""TFDS builder: the CIFAKE folders, or pictures laid out like them, to TFRecords."""

import collections
import dataclasses
import gc
import io
import os
from collections.abc import Iterator

import tensorflow_datasets as tfds

from builders import progress
from builders.cifake import checks, copies, layout, sources

SHARDS = 8  # a split: enough to interleave and shuffle, where TFDS by itself would write a single one


@dataclasses.dataclass(kw_only=True)
class Config(tfds.core.BuilderConfig):
    """`strict`: CIFAKE's own form, 32x32 RGB JPEG and file names that state the object."""

    strict: bool


class Builder(tfds.core.GeneratorBasedBuilder):
    """Examples with the file's own bytes, its label, what it shows, its name and what it is a copy of.

    A copy has the same bytes. Where any pictures are taken, one that was scaled, turned upright or saved anew counts
    too.

    Args:
      source: a folder or archive, as `sources.pictures` takes it. By default TFDS's `manual_dir`.
      release_only: refuse anything but CIFAKE's own 120,000 files, byte for byte.
      outline: of the source, where it is known already.
      **kwargs: those of tfds.core.DatasetBuilder.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "Initial release."}
    BUILDER_CONFIGS = [
        Config(name="strict", strict=True, description="32x32 RGB JPEG with CIFAKE's file names."),
        Config(
            name="any",
            version="1.1.0",  # near-copies
            strict=False,
            description="The same folders, any size; JPEG, PNG, BMP, GIF or WebP.",
        ),
    ]
    MANUAL_DOWNLOAD_INSTRUCTIONS = """
    Put CIFAKE (https://www.kaggle.com/datasets/birdy654/cifake-real-and-ai-generated-synthetic-images) into
    manual_dir: the folders train/ and test/, each with FAKE/ and REAL/, or the archive as downloaded.
    """

    def __init__(
        self,
        *,
        source: os.PathLike | str | None = None,
        release_only: bool = False,
        outline: layout.Outline | None = None,
        **kwargs,
    ):
        self._source = source
        self._outline = outline
        self._release_only = release_only
        super().__init__(**kwargs)

    def _info(self) -> tfds.core.DatasetInfo:
        strict = self.builder_config.strict
        image = tfds.features.Image(shape=(32, 32, 3), encoding_format="jpeg") if strict else tfds.features.Image()
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {
                    "image": image,
                    "label": tfds.features.ClassLabel(names=layout.LABELS),
                    "object": tfds.features.ClassLabel(names=sources.OBJECTS),  # -1 where it is unknown
                    "filename": tfds.features.Text(),
                    "copy_of": tfds.features.Text(),
                }
            ),
            supervised_keys=("image", "label"),
            homepage="https://www.kaggle.com/datasets/birdy654/cifake-real-and-ai-generated-synthetic-images",
        )

    def _log_download_bytes(self) -> None:
        """Says nothing: TFDS would speak of a download of unknown size, and nothing is downloaded."""

    def _log_download_done(self) -> None:
        """Says nothing: the bars have shown it."""

    def _download_and_prepare(self, dl_manager, download_config):
        self._source = self._source or dl_manager.manual_dir
        # All files are looked at before the first is written: a bad source costs seconds and leaves nothing behind.
        (self._outline or sources.outline(self._source)).check(layout.printable(str(self._source)))
        self._reader = sources.Reader(self._source)
        found = checks.scan(self._reader, strict=self.builder_config.strict)
        if self._release_only and not checks.is_release(found.digests):
            raise layout.SourceError(
                f"{self._source} is not CIFAKE as its authors released it: the archive has changed. Look at what is "
                "there, and if you trust it give that folder as the source."
            )
        self._copies = copies.first_copies(found.digests, found.thumbnails)
        self._counts = collections.Counter(path.split("/")[0] for path in found.digests)
        # Numbers alone say "airplane" in CIFAKE, where others stand in brackets, and nothing elsewhere.
        self._tells_objects = self.builder_config.strict and any("(" in path for path in found.digests)
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

    def _split_generators(self, dl_manager: tfds.download.DownloadManager):
        del dl_manager  # the source is known already
        return {split: self._generate_examples(split) for split in layout.SPLITS}

    def _generate_examples(self, split: str) -> Iterator[tuple[str, dict]]:
        pictures, total = self._reader.pictures([split]), self._counts[split]
        for path, load in progress.bar(pictures, f"Writing {split}", total, unit=" pictures"):
            _, label, name = path.split("/", 2)
            yield (
                path,
                {
                    "image": io.BytesIO(load()),
                    "label": label,
                    # A number in brackets means a class in CIFAKE's names only: elsewhere it is a second download.
                    "object": sources.object_of(name) if self._tells_objects else -1,
                    "filename": f"{label}/{name}",
                    "copy_of": self._copies.get(path, ""),
                },
            )
