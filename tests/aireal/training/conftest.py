"""Trainings on several devices, which only a process of its own can have."""

import pathlib
import subprocess

import pytest

# Logical devices can only be made before TensorFlow starts: hence processes of their own.
ON_DEVICES = """
import sys, tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * int(sys.argv[1]))
from aireal.training import experiment
from aireal.settings import flagfile
from aireal.errors import UserError
for path in sys.argv[3:]:
    try:
        experiment.run(flagfile.load(path), sys.argv[2] + "/" + path.split("/")[-1], overwrite=True)
    except UserError as error:
        print(error)
"""


@pytest.fixture
def on_devices(run_python):
    """Returns a function that trains by flagfiles on so many devices, each into a folder of its own below `into`."""

    def train(count: int, into: pathlib.Path, *flagfiles: pathlib.Path) -> subprocess.CompletedProcess:
        return run_python("-c", ON_DEVICES, count, into, *flagfiles)

    return train
