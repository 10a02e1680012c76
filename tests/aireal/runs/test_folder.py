"""aireal.runs.folder: a run folder belongs to one run, and its files tell what that run was and what it found."""

import dataclasses
import json
import os
import signal
import subprocess
import sys

import keras
import numpy as np
import pytest

from aireal import machine
from aireal.errors import UserError
from aireal.machine import package_folder
from aireal.network import models
from aireal.runs.folder import RunFolder, model_file
from aireal.settings import flagfile
from aireal.settings.config import Config

CONFIG = Config(source="/data/cifake", cache="ram", epochs=3)

# Claims the folder of its argument, says so, and holds it until its input ends.
HOLDER = """
import sys
from aireal.runs.folder import RunFolder
from aireal.settings.config import Config
with RunFolder(sys.argv[1]).claim(Config(), overwrite=False):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def folder(tmp_path):
    return RunFolder(tmp_path / "runs" / "a")


@pytest.fixture
def started(folder):
    """A run folder that CONFIG has been started in."""
    with folder.claim(CONFIG, overwrite=False) as config:
        folder.write_start(config, "fingerprint")
    return folder


def _assert_refused(folder, config, *parts, overwrite=False):
    with pytest.raises(UserError) as caught, folder.claim(config, overwrite=overwrite):
        pytest.fail("the folder was given")
    for part in (str(folder.path), *parts):
        assert part in str(caught.value)


# Claims


def test_a_new_folder_is_given(folder):
    with folder.claim(CONFIG, overwrite=False) as config:
        assert config == CONFIG


def test_an_empty_folder_is_given(folder):
    folder.path.mkdir(parents=True)
    with folder.claim(CONFIG, overwrite=False) as config:
        assert config == CONFIG


def test_a_run_folder_is_given_again_to_the_same_flags(started):
    with started.claim(CONFIG, overwrite=False) as config:
        assert config == CONFIG
    assert started.config() == CONFIG


def test_other_flags_are_refused_and_listed(started):
    other = dataclasses.replace(CONFIG, epochs=4, filters=(8,))
    _assert_refused(
        started,
        other,
        "--epochs: 3 there, 4 here",
        "--filters: (64, 32, 16) there, (8,) here",
        "--workdir",
        "--overwrite",
    )
    assert started.config() == CONFIG


@pytest.mark.parametrize(
    "values",
    [{"evaluate": "none"}, {"prepared_dir": "/elsewhere"}, {"tensorboard": True}],
    ids=lambda values: next(iter(values)),
)
def test_flags_that_change_no_weights_may_differ(started, values):
    other = dataclasses.replace(CONFIG, **values)
    with started.claim(other, overwrite=False) as config:
        assert config == other


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_folder_of_other_things_is_refused_and_left_alone(folder, overwrite):
    folder.path.mkdir(parents=True)
    (folder.path / "thesis.tex").write_text("years of work")
    _assert_refused(folder, CONFIG, "--workdir", overwrite=overwrite)
    assert (folder.path / "thesis.tex").read_text() == "years of work"


def test_overwrite_deletes_the_run_that_is_there(started):
    other = dataclasses.replace(CONFIG, epochs=4)
    with started.claim(other, overwrite=True) as config:
        assert config == other
        assert not started.path.exists()


@pytest.mark.parametrize(("asked", "given"), [("auto", "ram"), ("ram", "ram")])
def test_cache_auto_takes_what_the_run_has_recorded(started, asked, given):
    with started.claim(dataclasses.replace(CONFIG, cache=asked), overwrite=False) as config:
        assert config.cache == given


def test_another_cache_than_the_recorded_is_refused(started):
    _assert_refused(started, dataclasses.replace(CONFIG, cache="none"), "--cache: ram there, none here")


def test_a_folder_that_is_in_use_is_refused(started):
    with started.claim(CONFIG, overwrite=False):
        _assert_refused(RunFolder(started.path), CONFIG, "Another process")
        _assert_refused(RunFolder(started.path), CONFIG, "Another process", overwrite=True)
    assert started.config() == CONFIG


def test_a_folder_that_another_process_uses_is_refused_until_that_ends(folder):
    environment = {**os.environ, "PYTHONPATH": str(package_folder())}
    arguments = [sys.executable, "-c", HOLDER, folder.path]
    with subprocess.Popen(
        arguments, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout.readline() == "held\n"
        _assert_refused(folder, Config(), "Another process")
        holder.kill()
    with folder.claim(Config(), overwrite=False):
        pass


def test_a_claim_ends_with_its_block_also_by_an_exception(folder):
    with pytest.raises(ZeroDivisionError) as kept, folder.claim(CONFIG, overwrite=False):
        1 / 0  # noqa: B018
    with folder.claim(CONFIG, overwrite=False):  # while `kept` still holds the frames
        assert kept.type is ZeroDivisionError


@pytest.mark.parametrize("step", range(1, 5))
def test_a_start_that_was_killed_while_it_wrote_its_first_files_can_be_repeated(folder, step):
    """write_start opens two files beside their places and renames them; a child dies at each of these steps in turn."""
    child = f"""
import os, signal, sys
steps = 0
def count(event, arguments):
    global steps
    if (event == "open" and ".partial-" in str(arguments[0]) and "w" in str(arguments[1])) or event == "os.rename":
        steps += 1
        if steps == {step}:
            os.kill(os.getpid(), signal.SIGKILL)
from aireal.runs.folder import RunFolder
from aireal.settings.config import Config
folder = RunFolder(sys.argv[1])
with folder.claim(Config(cache="ram"), overwrite=False) as config:
    sys.addaudithook(count)
    folder.write_start(config, "fingerprint")
"""
    environment = {**os.environ, "PYTHONPATH": str(package_folder())}
    killed = subprocess.run([sys.executable, "-c", child, folder.path], env=environment, check=False)
    assert killed.returncode == -signal.SIGKILL
    with folder.claim(Config(cache="ram"), overwrite=False) as config:
        folder.write_start(config, "fingerprint")
    assert folder.config() == Config(cache="ram")


@pytest.mark.parametrize("step", range(1, 4))
def test_an_overwrite_that_was_killed_while_it_deleted_can_be_repeated(started, step):
    started.write_rows([{"epoch": 1}])
    child = f"""
import os, signal, sys
steps = 0
def count(event, arguments):
    global steps
    if event == "os.remove":
        steps += 1
        if steps == {step}:
            os.kill(os.getpid(), signal.SIGKILL)
from aireal.runs.folder import RunFolder
from aireal.settings.config import Config
sys.addaudithook(count)
with RunFolder(sys.argv[1]).claim(Config(), overwrite=True):
    pass
"""
    environment = {**os.environ, "PYTHONPATH": str(package_folder())}
    killed = subprocess.run([sys.executable, "-c", child, started.path], env=environment, check=False)
    assert killed.returncode == -signal.SIGKILL
    with started.claim(Config(), overwrite=True) as config:
        assert (config, started.rows()) == (Config(), [])


def test_the_current_folder_can_be_a_run_folder(tmp_path, monkeypatch):
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    with RunFolder(".").claim(CONFIG, overwrite=False) as config:
        RunFolder(".").write_start(config, "fingerprint")
    assert RunFolder(here).config() == CONFIG


# What is in it


def test_a_folder_without_a_run_is_not_read(tmp_path):
    with pytest.raises(UserError, match=r"is not a run folder: it has no flags\.cfg\.$"):
        RunFolder(tmp_path).config()
    for name in ("b", "a"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "flags.cfg").touch()
    with pytest.raises(UserError, match=r"it has no flags\.cfg\. In it are a, b\.$"):
        RunFolder(tmp_path).config()


def test_the_written_flagfile_replays_the_run_in_its_folder(started):
    text = started.flagfile.read_text()
    assert text.startswith("# ")
    assert f"--workdir={started.path}\n" in text
    assert flagfile.load(started.flagfile) == CONFIG


def test_changed_images_stop_a_run_from_going_on(started):
    started.write_start(CONFIG, "fingerprint")
    with pytest.raises(UserError, match=r"images in /data/cifake have changed.*--overwrite"):
        started.write_start(CONFIG, "another fingerprint")


def test_rows_are_read_as_they_were_written(started):
    assert started.rows() == []
    rows = [{"epoch": 1, "loss": 0.1 + 0.2, "val_loss": 1e-30}, {"epoch": 2, "loss": 0.25, "val_loss": 3.0}]
    started.write_rows(rows)
    assert started.rows() == rows
    lines = (started.path / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == [1, 2]


def test_results_are_added_to_and_replaced(started):
    assert started.result() == {}
    started.update_result(parameters=5, test={"accuracy": 0.5})
    assert started.update_result(test={"accuracy": 0.75}) == {"parameters": 5, "test": {"accuracy": 0.75}}
    assert json.loads((started.path / "result.json").read_text()) == started.result()


def test_there_is_no_checkpoint_at_first(started):
    assert started.checkpoint() is None


def test_the_last_checkpoint_is_the_one_of_the_most_epochs(started):
    for epochs in (9, 10, 2):
        (started.path / f"checkpoint-{epochs:06}.weights.h5").touch()
    (started.path / ".partial-checkpoint-000011.weights.h5").touch()  # of a killed run
    started.best_weights.touch()
    path, epochs = started.checkpoint()
    assert (path.name, epochs) == ("checkpoint-000010.weights.h5", 10)


def test_a_checkpoint_takes_the_place_of_the_one_before_and_holds_the_weights(started):
    model = keras.Sequential([keras.Input([2]), keras.layers.Dense(1)])
    for epochs in (1, 2):
        model.set_weights([np.full([2, 1], float(epochs)), np.zeros(1)])
        started.save_checkpoint(model, epochs)
    assert [path.name for path in started.path.glob("*.h5")] == ["checkpoint-000002.weights.h5"]
    path, epochs = started.checkpoint()
    model.set_weights([np.zeros([2, 1]), np.zeros(1)])
    model.load_weights(path)
    assert (epochs, model.get_weights()[0].tolist()) == (2, [[2.0], [2.0]])


def test_a_torn_checkpoint_is_never_the_one_that_is_read(make_config, tmp_path):
    folder = RunFolder(tmp_path)
    model = models.build_model(make_config())
    folder.save_checkpoint(model, 1)
    (tmp_path / ".partial-checkpoint-000002.weights.h5").write_bytes(b"half")
    path, epochs = folder.checkpoint()
    assert (path.name, epochs) == ("checkpoint-000001.weights.h5", 1)
    folder.save_checkpoint(model, 2)
    assert sorted(path.name for path in tmp_path.glob("*.h5")) == ["checkpoint-000002.weights.h5"]


def test_a_finished_run_keeps_no_checkpoint_and_nothing_half_written(started):
    leftovers = [
        "checkpoint-000003.weights.h5",
        "best.weights.h5",
        ".partial-checkpoint-000004.weights.h5",
        ".partial-a.png",
    ]
    for name in leftovers:
        (started.path / name).touch()
    (started.path / ".partial-export").mkdir()
    (started.path / ".partial-robustness.json").touch()  # of a battery that goes on
    started.drop_checkpoints()
    kept = [".partial-export", ".partial-robustness.json", "env.json", "flags.cfg"]
    assert sorted(os.listdir(started.path)) == kept


def test_a_run_that_goes_on_elsewhere_tells_both_places(started):
    first = json.loads((started.path / "env.json").read_text())
    started.write_start(CONFIG, "fingerprint", ["a GPU"])
    started.write_start(CONFIG, "fingerprint", ["two GPUs"])
    last = json.loads((started.path / "env.json").read_text())
    assert last["accelerators"] == ["two GPUs"]
    assert [start["accelerators"] for start in last["earlier_starts"]] == [first["accelerators"], ["a GPU"]]


def test_environment_tells_what_a_figure_depends_on(started):
    found = json.loads((started.path / "env.json").read_text())
    assert set(found) == {
        *("command", "started", "python", "packages", "system", "processor", "instructions", "cores", "memory_bytes"),
        "commit",
        "accelerators",
        "data_fingerprint",
        "earlier_starts",
    }
    assert found["data_fingerprint"] == "fingerprint"
    assert found["packages"]["tensorflow"].startswith("2.")
    assert set(found["instructions"]) <= machine.instructions()
    assert found["cores"] >= 1
    assert found["memory_bytes"] > 2**28


@pytest.mark.parametrize("name", ["a\nb", "a\r", "\x1b[31m", "\x85", "\u2028", "caf\udce9"], ids=ascii)
def test_a_name_that_flagfiles_or_tensorflow_cannot_hold_is_refused(tmp_path, name):
    for refused in (
        RunFolder,
        model_file,
        lambda path: Config(source=str(path)),
        lambda path: Config(prepared_dir=path),
    ):
        with pytest.raises(UserError, match="has a control character in it, or is not UTF-8") as caught:
            refused(f"{tmp_path}/{name}")
        assert str(caught.value).isprintable()


def test_a_loop_of_links_is_refused(tmp_path):
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(UserError, match="loop of links"), RunFolder(tmp_path / "loop").claim(CONFIG, overwrite=False):
        pass


def test_a_link_that_leads_nowhere_yet_is_followed(tmp_path):
    (tmp_path / "link").symlink_to("below/run")
    with RunFolder(tmp_path / "link").claim(CONFIG, overwrite=False):
        assert (tmp_path / "below").is_dir()


def test_a_workdir_that_is_a_file_is_refused_with_a_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    folder = RunFolder(tmp_path / "file")
    with pytest.raises(UserError, match="is a file"), folder.claim(Config(), overwrite=False):
        pass


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("env.json", lambda folder: folder.fingerprint()),
        ("result.json", lambda folder: folder.result()),
        ("metrics.jsonl", lambda folder: folder.rows()),
    ],
)
def test_a_damaged_file_is_named_with_what_to_do(started, name, read):
    started.update_result(accuracy=0.5)
    started.write_rows([{"epoch": 1, "loss": 0.5}])
    read(started)
    path = started.path / name
    path.write_text(path.read_text()[:10])
    with pytest.raises(UserError, match=rf"{name} is damaged: .*Take it from a copy of the run, or train again"):
        read(started)


def test_of_an_export_folder_the_files_in_it_are_named(tmp_path):
    for name in ("model_int8.tflite", "model_float32.tflite"):
        (tmp_path / name).touch()
    with pytest.raises(UserError, match=r"Name one of them: model_float32\.tflite, model_int8\.tflite"):
        model_file(tmp_path)
