"""Muon for convolutions: Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks"."""

import math

import keras
import tensorflow as tf


class Muon(keras.optimizers.Muon):
    """Keras's Muon, which leaves every kernel of four dimensions to Adam, with a convolution's seen as a matrix.

    A kernel [H, W, in, out] is the matrix [H * W * in, out]. Whatever is no such kernel is Adam's: depthwise kernels,
    whose filters share no input, dense ones, of which the logit's always is one, biases and normalization. Steps are as
    long as Adam's (Liu et al. 2025, https://arxiv.org/abs/2502.16982), so that one learning rate suits both.

    Args:
      learning_rate: or a schedule of it.
      weight_decay: decoupled, times the learning rate, of every variable not excluded; None is without.
    """

    def __init__(self, learning_rate, weight_decay: float | None = None):
        super().__init__(learning_rate, weight_decay=weight_decay, adam_weight_decay=weight_decay)

    def _should_use_adamw(self, variable: keras.Variable) -> bool:
        return len(variable.shape) != 4 or "depthwise" in variable.name

    def zeropower_via_newtonschulz5(self, x: tf.Tensor, steps: int) -> tf.Tensor:
        matrix = tf.reshape(x, [-1, x.shape[-1]])
        return tf.reshape(super().zeropower_via_newtonschulz5(matrix, steps), x.shape)

    def lr_adjust(self, x: tf.Tensor) -> tf.Tensor:
        return x * (self.rms_rate * math.sqrt(max(math.prod(x.shape[:-1]), x.shape[-1])))
