"""An installed copy, not an editable one: what a user without a checkout has."""

import os
import pathlib
import subprocess
import sys
import zipfile

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    # A copy of what git knows, so that building leaves nothing in the checkout.
    files = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.splitlines()
    for name in files:
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    pip = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "-q",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        str(folder),
        str(source),
    ]
    subprocess.run(pip, check=True)
    return next(folder.glob("*.whl"))


def test_the_wheel_has_packages_flagfiles_and_data_files_but_no_tests(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    for name in (
        "aireal/configs/demo.cfg",
        "aireal/configs/baseline.cfg",
        "aireal/trained/accurate/model.keras",
        "aireal/trained/accurate/export/model_int8.tflite",
        "aireal/trained/robust/model.keras",
        "builders/cifake/CITATIONS.bib",
        "builders/cifake/README.md",
        "builders/cifake/TAGS.txt",
        "aireal/judging/card.md",
        "aireal/judging/card_export.md",
        "aireal/runs/page.html",
        "aireal/trained/robust/README.md",
        "aireal/trained/robust/export/README.md",
        "exports/README.md",
        "exports/web/page/app.js",
        "exports/web/page/package-lock.json",
        "tuning/configs/hyperband.cfg",
    ):
        assert name in names
    assert any(name.startswith("builders/cifake/dummy_data/train/FAKE/") for name in names)
    assert not any(name.startswith("tests/") for name in names)


def test_an_installed_copy_finds_its_flagfiles_from_another_folder(wheel, tmp_path, prepared_dir):
    target = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(target)
    flags = ["--flagfile=aireal/configs/demo.cfg", "--epochs=1", "--evaluate=none", f"--prepared_dir={prepared_dir}"]
    done = subprocess.run(
        [sys.executable, "-m", "aireal.train", *flags],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(target)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "runs/demo/model.keras").exists()
    assert "--learning_rate=0.001" in (tmp_path / "runs/demo/flags.cfg").read_text()
