"""tuning.supervisor: a free port, the preparation of the data, and a worker that fails; `test_run.py` kills some."""

import dataclasses
import socket

import pytest

from aireal.data.batches import Data
from aireal.errors import UserError
from tuning import supervisor
from tuning.supervisor import Supervisor


def test_a_free_port_can_be_listened_at():
    port = supervisor.free_port("127.0.0.1")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", port))
        listener.listen()
        with pytest.raises(UserError, match=rf"cannot listen at 127\.0\.0\.1:{port} \(--chief\)"):
            supervisor.free_port("127.0.0.1", port)
    assert supervisor.free_port("127.0.0.1", port) == port


def test_the_data_are_prepared_and_what_is_left_to_the_machine_is_settled(folder, study, make_config):
    config = make_config(cache="auto")
    folder.write(dataclasses.replace(study, config=config))
    fingerprint, settled = supervisor.prepare(folder, workers=1)
    assert fingerprint == Data(config).fingerprint
    assert settled == {"precision": "float32", "cache": "ram"}


def test_workers_wait_for_a_chief_that_is_silent_unless_the_search_is_over(folder, study, write_trial):
    def run():
        address = ("127.0.0.1", supervisor.free_port("127.0.0.1"))
        options = {"workers": 1, "others": True, "trials_per_worker": 1, "patience_seconds": 4.0}
        Supervisor(folder, address, chief=False, **options).run(every=lambda: None)

    for number in range(study.max_trials):
        write_trial(str(number), "COMPLETED", value=0.9)
    with pytest.raises(UserError, match="No chief answered"):  # which may be about to tell another worker
        run()
    folder.end()
    run()


def test_a_worker_that_fails_ends_the_search_with_its_log(folder, study):
    """Here because there is no search in the folder."""
    for name in ("search.cfg", "search.json"):
        (folder.path / name).unlink()
    (folder.path / "trials").rmdir()
    address = ("127.0.0.1", supervisor.free_port("127.0.0.1"))
    processes = Supervisor(folder, address, chief=False, workers=1, others=True, trials_per_worker=1)
    calls = []
    with pytest.raises(UserError, match=r"(?s)^A worker failed; the same command takes it up:.*holds no search"):
        processes.run(every=lambda: calls.append(1))
    assert calls
    for name, lock in folder.claim_names(1).items():  # the name is free again
        assert lock.is_locked
        assert (folder.logs / f"{name}.log").exists()
