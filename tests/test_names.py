"""One name that has everything in it, from training to the export and back, in a locale that has no such letters."""

import concurrent.futures
import csv
import io
import json

import pytest

from aireal.runs.folder import RunFolder
from aireal.settings import flagfile
from aireal.settings.config import Config

NAME = """ [1]{a,b}*?'"#%d%(x)s$HOME$\\n-=,;&~\u00e9\u65e5 """
PICTURES = (f"{NAME}/test/FAKE/0000.jpg", "--new\nline\r\x1b[31m\udcff.jpg")
LOCALE = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.fixture
def succeeds(run_python):
    """Runs a command in that locale and returns what it prints."""

    def run(*arguments: str) -> str:
        done = run_python("-m", *arguments, env=LOCALE, encoding="utf-8")
        assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
        return done.stdout

    return run


def test_a_name_with_everything_goes_through_everything(succeeds, tmp_path, write, files, picture):
    source = write(files, NAME)
    (tmp_path / PICTURES[1]).write_bytes(picture(99))
    config = Config(source=str(source), prepared_dir=str(tmp_path / f"prepared/{NAME}"), validation_fraction=0.25)
    (tmp_path / f"{NAME}.cfg").write_text(flagfile.dumps(config), encoding="utf-8")
    small = ("--epochs=1", "--batch_size=4", "--filters=2", "--dense_units=2", "--tensorboard", "--evaluate=none")
    succeeds("aireal.train", f"--flagfile={NAME}.cfg", f"--workdir=runs/{NAME}", *small)

    run = RunFolder(tmp_path / "runs" / NAME)
    assert (run.config().source, run.config().prepared_dir) == (config.source, config.prepared_dir)
    succeeds("aireal.evaluate", f"--run=runs/{NAME}")
    with open(run.path / "predictions.csv", encoding="utf-8", newline="") as file:
        assert len(list(csv.DictReader(file))) == 8
    succeeds("exports.export", f"--run=runs/{NAME}")
    assert json.loads((run.path / "export/verify.json").read_text(encoding="utf-8"))["n"] == 8

    models = {"csv": "", "json": "/export/saved_model", "table": "/export/model_int8.tflite"}
    with concurrent.futures.ThreadPoolExecutor() as pool:
        begun = [
            pool.submit(
                *(succeeds, "aireal.predict", f"--run=runs/{NAME}{model}", f"--format={form}"),
                *(f"--output={NAME}.{form}", "--", *PICTURES),
            )
            for form, model in models.items()
        ]
    for one in begun:
        one.result()
    written = {form: (tmp_path / f"{NAME}.{form}").read_bytes().decode(errors="surrogateescape") for form in models}
    assert [row["path"] for row in csv.DictReader(io.StringIO(written["csv"], newline=""))] == [*PICTURES]
    assert [row["path"] for row in json.loads(written["json"])] == [*PICTURES]
    assert r"--new\nline\r\x1b[31m\udcff.jpg" in written["table"]
