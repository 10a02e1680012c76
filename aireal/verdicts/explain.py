"""Where a model looked: Grad-CAM, or what each window of a picture says; and a figure of it."""

import functools
import pathlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence

import keras
import numpy as np
import tensorflow as tf
from matplotlib.figure import Figure
from PIL import Image, ImageOps
from scipy import special

from aireal.errors import UserError, reason
from aireal.network import models
from aireal.pixels import decoding, preprocess, windows
from aireal.runs import drawing
from aireal.verdicts.contract import Contract
from aireal.verdicts.graphs import KerasScorer
from aireal.verdicts.listing import printable
from aireal.verdicts.pictures import Prediction
from aireal.verdicts.predictor import Predictor
from aireal.verdicts.verdict import DEFAULT, Rule

# On one scale, so that pictures can be compared: half of the shipped `robust`'s strongest places are below 9, half of
# `accurate`'s below 19.
_BRIGHTEST = 12.0
_SURE, _LEAST = 5.0, 1e-7  # a logit that is coloured full; a score whose logit is finite
_SHOWN_PIXELS = 640  # longer edge of a picture in a figure


class GradCam:
    """Grad-CAM of a verdict.

    Selvaraju et al. 2017, "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization", eq. 1, 2.
    What is explained is the class that the model predicts: the logit where that is REAL, its negative where FAKE.

    Args:
      model: a functional model of `models.build_model`: one logit, convolutions named conv1, conv2, ...
      rule: the verdict of its scores.

    Raises:
      UserError: the model has no such convolution.
    """

    def __init__(self, model: keras.Model, rule: Rule = DEFAULT):
        self._rule = rule
        features = _last_convolution(model).output
        self._with_features = keras.Model(model.input, [features, model.output])
        self._averages_mirrored = models.averages_mirrored(model)

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        """Returns how much each place spoke for the verdict.

        Args:
          pixels: [B, S, S, 3] uint8, RGB.

        Returns:
          [B, h, w] float32 in the resolution of the last convolution, 0 or more; all 0 where no place did. With an
          average over places as the head, what all places say, for and against, adds up to the logit less its bias.
        """
        return self._heat(tf.constant(pixels)).numpy()

    @tf.function(reduce_retracing=True)
    def _heat(self, pixels: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            features, logit = self._with_features(preprocess.normalise(pixels), training=False)
            for_verdict = tf.where(self._rule.is_real(tf.sigmoid(logit)), logit, -logit)
        gradients = tape.gradient(for_verdict, features)
        weights = tf.reduce_mean(gradients, axis=[1, 2], keepdims=True)
        heat = tf.nn.relu(tf.reduce_sum(weights * features, axis=3))
        if self._averages_mirrored:
            upright, mirrored = tf.split(heat, 2)  # each with half of the gradient, so that the sum is their average
            heat = upright + mirrored[:, :, ::-1]
        return heat


def figure(picture: np.ndarray, pixels: np.ndarray, heat: np.ndarray, title: str) -> Figure:
    """Draws a picture, what the model saw of it where that is less, and over it what counted for the verdict.

    Args:
      picture: [H, W, 3] uint8, the part that the model saw, of any size.
      pixels: [S, S, 3] uint8, as the model saw it.
      heat: [h, w] float, 0 or more, as `GradCam` gives it; coloured on one scale for all pictures.
      title: says the verdict.
    """
    small = picture.shape == pixels.shape
    drawn = drawing.figure(7 if small else 10, 3.9)
    drawn.suptitle(title, fontsize=10, parse_math=False)  # a $ is a $
    *plain, overlaid = drawn.subplots(1, 2 if small else 3)
    plain[0].set_title("the picture", fontsize=9)
    plain[0].imshow(picture, interpolation="nearest" if small else None)
    if not small:
        plain[1].set_title(f"all that the model sees: {len(pixels)}x{len(pixels)} pixels", fontsize=9)
        plain[1].imshow(pixels, interpolation="nearest")
    overlaid.set_title("what spoke for the verdict", fontsize=9)
    overlaid.imshow(picture.mean(axis=2), cmap="gray", vmin=0, vmax=255, interpolation="nearest" if small else None)
    height, width, _ = picture.shape
    image = overlaid.imshow(
        heat * heat.size,
        cmap="inferno",
        alpha=0.55,
        vmin=0,
        vmax=_BRIGHTEST,
        extent=(-0.5, width - 0.5, height - 0.5, -0.5),
        interpolation="bilinear",
    )
    label = "logit if every place were like this"
    drawn.colorbar(image, ax=overlaid, label=label, extend="max", shrink=0.8)
    for axes in (*plain, overlaid):
        axes.axis("off")
    return drawn


def of_windows(size: tuple[int, int], corners: np.ndarray, edge: int, p_real: Sequence[float]) -> np.ndarray:
    """Returns what the windows of a picture say of each place: [H, W] float64, their mean logit; NaN where none is.

    Args:
      size: of the picture, width and height in pixels.
      corners: [N, 2] int, rows and columns, as `windows.places` has them.
      edge: of a window in pixels.
      p_real: N scores.
    """
    width, height = size
    total, count = np.zeros((height, width)), np.zeros((height, width))
    for (top, left), score in zip(corners, p_real, strict=True):
        place = np.s_[top : top + edge, left : left + edge]
        total[place] += special.logit(np.clip(score, _LEAST, 1 - _LEAST))
        count[place] += 1
    return np.divide(total, count, out=np.full((height, width), np.nan), where=count > 0)


def figure_of_windows(picture: np.ndarray, logit: np.ndarray, title: str) -> Figure:
    """Draws a picture, and over it what its windows say.

    Args:
      picture: [H, W, 3] uint8, of any size.
      logit: [h, w] float of the whole picture, of `of_windows`.
      title: says the verdict.
    """
    drawn = drawing.figure(9, 3.9)
    drawn.suptitle(title, fontsize=10, parse_math=False)
    plain, overlaid = drawn.subplots(1, 2)
    plain.set_title("the picture", fontsize=9)
    plain.imshow(picture)
    overlaid.set_title("what its windows say", fontsize=9)
    overlaid.imshow(picture.mean(axis=2), cmap="gray", vmin=0, vmax=255)
    height, width, _ = picture.shape
    image = overlaid.imshow(
        logit, cmap="coolwarm_r", alpha=0.6, vmin=-_SURE, vmax=_SURE, extent=(-0.5, width - 0.5, height - 0.5, -0.5)
    )
    drawn.colorbar(image, ax=overlaid, label="logit: FAKE below 0, REAL above", extend="both", shrink=0.8)
    for axes in (plain, overlaid):
        axes.axis("off")
    return drawn


def write_each(
    judged: Iterable[tuple[Prediction, np.ndarray | None]], predictor: Predictor, folder: pathlib.Path
) -> Iterator[tuple[Prediction, np.ndarray | None]]:
    """Writes a figure for each picture that `Predictor.stream` yields, and yields the same.

    Raises:
      UserError: the model has no gradients or no convolution, or a figure cannot be written.
    """
    if predictor.contract.views:
        return _written(judged, functools.partial(_drawn_windows, predictor.contract), folder)
    if not isinstance(predictor.scorer, KerasScorer):
        raise UserError("--explain needs gradients, which only a run folder or a .keras file has.")
    grad_cam = GradCam(predictor.scorer.model, predictor.contract.rule)
    return _written(judged, functools.partial(_drawn_whole, grad_cam, predictor.contract.aspect_ratio), folder)


def _written(
    judged: Iterable[tuple[Prediction, np.ndarray | None]],
    draw: Callable[[Prediction, np.ndarray, str], Figure],
    folder: pathlib.Path,
) -> Iterator[tuple[Prediction, np.ndarray | None]]:
    for index, (prediction, pixels) in enumerate(judged):
        if pixels is not None:
            name = printable(prediction)
            verdict = f"{prediction.verdict} ({prediction.reason})" if prediction.reason else prediction.verdict
            title = f"{name[-70:]}\n{verdict}, p_real {prediction.p_real:.4f}"
            stem = re.sub(r"[^\w.-]", "_", pathlib.Path(name).stem).encode()[:100].decode(errors="ignore")
            try:
                drawing.write(draw(prediction, pixels, title), folder / f"{index:05}-{stem}.png")
            except OSError as error:
                raise UserError(f"--explain={folder} cannot be written: {reason(error)}.") from error
        yield prediction, pixels


def _drawn_whole(
    grad_cam: GradCam, aspect_ratio: str, prediction: Prediction, pixels: np.ndarray, title: str
) -> Figure:
    heat = grad_cam(pixels[None])[0]
    if not heat.any():
        title += "\nno place in the picture spoke for this verdict: the explanation is all zero"
    return figure(_picture(prediction, pixels, aspect_ratio), pixels, heat, title)


def _drawn_windows(contract: Contract, prediction: Prediction, pixels: np.ndarray, title: str) -> Figure:
    width, height = prediction.size
    corners = windows.places(height, width, contract.input_size, contract.views)
    scale = min(_SHOWN_PIXELS / max(width, height), 1)  # as it is drawn: of a large picture the map would be larger
    size, edge = (round(width * scale), round(height * scale)), max(round(contract.input_size * scale), 1)
    logit = of_windows(size, (corners * scale).astype(int), edge, prediction.windows)
    return figure_of_windows(_picture(prediction, pixels[0], "stretch"), logit, title)


def _picture(prediction: Prediction, pixels: np.ndarray, aspect_ratio: str) -> np.ndarray:
    """Returns the part of a picture that the model saw, large enough to be looked at: [H, W, 3] uint8."""
    if prediction.path is None or prediction.size == pixels.shape[1::-1]:
        return pixels
    try:
        with open(prediction.path, "rb") as file, decoding.open_image(file) as image:
            picture = Image.fromarray(decoding.to_rgb(image))
    except OSError:  # a pipe, or the file has gone
        return pixels
    if aspect_ratio == "center_crop":
        picture = ImageOps.fit(picture, (min(picture.size),) * 2)
    picture.thumbnail((_SHOWN_PIXELS, _SHOWN_PIXELS))
    return np.asarray(picture)


def _last_convolution(model: keras.Model) -> keras.layers.Layer:
    """Returns the layer that gives what the last convolution found, behind its activation and its weights."""
    names = [layer.name for layer in model.layers]
    convolutions = [name for name in names if re.fullmatch(r"conv\d+", name)]
    if not convolutions:
        raise UserError(f"The model {model.name!r} has no convolution named conv1, conv2, ...: it cannot be explained.")
    last = max(convolutions, key=lambda name: int(name[4:]))
    behind = (f"{last}_weighed", f"{last}_activation", last)  # those that the network has layers of their own for
    return model.get_layer(next(name for name in behind if name in names))
