"""Runs pipelines of Apache Beam, in processes of this machine or on a cluster. It comes with the extra `beam`."""

import contextlib
import difflib
import io
import logging
import queue
import re
import shlex
import sys
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import psutil

from aireal import machine
from aireal.errors import UserError

if TYPE_CHECKING:
    import apache_beam as beam
    from apache_beam.options.pipeline_options import PipelineOptions
    from apache_beam.runners.runner import PipelineRunner

FLAG = "beam_pipeline_options"
_HERE = "DirectRunner"
_SLIP = 0.9  # likeness of a name that is not Beam's to one that is; some options have several names
_PROCESS = "sdk_worker_main"
_LOOK_SECONDS = 0.5
# Beam's threads for a process, which raise where it was killed.
_OF_A_PROCESS = ("run_worker", "beam_control_read", "read_grpc_client_inputs")


class Engine(NamedTuple):
    """What `beam.Pipeline` takes, and how many cores each process has to itself."""

    runner: "PipelineRunner"
    options: "PipelineOptions"
    cores: int = 1


def engine(text: str, process_bytes: int) -> Engine:
    """Returns what runs pipelines.

    Args:
      text: options of Beam, comma-separated and without dashes, as runner=FlinkRunner,flink_master=host:8081. By
        default there are as many processes of this machine as it has cores and memory for.
      process_bytes: memory that one process may need. No more of them run on this machine than fit into what is free.

    Raises:
      UserError: Beam is not installed, or an option is none of its.
    """
    try:
        logging.disable(logging.WARNING)  # about clouds that nobody asked for
        from apache_beam.options.pipeline_options import PipelineOptions
    except ModuleNotFoundError:
        raise UserError(
            "This needs Apache Beam, best in an environment of its own: pip install -e '.[beam]'."
        ) from None
    finally:
        logging.disable(logging.NOTSET)
    given = [f"--{one}" for one in text.split(",") if one]
    found = _parsed(given, PipelineOptions)
    if found["runner"] not in (None, _HERE):
        return Engine(_elsewhere(found["runner"]), PipelineOptions(given))
    wanted = found["direct_num_workers"] if "direct_num_workers" in text else machine.cores()
    count = _fitting(wanted or machine.cores(), process_bytes)
    logging.getLogger("apache_beam").setLevel(logging.CRITICAL)
    options = PipelineOptions([*given, f"--direct_num_workers={count}", "--default_sdk_harness_log_level=CRITICAL"])
    return Engine(_here(options), options, machine.cores() if count == 1 else 1)


def _parsed(given: Sequence[str], parser: "type[PipelineOptions]") -> dict[str, Any]:
    """Returns Beam's options by their names. Raises UserError where a value is of no use, or a name a slip."""
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):  # argparse tells the usage of all options, and exits
            found = parser(list(given)).get_all_options()
        if found["direct_num_workers"] < 0:
            raise ValueError("direct_num_workers: expected 0 or more")
    except ValueError as error:
        raise UserError(f"--{FLAG}: {error}.") from None
    except SystemExit:
        raise UserError(f"--{FLAG}: {said.getvalue().rstrip().rpartition('error: ')[2]}.") from None
    for name in (one.removeprefix("--").partition("=")[0] for one in given):
        near = difflib.get_close_matches(name, found, n=1, cutoff=_SLIP)
        if near and name not in found and name.removeprefix("no_") not in found:
            raise UserError(f"--{FLAG}: Beam has no option {name!r}. Did you mean {near[0]}?")
    return found


def _elsewhere(name: str) -> "PipelineRunner":
    from apache_beam.runners.runner import create_runner

    try:
        return create_runner(name)
    except (ValueError, ImportError, AttributeError) as error:
        raise UserError(f"--{FLAG}=runner={name}: {error}") from error


def _here(options: "PipelineOptions") -> "PipelineRunner":
    """Returns what Beam's DirectRunner ends in; by itself that would first download another runner, Prism."""
    from apache_beam.portability.api import beam_provision_api_pb2
    from apache_beam.runners.portability.fn_api_runner import fn_runner
    from apache_beam.runners.portability.portable_runner import JobServiceHandle
    from apache_beam.transforms import environments

    # A terminal interrupts all processes at once, and only the first shall answer. Errors come to it as exceptions.
    command = f"trap '' INT; exec {shlex.quote(sys.executable)} -m apache_beam.runners.worker.{_PROCESS} 2>/dev/null"
    encoded = JobServiceHandle.encode_pipeline_options(options.get_all_options())
    return fn_runner.FnApiRunner(
        environments.SubprocessSDKEnvironment.from_command_string(command),
        provision_info=fn_runner.ExtendedProvisionInfo(beam_provision_api_pb2.ProvisionInfo(pipeline_options=encoded)),
    )


def _fitting(wanted: int, process_bytes: int) -> int:
    """Returns how many processes there is memory for, at least one and at most those that are wanted."""
    free = machine.free_memory_bytes()
    fitting = max(min(wanted, free // process_bytes), 1)
    if fitting < wanted:
        each, left = process_bytes / 2**30, free / 2**30
        told = f"{fitting} processes instead of {wanted}: each may take {each:.1f} GiB, and {left:.1f} are free."
        print(told, flush=True)
    return fitting


def run(pipeline: "beam.Pipeline", look: Callable[[], None]) -> None:
    """Runs a pipeline to its end.

    Args:
      pipeline: what to do.
      look: called twice a second meanwhile, as to show how far it is.

    Raises:
      UserError: a process of it was killed, for which Beam itself would wait for ever; or raised one.
      RuntimeError: of Beam, where something else went wrong in a process.
    """
    ended: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()
    _hear_of_processes(ended)
    threading.Thread(target=_run, args=(pipeline, ended), daemon=True).start()
    try:
        while (error := _next(ended)) is queue.Empty:
            look()
        if error is not None:
            raise _told(error)
    except BaseException:
        _stop_processes()
        raise
    look()


def _next(ended: "queue.SimpleQueue[BaseException | None]") -> BaseException | type[queue.Empty] | None:
    try:
        return ended.get(timeout=_LOOK_SECONDS)
    except queue.Empty:
        return queue.Empty


def _told(error: BaseException) -> BaseException:
    """Returns what a user can mend where a process said so: Beam passes errors on as the text of their traceback."""
    found = re.search(r"^[\w.]*UserError: (.*?)(?: \[while running.*)?$", str(error), re.MULTILINE)
    return UserError(found[1]) if found else error


def _run(pipeline: "beam.Pipeline", ended: "queue.SimpleQueue[BaseException | None]") -> None:
    try:
        pipeline.run().wait_until_finish()
    except BaseException as error:
        ended.put(error)
    else:
        ended.put(None)


def _hear_of_processes(ended: "queue.SimpleQueue[BaseException | None]") -> None:
    """Puts an error into a queue where a process is killed: nobody listens to those threads."""
    before = threading.excepthook

    def hear(failed: threading.ExceptHookArgs) -> None:
        if failed.thread is not None and failed.thread.name in _OF_A_PROCESS:
            ended.put(
                UserError("A process was killed, perhaps for want of memory. Give the command again: it goes on.")
            )
        else:
            before(failed)

    threading.excepthook = hear  # to the end, as the other processes are stopped then


def _stop_processes() -> None:
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if any(_PROCESS in argument for argument in child.cmdline()):
                child.kill()
