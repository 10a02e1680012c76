"""tuning.damage: files of a search that are cut, empty, missing or another's are told and kept; sound ones stay."""

import shutil

import pytest

from aireal.errors import UserError
from tuning import damage


@pytest.fixture
def begun(folder, write_trial, write_oracle):
    """A search of three trials."""
    for number in range(3):
        write_trial(str(number), "COMPLETED", 0.5 + 0.1 * number)
    write_oracle(start_order=["0", "1", "2"])
    return folder


def test_sound_files_are_left_alone(begun):
    before = sorted(begun.path.rglob("*"))
    assert damage.set_aside(begun) == []
    assert sorted(begun.path.rglob("*")) == before


def test_a_search_that_has_not_begun_has_lost_nothing(folder):
    assert damage.set_aside(folder) == []
    (folder.path / "trials/trial_0").mkdir()
    (folder.path / "trials/trial_0/.partial-trial.json").touch()  # of a chief that was killed
    (folder.path / "trials/oracle.json").touch()
    (said,) = damage.set_aside(folder)
    assert "oracle.json is damaged" in said


DAMAGE = {
    "empty": lambda path: path.write_bytes(b""),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-20]),
    "zeros": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    "other": lambda path: path.write_text("[]"),
    "poor": lambda path: path.write_text("{}"),
    "missing": lambda path: path.unlink(),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_lost_trial_is_told_and_kept(begun, kind):
    path = begun.path / "trials/trial_1/trial.json"
    begun.flagfile("1").write_text("of the trial")
    (begun.tensorboard / "1").mkdir(parents=True)
    DAMAGE[kind](path)
    (said,) = damage.set_aside(begun)
    assert said.startswith(f"{path} is {'missing' if kind == 'missing' else 'damaged'}")
    assert "goes on without this trial" in said
    kept = begun.path / "trials/damaged-trial_1"
    assert f"is now {kept}." in said
    assert (kept / "flags.cfg").read_text() == "of the trial"
    assert (begun.tensorboard / "damaged-1").is_dir()
    assert [trial.id for trial in begun.trials()] == ["0", "2"]


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_lost_oracle_is_told_and_kept(begun, kind):
    DAMAGE[kind](begun.oracle)
    (said,) = damage.set_aside(begun)
    assert said.startswith(f"{begun.oracle} is {'missing' if kind == 'missing' else 'damaged'}")
    assert "made again from the trials" in said
    assert (begun.path / "trials/damaged-oracle.json").exists() == (kind != "missing")
    assert len(begun.trials()) == 3


def test_a_folder_that_is_gone_is_told(begun):
    shutil.rmtree(begun.path / "trials/trial_2")
    (said,) = damage.set_aside(begun)
    assert said.startswith(f"{begun.path / 'trials/trial_2/trial.json'} is missing")


def test_what_is_damaged_a_second_time_is_kept_too(begun):
    for _ in range(3):
        (begun.path / "trials/trial_1/trial.json").write_text("")
        damage.set_aside(begun)
        shutil.copytree(begun.path / "trials/trial_2", begun.path / "trials/trial_1")
    kept = sorted(path.name for path in (begun.path / "trials").glob("damaged-*"))
    assert kept == ["damaged-1-trial_1", "damaged-2-trial_1", "damaged-trial_1"]


def test_a_copy_of_another_trial_is_none(begun):
    shutil.copytree(begun.path / "trials/trial_1", begun.path / "trials/trial_1 (copy)")
    (said,) = damage.set_aside(begun)
    assert "it is that of trial 1" in said
    assert len(begun.trials()) == 3


def test_a_file_that_may_be_sound_is_not_touched(begun):
    path = begun.path / "trials/trial_1/trial.json"
    path.unlink()
    path.mkdir()
    with pytest.raises(UserError, match=r"trial\.json is damaged: .*Is a directory"):
        damage.set_aside(begun)
    assert path.is_dir()
