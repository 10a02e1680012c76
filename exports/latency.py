"""Times one form of a model in a process of its own: python -m exports.latency LOADER FILE GOLDEN THREADS COUNT OUTPUT

`exports.benchmark` runs it. Writes one JSON object into OUTPUT. Nothing is imported that the form does not need, so
that load time and memory are its own.
"""

import json
import os
import pathlib
import sys
import time
from collections.abc import Callable

import numpy as np

from aireal import machine

_BATCH = 256  # images

# Each loader gives: a function for one image, one for a batch, and the edge in pixels of what they take.
Call = Callable[[np.ndarray], object]


def _tflite(path: pathlib.Path, threads: int) -> tuple[Call, Call, int]:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path), num_threads=threads)
    interpreter.allocate_tensors()
    (image,), (scores,) = interpreter.get_input_details(), interpreter.get_output_details()

    def one(pixels: np.ndarray) -> np.ndarray:
        interpreter.set_tensor(image["index"], pixels)
        interpreter.invoke()
        return interpreter.get_tensor(scores["index"])

    return one, lambda batch: [one(pixels[None]) for pixels in batch], image["shape"][1]


def _onnx(path: pathlib.Path, threads: int) -> tuple[Call, Call, int]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    image = session.get_inputs()[0]

    def call(pixels: np.ndarray) -> list[np.ndarray]:
        return session.run(None, {image.name: pixels})

    return call, call, image.shape[1]


def _saved_model(path: pathlib.Path, threads: int) -> tuple[Call, Call, int]:
    tf = _tensorflow(threads)
    loaded = tf.saved_model.load(str(path))
    signature = loaded.signatures["serving_default"]
    signature._keep = loaded  # which owns the variables

    def call(pixels: np.ndarray) -> np.ndarray:
        return signature(image=tf.constant(pixels))["probabilities"].numpy()

    return call, call, signature.structured_input_signature[1]["image"].shape[1]


def _keras_predict(path: pathlib.Path, threads: int) -> tuple[Call, Call, int]:
    _tensorflow(threads)
    import keras

    model = keras.models.load_model(path, compile=False)
    return (
        lambda pixels: model.predict(_floats(pixels), verbose=0),
        lambda batch: model.predict(_floats(batch), verbose=0, batch_size=_BATCH),
        model.input_shape[1],
    )


def _keras_call(path: pathlib.Path, threads: int) -> tuple[Call, Call, int]:
    _tensorflow(threads)
    import keras

    model = keras.models.load_model(path, compile=False)

    def call(pixels: np.ndarray) -> np.ndarray:
        return model(_floats(pixels), training=False).numpy()

    return call, call, model.input_shape[1]


def _tensorflow(threads: int):
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    return tf


def _floats(pixels: np.ndarray) -> np.ndarray:
    return pixels.astype(np.float32) / 255


_LOADERS = {
    ".tflite": _tflite,
    ".onnx": _onnx,
    "saved_model": _saved_model,
    "predict": _keras_predict,
    "call": _keras_call,
}


def main(loader: str, path: str, golden: str, threads: str, count: str, output: str) -> None:
    raw = np.stack([np.frombuffer(file.read_bytes(), np.uint8) for file in sorted(pathlib.Path(golden).glob("*.rgb"))])
    edge = round((raw.shape[1] / 3) ** 0.5)
    images = raw.reshape(-1, edge, edge, 3)
    start = time.perf_counter()
    one, many, wanted = _LOADERS[loader](pathlib.Path(path), int(threads))
    load_seconds = time.perf_counter() - start
    places = np.arange(wanted) * edge // wanted  # the camera form takes larger images

    def enlarged(batch: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(batch[:, places][:, :, places])

    seconds = []
    for index in range(int(count) // 20 + int(count)):
        image = enlarged(images[index % len(images)][None])
        start = time.perf_counter()
        one(image)
        seconds.append(time.perf_counter() - start)
    seconds = seconds[int(count) // 20 :]  # without the warm-up
    peak_memory_bytes = machine.peak_memory_bytes()  # of single images: a batch comes after it
    batch = enlarged(np.resize(images, [_BATCH, *images.shape[1:]]))
    many(batch)
    start, batches = time.perf_counter(), 0
    while time.perf_counter() - start < 1:
        many(batch)
        batches += 1
    rate = batches * _BATCH / (time.perf_counter() - start)
    result = {
        "median_microseconds": float(np.median(seconds) * 1e6),
        "p95_microseconds": float(np.percentile(seconds, 95) * 1e6),
        "images_per_second": rate,
        "load_seconds": load_seconds,
        "peak_memory_bytes": peak_memory_bytes,
    }
    pathlib.Path(output).write_text(json.dumps(result), encoding="utf-8")


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    main(*sys.argv[1:])
