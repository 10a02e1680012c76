"""aireal.command: what the command line answers to a mistake, and what it keeps from the user.

The commands run as a user runs them, from another folder. A `tensorflow` that refuses to be imported stands first on
their path: whatever they answer, they answer without waiting for TensorFlow.
"""

import os
import re
import shutil
import signal
import subprocess

import pytest


def _assert_refused(done, *parts):
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    for part in parts:
        assert part in done.stderr
    assert "Traceback" not in done.stderr
    assert "TensorFlow is being imported" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["--momentum=0.9"], ["momentum"]),
        (["--augment_flip", "False"], ["'False'", "--name=value"]),
        (["train"], ["'train'", "--name=value"]),
        (["--epochs=many"], ["--epochs=many: expected a whole number\n"]),
        (["--epochs"], ["epochs"]),
        (["--epochs=0"], ["--epochs=0", "at least 1"]),
        (["--schedule=linear"], ["--schedule=linear", "cosine"]),
        (["--learning_rate=nan"], ["--learning_rate=nan"]),
        (["--learning_rate=slow"], ["--learning_rate=slow: expected a number\n"]),
        (["--filters=8,x"], ["--filters=8,x", "comma-separated"]),
        (["--filters="], ["--filters is empty"]),
        (["--augment_flip=perhaps"], ["--augment_flip=perhaps: expected true or false\n"]),
        (["--noaugment_flip=true"], ["--noaugment_flip=true"]),
        (["--source="], ["--source is empty"]),
        (["--source=caf\udce9"], ["caf\\udce9", "is not UTF-8"]),
        (["--workdir=a\nb"], [r"a\nb has a control character in it"]),
        (["--prepared_dir=a\x1bb"], [r"--prepared_dir=", r"a\x1bb has a control character in it"]),
        (["--validation_fraction=0", "--keep=best"], ["--keep=best", "--validation_fraction=0"]),
        (["--flagfile=none.cfg"], ["--flagfile=none.cfg", "aireal/configs/demo.cfg"]),
        (["--flagfile"], ["--flagfile=", "aireal/configs/demo.cfg"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) and value[0].startswith("--") else None,
)
def test_a_mistake_is_answered_with_a_sentence(train, arguments, parts):
    _assert_refused(train(*arguments), *parts)


def test_help_ends_well(train):
    done = train("--help")
    assert (done.returncode, "--epochs" in done.stdout) == (0, True)


def test_a_flag_that_is_missing_is_asked_for(command):
    _assert_refused(command("-m", "aireal.evaluate"), "--run is needed: run folder, as train wrote it.")


def test_a_comment_that_the_shell_hands_over_is_none_of_the_arguments(train):
    assert "--epochs=0" in train("--epochs=0", "#", "a", "comment").stderr


def test_what_a_terminal_cannot_show_is_printed_escaped(run_python):
    code = "from aireal import command\ncommand.run(lambda: print('Bilder-\\xe9\\u65e5'))"
    done = run_python("-c", code, env={"PYTHONIOENCODING": "ascii"})
    assert (done.returncode, done.stdout) == (0, "Bilder-\\xe9\\u65e5\n"), done.stderr


def test_nothing_in_a_name_acts_on_the_terminal(train):
    done = train("--flagfile=\x1b[31ma\rb\udce9")
    _assert_refused(done, r"--flagfile=\x1b[31ma\rb\udce9: no such file")
    assert "\x1b" not in done.stderr


def test_a_name_that_is_too_long_is_refused(train):
    _assert_refused(train(f"--flagfile={'x' * 256}"), "File name too long")


def test_a_locale_without_utf8_reads_names_as_they_are(train):
    name = "Bilder-\xe9\u65e5"
    done = train(f"--source={name}\n", env={"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"})
    _assert_refused(done, rf"{name}\n has a control character in it")


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
    _assert_refused(run_python("-c", code), "A file could not be made: no space left on device")


SMALL = ["--filters=8", "--dense_units=8", "--epochs=1", "--train_fraction=0.1"]


@pytest.mark.parametrize(
    ("kibibytes", "unmade"),
    [(64, "run/best.weights.h5"), (200, "run/best.weights.h5"), (300, "run/checkpoint-000001.weights.h5")],
)
def test_a_training_on_a_full_disk_ends_with_one_sentence(run_python, disk, prepared_dir, kibibytes, unmade):
    place = disk(kibibytes)
    arguments = [*SMALL, f"--prepared_dir={prepared_dir}", f"--workdir={place}/run", "--keep=best"]
    done = run_python("-m", "aireal.train", *arguments)
    _assert_full(done, place / unmade)
    assert not list(place.rglob(".partial*"))
    assert (place / "run/flags.cfg").exists()


def test_a_model_and_its_evaluation_on_a_full_disk_end_with_one_sentence(run_python, disk, prepared_dir):
    place = disk(300)
    arguments = [*SMALL, f"--prepared_dir={prepared_dir}", f"--workdir={place}/run", "--evaluate=none"]
    _assert_full(run_python("-m", "aireal.train", *arguments), place / "run/model.keras")
    assert not list(place.rglob(".partial*"))
    subprocess.run(["mount", "-o", "remount,size=500k", place], check=True)
    done = run_python("-m", "aireal.train", *arguments)
    assert done.returncode == 0, done.stderr
    taken = sum(path.stat().st_blocks * 512 for path in place.rglob("*")) // 1024
    subprocess.run(["mount", "-o", f"remount,size={taken + 8}k", place], check=True)
    done = run_python("-m", "aireal.evaluate", f"--run={place}/run")
    _assert_full(done, place / "run/predictions.csv")
    assert not list(place.rglob(".partial*"))


def test_a_preparation_on_a_full_disk_ends_with_one_sentence(run_python, disk):
    place = disk(400)
    done = run_python("-m", "aireal.train", *SMALL, f"--prepared_dir={place}/prepared")
    assert done.returncode == 2
    assert re.search(rf"error: {place}/prepared\S* could not be made: no space left on device\. Make room", done.stderr)
    assert "Traceback" not in done.stderr
    assert not list(place.rglob("*tfrecord*"))


def _assert_full(done, unmade):
    assert done.returncode == 2, done.stderr
    said = f"error: {unmade} could not be made: no space left on device. Make room, or choose another place"
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert "ignored" not in done.stderr


# Says things as C++ libraries do, straight into standard error, and as Python does.
CHATTER = """
import os, sys
from aireal import command
def main():
    for line in (
        "WARNING: All log messages before absl::InitializeLog() is called are written to STDERR",
        "I0000 00:00:1 1 x.cc:1] hello",
        "E0000 00:00:1 1 util.cc:131] oneDNN supports DT_UINT8 only on platforms with AVX-512. Falling back",
        "INFO: Created TensorFlow Lite XNNPACK delegate for CPU.",
        "W0000 00:00:1 1 x.cc:1] a warning",
        "E0000 00:00:1 1 x.cc:1] an error",
        "a plain line",
    ):
        os.write(2, (line + "\\n").encode())
    print("I0000 is what Python said", file=sys.stderr)
    return 3
command.run(main)
"""


@pytest.mark.skipif(not shutil.which("grep"), reason="the filter is grep")
def test_notes_that_nobody_can_act_on_are_kept_from_the_user_and_nothing_else(run_python):
    done = run_python("-c", CHATTER)
    assert done.returncode == 3
    assert sorted(done.stderr.splitlines()) == [
        "E0000 00:00:1 1 x.cc:1] an error",
        "I0000 is what Python said",
        "W0000 00:00:1 1 x.cc:1] a warning",
        "a plain line",
    ]


def test_a_last_word_before_a_crash_comes_through(run_python):
    code = """
import os, signal
from aireal import command
def main():
    os.write(2, b"F0000 00:00:1 1 x.cc:1] Check failed\\n")
    os.kill(os.getpid(), signal.SIGKILL)
command.run(main)
"""
    done = run_python("-c", code)
    assert done.returncode == -signal.SIGKILL
    assert done.stderr == "F0000 00:00:1 1 x.cc:1] Check failed\n"
