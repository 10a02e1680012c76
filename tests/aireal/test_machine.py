"""aireal.machine: memory in bytes, of this process alone."""

import numpy as np

from aireal import machine


def test_peak_memory_is_in_bytes_and_does_not_fall():
    before = machine.peak_memory_bytes()
    block = np.ones(2**24)  # 128 MiB
    assert 2**24 < before <= machine.peak_memory_bytes() < 2**40
    assert machine.peak_memory_bytes() >= block.nbytes


def test_peak_memory_is_that_of_this_process_not_of_its_parent(run_python):
    ballast = bytearray(600 << 20)  # touched, so resident
    ballast[:: 1 << 12] = b"x" * len(range(0, len(ballast), 1 << 12))
    done = run_python("-c", "from aireal import machine; print(machine.peak_memory_bytes())")
    assert int(done.stdout) < 300 << 20
