"""What this machine's devices are and are good at, and how a training is spread over them."""

import tensorflow as tf

from aireal import machine
from aireal.data.batches import Data
from aireal.errors import UserError
from aireal.settings.config import Config
from aireal.training import cluster

_BFLOAT16_CAPABILITY = (8, 0)  # of NVIDIA's GPUs since Ampere


def settle_precision(config: Config) -> str:
    """Returns the arithmetic of training: `config.precision`, or for auto what this machine's devices are best at."""
    if config.precision != "auto":
        return config.precision
    gpus = map(tf.config.experimental.get_device_details, tf.config.list_physical_devices("GPU"))
    capabilities = [details.get("compute_capability", (0, 0)) for details in gpus]
    fast = min(capabilities) >= _BFLOAT16_CAPABILITY if capabilities else machine.computes_bfloat16()
    return "bfloat16" if fast else "float32"


def for_batches(config: Config) -> str | None:
    """Returns the device that batches are copied to ahead of time: under a strategy, the strategy does it."""
    return "/gpu:0" if config.strategy == "single" and tf.config.list_logical_devices("GPU") else None


def strategy(config: Config) -> tf.distribute.Strategy:
    """Returns how `config.strategy` shares out a batch: over one device, all GPUs of this machine, or machines."""
    if config.strategy == "single":
        return tf.distribute.get_strategy()
    if config.strategy == "multi_worker":
        return cluster.Cluster.of(config).strategy()
    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    return tf.distribute.MirroredStrategy([device.name for device in devices])


def check_replicas(strategy: tf.distribute.Strategy, data: Data) -> None:
    """Raises UserError where Keras cannot share out a batch: unequal parts, a device without an image in the last."""
    replicas, batch_size = strategy.num_replicas_in_sync, data.config.batch_size
    if batch_size % replicas:
        told = f"--batch_size={batch_size} cannot be divided by {replicas} devices."
        raise UserError(f"--strategy={data.config.strategy}: {told}")
    for split, count in data.image_counts().items():
        if 0 < count % batch_size < replicas:
            raise UserError(
                f"--strategy={data.config.strategy}: the last {split} batch would have fewer images than the {replicas}"
                " devices. Choose another --batch_size."
            )


def accelerators() -> list[str]:
    """Returns the names of the GPUs."""
    details = map(tf.config.experimental.get_device_details, tf.config.list_physical_devices("GPU"))
    return [detail.get("device_name", "GPU") for detail in details]
