"""Measures the pipeline and the training step: python -m aireal.benchmark --source=FOLDER_OR_ARCHIVE

In one process, in turn, so that the ratios hold on a machine whose speed drifts.
"""

from absl import flags

from aireal import flags as shared

_OUTPUT = flags.DEFINE_string("output", None, "file for the same figures as JSON")
shared.define_config_flags()


def main() -> None:
    config = shared.config_from_flags()
    import pathlib

    from aireal import record, throughput

    rows = []
    print(f"{'':<30}{'images/s':>10}{'1st pass':>10}{'2nd pass':>10}{'to TFDS':>9}{'peak MiB':>10}")
    for row in throughput.measure(config):
        rows.append(row)
        speeds = "".join(f"{row[name]:>10,.0f}" for name in ("images_per_second", "first_pass", "second_pass"))
        memory = f"{row['peak_memory_bytes'] / 2**20:>10,.0f}"
        print(f"{row['name']:<30}{speeds}{row['ratio_to_tfds']:>8.2f}x{memory}", flush=True)
    print(f"The training step takes {1 / rows[-1]['ratio_to_notebook']:.2f} of the notebook's time.")
    if _OUTPUT.value:
        record.write_json(pathlib.Path(_OUTPUT.value), rows)


if __name__ == "__main__":
    shared.run(main)
