"""The way from a command line to a Config, without TensorFlow."""

import pytest

from aireal.settings import flagfile

# Prints the flagfile of the Config that the arguments describe.
ECHO = """
from absl import flags as absl_flags
from aireal import command
from aireal.settings import flagfile, flags
absl_flags.DEFINE_string("workdir", None, "run folder")
flags.define_config_flags()
command.run(lambda: print(flagfile.dumps(flags.config_from_flags()), end=""))
"""


@pytest.fixture
def parsed(command, tmp_path):
    """Returns the Config that arguments describe, by way of the real command line."""

    def parse(*arguments):
        done = command("-c", ECHO, *arguments)
        assert done.returncode == 0, done.stderr
        file = tmp_path / "echo.cfg"
        file.write_text(done.stdout)
        return flagfile.load(file)

    parse.folder = command.folder
    return parse
