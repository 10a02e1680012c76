"""What a run learns from, and what its network sees of it."""

import dataclasses
import functools

from aireal.settings import declaring
from aireal.sources.source import Source

ASPECT_RATIOS = ("stretch", "center_crop")
# What says how a source is to be understood: of no use for another one.
SOURCE = ("builder_config", "fake", "real", "columns", "pair", "damaged")
_field = functools.partial(declaring.field, group="data")


@dataclasses.dataclass(frozen=True, kw_only=True)
class DataFields:
    """Values of the images and of what becomes of them."""

    source: str = _field(
        "demo",
        "where images come from: demo (made on the spot, offline), kaggle (CIFAKE, downloaded), a folder, .zip or .tar "
        "with a folder of each class, by themselves or in train/ and test/, or a .csv with columns path and label",
    )
    builder_config: str = _field(
        "auto",
        "what the builder accepts: strict (CIFAKE's 32x32 RGB JPEG with its file names), any (any pictures), auto "
        "(strict where folders and names are CIFAKE's)",
        choices=("auto", "strict", "any"),
    )
    fake: str = _field(
        "",
        "names of the class FAKE, of folders or in a .csv, comma-separated; by default FAKE, ai, generated, synthetic, "
        "artificial, 1_fake in any case",
        may_be_empty=True,
    )
    real: str = _field("", "names of the class REAL; by default REAL, nature, human, photo, 0_real", may_be_empty=True)
    columns: str = _field(
        "",
        "columns of a .csv, as path=file,label=kind,split=part,group=generator,pair=prompt; by default they are called "
        "path, label, split, group or generator, pair or prompt",
        may_be_empty=True,
    )
    pair: str = _field(
        "none",
        "which pictures never stand on both sides of a split, besides copies: none, or stem, those whose file names "
        "are the same up to the ending; a .csv has a column for it",
        choices=("none", "stem"),
    )
    damaged: str = _field(
        "refuse",
        "what becomes of a source with damaged files: refuse it, or leave_out those files, and list them",
        choices=("refuse", "leave_out"),
    )
    prepared_dir: str = _field("~/.cache/aireal", "folder of the prepared TFRecords, which later runs reuse")
    beam_pipeline_options: str = _field(
        "",
        "prepare the images by Apache Beam, with these of its options, comma-separated and without dashes: "
        "direct_num_workers=8 for processes of this machine, runner=FlinkRunner,flink_master=host:8081 for a cluster",
        may_be_empty=True,
    )
    cache: str = _field(
        "auto",
        "where decoded images stay: none (streamed from disk, bounded memory), ram (all in memory), auto (ram "
        "where they take less than half of what is free)",
        choices=("auto", "none", "ram"),
    )
    validation_fraction: float = _field(
        0.2,
        "share of the train folder that is kept for validation, where the source has no folder for it; 0 is without",
        at_least=0.0,
        below=1.0,
    )
    leave_out: str = _field(
        "",
        "groups (generators, topics) without which it learns, comma-separated: what a network makes of their test "
        "pictures tells what it makes of generators that it never saw",
        may_be_empty=True,
    )
    train_fraction: float = _field(
        1.0,
        "share of the training images that is used, the same ones at the same seed: less is quicker to try things out",
        at_least=1e-6,
        at_most=1.0,
    )
    reading: str = _field(
        "whole",
        "what the network sees of a picture: the whole of it, resampled to --image_size, or windows of so many pixels "
        "as they are; a picture's score is then the mean of its windows' logits",
        choices=("whole", "windows"),
    )
    windows: int = _field(12, "windows by which a picture is judged, spread over it", at_least=1, at_most=1024)
    views: int = _field(
        16,
        "windows at random places, or with --resave copies, that are made of each training picture for all epochs",
        at_least=1,
        at_most=4096,
    )
    resave: str = _field(
        "none",
        "put pictures of both classes, blind to the label, through the same cropping, scaling and saving before the "
        "network sees them: none, those to learn from (train), or those it is judged by too (all)",
        choices=("none", "train", "all"),
    )
    resave_scale: float = _field(
        0.3, "least factor by which --resave scales the edges of a picture", at_least=0.01, at_most=1.0
    )
    resave_quality: int = _field(50, "least JPEG quality of --resave; the best is 96", at_least=1, at_most=96)
    image_size: int = _field(
        32,
        "edge in pixels of what the model sees; pictures of other sizes are resampled to it, unless it sees windows",
        at_least=8,
        at_most=1024,
    )
    aspect_ratio: str = _field(
        "stretch",
        "what becomes of pictures that are not square: stretch, as in the making of CIFAKE, or center_crop, the "
        "largest square in their middle",
        choices=ASPECT_RATIOS,
    )
    batch_size: int = _field(64, "images a step", at_least=1, at_most=8192)

    @property
    def left_out(self) -> tuple[str, ...]:
        """The names of `leave_out`."""
        return tuple(name.strip() for name in self.leave_out.split(",") if name.strip())

    @property
    def has_views(self) -> bool:
        """Whether the network sees something else than whole pictures as they are."""
        return self.reading == "windows" or self.resave != "none"

    @property
    def judged_views(self) -> int:
        """Of how many views a picture's score is the mean."""
        return self.windows if self.reading == "windows" else 1

    @property
    def strict(self) -> bool:
        """Whether the builder demands CIFAKE's own form."""
        form = Source.of(self).form if self.builder_config == "auto" else self.builder_config
        return form == "strict"
