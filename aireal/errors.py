"""What goes wrong that the user can mend."""

import errno
import os
import re
from typing import Any

# A disk, a quota, and the size that a process may give a file.
_FULL = [os.strerror(number) for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)]


class UserError(Exception):
    """The message says what was wrong, where, and what to do. Entries print it as one sentence and exit with 2."""


def reason(error: OSError) -> str:
    """Returns what went wrong, without error number and path."""
    return error.strerror.lower() if error.strerror else str(error)


def full_disk(error: BaseException, what: Any = None, otherwise: str = "A file") -> UserError | None:
    """Returns what to say of an error that comes from a full disk, or None where it comes from something else.

    Args:
      error: of Python, TensorFlow, TFDS or HDF5, which have no class of error for it in common, but words.
      what: the file or folder that was to be made; by default the one that the error names.
      otherwise: what to call it where the error names none.
    """
    text = str(error)
    said = next((words for words in _FULL if words in text), None)
    if said is None:
        return None
    named = re.search(r"(?<!\S)['\"]?(/[^\s;'\"]+)", text)
    what = what or (named and named[1]) or otherwise
    return UserError(
        f"{what} could not be made: {said.lower()}. Make room, or choose another place; then give the command again."
    )
