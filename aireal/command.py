"""The frame of every entry: parses the flags, says what is wrong in one sentence, and ends with a status."""

import contextlib
import errno
import itertools
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import NoReturn, TextIO

from absl import app, flags, logging

from aireal import machine, paths, sparing
from aireal.errors import UserError, full_disk, reason
from aireal.runs import files
from aireal.settings import flagfile
from builders.cifake import layout

# Notes of TensorFlow and LiteRT that no user can act on, and that there is no GPU; their warnings and errors stay.
_CHATTER = "^I[0-9]{4} |^INFO: |^WARNING: All log messages before absl|failed call to cuInit|^fully_quantize: "
# Of machines that train together, where one has ended; that it was lost is told apart.
_CHATTER += (
    "|BaseCollectiveExecutor::StartAbort|^/job:worker/|^The tasks have crashed|^The error could be from a previous"
)
_CHATTER += "|oneDNN supports DT_UINT8 only"  # of the pictures that are altered; slower, and as right
_OURS = ("aireal", "builders", "exports", "tuning")
_INSTALL = "Install aireal with all that it needs: pip install aireal, or pip install -e . in its folder."
# What the system says no with: no fault of the program.
_REFUSED = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENAMETOOLONG, errno.ELOOP)


def run(main: Callable[..., int | None], *, arguments: bool = False, trains: bool = True) -> None:
    """Runs an entry: parses the flags, prints a UserError as one sentence and exits with 2, else with what main says.

    Args:
      main: the entry; called with the list of arguments where it takes any.
      arguments: whether it takes arguments that are no flags; otherwise they are refused.
      trains: whether it works long enough for huge pages of memory to be worth another start.
    """

    def checked(argv: Sequence[str]) -> int | None:
        if trains:  # once the flags are known to be sound, and before anything is imported for them
            machine.use_huge_pages()
        if len(argv) > 1 and not arguments:
            raise UserError(
                f"unexpected argument {argv[1]!r}. Values are written --name=value, also for true and false."
            )
        with _without_chatter():
            return main(argv[1:]) if arguments else main()

    machine.use_utf8()
    sparing.spare()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # of what TensorFlow says once its log is set up
    logging.set_verbosity(logging.WARNING)  # and TFDS's, about every file it opens
    for stream in filter(None, (sys.stdout, sys.stderr)):
        stream.reconfigure(errors="backslashreplace")  # a terminal may lack the letters of a file's name
    # zsh, unlike other shells, hands a comment behind a command over to it.
    given = itertools.takewhile(lambda argument: argument != "#", sys.argv)
    with _errors_told():
        app.run(
            checked, argv=flagfile.expand(list(given), trains_on="initial_weights" in flags.FLAGS), flags_parser=_parse
        )


@contextlib.contextmanager
def _errors_told() -> Iterator[None]:
    """Prints what the user can mend as one sentence, and exits with the status that belongs to it."""
    try:
        yield
    except UserError as error:
        _refuse(str(error))
    except KeyboardInterrupt:
        print("\nInterrupted.", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:  # who reads the output has had enough, as `| head`
        discard_output()
        sys.exit(141)
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing in _OURS:
            raise
        _refuse(f"this needs {missing}, which is not installed. {_INSTALL}")
    except Exception as error:
        if told := full_disk(error):  # while others than `files` wrote, as TensorFlow and TFDS do
            _refuse(str(told))
        if not isinstance(error, OSError) or error.errno not in _REFUSED:
            raise
        _refuse(": ".join(str(one) for one in (error.strerror, error.filename) if one))


def _refuse(message: str) -> NoReturn:
    """Prints what was wrong, and of the names in it nothing that a terminal would act on."""
    print("error: " + "\n".join(map(layout.printable, message.split("\n"))), file=sys.stderr)
    sys.exit(2)


@contextlib.contextmanager
def _without_chatter() -> Iterator[None]:
    """Keeps from the user what `_CHATTER` matches of all that C++ libraries write to standard error.

    No environment variable does: they say it before their log is set up. The filter is a process of its own, so that a
    last word before a crash still comes through. Python writes past it, and knows a terminal when there is one.
    """
    if sys.stderr is None or not (grep := shutil.which("grep")):
        yield
        return
    python_stderr, straight = sys.stderr, os.dup(2)
    python_stderr.flush()
    command = [grep, "--line-buffered", "-a", "-v", "-E", _CHATTER]
    filtering = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=straight, start_new_session=True)
    with filtering.stdin as pipe:
        os.dup2(pipe.fileno(), 2)
    with open(straight, "w", buffering=1, encoding=python_stderr.encoding, errors="backslashreplace") as sys.stderr:
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(straight, 2)
            sys.stderr = python_stderr
            with contextlib.suppress(subprocess.TimeoutExpired):  # children that live on may hold the pipe
                filtering.wait(0.2)


@contextlib.contextmanager
def open_output(path: str | None) -> Iterator[TextIO]:
    """Yields the file that `--output` names, whole at the end or not at all, or standard output where it names none.

    Raises:
      UserError: it cannot be written.
    """
    # Names of files are bytes; in csv those that are no UTF-8 leave as they came.
    encoding = {"encoding": "utf-8", "errors": "surrogateescape"}
    try:
        if not path:
            if sys.stdout is None:
                raise OSError("it is closed")
            sys.stdout.reconfigure(**encoding)
            yield sys.stdout
            sys.stdout.flush()
            return
        target = paths.resolve(path)
        if target.is_dir():
            raise OSError("it is a folder")
        named = os.path.expanduser(path)  # what /dev/stdout leads to may have no path
        in_place = os.path.exists(named) and not os.path.isfile(named)  # a device or a pipe
        with (
            contextlib.nullcontext() if in_place else files.claim_file(target),
            contextlib.nullcontext(named) if in_place else files.replacing(target) as place,
            open(place, "w", **encoding) as file,
        ):
            yield file
    except BrokenPipeError:
        raise
    except OSError as error:
        where = f"--output={path}" if path else "Standard output"
        if not path and sys.stdout:
            discard_output()
        raise UserError(f"{where} cannot be written: {reason(error)}.") from error


def discard_output() -> None:
    """Sends what is still to be printed nowhere, where printing has failed: Python would try again at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _parse(argv: Sequence[str]) -> list[str]:
    flags.FLAGS.set_gnu_getopt(True)  # flags may stand behind arguments
    try:
        return flags.FLAGS(argv)
    except SystemExit:  # of --help, which absl ends with 1
        sys.exit(0)
    except (flags.Error, ValueError) as error:  # absl raises a ValueError for --noNAME=value
        if missing := re.match(r"flag --(\w+)=None: ", str(error)):
            raise UserError(f"--{missing[1]} is needed: {flags.FLAGS[missing[1]].help}.") from error
        raise UserError(f"{_in_plain_words(str(error))}\n--help lists all flags.") from error


def _in_plain_words(error: str) -> str:
    """Returns what absl says of a flag's value, without what Python says to programmers."""
    for said, meant in {
        r"invalid literal for int\(\) with base 10: .*": "expected a whole number",
        r"could not convert string to float: .*": "expected a number",
        r"\('Non-boolean argument to boolean flag', .*\)": "expected true or false",
    }.items():
        error = re.sub(said, meant, error)
    return error
