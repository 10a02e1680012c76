"""exports.metadata: MediaPipe reads what stands in the files, and so classifies as we do."""

import io
import zipfile

import numpy as np
import pytest

from aireal import machine
from aireal.verdicts import scorers
from aireal.verdicts.predictor import Predictor
from exports import artifacts, flatbuffer


def test_mediapipe_classifies_as_we_do(exported, pixels):
    import mediapipe as mp
    from mediapipe.tasks.python import BaseOptions, vision

    # Two builds of the same 8-bit kernels may round one step apart.
    for variant, tolerance in (("float32", 1e-6), ("int8", 1.01 / 256)):
        path = exported / artifacts.tflite_name(variant)
        options = vision.ImageClassifierOptions(base_options=BaseOptions(model_asset_path=str(path)))
        with vision.ImageClassifier.create_from_options(options) as classifier:
            found = []
            for one in pixels:
                image = mp.Image(image_format=mp.ImageFormat.SRGB, data=np.ascontiguousarray(one))
                categories = classifier.classify(image).classifications[0].categories
                found.append({category.category_name: category.score for category in categories})
        assert {frozenset(one) for one in found} == {frozenset({"FAKE", "REAL"})}
        np.testing.assert_allclose([one["REAL"] for one in found], scorers.load(path)(pixels).p_real, atol=tolerance)


@pytest.mark.parametrize("variant", ["float32", "int8"])
def test_mediapipe_puts_our_verdict_on_top(unsure_run, pixels, variant):
    import mediapipe as mp
    from mediapipe.tasks.python import BaseOptions, vision

    path = unsure_run / "export" / artifacts.tflite_name(variant)
    options = vision.ImageClassifierOptions(base_options=BaseOptions(model_asset_path=str(path)))
    with vision.ImageClassifier.create_from_options(options) as classifier:
        found = []
        for one in pixels:
            image = mp.Image(image_format=mp.ImageFormat.SRGB, data=np.ascontiguousarray(one))
            found.append(classifier.classify(image).classifications[0].categories[0].category_name)
    expected = [one.verdict for one in Predictor(path).predict(pixels)]
    assert set(expected) == {"FAKE", "REAL", "UNSURE"}
    # Two builds of the same 8-bit kernels may round one step apart.
    assert np.mean(np.array(found) != expected) <= (0.02 if variant == "int8" else 0.0)


def test_the_metadata_says_what_the_file_is(exported):
    from mediapipe.tasks.metadata import metadata_schema_py_generated as schema

    file = (exported / "model_float16.tflite").read_bytes()
    model = flatbuffer.read(file)
    (entry,) = [one for one in model.metadata if one.name == b"TFLITE_METADATA"]
    found = schema.ModelMetadataT.InitFromPackedBuf(bytes(model.buffers[entry.buffer].data))
    graph = found.subgraphMetadata[0]
    assert (found.name, found.license) == (b"aireal", b"Apache-2.0")
    assert found.version == machine.version("aireal").encode()
    assert b"antialiased" in graph.inputTensorMetadata[0].description
    assert graph.inputTensorMetadata[0].content.contentProperties.defaultSize.width == 32
    assert b"p_fake and p_real" in graph.outputTensorMetadata[0].description
    assert graph.outputTensorMetadata[0].associatedFiles[0].name == b"labels.txt"
    with zipfile.ZipFile(io.BytesIO(file)) as archive:
        assert archive.read("labels.txt").decode().split() == ["FAKE", "REAL"]
