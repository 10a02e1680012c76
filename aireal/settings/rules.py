"""What speaks against the values of a run: bounds of single ones, and those that do not go together."""

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any

from aireal import paths
from aireal.settings.augmentation import CORRUPTING, EDITING
from aireal.settings.fields import Fields
from aireal.sources.source import Source
from builders.cifake.layout import SourceError


def complaints(values: Fields) -> Iterator[str]:
    """Yields what is wrong, a sentence each; the values of later ones may make no sense where there is an earlier."""
    for field in dataclasses.fields(values):
        yield from _out_of_bounds(field, getattr(values, field.name))
    yield from _conflicts(values)


def idle(values: Fields) -> Iterator[str]:
    """Yields a sentence for each value that was changed and changes nothing, as what it belongs to is off.

    These are told and not refused: a flagfile that others are made from may well have them.
    """
    judged = values.keep == "best" or values.early_stopping_epochs > 0
    needs = {
        "--reading=windows": (values.reading == "windows", ("windows",)),
        "--reading=windows or --resave": (values.has_views, ("views",)),
        "--resave": (values.resave != "none", ("resave_scale", "resave_quality")),
        "a change to share it, as --augment_noise": (values.changes, ("augment_share",)),
        "--stem_filters": (values.stem_filters, ("stem_kernel_size", "stem_stride")),
        "--dense_units": (values.dense_units, ("dense_dropout",)),
        "--keep=best or --early_stopping_epochs": (judged, ("monitor",)),
        "--risk": (values.risk, ("risk_confidence",)),
    }
    for what, (is_on, names) in needs.items():
        for name in names:
            if not is_on and (value := getattr(values, name)) != getattr(Fields, name):
                yield f"--{name}={_listed(value) if isinstance(value, tuple) else value} does nothing without {what}."


def _out_of_bounds(field: dataclasses.Field, value: Any) -> Iterator[str]:
    flag, bounds = f"--{field.name}", field.metadata
    if value in ("", ()) and not bounds.get("may_be_empty"):
        yield f"{flag} is empty."
    if isinstance(value, str) and (complaint := paths.complaint(value)):
        yield f"{flag}={complaint}. Rename it, or give a link to it."
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


def _conflicts(values: Fields) -> Iterator[str]:
    try:
        source = Source.of(values)
    except SourceError as error:
        yield str(error)
        return
    if values.builder_config == "strict" and source.is_demo:
        yield "--builder_config=strict does not go with --source=demo, whose crops show no object: give any instead."
    if values.pair != "none" and (values.builder_config == "strict" or source.is_release):
        yield f"--pair={values.pair} is not for CIFAKE's own form, whose names say what is shown, and keep no pair."
    yield from _network(values)
    yield from _augmentation(values)
    yield from _course(values)


def _network(values: Fields) -> Iterator[str]:
    if len(values.convolutions) not in (1, len(values.filters)):
        yield (
            f"--convolutions={_listed(values.convolutions)} and --filters={_listed(values.filters)} disagree on the "
            "number of stages. Give one number for each, or a single one for all."
        )
    if values.residual and max(values.convolutions) == 1:
        yield "--residual needs a stage of two --convolutions at least: there is nothing to add to a stage's first."
    if values.image_size < values.reduction:
        yield (
            f"--image_size={values.image_size} is too small for a network that reduces it by {values.reduction} "
            "(--filters, --stem_stride). Give fewer stages or a larger size."
        )


def _augmentation(values: Fields) -> Iterator[str]:
    if values.augment_shift_pixels >= values.image_size:
        yield (
            f"--augment_shift_pixels={values.augment_shift_pixels} shifts images of {values.image_size} pixels "
            "out of sight."
        )
    if values.augment_cutout_pixels >= values.image_size:
        yield (
            f"--augment_cutout_pixels={values.augment_cutout_pixels} covers images of {values.image_size} pixels whole."
        )
    yield from _shares(values)


def _shares(values: Fields) -> Iterator[str]:
    flag, changes, shares = f"--augment_share={_listed(values.augment_share)}", values.changes, values.shares
    if len(values.augment_share) not in (1, len(changes)):
        kinds = ", ".join(name.removeprefix("augment_") for name in changes) or "none"
        yield f"{flag} does not fit the changes asked for: {kinds}. Give one number for each, or a single one for all."
        return
    for layer in (CORRUPTING, EDITING):
        parts = [share for name, share in shares.items() if name in layer]
        if round(sum(parts), 9) > 1:
            yield f"{flag} for {len(parts)} kinds of change is more than the batch. Give less."
    if changes and min(shares.values()) * values.batch_size < 1:
        yield f"{flag} of --batch_size={values.batch_size} is no image. Give more."


def _course(values: Fields) -> Iterator[str]:
    if values.strategy == "multi_worker":
        for name in ("cache", "precision"):
            if getattr(values, name) == "auto":
                yield f"--strategy=multi_worker: each machine would settle --{name}=auto by itself. Name one for all."
    if values.learn_from and not values.initial_weights:
        yield f"--learn_from={values.learn_from} needs --initial_weights: all layers of a new network have to learn."
    if values.warmup_epochs and values.schedule == "constant":
        yield "--warmup_epochs needs --schedule=cosine."
    if values.warmup_epochs >= values.epochs and values.warmup_epochs:
        yield f"--warmup_epochs={values.warmup_epochs:g} leaves nothing of --epochs={values.epochs}."
    if values.validation_fraction == 0:
        for flag, on in {
            "--keep=best": values.keep == "best",
            "--early_stopping_epochs": values.early_stopping_epochs > 0,
            "--evaluate=validation": values.evaluate == "validation",
        }.items():
            if on:
                yield f"{flag} needs validation images, and --validation_fraction=0 leaves none."


def _listed(values: Iterable[Any]) -> str:
    return ",".join(map(str, values))
