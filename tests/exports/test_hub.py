"""exports.hub: up to the network's edge. Names are checked before the work; what fails later leaves the export."""

import json
import socket

import pytest

from aireal.errors import UserError
from exports import hub


@pytest.fixture
def nobody_there():
    """An address that refuses connections."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))  # taken, and nobody listens
        yield f"http://127.0.0.1:{free.getsockname()[1]}"


def test_a_repository_is_user_and_name():
    assert hub.check("user/name-of.model_1") is None  # no error


@pytest.mark.parametrize("name", ["", "name", "user/name/more", "user/na me", "user/--", "/name"])
def test_other_names_are_refused(name):
    with pytest.raises(UserError, match=f"--hub={name}: expected user/name"):
        hub.check(name)


def test_a_wrong_name_is_told_before_the_work(run_python, run, is_as_it_was):
    done = run_python("-m", "exports.export", f"--run={run}", "--hub=name")
    assert (done.returncode, done.stdout) == (2, "")
    assert "expected user/name" in done.stderr
    assert is_as_it_was(run)


def test_without_a_network_the_export_is_there_and_a_sentence(run_python, run, tmp_path, nobody_there):
    environment = {"HF_ENDPOINT": nobody_there, "HF_HOME": str(tmp_path / "home"), "HF_TOKEN": "hf_none"}
    done = run_python("-m", "exports.export", f"--run={run}", "--hub=user/name", env=environment)
    assert done.returncode == 2
    assert "Look whether this machine has a network" in done.stderr
    assert f"hf upload user/name {run}/export . --private" in done.stderr
    assert "Traceback" not in done.stderr
    assert json.loads((run / "export/verify.json").read_text())["n"] == 400


def test_offline_mode_is_a_sentence(run_python, exported):
    code = f"import pathlib; from exports import hub; hub.upload(pathlib.Path({str(exported)!r}), 'user/name')"
    done = run_python("-c", code, env={"HF_HUB_OFFLINE": "1"})
    assert "aireal.errors.UserError: " in done.stderr
    assert "HF_HUB_OFFLINE" in done.stderr
