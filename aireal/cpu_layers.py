"""Keras's layers with training passes that take less time on a CPU.

They have the names of Keras's own, by which checkpoints know layers: what one machine began, another can go on with.
"""

from collections.abc import Callable

import keras
import tensorflow as tf


class BatchNormalization(keras.layers.BatchNormalization):
    """Keras's layer, whose training pass is TensorFlow's fused operation: half the time of a training step.

    Keras 3 computes moments, scale and shift one after the other, in float32, which takes as long as the convolutions
    around it. Outside of training it is Keras's layer. Inputs are [B, H, W, C], float32, bfloat16 or float16.
    """

    def call(self, inputs: tf.Tensor, training: bool | None = None, mask: None = None) -> tf.Tensor:
        if not training or not self.trainable:
            return super().call(inputs, training=False, mask=mask)
        outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=inputs,
            scale=tf.convert_to_tensor(self.gamma.value),
            offset=tf.convert_to_tensor(self.beta.value),
            mean=tf.zeros([0]),
            variance=tf.zeros([0]),
            epsilon=self.epsilon,
            is_training=True,
        )
        for average, value in ((self.moving_mean, mean), (self.moving_variance, variance)):
            average.assign(average * self.momentum + value * (1.0 - self.momentum))
        return outputs


class Conv2D(keras.layers.Conv2D):
    """Keras's layer, whose gradient by its input is a convolution too, with the kernel turned and transposed.

    For which TensorFlow has an operation of its own, on AVX2 mostly slower, up to 3 times: 1.3 times for a whole step
    of the network of accurate.cfg. Where more than turning would be needed (strides, dilation, groups, an even kernel,
    no padding, channels first) it is Keras's layer.
    """

    def convolution_op(self, inputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        plain = (self.padding, self.data_format) == ("same", "channels_last") and self.groups == 1
        plain &= self.strides == self.dilation_rate == (1, 1) and all(edge % 2 for edge in self.kernel_size)
        if not plain:
            return super().convolution_op(inputs, kernel)
        return _convolve(tf.convert_to_tensor(inputs), tf.convert_to_tensor(kernel))


@tf.custom_gradient
def _convolve(inputs: tf.Tensor, kernel: tf.Tensor) -> tuple[tf.Tensor, Callable]:
    def gradient(of_outputs: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        turned = tf.transpose(kernel[::-1, ::-1], [0, 1, 3, 2])
        of_kernel = tf.raw_ops.Conv2DBackpropFilter(
            input=inputs,
            filter_sizes=tf.shape(kernel),
            out_backprop=of_outputs,
            strides=[1, 1, 1, 1],
            padding="SAME",
        )
        return tf.nn.conv2d(of_outputs, turned, strides=1, padding="SAME"), of_kernel

    return tf.nn.conv2d(inputs, kernel, strides=1, padding="SAME"), gradient
