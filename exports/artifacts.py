"""A trained model -> the files that others run."""

import dataclasses
import pathlib
import re
import tempfile
from collections.abc import Callable, Iterator

import keras
import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from aireal import machine
from aireal.errors import UserError
from aireal.judging import card
from aireal.network import models
from aireal.pixels import preprocess
from aireal.runs import files
from aireal.runs.folder import PREPROCESSING
from aireal.verdicts.contract import Contract, tflite_name
from builders import progress
from exports import flatbuffer, metadata, serving

SAVED_MODEL = "saved_model"
REPRESENTATIVE_IMAGES = 512
_DESCRIPTION = "Tells AI-generated images from photographs."


def write(
    served: serving.Served, representative: np.ndarray, contract: Contract, camera_size: int, into: pathlib.Path
) -> None:
    """Writes the SavedModel, every .tflite file, labels.txt and preprocessing.json.

    Args:
      served: the network with its rule.
      representative: [N, S, S, 3] uint8, training images from which int8 learns the ranges of the activations.
      contract: of the run, with that rule.
      camera_size: edge of the camera form's input in pixels; 0 leaves it out.
      into: a folder.

    Raises:
      UserError: the model needs an operation that .tflite files do not have, or reads variables.
    """
    inside = dataclasses.replace(contract, normalised_inside=True)
    plain, one = inside.of_one_window(), served.of_one_window()
    # What a camera form gets has lost its size already.
    anywhere = dataclasses.replace(contract.rule, edges=None)
    camera = {"camera": dataclasses.replace(inside, input_size=camera_size, rule=anywhere)} if camera_size else {}
    (into / metadata.LABELS_FILE).write_text(metadata.labels_text(contract.rule))
    files.write_json(into / PREPROCESSING, plain.as_dict(**camera))
    signatures = {
        "serving_default": serving.from_pixels(one),
        "serving_bytes": serving.from_bytes(served, contract.aspect_ratio),
    }
    _save(served.model, signatures, into / SAVED_MODEL)
    for variant, file in _converted(served, one, representative, camera_size):
        (into / tflite_name(variant)).write_bytes(_described(file, variant, camera.get(variant, plain)))


def _converted(
    served: serving.Served, one: serving.Served, representative: np.ndarray, camera_size: int
) -> Iterator[tuple[str, bytes]]:
    """Yields the name and the .tflite file of each form, without metadata; arguments as `write` has them."""
    model, made = served.model, {}
    makers = {
        "float32": lambda: convert(model, serving.from_one(one)),
        "float16": lambda: flatbuffer.refine_float16(
            convert(model, serving.from_one(one), float16_weights), made["float32"]
        ),
        "dynamic": lambda: convert(model, serving.from_one(one), _int8_weights),
        "int8": lambda: _convert_int8(one, representative),
    }
    if camera_size:
        makers["camera"] = lambda: convert(model, serving.from_camera(served, camera_size))
    for variant, make in progress.bar(makers.items(), "converting", unit=" forms", leave=False):
        made[variant] = make()
        yield variant, made[variant]


def _described(file: bytes, variant: str, contract: Contract) -> bytes:
    """Returns the .tflite file with its metadata."""
    return metadata.attach(
        file,
        contract=contract,
        version=machine.version("aireal") or "unknown",
        license=card.LICENSE,
        description=f"{_DESCRIPTION} {variant} form.",
    )


def _save(model: keras.Model, signatures: dict[str, serving.Signature], path: pathlib.Path) -> None:
    archive = keras.export.ExportArchive()
    # Without it the converter keeps variables in the graph, and the .tflite answers NaN.
    archive.track(model)
    for name, (function, specification) in signatures.items():
        archive.add_endpoint(name, function, specification)
    archive.write_out(path, verbose=False)


def convert(
    model: keras.Model,
    signature: serving.Signature,
    configure: Callable[[tf.lite.TFLiteConverter], None] = lambda converter: None,
) -> bytes:
    """Returns one graph of a model as a .tflite file, without metadata.

    Args:
      model: [B, S, S, 3] float32 in [0, 1] -> logit [B, 1].
      signature: of `serving`, what the file takes and gives.
      configure: sets what the converter makes of the weights; by default they stay float32.

    Raises:
      UserError: the model needs an operation that .tflite files do not have, or reads variables.
    """
    with tempfile.TemporaryDirectory() as folder:
        _save(model, {"serving_default": signature}, pathlib.Path(folder, SAVED_MODEL))
        converter = tf.lite.TFLiteConverter.from_saved_model(str(pathlib.Path(folder, SAVED_MODEL)))
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        configure(converter)
        try:
            file = converter.convert()
        except Exception as error:  # ConverterError, whose module is private
            lacking = set(re.findall(r"'(tf\.\w+)' op is neither a custom op nor a flex op", str(error)))
            if not lacking:
                raise
            raise UserError(_needs(lacking)) from error
    if unfit := flatbuffer.unfit(flatbuffer.read(file)):
        raise UserError(_needs(unfit))
    return file


def _needs(operations: set[str]) -> str:
    names = ", ".join(sorted(operations))
    return f"The model cannot become a .tflite file that runs on phones: it needs {names}. Build it without."


def _int8_weights(converter: tf.lite.TFLiteConverter) -> None:
    converter.optimizations = [tf.lite.Optimize.DEFAULT]


def float16_weights(converter: tf.lite.TFLiteConverter) -> None:
    """Stores the weights as float16, for `convert`; the arithmetic stays in float32."""
    _int8_weights(converter)
    converter.target_spec.supported_types = [tf.float16]


def _convert_int8(served: serving.Served, representative: np.ndarray) -> bytes:
    # An all-black and an all-white image make the input's scale exactly 1/255 and its zero point 0.
    extremes = [np.full(representative.shape[1:], level, np.uint8) for level in (0, 255)]

    def images():
        for image in (*extremes, *representative):
            yield [preprocess.normalise(image[None]).numpy()]

    def all_in_int8(converter: tf.lite.TFLiteConverter) -> None:
        _int8_weights(converter)
        converter.representative_dataset = images
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = tf.uint8

    served = dataclasses.replace(served, model=_awake(served.model, representative))
    cut = served.rule.withholds and served.unit is not None  # in 8 bits comparisons with borders cost 6 % of verdicts
    file = convert(served.model, (serving.inside if cut else serving.from_floats)(served), all_in_int8)
    quantized = flatbuffer.read(file)
    if silent := flatbuffer.silent(quantized):  # LiteRT 2.3 would free memory twice as it loads it
        raise UserError(f"{silent[0]} is 0 whatever the picture, which int8 cannot hold. Train other layers or longer.")
    graph = quantized.subgraphs[0]
    quantization = graph.tensors[graph.inputs[0]].quantization
    scale, zero_point = quantization.scale[0], quantization.zeroPoint[0]
    if zero_point != 0 or not np.isclose(scale, 1 / 255, rtol=1e-6):
        raise UserError(f"The int8 input has scale {scale} and zero point {zero_point}, and would lose grey levels.")
    if not cut:
        return file
    return flatbuffer.chain(file, convert(served.model, serving.from_inside(_settled(served, file, representative))))


def _awake(model: keras.Model, images: np.ndarray) -> keras.Model:
    """Returns the network without hidden layers that are 0 in every image, which int8 cannot hold.

    Such a layer of squeeze-and-excitation gives 1, which the bias of the next one takes away again.
    """
    hidden = [layer for layer in model.layers if layer.name.endswith(models.REDUCE)]
    if not hidden:
        return model
    seen = keras.Model(model.inputs, [layer.output for layer in hidden]).predict(
        preprocess.normalise(images), verbose=0
    )
    asleep = [layer.name for layer, values in zip(hidden, seen, strict=True) if not np.any(values)]
    if not asleep:
        return model
    awake = keras.models.clone_model(model)
    awake.set_weights(model.get_weights())
    for name in asleep:
        reduce, excite = (
            awake.get_layer(name.removesuffix(models.REDUCE) + end) for end in (models.REDUCE, models.EXCITE)
        )
        kernel, bias = reduce.get_weights()
        reduce.set_weights([kernel * 1e-3, np.ones_like(bias)])  # a kernel of zeros cannot be held either
        kernel, bias = excite.get_weights()
        excite.set_weights([kernel, bias - kernel.sum(axis=0)])
    return awake


def _settled(served: serving.Served, inside: bytes, images: np.ndarray) -> serving.Served:
    """Returns the network with its unit set to what it sees in 8 bits, where pictures seem more foreign than they are.

    Args:
      served: the network.
      inside: its first part in 8 bits, of `serving.inside`.
      images: [N, S, S, 3] uint8, on which foreignness is to have the same mean.
    """
    interpreter = Interpreter(model_content=inside, num_threads=1)
    runner = interpreter.get_signature_runner()
    names = sorted(runner.get_output_details())
    found = [[runner(image=image[None])[name] for name in names] for image in images]
    in_8_bits = [served.finish(one)[1].numpy() for one in found]
    exact = served.scores(preprocess.normalise(images))[1].numpy()
    shift = float(np.mean(exact) - np.mean(in_8_bits))
    return dataclasses.replace(served, unit=dataclasses.replace(served.unit, bias=served.unit.bias + shift))
