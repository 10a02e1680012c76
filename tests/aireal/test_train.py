"""aireal.train: help and mistakes answer at once, a right command trains."""

import dataclasses
import re

from aireal.settings.config import Config


def test_help_shows_every_flag_and_does_not_wait_for_tensorflow(train):
    done = train("--help")
    for name in ["workdir", "overwrite", *(field.name for field in dataclasses.fields(Config))]:
        assert re.search(rf"--(\[no\])?{name}\b", done.stdout), name
    assert "Traceback" not in done.stderr
    assert "TensorFlow is being imported" not in done.stderr


def test_a_right_command_does_import_tensorflow(train):
    assert "TensorFlow is being imported" in train("--epochs=1").stderr
