"""aireal.runner: Beam's options, as many processes as there is memory for, and an end where one of them has its own."""

import os
import subprocess
import sys

import pytest

from aireal import machine, runner
from aireal.errors import UserError

GIB = 1 << 30


def test_no_more_processes_than_memory_allows(monkeypatch, capsys):
    monkeypatch.setattr(machine, "free_memory_bytes", lambda: 5 * GIB)
    assert runner._fitting(8, 2 * GIB) == 2
    assert capsys.readouterr().out == "2 processes instead of 8: each may take 2.0 GiB, and 5.0 are free.\n"
    assert runner._fitting(2, 2 * GIB) == 2
    assert runner._fitting(8, 9 * GIB) == 1
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_without_beam_it_says_how_to_have_it(monkeypatch):
    for name in ("apache_beam", "apache_beam.options", "apache_beam.options.pipeline_options"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(UserError, match=r"pip install -e '.\[beam\]'"):
        runner.engine("", GIB)


@pytest.fixture
def beam():
    return pytest.importorskip("apache_beam", reason="needs Apache Beam: pip install -e '.[beam]'")


def test_options_pass_through(beam):
    engine = runner.engine("runner=FlinkRunner,flink_master=host:8081,experiments=a,experiments=b", GIB)
    assert (type(engine.runner).__name__, engine.cores) == ("FlinkRunner", 1)
    passed = engine.options.get_all_options()
    assert passed["flink_master"] == "host:8081"
    assert passed["experiments"] == ["a", "b"]


def test_by_default_each_core_has_a_process(beam):
    for text in ("", "direct_num_workers=0"):
        engine = runner.engine(text, 1 << 20)
        assert (engine.options.get_all_options()["direct_num_workers"], engine.cores) == (machine.cores(), 1)
    assert runner.engine("direct_num_workers=1", 1 << 20).cores == machine.cores()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("direct_num_worker=8", r"'direct_num_worker'. Did you mean direct_num_workers\?"),
        ("direct_num_workers=many", "invalid int value: 'many'"),
        ("direct_num_workers=-1", "expected 0 or more"),
        ("direct_running_mode=bogus", "invalid choice: 'bogus'"),
        ("runner=Nonsense", "runner=Nonsense: "),
    ],
)
def test_options_of_no_use_are_refused(beam, text, said, capsys):
    with pytest.raises(UserError, match=said):
        runner.engine(text, GIB)
    assert capsys.readouterr().err == ""


def test_other_names_of_beams_options_pass(beam):
    options = runner.engine("runner=FlinkRunner,worker_machine_type=n1,no_use_public_ips", GIB).options
    assert options.get_all_options()["machine_type"] == "n1"


_MODULE = """
import os, signal, sys, time
import apache_beam as beam
from aireal import runner
from aireal.errors import UserError

def work(what):
    if what == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "mend":
        raise UserError("The disk is too round.")
    if what == "bug":
        raise ZeroDivisionError("a bug")
    time.sleep(float(what))

def main():
    looks = []
    engine = runner.engine("direct_num_workers=2", 1 << 20)
    pipeline = beam.Pipeline(engine.runner, engine.options)
    pipeline | beam.Create(sys.argv[1:]) | beam.Reshuffle() | beam.Map(work)
    try:
        runner.run(pipeline, lambda: looks.append(1))
    except UserError as error:
        sys.exit(f"error: {error}")
    print(len(looks))
"""


@pytest.fixture
def run(beam, tmp_path):
    (tmp_path / "working.py").write_text(_MODULE)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(machine.package_folder())])}

    def start(*what):
        command = [sys.executable, "-c", "import working; working.main()", *what]
        return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=100, check=False)

    return start


def test_a_pipeline_is_looked_at_until_it_ends(run):
    done = run("1", "2")
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 3


def test_a_process_that_is_killed_ends_the_others(run):
    done = run("kill", "60", "60")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("error: A process was killed, perhaps for want of memory.")
    assert "Traceback" not in done.stderr


def test_what_a_user_can_mend_is_one_sentence(run):
    done = run("mend", "0")
    assert done.stderr.splitlines()[-1] == "error: The disk is too round."


def test_a_fault_of_ours_keeps_its_traceback(run):
    done = run("bug", "0")
    assert done.returncode == 1
    assert "ZeroDivisionError: a bug" in done.stderr
