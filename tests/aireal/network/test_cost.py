"""aireal.network.cost: figures worked by hand."""

import pytest

from aireal import shipped
from aireal.machine import package_folder
from aireal.network.cost import Cost
from aireal.network.models import build_model
from aireal.settings import flagfile
from aireal.settings.config import Config

AVERAGE = {"head": "average", "dense_units": (), "conv_dropout": 0.0}


def test_the_baseline():
    convolutions = 32 * 32 * (9 * 3 * 64) + 16 * 16 * (9 * 64 * 32) + 8 * 8 * (9 * 32 * 16)
    dense = 4 * 4 * 16 * 512 + 512 * 256 + 256 * 128 + 128
    assert Cost.of(build_model(Config())).as_dict() == {
        "parameters": 320_817,
        "macs": convolutions + dense,
        "activation_bytes": 4 * (32 * 32 * 64 + 16 * 16 * 64),  # of the first pooling
    }


def test_stem_stages_and_normalization():
    config = Config(**AVERAGE, stem_filters=48, filters=(48, 96), convolutions=(1, 2), normalization="batch")
    kernels = [4 * 4 * 3 * 48, 9 * 48 * 48, 9 * 48 * 96, 9 * 96 * 96]
    found = Cost.of(build_model(config))
    assert found.macs == 16 * 16 * sum(kernels[:2]) + 8 * 8 * sum(kernels[2:]) + 96
    assert found.parameters == sum(kernels) + 4 * (48 + 48 + 96 + 96) + 96 + 1
    assert found.activation_bytes == 4 * 2 * 16 * 16 * 48


def test_the_fast_recipe():
    found = Cost.of(build_model(flagfile.recipe(package_folder() / "aireal/configs/fast.cfg")))
    kernels = [9 * 3 * 32, 9 * 32 * 32, 9 * 32 * 64, 9 * 64 * 128]
    edges = [16, 16, 8, 4]
    assert found.macs == 2 * (sum(edge**2 * kernel for edge, kernel in zip(edges, kernels, strict=True)) + 128)
    assert found.parameters == sum(kernels) + 4 * (32 + 32 + 64 + 128) + 128 + 1


def test_separable_convolutions_after_the_one_that_sees_the_image():
    config = Config(**AVERAGE, filters=(8, 16), separable=True)
    kernels = [9 * 3 * 8, 9 * 8 + 8 * 16]
    found = Cost.of(build_model(config))
    assert found.macs == 32 * 32 * kernels[0] + 16 * 16 * kernels[1] + 16
    assert found.parameters == sum(kernels) + 8 + 16 + 16 + 1


def test_an_addition_reads_both_of_its_inputs():
    config = Config(**AVERAGE, filters=(8,), convolutions=(2,), residual=True, image_size=8)
    assert Cost.of(build_model(config)).activation_bytes == 4 * 3 * 8 * 8 * 8


def test_squeeze_and_excitation_costs_two_dense_layers_for_each_convolution():
    plain = Cost.of(build_model(Config(**AVERAGE, filters=(8, 16))))
    weighed = Cost.of(build_model(Config(**AVERAGE, filters=(8, 16), squeeze_excitation=4)))
    kernels, biases = 2 * (8 * 2 + 16 * 4), 2 + 8 + 4 + 16
    assert weighed.macs - plain.macs == kernels
    assert weighed.parameters - plain.parameters == kernels + biases


def test_an_average_over_the_mirror_image_takes_twice_the_arithmetic_and_the_memory():
    single = Cost.of(build_model(Config(**AVERAGE, filters=(8,))))
    averaged = Cost.of(build_model(Config(**AVERAGE, filters=(8,), mirror_average=True)))
    times = {"parameters": 1, "macs": 2, "activation_bytes": 2}
    assert averaged.as_dict() == {name: times[name] * value for name, value in single.as_dict().items()}


def test_dropout_takes_no_memory_where_the_network_runs():
    with_dropout, without = (Config(**{**AVERAGE, "conv_dropout": rate}, filters=(8,)) for rate in (0.3, 0.0))
    assert Cost.of(build_model(with_dropout)) == Cost.of(build_model(without))


@pytest.mark.parametrize(("size", "times"), [(32, 1), (64, 4)])
def test_the_sentence(size, times):
    model = build_model(Config(**AVERAGE, filters=(8,), image_size=size))
    macs = size * size * 9 * 3 * 8 + 8
    kilobytes = 4 * 11 * 1024 * times / 1000
    assert str(Cost.of(model)) == (
        f"Network: 233 parameters; {macs / 1e6:.1f} million multiply-accumulates and {kilobytes:.0f} kB of activations "
        "an image."
    )


@pytest.mark.parametrize("name", shipped.names())
def test_the_estimate_of_the_int8_file_is_close_to_the_shipped_one(name):
    folder = package_folder() / "aireal/trained" / name
    estimate = Cost.of(build_model(flagfile.recipe(folder / "flags.cfg"))).int8_bytes
    assert estimate == pytest.approx((folder / "export/model_int8.tflite").stat().st_size, rel=0.01)
