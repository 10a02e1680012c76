"""exports.flatbuffer: what is read from a .tflite file, and that changes leave it sound and closer to the original."""

import flatbuffers
import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from aireal.network import foreign, models
from aireal.settings.config import Config
from aireal.verdicts.verdict import Rule
from exports import artifacts, flatbuffer, serving


@pytest.mark.parametrize("variant", ["float32", "float16", "int8"])
def test_weights_stay_aligned_when_metadata_is_added(exported, variant):
    file = (exported / artifacts.tflite_name(variant)).read_bytes()
    start = np.frombuffer(file, np.uint8).ctypes.data
    model = flatbuffer.schema.Model.GetRootAsModel(file, 0)
    for index in range(model.BuffersLength()):
        buffer = model.Buffers(index)
        if buffer.DataLength():
            place = buffer.DataAsNumpy().ctypes.data - start  # in the file
            assert place % 16 == 0


def test_operators_that_phones_lack_are_named(exported):
    model = flatbuffer.read((exported / artifacts.tflite_name("float32")).read_bytes())
    variable, custom = model.operatorCodes[0], model.operatorCodes[1]
    variable.builtinCode = variable.deprecatedBuiltinCode = flatbuffer.schema.BuiltinOperator.READ_VARIABLE
    custom.customCode = b"FlexErf"
    assert flatbuffer.unfit(model) == {"READ_VARIABLE", "FlexErf"}


def test_the_float16_form_keeps_its_small_tensors():
    keras.utils.set_random_seed(0)
    model = models.build_model(Config(filters=(8, 4), dense_units=(100, 250)))
    full, half = (
        artifacts.convert(model, serving.from_one(serving.Served(model)), configure)
        for configure in (lambda converter: None, artifacts.float16_weights)
    )
    kept = flatbuffer.read(flatbuffer.refine_float16(half, full))
    names = flatbuffer.operators(kept)
    assert names.count("DEQUANTIZE") == 2  # the kernels of the dense layers
    assert flatbuffer.operators(flatbuffer.read(half)).count("DEQUANTIZE") > 3


def test_two_models_in_a_row_are_one():
    keras.utils.set_random_seed(0)
    model = models.build_model(Config(filters=(8, 4), dense_units=(10,), mirror_average=True))
    count = len(foreign.parts(model)[1](foreign.parts(model)[0](np.zeros([1, 32, 32, 3], np.float32)))[1][0])
    unit = foreign.Unit(np.random.default_rng(0).normal(size=count).astype(np.float32), 0.5)
    served = serving.Served(model, Rule(fake_up_to=0.1, real_at_least=0.9, foreign_from=0.0), unit)
    parts = [artifacts.convert(model, signature) for signature in (serving.inside(served), serving.from_inside(served))]
    chained, whole = flatbuffer.chain(*parts), artifacts.convert(model, serving.from_floats(served))
    image = np.random.default_rng(1).random([1, 32, 32, 3], np.float32)
    found, expected = (Interpreter(model_content=one).get_signature_runner()(image=image) for one in (chained, whole))
    assert list(found) == ["probabilities"]
    np.testing.assert_allclose(found["probabilities"], expected["probabilities"], atol=1e-6)


@pytest.mark.parametrize("shape", [(6, 3, 3, 40), (6, 500)])
def test_errors_of_rounding_to_float16_cancel_within_a_filter(shape):
    kernel = np.random.default_rng(0).normal(0, 0.1, shape).astype(np.float32)
    diffused, plain = flatbuffer.diffuse(kernel), kernel.astype(np.float16)
    one_rounding = np.spacing(np.abs(plain).max())
    assert diffused.dtype == np.float16
    assert diffused.shape == shape
    assert np.abs(diffused.astype(np.float32) - kernel).max() <= one_rounding

    def sums(weights):
        return weights.astype(np.float64).sum(axis=tuple(range(1, weights.ndim)))

    assert np.abs(sums(diffused) - sums(kernel)).max() <= one_rounding
    assert np.abs(sums(plain) - sums(kernel)).max() > one_rounding


def test_a_file_is_written_without_names_and_with_what_repeats_once(exported):
    file = (exported / artifacts.tflite_name("int8")).read_bytes()
    model = flatbuffer.read(file)
    (graph,) = model.subgraphs
    named = {index for index, tensor in enumerate(graph.tensors) if tensor.name}
    assert named == {*graph.inputs, *graph.outputs}
    again = flatbuffer.write(model)
    assert again == flatbuffer.write(flatbuffer.read(again))
    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    plain = bytes(builder.Output())
    assert len(again) < 0.98 * len(plain)
    image = np.random.default_rng(0).integers(0, 256, [1, 32, 32, 3], np.uint8)
    found, expected = (Interpreter(model_content=one).get_signature_runner()(image=image) for one in (again, plain))
    np.testing.assert_array_equal(found["probabilities"], expected["probabilities"])
