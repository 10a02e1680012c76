"""What speaks against the values of a Config: bounds of single ones, and those that do not go together."""

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aireal.settings.config import Config


def complaints(config: "Config") -> Iterator[str]:
    """Yields what is wrong, a sentence each; the values of later ones may make no sense where there is an earlier."""
    for field in dataclasses.fields(config):
        yield from _out_of_bounds(field, getattr(config, field.name))
    yield from _conflicts(config)


def _out_of_bounds(field: dataclasses.Field, value: Any) -> Iterator[str]:
    flag, bounds = f"--{field.name}", field.metadata
    if value in ("", ()) and not bounds.get("may_be_empty"):
        yield f"{flag} is empty."
    if "choices" in bounds and value not in bounds["choices"]:
        yield f"{flag}={value} is none of {', '.join(bounds['choices'])}."
    for number in value if isinstance(value, tuple) else (value,):
        # `not >=` instead of `<`: a NaN is out of all bounds.
        if "at_least" in bounds and not number >= bounds["at_least"]:
            yield f"{flag}={number} is too small: at least {bounds['at_least']:,g}."
        if "at_most" in bounds and not number <= bounds["at_most"]:
            yield f"{flag}={number} is too large: at most {bounds['at_most']:,.10g}."
        if "below" in bounds and not number < bounds["below"]:
            yield f"{flag}={number} is too large: below {bounds['below']:g}."


def _conflicts(config: "Config") -> Iterator[str]:
    if config.source == "demo" and config.builder_config == "strict":
        yield "--builder_config=strict does not go with --source=demo, whose crops show no object: give any instead."
    yield from _network(config)
    yield from _augmentation(config)
    yield from _course(config)


def _network(config: "Config") -> Iterator[str]:
    if len(config.convolutions) not in (1, len(config.filters)):
        yield (
            f"--convolutions={_listed(config.convolutions)} and --filters={_listed(config.filters)} disagree on the "
            "number of stages. Give one number for each, or a single one for all."
        )
    if config.residual and max(config.convolutions) == 1:
        yield "--residual needs a stage of two --convolutions at least: there is nothing to add to a stage's first."
    if config.image_size < config.reduction:
        yield (
            f"--image_size={config.image_size} is too small for a network that reduces it by {config.reduction} "
            "(--filters, --stem_stride). Give fewer stages or a larger size."
        )


def _augmentation(config: "Config") -> Iterator[str]:
    if config.augment_shift_pixels >= config.image_size:
        yield (
            f"--augment_shift_pixels={config.augment_shift_pixels} shifts images of {config.image_size} pixels "
            "out of sight."
        )
    if config.augment_cutout_pixels >= config.image_size:
        yield (
            f"--augment_cutout_pixels={config.augment_cutout_pixels} covers images of {config.image_size} pixels whole."
        )
    kinds = (config.augment_jpeg_quality, config.augment_noise, config.augment_blur, config.augment_resample)
    if (count := sum(map(bool, kinds))) * config.augment_share > 1:
        yield f"--augment_share={config.augment_share:g} for each of {count} kinds is more than the batch. Give less."
    if count and config.augment_share * config.batch_size < 1:
        yield f"--augment_share={config.augment_share:g} of --batch_size={config.batch_size} is no image. Give more."


def _course(config: "Config") -> Iterator[str]:
    if config.warmup_epochs and config.schedule == "constant":
        yield "--warmup_epochs needs --schedule=cosine."
    if config.warmup_epochs >= config.epochs and config.warmup_epochs:
        yield f"--warmup_epochs={config.warmup_epochs:g} leaves nothing of --epochs={config.epochs}."
    if config.validation_fraction == 0:
        for flag, on in {
            "--keep=best": config.keep == "best",
            "--early_stopping_epochs": config.early_stopping_epochs > 0,
            "--evaluate=validation": config.evaluate == "validation",
        }.items():
            if on:
                yield f"{flag} needs validation images, and --validation_fraction=0 leaves none."


def _listed(numbers: tuple[int, ...]) -> str:
    return ",".join(map(str, numbers))
