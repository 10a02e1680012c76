"""tuning.hypermodel: a trial is trained and judged like a run, without a look at the test images."""

import dataclasses
import os
import shutil

import keras_tuner
import pytest

from aireal.data import batches
from tuning.hypermodel import HyperModel
from tuning.space import Space


def test_a_trial_is_trained_and_judged_like_a_run(make_config, prepared_dir, declared):
    """The figures are those of the same flags in `train`."""
    from aireal.training import experiment

    config = make_config(evaluate="validation", epochs=1, cache="ram", mirror_average=True)
    space = Space(config, ["optimizer"])
    hp = declared(space)
    hypermodel = HyperModel(space)
    for _ in range(2):  # the second time with shared images
        found = hypermodel.fit(hp, hypermodel.build(hp))
    result = experiment.run(config, str(prepared_dir / "one-trial"))
    assert found["val_accuracy"] == pytest.approx(result["validation"]["accuracy"], abs=1e-9)
    assert found["val_auc"] == pytest.approx(result["validation"]["roc_auc"], abs=1e-6)  # of 32-bit floats there
    assert (found["parameters"], found["macs"]) == (result["parameters"], result["macs"])


def test_no_test_image_is_read(make_config, prepared_dir, tmp_path, declared):
    config = make_config(epochs=1, train_fraction=0.1)
    batches.Data(config)  # makes the records
    copied = tmp_path / "prepared"
    shutil.copytree(prepared_dir, copied)
    emptied = list(copied.rglob("*-test.tfrecord*"))
    for path in emptied:
        stat = path.stat()
        path.write_bytes(bytes(stat.st_size))
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert emptied
    space = Space(dataclasses.replace(config, prepared_dir=str(copied)), ["optimizer"])
    hypermodel = HyperModel(space)
    hp = declared(space)
    assert 0 <= hypermodel.fit(hp, hypermodel.build(hp))["val_auc"] <= 1


def test_a_loss_that_is_no_number_fails_the_trial(make_config, declared):
    space = Space(make_config(), ["optimizer"])
    hp = declared(space)
    hypermodel = HyperModel(space)
    model = hypermodel.build(hp)
    model.set_weights([weights * float("nan") for weights in model.get_weights()])
    with pytest.raises(keras_tuner.errors.FailedTrialError, match="the loss became nan at step 1"):
        hypermodel.fit(hp, model)
