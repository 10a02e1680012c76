"""tuning.run: whole searches in real processes, killed for real."""

import csv
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time
from concurrent import futures

import psutil
import pytest

from aireal.settings import flagfile
from tuning import supervisor

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SMALL = [
    "--tuner=random",
    "--space=optimizer",
    "--epochs=1",
    "--filters=8,4",
    "--dense_units=16",
    "--train_fraction=0.2",
]


class Search:
    """The command, in a process that can be killed."""

    def __init__(self, folder: pathlib.Path, prepared_dir: pathlib.Path):
        self.folder = folder
        self.prepared_dir = prepared_dir
        self._process: subprocess.Popen | None = None

    def start(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "tuning.search", *SMALL, f"--workdir={self.folder}"]
        command += [f"--prepared_dir={self.prepared_dir}", *arguments]
        self._process = subprocess.Popen(
            command,
            cwd=self.folder.parent,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def finish(self) -> tuple[int, str]:
        printed, _ = self._process.communicate(timeout=300)
        return self._process.returncode, printed

    def interrupt(self) -> None:
        self._process.send_signal(signal.SIGINT)

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()

    def processes(self, role: str) -> list[psutil.Process]:
        found = []
        for process in psutil.process_iter(["cmdline"]):
            line = process.info["cmdline"] or []
            if "tuning.tuner" in line and role in line and str(self.folder) in line:
                found.append(process)
        return found

    def wait_for(self, ended: int) -> None:
        """Returns once so many trials have ended and a worker is at another."""
        deadline = time.monotonic() + 240
        while len(self.ended()) < ended or not any(self.folder.glob("running/*")):
            assert self._process.poll() is None, self._process.communicate()[0]
            assert time.monotonic() < deadline
            time.sleep(0.1)

    def ended(self) -> list[dict]:
        states = [json.loads(path.read_text()) for path in self.folder.glob("trials/trial_*/trial.json")]
        return [state for state in states if state["status"] in ("COMPLETED", "FAILED")]

    def rows(self) -> list[dict[str, str]]:
        with open(self.folder / "trials.csv", newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))


@pytest.fixture
def search(tmp_path, prepared_dir):
    search = Search(tmp_path / "search", prepared_dir)
    yield search
    for role in ("chief", "worker"):
        for process in search.processes(role):
            process.kill()


def test_nothing_is_lost_whoever_is_killed(search):
    arguments = ["--max_trials=5", "--workers=2", "--trials_per_worker=2", "--max_parameters=20000"]
    search.start(*arguments)
    search.wait_for(ended=1)
    search.processes("worker")[0].kill()
    search.wait_for(ended=2)
    search.processes("chief")[0].kill()
    search.wait_for(ended=3)
    search.kill()
    time.sleep(3)
    assert search.processes("chief") == search.processes("worker") == []  # none goes on without its parent
    before = {state["trial_id"]: state for state in search.ended()}
    search.start(*arguments)
    status, printed = search.finish()
    assert status == 0, printed
    rows = search.rows()
    assert [row["trial"] for row in rows] == [str(number) for number in range(5)]
    assert {row["status"] for row in rows} == {"completed"}
    after = {state["trial_id"]: state for state in search.ended()}
    assert {trial_id: after[trial_id] for trial_id in before} == before
    for state in after.values():  # each was run to its end once
        assert [len(one["value"]) for one in state["metrics"]["metrics"]["val_auc"]["observations"]] == [1]
    check_report(search)


def check_report(search: Search) -> None:
    best = max(search.rows(), key=lambda row: float(row["val_auc"]))
    text = (search.folder / "best.cfg").read_text()
    assert text.startswith(f"# Trial {best['trial']} of ")
    config = flagfile.load(search.folder / "best.cfg")
    assert (config.train_fraction, config.epochs, config.batch_size) == (1.0, 1, int(best["batch_size"]))
    page = (search.folder / "report.html").read_text()
    assert page.count("data:image/png") == 4
    assert "http" not in re.sub(r'src="[^"]*"', "", page)
    assert len(list((search.folder / "tensorboard").glob("*/events*"))) == 5


def test_an_interrupted_search_tells_what_it_has_found(search):
    search.start("--max_trials=30")
    search.wait_for(ended=2)
    search.interrupt()
    status, printed = search.finish()
    assert status == 130
    assert "has report.html and trials.csv and best.cfg." in printed
    assert " of 30 trials: interrupted; the same command goes on." in printed
    assert printed.endswith("Interrupted.\n")
    assert [row["trial"] for row in search.rows() if row["status"] == "completed"][:2] == ["0", "1"]
    assert flagfile.load(search.folder / "best.cfg").epochs == 1


def test_a_search_goes_on_without_files_that_are_lost(search):
    search.start("--max_trials=3")
    assert search.finish()[0] == 0
    before = search.rows()
    state = search.folder / "trials/trial_1/trial.json"
    state.write_bytes(b"")
    oracle = search.folder / "trials/oracle.json"
    oracle.write_bytes(oracle.read_bytes()[:300])
    search.start("--max_trials=4")
    status, printed = search.finish()
    assert status == 0, printed
    assert f"{state} is damaged" in printed
    assert f"{oracle} is damaged" in printed
    assert (search.folder / "trials/damaged-trial_1/flags.cfg").exists()
    after = search.rows()
    assert [(row["trial"], row["status"]) for row in after] == [(str(number), "completed") for number in range(4)]
    assert all(after[number].items() >= before[number].items() for number in (0, 2))
    values = [name for name in after[0] if "rate" in name or name in ("optimizer", "batch_size", "schedule")]
    assert len({tuple(row[name] for name in values) for row in after}) == 4
    search.start("--max_trials=5")
    status, printed = search.finish()
    assert status == 0
    assert "damaged" not in printed
    assert search.rows()[:4] == after
    assert len(search.rows()) == 5


def test_a_trial_whose_worker_died_twice_has_failed(search):
    search.start("--max_trials=2")
    for number in (1, 2):
        search.wait_for(ended=0)
        (worker,) = search.processes("worker")
        worker.kill()
        wait_until(lambda number=number: died(search) == number)
        wait_until(lambda pid=worker.pid: any(process.pid != pid for process in search.processes("worker")))
        for running in search.folder.glob("running/*"):
            running.unlink()  # so that the next round waits for the new worker's beginning
    status, printed = search.finish()
    assert status == 0, printed
    first, second = search.rows()
    assert (first["status"], second["status"]) == ("failed", "completed")
    assert first["reason"] == "its worker died 2 times: SIGKILL (out of memory?), SIGKILL (out of memory?)"
    assert first["batch_size"] == "64"


def died(search: Search) -> int:
    return sum(len(path.read_text().splitlines()) for path in search.folder.glob("trials/*/deaths.txt"))


def wait_until(condition) -> None:
    deadline = time.monotonic() + 240
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_an_error_that_is_not_the_trials_stops_the_search(search):
    search.start("--max_trials=1")
    assert search.finish()[0] == 0
    shutil.rmtree(search.folder / "tensorboard")
    (search.folder / "tensorboard").touch()
    search.start("--max_trials=3", "--batch_size=32")
    assert "--batch_size: 64 there, 32 here" in search.finish()[1]
    search.start("--max_trials=3")
    status, printed = search.finish()
    assert status == 2
    assert "A worker failed, and the search stops" in printed
    assert "Traceback" in printed
    assert len(search.ended()) == 1
    (search.folder / "trials/.partial-oracle.json").mkdir()  # where the chief will write, while it answers a worker
    search.start("--max_trials=3")
    status, printed = search.finish()
    assert status == 2
    assert "The chief failed" in printed
    assert "IsADirectoryError" in printed


@pytest.mark.parametrize("kibibytes", [12, 40])  # too little for the chief, and for a worker
def test_a_search_on_a_full_disk_ends_with_one_sentence(disk, prepared_dir, kibibytes):
    search = Search(disk(kibibytes) / "search", prepared_dir)
    search.start("--max_trials=3")
    status, printed = search.finish()
    assert status == 2
    assert re.search(rf"{search.folder}\S* could not be made: no space left on device\. Make room", printed)
    assert "Traceback" not in printed
    assert not [state for state in search.ended() if state["status"] == "FAILED"]  # for that is not the trial's fault
    assert not list(search.folder.rglob(".partial*"))


WORK = """
import sys
from aireal import command
from tuning import run
from tuning.folder import Folder
address = ("127.0.0.1", int(sys.argv.pop()))
folder = Folder(sys.argv.pop())
command.run(lambda: run.work(folder, address=address, workers=1, trials_per_worker=5, patience_seconds=20.0))
"""


def test_workers_whose_chief_goes_away_say_so_and_end(search, run_python):
    port = supervisor.free_port("127.0.0.1")
    search.start("--max_trials=99", "--role=chief", "--workers=0", f"--chief=127.0.0.1:{port}")
    wait_until((search.folder / "logs/chief.log").exists)
    with futures.ThreadPoolExecutor(1) as pool:
        work = pool.submit(run_python, "-c", WORK, search.folder, port)
        search.wait_for(ended=1)
        search.kill()
        done = work.result(timeout=120)
    assert done.returncode == 2
    assert "trial 0 completed" in done.stdout
    assert f"No chief answers at 127.0.0.1:{port} (--chief). Waiting for it, for up to 20 seconds" in done.stdout
    assert f"error: No chief answered at 127.0.0.1:{port} for 20 seconds. Start it there" in done.stderr
    assert "Traceback" not in done.stderr
    assert not search.processes("worker")


def test_two_machines(search):
    """Two commands that share a folder and know the chief's address; both have a worker, and the chief comes last."""
    address = f"--chief=127.0.0.1:{supervisor.free_port('127.0.0.1')}"
    search.start("--max_trials=4", "--role=chief", "--workers=1", address)
    wait_until((search.folder / "search.json").exists)
    other = Search(search.folder, search.prepared_dir)
    other.start("--role=worker", address)
    status, printed = other.finish()
    assert status == 0, printed
    assert "Waiting for it, for up to 10 minutes ...\nThe chief answers." in printed
    status, printed = search.finish()
    assert status == 0, printed
    assert [row["status"] for row in search.rows()] == ["completed"] * 4
    logs = {path.name for path in search.folder.glob("logs/*.log")}
    assert len(logs) == 3  # the chief's, and a worker's of either
