"""How the network learns."""

import dataclasses
import functools

from aireal.settings import declaring

_field = functools.partial(declaring.field, group="training")


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingFields:
    """Values of the training."""

    initial_weights: str = _field(
        "",
        "run folder, or name of a shipped network, from whose weights to train on. What is not given of the network is "
        "as there, with image_size, aspect_ratio, reading, windows, validation_fraction and seed; layers behind the "
        "convolutions may be others",
        may_be_empty=True,
    )
    learn_from: str = _field(
        "",
        "first layer that learns of a network with --initial_weights, as conv5, dense1 or logit: those before keep "
        "their weights. By default all learn",
        may_be_empty=True,
    )
    epochs: int = _field(30, "passes over the training images", at_least=1, at_most=100_000)
    optimizer: str = _field(
        "adam",
        "adam, sgd (Nesterov momentum 0.9), lion, or muon (for the kernels of convolutions; adam for the rest)",
        choices=("adam", "sgd", "lion", "muon"),
    )
    learning_rate: float = _field(
        1e-4, "step size of the optimizer, or its peak under a schedule", at_least=1e-9, at_most=10.0
    )
    weight_decay: float = _field(
        0.0, "decoupled decay of the kernels, times the learning rate; makes AdamW of adam", at_least=0.0, at_most=10.0
    )
    label_smoothing: float = _field(
        0.0,
        "share by which the labels 0 and 1 in the loss, val_loss too, are drawn towards 0.5",
        at_least=0.0,
        below=1.0,
    )
    object_weight: float = _field(
        0.0,
        "weight of telling CIFAKE's ten objects apart, by an output that training alone has; 0 is without. On "
        "other pictures it adds nothing. loss and val_loss stay those of the verdict, then without L2; object_loss "
        "stands beside them",
        at_least=0.0,
        at_most=100.0,
    )
    schedule: str = _field(
        "constant", "learning rate over the run: constant, or cosine down to zero", choices=("constant", "cosine")
    )
    warmup_epochs: float = _field(
        0.0, "epochs in which a cosine schedule first rises from zero", at_least=0.0, at_most=100_000
    )
    precision: str = _field(
        "float32",
        "arithmetic of training; auto is bfloat16 where GPU or processor have instructions for it, else float32; "
        "float16 is for older GPUs. The finished network is float32, and so are its figures",
        choices=("float32", "bfloat16", "float16", "auto"),
    )
    strategy: str = _field(
        "single",
        "devices: single, mirrored over all GPUs of this machine, or multi_worker over several machines",
        choices=("single", "mirrored", "multi_worker"),
    )
    cluster: str = _field(
        "",
        "host:port of each machine of --strategy=multi_worker, comma-separated, the same on all, the first of which "
        "writes --workdir; by default TF_CONFIG says it",
        may_be_empty=True,
    )
    task: int = _field(0, "which machine of --cluster this is, counted from 0", at_least=0, at_most=100_000)
    monitor: str = _field(
        "val_loss",
        "validation figure by which --keep=best and early stopping judge an epoch",
        choices=("val_loss", "val_accuracy", "val_auc"),
    )
    keep: str = _field("last", "which epoch's weights become the model", choices=("last", "best"))
    early_stopping_epochs: int = _field(
        0, "stop after this many epochs without a better --monitor; 0 never does", at_least=0, at_most=100_000
    )
    tensorboard: bool = _field(False, "write TensorBoard logs into the run folder")
    seed: int = _field(0, "what everything random is made from", at_least=0, at_most=2**31 - 1)
