"""aireal.benchmarks.throughput: every way to read and to train is measured."""

import json

from aireal.benchmarks import throughput

# `python -m aireal.benchmark` with fewer training steps: there is nothing to learn from their speed.
COMMAND = """
import runpy
from aireal.benchmarks import throughput
throughput._STEPS = 15
runpy.run_module("aireal.benchmark", run_name="__main__")
"""


def test_the_benchmark_measures_every_way(run_python, prepared_dir, tmp_path):
    output = tmp_path / "benchmark.json"
    small = ["--batch_size=8", "--filters=8,4", "--dense_units=16"]
    done = run_python("-c", COMMAND, f"--prepared_dir={prepared_dir}", f"--output={output}", *small)
    assert done.returncode == 0, done.stderr
    rows = {row["name"]: row for row in json.loads(output.read_text())}
    assert set(rows) == {
        "streaming", "ram", "tfds", "image_dataset_from_directory", "training_step", "notebook_step"
    }  # fmt: skip
    for row in rows.values():
        assert row["images_per_second"] == max(row["first_pass"], row["second_pass"]) > 0
        assert row["peak_memory_bytes"] > 100 << 20
    assert rows["tfds"]["ratio_to_tfds"] == 1.0
    assert 0 <= rows["training_step"]["waiting_share"] < 1
    assert "training_step" in done.stdout
    assert f"{rows['training_step']['waiting_share']:.1%} of it is waiting for the next batch" in done.stdout


def test_batches_that_tell_objects_are_counted_too(make_config, cifake):
    few = {"source": str(cifake), "prepared_dir": str(cifake.parent / "prepared"), "train_fraction": 0.01}
    passes = throughput.ours(make_config(object_weight=0.3, **few), "none")
    assert min(passes.values()) > 0
