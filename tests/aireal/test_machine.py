"""aireal.machine: memory in bytes, of this process alone."""

import numpy as np
import pytest

from aireal import machine


def test_peak_memory_is_in_bytes_and_does_not_fall():
    before = machine.peak_memory_bytes()
    block = np.ones(2**24)  # 128 MiB
    assert 2**24 < before <= machine.peak_memory_bytes() < 2**40
    assert machine.peak_memory_bytes() >= block.nbytes


@pytest.mark.parametrize(
    ("cpuinfo", "expected"),
    [
        ("model name\t: Intel(R) Xeon(R)\nflags\t\t: fpu avx512f avx512_bf16 amx_bf16 amx_tile\n", True),
        ("model name\t: AMD EPYC 9004\nflags\t\t: fpu avx2 avx512f avx512_bf16\n", True),
        ("model name\t: AMD EPYC 7003\nflags\t\t: fpu avx2 fma\n", False),
        ("Features\t: fp asimd bf16\n", False),  # ARM: no such kernels for training
        ("", False),  # not Linux
    ],
)
def test_bfloat16_is_computed_where_the_processor_lists_instructions_for_it(monkeypatch, cpuinfo, expected):
    monkeypatch.setattr(machine, "cpuinfo", lambda: cpuinfo)
    assert machine.computes_bfloat16() is expected


@pytest.mark.parametrize(("limit", "expected"), [("1000\n", 700), ("max\n", None)])
def test_what_a_container_caches_is_free(tmp_path, monkeypatch, limit, expected):
    contents = {"max": limit, "current": "900\n", "stat": "anon 300\ninactive_file 600\nactive_file 1\n"}
    for name, text in contents.items():
        (tmp_path / f"memory.{name}").write_text(text)
    monkeypatch.setattr(machine, "CGROUP", tmp_path)
    found = machine.free_memory_bytes()
    assert found == expected if expected else found > 2**20


HUGE = """
import sys
from aireal import machine
machine.use_huge_pages()
block = bytearray(1 << 26)
block[:: 1 << 12] = b"x" * (1 << 14)  # touched, so resident
with open("/proc/self/smaps_rollup") as file:
    print(sys.argv[1], *[line.split()[1] for line in file if line.startswith("AnonHugePages")])
"""


@pytest.mark.skipif(
    not machine.HUGE_PAGES.exists() or "[madvise]" not in machine.HUGE_PAGES.read_text(),
    reason="no huge pages for those who ask",
)
@pytest.mark.parametrize(("tunables", "expected"), [(None, True), ("glibc.malloc.hugetlb=0", False)])
def test_memory_comes_in_huge_pages_unless_the_user_has_a_word_on_it(
    run_python, monkeypatch, tmp_path, tunables, expected
):
    monkeypatch.delenv("GLIBC_TUNABLES", raising=False)
    if tunables:
        monkeypatch.setenv("GLIBC_TUNABLES", tunables)
    (tmp_path / "huge.py").write_text(HUGE)
    done = run_python("-m", "huge", "the same arguments")
    assert done.stdout.startswith("the same arguments"), done.stderr
    assert (int(done.stdout.split()[-1]) > 1 << 15) is expected


def test_a_program_that_runs_one_of_ours_is_not_started_anew(run_python, monkeypatch, tmp_path):
    monkeypatch.delenv("GLIBC_TUNABLES", raising=False)
    (tmp_path / "huge.py").write_text(HUGE)
    host = "import runpy; print('once', flush=True); runpy.run_module('huge', run_name='__main__')"
    done = run_python("-c", host, "the same arguments")
    assert done.stdout.startswith("once\nthe same arguments"), done.stderr


def test_peak_memory_is_that_of_this_process_not_of_its_parent(run_python):
    ballast = bytearray(600 << 20)  # touched, so resident
    ballast[:: 1 << 12] = b"x" * len(range(0, len(ballast), 1 << 12))
    done = run_python("-c", "from aireal import machine; print(machine.peak_memory_bytes())")
    assert int(done.stdout) < 300 << 20
