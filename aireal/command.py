"""The frame of every entry: parses the flags, says what is wrong in one sentence, and ends with a status."""

import errno
import os
import sys
from collections.abc import Callable, Sequence

from absl import app, flags, logging

from aireal import machine
from aireal.errors import UserError
from aireal.settings import flagfile

# What the system says no with: no fault of the program.
_REFUSED = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT)


def run(main: Callable[..., int | None], *, arguments: bool = False) -> None:
    """Runs an entry: parses the flags, prints a UserError as one sentence and exits with 2, else with what main says.

    Args:
      main: the entry; called with the list of arguments where it takes any.
      arguments: whether it takes arguments that are no flags; otherwise they are refused.
    """

    def checked(argv: Sequence[str]) -> int | None:
        machine.use_huge_pages()  # once the flags are known to be sound, and before anything is imported for them
        if arguments:
            return main(argv[1:])
        if len(argv) > 1:
            raise UserError(
                f"unexpected argument {argv[1]!r}. Values are written --name=value, also for true and false."
            )
        return main()

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # TensorFlow's chatter about processors and missing GPUs
    logging.set_verbosity(logging.WARNING)  # and TFDS's, about every file it opens
    try:
        app.run(checked, argv=list(flagfile.expand(sys.argv)), flags_parser=_parse)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("\nInterrupted.", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:  # who reads the output has had enough, as `| head`
        discard_output()
        sys.exit(141)
    except OSError as error:
        if error.errno not in _REFUSED:
            raise
        print(f"error: {': '.join(filter(None, [error.strerror, error.filename]))}", file=sys.stderr)
        sys.exit(2)


def discard_output() -> None:
    """Sends what is still to be printed nowhere, where printing has failed: Python would try again at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _parse(argv: Sequence[str]) -> list[str]:
    flags.FLAGS.set_gnu_getopt(True)  # flags may stand behind arguments
    try:
        return flags.FLAGS(argv)
    except (flags.Error, ValueError) as error:  # absl raises a ValueError for --noNAME=value
        raise UserError(f"{error}\n--help lists all flags.") from error
