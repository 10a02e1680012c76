"""aireal.command: what the command line answers to a mistake.

The commands run as a user runs them, from another folder. A `tensorflow` that refuses to be imported stands first on
their path: whatever they answer, they answer without waiting for TensorFlow.
"""

import dataclasses
import os
import re

import pytest

from aireal.settings.config import Config


@pytest.fixture
def train(command):
    return lambda *arguments: command("-m", "aireal.train", *arguments)


def _assert_refused(done, *parts):
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    for part in parts:
        assert part in done.stderr
    assert "Traceback" not in done.stderr
    assert "TensorFlow is being imported" not in done.stderr


def test_help_shows_every_flag_and_does_not_wait_for_tensorflow(train):
    done = train("--help")
    for name in ["workdir", "overwrite", *(field.name for field in dataclasses.fields(Config))]:
        assert re.search(rf"--(\[no\])?{name}\b", done.stdout), name
    assert "Traceback" not in done.stderr
    assert "TensorFlow is being imported" not in done.stderr


def test_a_right_command_does_import_tensorflow(train):
    assert "TensorFlow is being imported" in train("--epochs=1").stderr


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["--momentum=0.9"], ["momentum"]),
        (["--augment_flip", "False"], ["'False'", "--name=value"]),
        (["train"], ["'train'", "--name=value"]),
        (["--epochs=many"], ["--epochs=many"]),
        (["--epochs"], ["epochs"]),
        (["--epochs=0"], ["--epochs=0", "at least 1"]),
        (["--schedule=linear"], ["--schedule=linear", "cosine"]),
        (["--learning_rate=nan"], ["--learning_rate=nan"]),
        (["--filters=8,x"], ["--filters=8,x", "comma-separated"]),
        (["--filters="], ["--filters is empty"]),
        (["--augment_flip=perhaps"], ["--augment_flip=perhaps"]),
        (["--noaugment_flip=true"], ["--noaugment_flip=true"]),
        (["--source="], ["--source is empty"]),
        (["--source=caf\udce9"], ["caf\\udce9", "is not UTF-8"]),
        (["--validation_fraction=0", "--keep=best"], ["--keep=best", "--validation_fraction=0"]),
        (["--flagfile=none.cfg"], ["--flagfile=none.cfg", "aireal/configs/demo.cfg"]),
        (["--flagfile"], ["--flagfile=", "aireal/configs/demo.cfg"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) and value[0].startswith("--") else None,
)
def test_a_mistake_is_answered_with_a_sentence(train, arguments, parts):
    _assert_refused(train(*arguments), *parts)


@pytest.mark.parametrize(
    "texts",
    [{"a.cfg": "--flagfile=a.cfg"}, {"a.cfg": "--flagfile=b.cfg", "b.cfg": "--seed=1\n--flagfile=a.cfg"}],
    ids=["alone", "by another"],
)
def test_a_flagfile_that_includes_itself_is_refused(train, command, texts):
    for name, text in texts.items():
        (command.folder / name).write_text(text)
    _assert_refused(train("--flagfile=a.cfg"), "a.cfg includes itself")


def test_a_wrong_value_in_a_flagfile_is_refused_by_name(train, command):
    (command.folder / "a.cfg").write_text("--batch_size=0\n")
    _assert_refused(train("--flagfile=a.cfg"), "--batch_size=0")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no disk that is always full")
def test_a_full_disk_is_answered_with_a_sentence(run_python):
    code = """
import errno, os
from aireal import command
def main():
    with open("/dev/full", "w") as file:
        file.write("figures")
command.run(main)
"""
    _assert_refused(run_python("-c", code), "No space left on device")
