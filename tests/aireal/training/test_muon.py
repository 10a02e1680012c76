"""aireal.training.muon beside the orthogonal matrix that its iteration approaches."""

import keras
import numpy as np
import pytest

from aireal.training.muon import Muon

RATE = 0.01


@pytest.fixture
def step():
    """Shape, layer -> the first step of a variable and its gradient, both of that shape."""

    def step(shape, name="kernel"):
        variable = keras.Variable(np.zeros(shape, np.float32), name=name)
        gradient = np.random.default_rng(0).normal(size=shape).astype(np.float32)
        Muon(RATE).apply([keras.ops.convert_to_tensor(gradient)], [variable])
        return -variable.numpy(), gradient

    return step


@pytest.mark.parametrize("shape", [(3, 3, 4, 8), (1, 1, 8, 32)])
def test_the_kernel_of_a_convolution_goes_equally_far_along_all_singular_vectors_of_its_gradient(step, shape):
    moved, gradient = (array.reshape(-1, shape[-1]) for array in step(shape))
    left, _, right = np.linalg.svd(gradient, full_matrices=False)
    along = left.T @ moved @ right.T / (RATE * 0.2 * np.sqrt(max(moved.shape)))
    np.testing.assert_allclose(along, np.eye(len(along)), atol=0.35)  # five iterations end between 0.7 and 1.2
    assert np.abs(along - np.diag(np.diag(along))).max() < 0.01


@pytest.mark.parametrize(("shape", "name"), [((8, 4), "kernel"), ((8,), "bias"), ((3, 3, 4, 1), "depthwise_kernel")])
def test_everything_else_takes_adams_step(step, shape, name):
    moved, gradient = step(shape, name)
    np.testing.assert_allclose(moved, RATE * np.sign(gradient), rtol=1e-2)


def test_its_kernels_move_as_far_as_adams(step):
    moved, _ = step((3, 3, 16, 64))
    assert np.sqrt(np.mean(moved**2)) == pytest.approx(0.2 * RATE, rel=0.2)
