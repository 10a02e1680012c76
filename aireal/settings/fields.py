"""Every value of a run with its default, its documentation and its bounds. Free of absl and TensorFlow.

`flags.py` makes the command line from this table, `rules.py` says what speaks against values.
"""

import dataclasses
import functools
from typing import Any

from aireal.sources.source import Source

ASPECT_RATIOS = ("stretch", "center_crop")
# What says how a source is to be understood: of no use for another one.
SOURCE = ("builder_config", "fake", "real", "columns", "pair", "damaged")
# What each changes its part of every training batch: what happens to pictures on their way and, before that, how they
# are edited. A picture may get one of either. CHANGES has the order of `augment_share`.
CORRUPTING = ("augment_jpeg_quality", "augment_noise", "augment_blur", "augment_resample", "augment_specks")
EDITING = (
    "augment_brightness",
    "augment_contrast",
    "augment_gamma",
    "augment_saturation",
    "augment_sharpen",
    "augment_turn",
)
CHANGES = (*CORRUPTING, *EDITING)


def _field(default: Any, help: str, *, group: str, **bounds: Any) -> Any:
    """Declares a field.

    `bounds` are at_least, at_most, below (numbers, for each element of a list), choices, may_be_empty.
    """
    return dataclasses.field(default=default, metadata={"help": help, "group": group, **bounds})


_data, _model, _training, _evaluation = (
    functools.partial(_field, group=group) for group in ("data", "model", "training", "evaluation")
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Fields:
    """Every value of a training run. The defaults are the seed project's baseline on the demo data."""

    source: str = _data(
        "demo",
        "where images come from: demo (made on the spot, offline), kaggle (CIFAKE, downloaded), a folder, .zip or .tar "
        "with a folder of each class, by themselves or in train/ and test/, or a .csv with columns path and label",
    )
    builder_config: str = _data(
        "auto",
        "what the builder accepts: strict (CIFAKE's 32x32 RGB JPEG with its file names), any (any pictures), auto "
        "(strict where folders and names are CIFAKE's)",
        choices=("auto", "strict", "any"),
    )
    fake: str = _data(
        "",
        "names of the class FAKE, of folders or in a .csv, comma-separated; by default FAKE, ai, generated, synthetic, "
        "artificial, 1_fake in any case",
        may_be_empty=True,
    )
    real: str = _data("", "names of the class REAL; by default REAL, nature, human, photo, 0_real", may_be_empty=True)
    columns: str = _data(
        "",
        "columns of a .csv, as path=file,label=kind,split=part,group=generator,pair=prompt; by default they are called "
        "path, label, split, group or generator, pair or prompt",
        may_be_empty=True,
    )
    pair: str = _data(
        "none",
        "which pictures never stand on both sides of a split, besides copies: none, or stem, those whose file names "
        "are the same up to the ending; a .csv has a column for it",
        choices=("none", "stem"),
    )
    damaged: str = _data(
        "refuse",
        "what becomes of a source with damaged files: refuse it, or leave_out those files, and list them",
        choices=("refuse", "leave_out"),
    )
    prepared_dir: str = _data("~/.cache/aireal", "folder of the prepared TFRecords, which later runs reuse")
    beam_pipeline_options: str = _data(
        "",
        "prepare the images by Apache Beam, with these of its options, comma-separated and without dashes: "
        "direct_num_workers=8 for processes of this machine, runner=FlinkRunner,flink_master=host:8081 for a cluster",
        may_be_empty=True,
    )
    cache: str = _data(
        "auto",
        "where decoded images stay: none (streamed from disk, bounded memory), ram (all in memory), auto (ram "
        "where they take less than half of what is free)",
        choices=("auto", "none", "ram"),
    )
    validation_fraction: float = _data(
        0.2,
        "share of the train folder that is kept for validation, where the source has no folder for it; 0 is without",
        at_least=0.0,
        below=1.0,
    )
    leave_out: str = _data(
        "",
        "groups (generators, topics) without which it learns, comma-separated: what a network makes of their test "
        "pictures tells what it makes of generators that it never saw",
        may_be_empty=True,
    )
    train_fraction: float = _data(
        1.0,
        "share of the training images that is used, the same ones at the same seed: less is quicker to try things out",
        at_least=1e-6,
        at_most=1.0,
    )
    reading: str = _data(
        "whole",
        "what the network sees of a picture: the whole of it, resampled to --image_size, or windows of so many pixels "
        "as they are; a picture's score is then the mean of its windows' logits",
        choices=("whole", "windows"),
    )
    windows: int = _data(12, "windows by which a picture is judged, spread over it", at_least=1, at_most=1024)
    views: int = _data(
        16,
        "windows at random places, or with --resave copies, that are made of each training picture for all epochs",
        at_least=1,
        at_most=4096,
    )
    resave: str = _data(
        "none",
        "put pictures of both classes, blind to the label, through the same cropping, scaling and saving before the "
        "network sees them: none, those to learn from (train), or those it is judged by too (all)",
        choices=("none", "train", "all"),
    )
    resave_scale: float = _data(
        0.3, "least factor by which --resave scales the edges of a picture", at_least=0.01, at_most=1.0
    )
    resave_quality: int = _data(50, "least JPEG quality of --resave; the best is 96", at_least=1, at_most=96)
    image_size: int = _data(
        32,
        "edge in pixels of what the model sees; pictures of other sizes are resampled to it, unless it sees windows",
        at_least=8,
        at_most=1024,
    )
    aspect_ratio: str = _data(
        "stretch",
        "what becomes of pictures that are not square: stretch, as in the making of CIFAKE, or center_crop, the "
        "largest square in their middle",
        choices=ASPECT_RATIOS,
    )
    batch_size: int = _data(64, "images a step", at_least=1, at_most=8192)
    augment_flip: bool = _data(False, "mirror half of the training images from left to right")
    augment_shift_pixels: int = _data(
        0, "shift training images by up to this many pixels, borders reflected", at_least=0, at_most=64
    )
    augment_cutout_pixels: int = _data(
        0,
        "cover a square of this edge in training images with grey; its centre may be anywhere in the image",
        at_least=0,
        at_most=1024,
    )
    augment_jpeg_quality: int = _data(
        0, "compress training images by JPEG, from this quality up to 75; 0 leaves it out", at_least=0, at_most=75
    )
    augment_noise: float = _data(
        0.0,
        "add Gaussian noise to training images, of a deviation of up to this share of full scale",
        at_least=0.0,
        at_most=1.0,
    )
    augment_blur: float = _data(
        0.0,
        "blur training images by a Gaussian with a sigma of 0.3 up to this many pixels",
        at_least=0.0,
        at_most=10.0,
    )
    augment_resample: float = _data(
        0.0,
        "reduce training images to a share of their edge, from this one on, and enlarge them again; 0 leaves it out",
        at_least=0.0,
        below=1.0,
    )
    augment_specks: float = _data(
        0.0, "make pixels of training images black or white, up to this share of them", at_least=0.0, at_most=1.0
    )
    augment_brightness: float = _data(
        0.0, "multiply training images by a factor of 1, give or take up to this", at_least=0.0, at_most=1.0
    )
    augment_contrast: float = _data(
        0.0,
        "change the contrast of training images by a factor of 1, give or take up to this",
        at_least=0.0,
        at_most=1.0,
    )
    augment_gamma: float = _data(
        0.0, "raise values of training images to a power of 1, give or take up to this", at_least=0.0, below=1.0
    )
    augment_saturation: float = _data(
        0.0,
        "change the saturation of training images by a factor of 1, give or take up to this; 1 goes as far as grey",
        at_least=0.0,
        at_most=1.0,
    )
    augment_sharpen: float = _data(
        0.0,
        "sharpen training images by an unsharp mask of one pixel, up to this strength",
        at_least=0.0,
        at_most=10.0,
    )
    augment_turn: bool = _data(False, "turn training images by 90, 180 or 270 degrees")
    augment_share: tuple[float, ...] = _data(
        (0.2,),
        "part of each batch that each kind of change gets, of those switched on in the order "
        f"{', '.join(name.removeprefix('augment_') for name in CHANGES)}, comma-separated; a single number holds for "
        "all. Those up to specks share a batch, and the others share it anew; what is left over stays",
        at_least=0.0,
        at_most=1.0,
    )

    stem_filters: int = _model(
        0, "filters of a strided convolution before the first stage; 0 leaves it out", at_least=0, at_most=4096
    )
    stem_kernel_size: int = _model(4, "edge in pixels of the stem's kernels", at_least=1, at_most=15)
    stem_stride: int = _model(2, "pixels between the stem's outputs", at_least=1, at_most=8)
    filters: tuple[int, ...] = _model(
        (64, 32, 16), "filters of the convolutions of each stage, comma-separated", at_least=1, at_most=4096
    )
    convolutions: tuple[int, ...] = _model(
        (1,), "convolutions of each stage, comma-separated; a single number holds for all", at_least=1, at_most=100
    )
    kernel_size: int = _model(3, "edge in pixels of the convolution kernels", at_least=1, at_most=15)
    separable: bool = _model(
        False, "split convolutions into a depthwise and a pointwise one, except the one that sees the image"
    )
    residual: bool = _model(
        False,
        "add to what each convolution after a stage's first gives its input, pooled where the stage ends; not where it "
        "strides",
    )
    squeeze_excitation: int = _model(
        0,
        "weigh the channels after each convolution by two dense layers that see their means, the first with one unit "
        "for this many channels; 0 leaves them out",
        at_least=0,
        at_most=4096,
    )
    normalization: str = _model(
        "none", "what follows each convolution: none, or batch normalization", choices=("none", "batch")
    )
    activation: str = _model("relu", "non-linearity of hidden layers", choices=("relu", "leaky_relu", "silu", "gelu"))
    downsampling: str = _model(
        "max",
        "how a stage halves the edge at its end: max or average pooling (2x2), or stride of its last convolution",
        choices=("max", "average", "stride"),
    )
    head: str = _model(
        "flatten",
        "what follows the stages: flatten, or average, global average pooling in place of the last downsampling",
        choices=("flatten", "average"),
    )
    dense_units: tuple[int, ...] = _model(
        (512, 256, 128),
        "units of each dense layer before the logit, comma-separated; may be empty: --dense_units=",
        at_least=1,
        at_most=65536,
        may_be_empty=True,
    )
    conv_dropout: float = _model(0.3, "share dropped after each stage", at_least=0.0, below=1.0)
    dense_dropout: float = _model(0.4, "share dropped after each dense layer", at_least=0.0, below=1.0)
    l2: float = _model(0.001, "L2 penalty on all kernels but the logit's", at_least=0.0, at_most=1.0)
    mirror_average: bool = _model(
        False, "let the finished network average over an image and its mirror image; twice the arithmetic"
    )

    initial_weights: str = _training(
        "",
        "run folder, or name of a shipped network, from whose weights to train on. What is not given of the network is "
        "as there, with image_size, aspect_ratio, reading, windows, validation_fraction and seed; layers behind the "
        "convolutions may be others",
        may_be_empty=True,
    )
    learn_from: str = _training(
        "",
        "first layer that learns of a network with --initial_weights, as conv5, dense1 or logit: those before keep "
        "their weights. By default all learn",
        may_be_empty=True,
    )
    epochs: int = _training(30, "passes over the training images", at_least=1, at_most=100_000)
    optimizer: str = _training(
        "adam",
        "adam, sgd (Nesterov momentum 0.9), lion, or muon (for the kernels of convolutions; adam for the rest)",
        choices=("adam", "sgd", "lion", "muon"),
    )
    learning_rate: float = _training(
        1e-4, "step size of the optimizer, or its peak under a schedule", at_least=1e-9, at_most=10.0
    )
    weight_decay: float = _training(
        0.0, "decoupled decay of the kernels, times the learning rate; makes AdamW of adam", at_least=0.0, at_most=10.0
    )
    label_smoothing: float = _training(
        0.0,
        "share by which the labels 0 and 1 in the loss, val_loss too, are drawn towards 0.5",
        at_least=0.0,
        below=1.0,
    )
    object_weight: float = _training(
        0.0,
        "weight of telling CIFAKE's ten objects apart, by an output that training alone has; 0 is without. On "
        "other pictures it adds nothing. loss and val_loss stay those of the verdict, then without L2; object_loss "
        "stands beside them",
        at_least=0.0,
        at_most=100.0,
    )
    schedule: str = _training(
        "constant", "learning rate over the run: constant, or cosine down to zero", choices=("constant", "cosine")
    )
    warmup_epochs: float = _training(
        0.0, "epochs in which a cosine schedule first rises from zero", at_least=0.0, at_most=100_000
    )
    precision: str = _training(
        "float32",
        "arithmetic of training; auto is bfloat16 where GPU or processor have instructions for it, else float32; "
        "float16 is for older GPUs. The finished network is float32, and so are its figures",
        choices=("float32", "bfloat16", "float16", "auto"),
    )
    strategy: str = _training(
        "single",
        "devices: single, mirrored over all GPUs of this machine, or multi_worker over several machines",
        choices=("single", "mirrored", "multi_worker"),
    )
    cluster: str = _training(
        "",
        "host:port of each machine of --strategy=multi_worker, comma-separated, the same on all, the first of which "
        "writes --workdir; by default TF_CONFIG says it",
        may_be_empty=True,
    )
    task: int = _training(0, "which machine of --cluster this is, counted from 0", at_least=0, at_most=100_000)
    monitor: str = _training(
        "val_loss",
        "validation figure by which --keep=best and early stopping judge an epoch",
        choices=("val_loss", "val_accuracy", "val_auc"),
    )
    keep: str = _training("last", "which epoch's weights become the model", choices=("last", "best"))
    early_stopping_epochs: int = _training(
        0, "stop after this many epochs without a better --monitor; 0 never does", at_least=0, at_most=100_000
    )
    tensorboard: bool = _training(False, "write TensorBoard logs into the run folder")
    seed: int = _training(0, "what everything random is made from", at_least=0, at_most=2**31 - 1)

    risk: float = _evaluation(
        0.01,
        "share of the verdicts given that may be wrong, of FAKE and of REAL, for pictures like those of validation; "
        "others are UNSURE. 0 gives a verdict on every picture",
        at_least=0.0,
        at_most=0.5,
    )
    risk_confidence: float = _evaluation(
        0.95, "confidence with which --risk is kept, by a bound on validation images", at_least=0.5, below=1.0
    )
    evaluate: str = _evaluation(
        "test",
        "what the finished model is judged on: test (all splits), validation (not test: for experiments), none",
        choices=("test", "validation", "none"),
    )

    @classmethod
    def of_network(cls) -> tuple[str, ...]:
        """Returns the names of the fields that a network keeps when it is trained on."""
        groups = {field.name: field.metadata["group"] for field in dataclasses.fields(cls)}
        model = (name for name, group in groups.items() if group == "model")
        # Of the same source it keeps for validation what that run did not learn from.
        return ("reading", "windows", "image_size", "aspect_ratio", "validation_fraction", "seed", *model)

    @property
    def reduction(self) -> int:
        """Pixels of the image per value of the last feature map, along an edge."""
        halvings = len(self.filters) - (self.head == "average")
        return 2**halvings * (self.stem_stride if self.stem_filters else 1)

    @property
    def changes(self) -> tuple[str, ...]:
        """The CHANGES that are switched on."""
        return tuple(name for name in CHANGES if getattr(self, name))

    @property
    def shares(self) -> dict[str, float]:
        """What part of a batch each of `changes` gets."""
        each = self.augment_share * (len(self.changes) if len(self.augment_share) == 1 else 1)
        return dict(zip(self.changes, each, strict=False))  # the rules refuse another number of them

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
