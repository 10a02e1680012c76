"""What happens to a picture on its way to a verdict, for each form of a model. Free of TensorFlow.

It lies beside the models as data, preprocessing.json, so that a phone, a page and this package do the same.
"""

import dataclasses
import json
import pathlib
from typing import Any

from aireal.errors import UserError
from aireal.runs.folder import PREPROCESSING
from aireal.settings.config import Config
from aireal.settings.data import ASPECT_RATIOS
from aireal.verdicts.verdict import DEFAULT, Rule

_OUTSIDE, _INSIDE = "x / 255", "inside the model"


def tflite_name(form: str) -> str:
    """Returns the file's name of a form: float32 -> model_float32.tflite"""
    return f"model_{form}.tflite"


CAMERA = tflite_name("camera")  # the one form that takes larger pictures and reduces them itself


@dataclasses.dataclass(frozen=True, kw_only=True)
class Contract:
    """The contract of one form.

    Attributes:
      image_size: S, edge in pixels of what the network judges.
      input_size: edge in pixels of what the form takes: S, or more where the form itself reduces to S or cuts windows.
      aspect_ratio: what becomes of pictures that are not square, of ASPECT_RATIOS.
      windows: how many windows of native pixels a picture is judged by (`pixels.windows`); 0 where it is seen whole.
      normalised_inside: whether the form takes bytes; a .keras file takes x / 255.
      rule: which verdict a score gives.

    Raises:
      UserError: the aspect ratio is none of ASPECT_RATIOS.
    """

    image_size: int
    input_size: int
    aspect_ratio: str = ASPECT_RATIOS[0]
    windows: int = 0
    normalised_inside: bool = False
    rule: Rule = DEFAULT

    def __post_init__(self):
        if self.aspect_ratio not in ASPECT_RATIOS:
            raise UserError(f"The aspect ratio is {self.aspect_ratio!r}. Expected {' or '.join(ASPECT_RATIOS)}.")

    @classmethod
    def of(cls, config: Config) -> "Contract":
        """Returns the contract of a run's network."""
        windows = config.windows if config.reading == "windows" else 0
        size = config.image_size
        return cls(image_size=size, input_size=size, aspect_ratio=config.aspect_ratio, windows=windows)

    @classmethod
    def load(cls, model: pathlib.Path, input_size: int) -> "Contract":
        """Returns the contract of a model file, by the preprocessing.json beside it; the defaults where there is none.

        Args:
          model: a .keras or .tflite file or a SavedModel folder.
          input_size: edge in pixels of what it takes.

        Raises:
          UserError: preprocessing.json is damaged, or of a model that takes other pictures.
        """
        file = model.with_name(PREPROCESSING)
        try:
            if not file.exists():
                return cls(image_size=input_size, input_size=input_size)
            found = json.loads(file.read_text(encoding="utf-8"))
            form = found.get("forms", {}).get(model.name.removeprefix("model_").removesuffix(".tflite"), {})
            found |= {"rule": form["rule"]} if "rule" in form else {}
            contract = cls(
                image_size=found["image_size"],
                input_size=input_size,
                aspect_ratio=found["aspect_ratio"],
                windows=int(found.get("windows", 0)),
                normalised_inside=found["normalisation"] == _INSIDE,
                rule=Rule.from_dict(found.get("rule", {})),  # older runs have the default one, and no word of it
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise UserError(f"{file} is damaged: {error!r}. Take that of the model's run or export.") from error
        if input_size != contract.image_size and model.name != CAMERA:
            raise UserError(
                f"{model} takes pictures of {input_size} pixels, and {file} says {contract.image_size}: they do not "
                "belong together."
            )
        return contract

    @property
    def reduces_itself(self) -> bool:
        """Whether the form makes what the network judges of a larger picture."""
        return self.input_size != self.image_size

    @property
    def views(self) -> int:
        """How many windows of `input_size` the form is given of a picture; 0 where it is given the whole."""
        return min(self.windows, 1) if self.reduces_itself else self.windows

    def of_one_window(self) -> "Contract":
        """Returns the contract of a form that is given single windows: it does not tell how foreign a picture is."""
        return (
            dataclasses.replace(self, rule=dataclasses.replace(self.rule, foreign_from=None)) if self.windows else self
        )

    def steps(self) -> dict[str, Any]:
        """Returns what is done to a picture, in this order, before the form sees it."""
        resampling = "bilinear, antialiased (tf.image.resize), rounded to 8 bits"
        if self.reduces_itself:
            resampling = (
                f"bilinear samples at {self.input_size}x{self.input_size}, not antialiased, as camera pipelines take "
                f"them; the antialiased reduction to {self.image_size}x{self.image_size} is inside the model"
            )
        reading = {}
        if self.windows:
            resampling = f"none: windows of {self.image_size}x{self.image_size} pixels as they are"
            if self.reduces_itself:
                resampling = (
                    f"none: the middle {self.input_size}x{self.input_size} pixels as they are, smaller pictures "
                    f"extended by reflection; windows of {self.image_size}x{self.image_size} are cut inside the model"
                )
            pooling = "the picture's logit is the mean of its windows'"
            reading = {"windows": self.windows, "places": "aireal.pixels.windows.places", "pooling": pooling}
        return {
            "frame": "the first of an animation",
            "orientation": "upright, as EXIF says",
            "color": "RGB, transparency over white, colour profiles not applied",
            "depth": "8 bits a channel, deeper ones scaled to 0..255",
            "aspect_ratio": self.aspect_ratio,
            "resampling": resampling,
            **reading,
            "image_size": self.image_size,
            "normalisation": _INSIDE if self.normalised_inside else _OUTSIDE,
        }

    def as_dict(self, **forms: "Contract") -> dict[str, Any]:
        """Returns the content of preprocessing.json.

        Args:
          **forms: name -> contract of each form that differs from this one; only what differs is stated.
        """
        own = {**self.steps(), "rule": self.rule.as_dict()}
        others = {name: {"input_size": form.input_size, **form.as_dict()} for name, form in forms.items()}
        differing = {
            name: {key: value for key, value in other.items() if own.get(key) != value}
            for name, other in others.items()
        }
        return {**own, "forms": differing} if differing else own
