"""What an example holds: the file's own bytes, and what is known of the picture."""

from typing import Any

import tensorflow_datasets as tfds

from builders.cifake import layout, sources
from builders.cifake.layout import Place


def features(*, strict: bool) -> tfds.features.FeaturesDict:
    """Returns the features of a configuration: CIFAKE's own form (strict), or any pictures."""
    image = tfds.features.Image(shape=(32, 32, 3), encoding_format="jpeg") if strict else tfds.features.Image()
    return tfds.features.FeaturesDict(
        {
            "image": image,
            "label": tfds.features.ClassLabel(names=layout.LABELS),
            "object": tfds.features.ClassLabel(names=sources.OBJECTS),  # -1 where it is unknown
            "filename": tfds.features.Text(),
            "copy_of": tfds.features.Text(),
            **({} if strict else {"group": tfds.features.Text(), "pair": tfds.features.Text()}),
        }
    )


def about(place: Place, copy_of: str, *, strict: bool, tells_objects: bool) -> dict[str, Any]:
    """Returns an example but for its image.

    Args:
      place: of the picture.
      copy_of: the picture that it repeats, or nothing.
      strict: as of `features`.
      tells_objects: whether names of files do: numbers in brackets mean a class in CIFAKE's names only, and a second
        download elsewhere.
    """
    _, label, name = place.path.split("/", 2)
    found = {
        "label": label,
        "object": sources.object_of(name) if tells_objects else -1,
        "filename": f"{label}/{name}",
        "copy_of": copy_of,
    }
    return found if strict else found | {"group": place.group, "pair": place.pair}
