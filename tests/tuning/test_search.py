"""tuning.search: a command that makes no sense is answered with a sentence."""

import pytest

SMALL = [
    "--tuner=random",
    "--space=optimizer",
    "--epochs=1",
    "--filters=8,4",
    "--dense_units=16",
    "--train_fraction=0.2",
]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--space=optimiser"], "expected some of architecture, regularization, optimizer"),
        (["--chief=somewhere"], "is not HOST:PORT"),
        (["--role=worker", "--workdir=nothing", "--chief=127.0.0.1:5000"], "holds no search"),
        (["--role=worker"], "needs the --chief=HOST:PORT"),
        (["--chief=192.0.2.1:5000"], "cannot listen at 192.0.2.1:5000"),
        (["--max_parameters=10"], "and --space=optimizer searches no other"),
        (["--max_parameters=10", "--tuner=grid", "--space=architecture"], "--tuner=grid begins with it"),
        (["--learning_rate=9"], "--learning_rate=9 is outside of what --space=optimizer searches"),
        (["--source=nowhere"], "nowhere does not exist"),
    ],
)
def test_a_wrong_command_ends_with_2(run_python, arguments, complaint, prepared_dir):
    done = run_python("-m", "tuning.search", *SMALL, f"--prepared_dir={prepared_dir}", *arguments)
    assert done.returncode == 2
    assert complaint in done.stderr
    assert "Traceback" not in done.stderr
