"""Writing files and folders: each beside its place and renamed, so that none is ever half there."""

import contextlib
import csv
import hashlib
import json
import os
import pathlib
import shutil
import uuid
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import filelock

from aireal import paths
from aireal.errors import UserError, full_disk
from builders.cifake import clutter

PARTIAL = ".partial-"  # begins the names of what is being written
_OLD = ".old-"  # and of folders that are being replaced
_NAME_BYTES = 255  # at most, of all file systems that are in use


@contextlib.contextmanager
def replacing(path: pathlib.Path, *, own: bool = False) -> Iterator[pathlib.Path]:
    """Yields a path beside `path` with the same ending; what is written there takes its place at the end, or never.

    Args:
      path: of the file.
      own: let that path be none that another process writes to.

    Raises:
      UserError: the disk is full.
    """
    partial = beside(path, f"{PARTIAL}{uuid.uuid4().hex[:12]}-" if own else PARTIAL)
    try:
        with _told_if_full(path):
            yield partial
            with open(partial, "rb") as file:
                os.fsync(file.fileno())
            os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


@contextlib.contextmanager
def _told_if_full(path: pathlib.Path) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if told := full_disk(error, path):
            raise told from error
        raise


@contextlib.contextmanager
def replacing_folder(path: pathlib.Path) -> Iterator[pathlib.Path]:
    """Like `replacing`, for a folder: what stands at `path` stays whole until the new one is complete.

    Raises:
      UserError: another process is at it, it cannot be renamed, or the disk is full.
    """
    path = paths.resolve(path)
    if pathlib.Path.cwd().is_relative_to(path) or path.is_mount():
        reason = "it is mounted, or the current folder. Name a folder in it, or start elsewhere."
        raise UserError(f"{path} cannot be replaced where it stands: {reason}")
    partial, old = (beside(path, prefix) for prefix in (PARTIAL, _OLD))

    def tidy() -> None:
        if old.exists() and not path.exists():  # interrupted between the two renames below
            os.replace(old, path)
        for doomed in (partial, old):
            shutil.rmtree(doomed, ignore_errors=True)

    with claim(path, f"Another process is writing {path}. Wait for it."):
        tidy()
        try:
            with _told_if_full(path):
                partial.mkdir(parents=True)
                yield partial
                if path.exists():
                    os.replace(path, old)
                os.replace(partial, path)
        finally:
            tidy()


def others(folder: pathlib.Path, ours: Collection[str] = ()) -> list[str]:
    """Returns the names in a folder, sorted: all but ours, what is being written, and what the Finder leaves there."""
    return sorted(
        path.name
        for path in folder.iterdir()
        if path.name not in ours and not path.name.startswith(PARTIAL) and not clutter.is_of_a_viewer(path.name)
    )


def beside(path: pathlib.Path, prefix: str, suffix: str = "") -> pathlib.Path:
    """Returns the path beside `path` that has a prefix and a suffix to its name, of which a long one is cut."""
    name = path.name
    room = _NAME_BYTES - len(os.fsencode(prefix + suffix))
    if len(os.fsencode(name)) > room:  # told from others by a digest; the ending says how it is written
        name = hashlib.blake2b(os.fsencode(name), digest_size=16).hexdigest() + path.suffix[-8:]
    return path.with_name(f"{prefix}{name}{suffix}")


def claim(path: pathlib.Path, busy: str) -> contextlib.AbstractContextManager:
    """Takes a file or folder, which need not exist, for this process alone, until the context that is returned ends.

    Raises:
      UserError: another process has it; says `busy`.
      OSError: the folder around it cannot be written to.
    """
    try:
        return _lock(path).acquire(blocking=False)
    except filelock.Timeout:
        raise UserError(busy) from None


@contextlib.contextmanager
def claim_file(path: pathlib.Path) -> Iterator[None]:
    """Like `claim`, for a file that a flag names: the lock, which lies beside it, goes away with the claim.

    Raises:
      UserError: another process has it.
      OSError: the folder around it is not there, or cannot be written to.
    """
    os.stat(path.parent)  # a folder that is not there is not made
    with claim(path, f"Another process is writing {path}. Wait for it, or name another file.") as lock:
        try:
            yield
        finally:
            os.unlink(lock.lock_file)  # whoever has opened it meanwhile finds it gone, and asks again


def turn(path: pathlib.Path) -> contextlib.AbstractContextManager:
    """Like `claim`, for what takes no time: waits until no other process has it."""
    return _lock(path).acquire()


def _lock(path: pathlib.Path) -> filelock.BaseFileLock:
    return filelock.FileLock(beside(path, ".", ".lock"))


def write_text(path: pathlib.Path, text: str) -> None:
    with replacing(path) as partial:
        # Lone surrogates, of a name that is not UTF-8, become \\udcff, which JSON reads as what it was.
        partial.write_text(text, encoding="utf-8", errors="backslashreplace")


def write_json(path: pathlib.Path, value: Any) -> None:
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: pathlib.Path, *, holding: Sequence[str] = (), mend: str) -> dict[str, Any]:
    """Returns the object that a JSON file holds.

    Args:
      path: the file.
      holding: keys that the object has to have.
      mend: what to do about a damaged file, a sentence.

    Raises:
      UserError: the file is not there, cut, or of another kind; names it and says what to do.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        lacking = [key for key in holding if key not in found]
        if not isinstance(found, dict) or lacking:
            raise ValueError(f"it says nothing of {', '.join(lacking)}" if lacking else "it holds no object")
    except FileNotFoundError as error:
        raise UserError(f"{path} is missing. {mend}") from error
    except (OSError, ValueError, TypeError) as error:
        raise UserError(f"{path} is damaged: {error}. {mend}") from error
    return found


def write_csv(path: pathlib.Path, header: Sequence[str], rows: Iterator[Sequence[Any]]) -> None:
    with replacing(path) as partial, open(partial, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)


def size_bytes(path: pathlib.Path) -> int:
    """Returns the size of a file, or of all files in a folder."""
    return sum(file.stat().st_size for file in (path.rglob("*") if path.is_dir() else [path]) if file.is_file())


def digest(path: pathlib.Path) -> str:
    """Returns a hash of a file's bytes, or of all files in a folder with their names."""
    found = hashlib.blake2b(digest_size=16)
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if file.is_file():
            found.update(f"{file.relative_to(path)}\0{file.stat().st_size}\0".encode("utf-8", "surrogateescape"))
            found.update(file.read_bytes())
    return found.hexdigest()
