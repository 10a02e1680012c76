"""aireal from Python: what is offered, five lines each, and the same in a notebook."""

import dataclasses
import shutil
import subprocess
import sys
import textwrap

import nbclient
import nbformat
import numpy as np
import pytest
from PIL import Image

import aireal
from aireal import shipped
from aireal.errors import UserError
from aireal.machine import package_folder
from aireal.settings import flagfile

PICTURE = package_folder() / "tests/aireal/pictures/32x32.jpg"
SMALL = {"source": "demo", "epochs": 2, "filters": (8,), "convolutions": (1,), "dense_units": (8,), "l2": 0.0}


@pytest.fixture(scope="module")
def config(prepared_dir):
    return aireal.Config(**SMALL, prepared_dir=str(prepared_dir), train_fraction=0.2)


@pytest.fixture(scope="module")
def run(config, tmp_path_factory):
    return aireal.fit(config, tmp_path_factory.mktemp("runs") / "mine")


def test_all_that_is_offered_is_there_and_explains_itself():
    assert set(aireal.__all__) <= set(dir(aireal))
    for name in aireal.__all__:
        assert getattr(aireal, name).__doc__
    with pytest.raises(AttributeError, match="no attribute 'evaluate_all'"):
        aireal.evaluate_all  # noqa: B018


def test_importing_loads_nothing_and_a_verdict_no_tensorflow():
    code = f"""
        import sys, aireal
        assert "numpy" not in sys.modules
        (prediction,) = aireal.load(unsure=False).predict([{str(PICTURE)!r}])
        print(prediction.verdict, "tensorflow" in sys.modules, "keras" in sys.modules)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, cwd=package_folder()
    )
    assert done.stdout == "REAL False False\n", done.stderr


def test_a_run_has_figures_history_and_network(run, config):
    assert run.config.filters == config.filters
    assert [row["epoch"] for row in run.history] == [1, 2]
    figures = run.figures["test"]
    loss, accuracy, _ = run.model.evaluate(aireal.batches(config, "test"), verbose=0)
    assert accuracy == pytest.approx(figures["accuracy"], abs=0.02)  # calibration may move a score over the border
    assert loss < 1
    assert "test" in repr(run)
    assert run._repr_html_().count("<img") == 3
    (prediction,) = run.predictor().predict([PICTURE])
    assert prediction.verdict in ("FAKE", "REAL")


def test_a_run_is_evaluated_and_exported(run):
    found = run.evaluate("validation")
    assert found["n"] == 400
    assert found == run.figures["validation"]
    assert (run.export() / "model_int8.tflite").exists()


def test_a_finished_run_is_returned(run, config):
    assert aireal.fit(config, run.folder).history == run.history


def test_a_source_is_the_same_from_wherever_it_is_named(demo_source, prepared_dir, tmp_path, monkeypatch):
    monkeypatch.chdir(demo_source.parent)
    values = {"filters": [4], "dense_units": [4], "epochs": 1, "evaluate": "none", "risk": 0.0}
    config = aireal.Config(source=demo_source.name, prepared_dir=str(prepared_dir), batch_size=400, **values)
    folder = aireal.fit(config, tmp_path / "run").folder
    monkeypatch.chdir(tmp_path)
    assert aireal.Run("run").config.source == str(demo_source)
    monkeypatch.chdir(demo_source.parent)
    assert aireal.fit(config, folder).config.filters == (4,)


def test_a_shipped_network_is_not_exported_anew():
    with pytest.raises(UserError, match=r"robust comes with aireal.*cp -r .*aireal/trained/robust runs/robust"):
        aireal.Run("robust").export()
    with pytest.raises(UserError, match="robust comes with aireal"):
        aireal.Run("robust").evaluate(source="demo")


def test_what_a_run_cannot_do_is_said(run, tmp_path):
    with pytest.raises(UserError, match=r"split='val': expected train, validation, test\."):
        run.evaluate("val")
    for source, said in {"": "--source is empty", "nowhere": "nowhere does not exist"}.items():
        with pytest.raises(UserError, match=said):
            run.evaluate(source=source)
    (tmp_path / "begun").mkdir()
    shutil.copy(run.folder / "flags.cfg", tmp_path / "begun")
    with pytest.raises(UserError, match="the training there has not finished"):
        aireal.Run(tmp_path / "begun").model  # noqa: B018


def test_batches_are_of_the_pictures_that_are_there_now(demo_source, prepared_dir, tmp_path):
    config = aireal.Config(source=str(tmp_path / "mine"), prepared_dir=str(prepared_dir), validation_fraction=0.0)
    pictures, counts = sorted(demo_source.glob("train/*/*.jpg"))[::20], []
    for some in (pictures[::2], pictures[1::2]):
        for path in some:
            (tmp_path / "mine" / path.parent.name).mkdir(parents=True, exist_ok=True)
            shutil.copy(path, tmp_path / "mine" / path.parent.name)
        counts.append(len(list(aireal.batches(config).unbatch())))
    assert 0 < counts[0] < counts[1]


def test_batches_of_nothing_are_refused():
    with pytest.raises(UserError, match="nowhere"):
        aireal.batches(aireal.Config(source="nowhere"))


def test_every_pass_over_training_batches_is_the_next_epoch(config):
    batches = aireal.batches(config)
    passes = [np.concatenate([images for images, _ in batches.as_numpy_iterator()]) for _ in range(2)]
    assert len(batches) == 5
    assert passes[0].shape == passes[1].shape == (320, 32, 32, 3)
    assert not np.array_equal(*passes)
    assert sorted(one.tobytes() for one in passes[0]) == sorted(one.tobytes() for one in passes[1])


@pytest.mark.parametrize("object_weight", [0.0, 0.3])
def test_a_model_comes_ready_to_be_fitted(config, object_weight):
    config = dataclasses.replace(config, object_weight=object_weight)
    model = aireal.build_model(config)
    history = model.fit(
        aireal.batches(config), epochs=2, validation_data=aireal.batches(config, "validation"), verbose=0
    )
    assert model.optimizer.iterations == 10
    assert set(history.history) == {"accuracy", "auc", "loss", "val_accuracy", "val_auc", "val_loss"}
    assert model.loss.get_config()["from_logits"]


@pytest.mark.parametrize(
    "recipe", sorted((package_folder() / "aireal/configs").glob("*.cfg")), ids=lambda one: one.stem
)
def test_every_recipe_gives_a_model(recipe):
    config = flagfile.recipe(recipe)
    assert aireal.build_model(config).optimizer.learning_rate == np.float32(config.learning_rate)


@pytest.mark.parametrize("name", shipped.names())
def test_a_shipped_run_has_its_network_compiled(name):
    run = aireal.Run(name)
    pixels = np.asarray(Image.open(PICTURE).convert("RGB"), np.float32)[None] / 255
    (logit,) = run.model.predict_on_batch(pixels).ravel()
    (prediction,) = run.predictor().predict([PICTURE])
    assert 1 / (1 + np.exp(-logit)) == pytest.approx(prediction.p_real, abs=1e-3)
    loss, *_ = run.model.test_on_batch(pixels, np.ones(1))
    assert np.isfinite(loss)


def test_a_split_that_is_none_is_refused(config):
    with pytest.raises(ValueError, match="split='val': expected train, validation or test"):
        aireal.batches(config, "val")


def test_a_notebook_shows_predictions_and_runs(config, tmp_path):
    cells = [
        "import aireal\nfrom PIL import Image\n"
        f"aireal.load('robust').predict([{str(PICTURE)!r}, Image.new('L', (9, 9))])",
        f"config = aireal.Config(**{SMALL}, prepared_dir={config.prepared_dir!r}, train_fraction=0.2)\n"
        f"run = aireal.fit(config, {str(tmp_path / 'run')!r})\nrun",
        "run.model.count_params()",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbclient.NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(package_folder())}}).execute()
    predictions, run, parameters = (
        next(one.data for one in cell.outputs if one.output_type == "execute_result") for cell in notebook.cells
    )
    assert predictions["text/html"].count("<img") == 2
    assert run["text/html"].count("<img") == 3
    assert int(parameters["text/plain"]) > 1000
