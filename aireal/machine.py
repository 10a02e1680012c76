"""What a figure depends on besides the flags: the machine, the versions, the memory of this process."""

import contextlib
import importlib.metadata
import os
import pathlib
import platform
import re
import resource
import shlex
import subprocess
import sys
import time
from typing import Any

import psutil

_PACKAGES = ("tensorflow", "keras", "tensorflow-datasets", "numpy", "scikit-learn", "aireal")
CGROUP = pathlib.Path("/sys/fs/cgroup")  # of Linux, version 2: what a container may use
HUGE_PAGES = pathlib.Path("/sys/kernel/mm/transparent_hugepage/enabled")
_BFLOAT16_INSTRUCTIONS = {"amx_bf16", "avx512_bf16"}  # without them oneDNN, TensorFlow's library on CPUs, emulates


def package_folder() -> pathlib.Path:
    """Returns the folder that holds the packages: the checkout, or site-packages."""
    return pathlib.Path(__file__).resolve().parent.parent


def peak_memory_bytes() -> int:
    """Returns the most memory that this process has had resident."""
    status = pathlib.Path("/proc/self/status")
    if status.exists():  # Linux passes getrusage's peak on from the program that started this one
        return int(re.findall(r"VmHWM:\s*(\d+)", status.read_text(encoding="utf-8"))[0]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def free_memory_bytes() -> int:
    """Returns the memory that this process may still take: what the machine has free, or a container leaves of it."""
    limit, used, kinds = (CGROUP / f"memory.{name}" for name in ("max", "current", "stat"))
    free = psutil.virtual_memory().available  # of the machine, whatever a container may use of it
    if limit.exists() and (text := limit.read_text().strip()) != "max":
        # Files that were read or written count as used, until the memory is wanted.
        cached = int(re.findall(r"^inactive_file (\d+)$", kinds.read_text(), re.MULTILINE)[0])
        free = min(free, int(text) - int(used.read_text()) + cached)
    return free


def use_huge_pages() -> None:
    """Starts this program anew, from its beginning, where that lets it have its memory in huge pages.

    That is on Linux where programs have to ask for them: a training step of `robust-small.cfg` takes 0.85 of the time.
    glibc (from 2.35) asks where the environment says so as a program starts, and children inherit it. A program that
    was not started as `python -m MODULE` or `aireal COMMAND`, as a notebook that runs one of ours, is left alone.
    """
    if "GLIBC_TUNABLES" in os.environ or not HUGE_PAGES.exists():
        return
    if "[madvise]" in HUGE_PAGES.read_text(encoding="utf-8"):
        # A pool for each core: glibc's eight for each keep 20 MiB more from being used again.
        _restart("GLIBC_TUNABLES", f"glibc.malloc.hugetlb=1:glibc.malloc.arena_max={cores()}")


def use_utf8() -> None:
    """Starts this program anew where the locale keeps Python from UTF-8, in which names and what we write are."""
    if sys.getfilesystemencoding() != "utf-8" and os.environ.get("PYTHONUTF8") != "1":
        _restart("PYTHONUTF8", "1")


def _restart(name: str, value: str) -> None:
    """Starts this program anew, with an environment variable, if it was started as `python -m MODULE`."""
    spec = sys.modules["__main__"].__spec__
    started = {pathlib.Path(argument).name for argument in sys.orig_argv[1:]}
    if spec is None or not {spec.name.removesuffix(".__main__"), "aireal"} & started:
        return
    before = os.environ.get(name)
    os.environ[name] = value
    with contextlib.suppress(OSError):  # a machine may forbid it: then it goes on without
        os.execv(sys.executable, sys.orig_argv)
    os.environ.pop(name) if before is None else os.environ.update({name: before})


def environment() -> dict[str, Any]:
    """Returns what a figure depends on besides the flags: command, time, versions, hardware, commit."""
    return {
        "command": shlex.join([pathlib.Path(sys.executable).name, *sys.orig_argv[1:]]),
        "started": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "python": platform.python_version(),
        "packages": {name: version(name) for name in _PACKAGES},
        "system": platform.platform(),
        "processor": _processor(),  # a rented one's name may not tell its generation; its instructions do
        "instructions": sorted(name for name in instructions() if name.startswith(("avx", "amx"))),
        "cores": cores(),
        "memory_bytes": psutil.virtual_memory().total,
        "commit": _commit(),
    }


def cores() -> int:
    """Returns how many cores this process may use."""
    if hasattr(psutil.Process, "cpu_affinity"):
        return len(psutil.Process().cpu_affinity())
    return os.cpu_count() or 1


def version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def computes_bfloat16() -> bool:
    """Returns whether the processor is known to have instructions for bfloat16; on Linux with x86 alone it is.

    Without them, on AVX2 alone, TensorFlow takes ten times as long for a training step as in float32.
    """
    return bool(_BFLOAT16_INSTRUCTIONS & instructions())


def instructions() -> set[str]:
    """Returns the names of the processor's instruction sets, as /proc/cpuinfo has them; none where they are unknown."""
    return set(" ".join(re.findall(r"^flags\s*:(.*)", cpuinfo(), re.MULTILINE)[:1]).split())


def _processor() -> str:
    names = re.findall(r"model name\s*:\s*(.+)", cpuinfo())
    return names[0] if names else platform.processor()


def cpuinfo() -> str:
    """Returns what Linux says of the processor, the text of /proc/cpuinfo; empty on other systems."""
    file = pathlib.Path("/proc/cpuinfo")
    return file.read_text(encoding="utf-8") if file.exists() else ""


def _commit() -> str | None:
    """Returns the commit of the checkout this runs from, with "+changes" where it differs; None outside of one."""
    if not (package_folder() / ".git").exists():
        return None
    command = [
        "git",
        "-C",
        str(package_folder()),
        "describe",
        "--always",
        "--abbrev=12",
        "--dirty=+changes",
        "--exclude=*",
    ]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
