"""aireal.analyze: the exit status says whether every file is as it should be, and the command shows the findings."""

import pytest
from PIL import Image


def test_the_command_ends_with_1_and_shows_findings(run_python, faulty, tmp_path):
    done = run_python("-X", "importtime", "-m", "aireal.analyze", f"--source={faulty}", "--output=out")
    assert done.returncode == 1
    assert "warning  8 files are not as they should be, 5 of which cannot be read" in done.stdout
    assert "1 of 201 fake test images are also in train, byte for byte" in done.stdout
    assert " is read as\n  train  " in done.stdout
    assert "tensorflow" not in done.stderr  # which takes longer to load than this to finish
    assert sorted(path.name for path in tmp_path.iterdir()) == [".out.lock", "out"]


def test_a_sound_source_ends_with_0(run_python, tmp_path):
    done = run_python("-m", "aireal.analyze", "--output=out")
    assert (done.returncode, (tmp_path / "out/offending.csv").read_text()) == (0, "path,bytes,reason\n")
    assert "Every file can be read" in done.stdout


@pytest.mark.parametrize(
    "flags", [["--source=nowhere"], ["--source=~nobody-of-this-name/x"], ["--image_size=4"], ["here"], ["--source="]]
)
def test_a_wrong_command_ends_with_2(run_python, flags):
    done = run_python("-m", "aireal.analyze", *flags)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")


def test_names_that_say_no_class_are_told_with_those_that_would(run_python, tmp_path):
    for name in ("midjourney", "camera"):
        (tmp_path / "named" / name).mkdir(parents=True)
        Image.new("RGB", (32, 32)).save(tmp_path / "named" / name / "0.png")
    done = run_python("-m", "aireal.analyze", "--source=named")
    assert done.returncode == 2
    assert "has no picture whose class is known" in done.stderr
    assert "Found the folders camera, midjourney" in done.stderr
