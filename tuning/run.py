"""The course of a search, from the data to the report. Free of TensorFlow."""

import dataclasses
import time
from typing import Any

from tuning import damage, supervisor
from tuning.chief import Chief
from tuning.folder import Folder
from tuning.live import Live
from tuning.study import CHIEF_SECONDS, Study
from tuning.supervisor import Supervisor


def search(
    folder: Folder, study: Study, *, address: tuple[str, int], workers: int, trials_per_worker: int, others: bool
) -> None:
    """Searches, or goes on with it, until there are `study.max_trials` trials; then, or at Ctrl-C, writes the report.

    Args:
      folder: of the search.
      study: what it is about.
      address: host and port of the chief; port 0 chooses a free one.
      workers: trials at a time on this machine.
      trials_per_worker: after which a worker process is renewed.
      others: whether workers of other machines will come, even if none runs here.

    Raises:
      UserError: the folder, the data or the flags cannot be used, or a process failed.
    """
    with folder.claim(study) as study:
        folder.write(study)
        lost = damage.set_aside(folder)
        for sentence in lost:
            print(sentence, flush=True)
        if lost or len(folder.ended()) < study.max_trials:
            host, port = address
            address = (host, supervisor.free_port(host, port))
            fingerprint, settled = supervisor.prepare(folder, max(workers, 1))
            study = dataclasses.replace(study, config=dataclasses.replace(study.config, **settled))
            folder.write(study)  # for all workers, whatever their machines are best at: trials are compared
            folder.begin(fingerprint)
            print(f"The chief listens on {host}:{address[1]}. The logs are in {folder.logs}.", flush=True)
            options = {"address": address, "trials_per_worker": trials_per_worker}
            try:
                _supervise(folder, study, workers, chief=True, others=others, **options)
            except KeyboardInterrupt:
                if folder.ended():  # so that whoever has no more time has something
                    _report(folder, study, interrupted=True)
                raise
        folder.end()
        _report(folder, study)


def work(
    folder: Folder,
    *,
    address: tuple[str, int],
    workers: int,
    trials_per_worker: int,
    patience_seconds: float = CHIEF_SECONDS,
) -> None:
    """Runs workers for the chief of another machine, until the search is over.

    Args:
      folder: the chief's, shared.
      address: host and port of the chief.
      workers: trials at a time on this machine.
      trials_per_worker: after which a worker process is renewed.
      patience_seconds: how long the chief may be silent, at the beginning and later.

    Raises:
      UserError: the chief was silent for longer, the folder or the data are others, or a process failed.
    """
    study = folder.study()
    Chief(address, patience_seconds).wait()
    fingerprint, _ = supervisor.prepare(folder, max(workers, 1))
    folder.check_data(fingerprint)
    options = {"address": address, "trials_per_worker": trials_per_worker, "patience_seconds": patience_seconds}
    _supervise(folder, study, max(workers, 1), chief=False, others=True, **options)


def _report(folder: Folder, study: Study, *, interrupted: bool = False) -> None:
    from tuning import report  # with scikit-learn and matplotlib

    report.write(folder, study, interrupted=interrupted)


def _supervise(folder: Folder, study: Study, workers: int, *, chief: bool, **options: Any) -> None:
    """Runs the processes of this machine; `options` are those of `Supervisor`."""
    earlier = {trial.id for trial in folder.ended()}
    start = time.monotonic()
    processes = Supervisor(folder, chief=chief, workers=workers, **options)
    with Live(folder, study) as live:
        processes.run(every=live.update)
    if options["others"]:
        return  # trials of other machines cannot be told from those of this one
    seconds = (time.monotonic() - start) * workers
    metrics = [trial.metrics for trial in folder.ended() if trial.metrics and trial.id not in earlier]
    trained = sum(found["train_seconds"] + found["validation_seconds"] for found in metrics)
    print(f"Trials took {trained / seconds:.1%} of the {seconds / 60:.1f} minutes of all workers.")
