"""Size, latency and memory of an exported model: python -m exports.benchmark --run=runs/baseline

Every form is measured in a process of its own, one after the other, beside Keras and, where the extra `onnx` is
installed, ONNX Runtime. Writes benchmark.json and benchmark.png into the run's export folder.
"""

from absl import flags

from aireal import command, machine, shipped
from aireal.errors import UserError
from aireal.runs import files
from aireal.runs.folder import RunFolder

_RUN = flags.DEFINE_string("run", None, "run folder that exports.export has been to", required=True)
_COUNT = flags.DEFINE_integer(
    "count", 2000, "single images timed of each form, after a twentieth as many", lower_bound=1
)


def main() -> None:
    environment = machine.environment()  # before the work, which takes minutes
    folder = RunFolder(shipped.locate_own(_RUN.value))
    export = folder.path / "export"
    if not (proof := export / "verify.json").exists():
        raise UserError(f"{proof} is missing. Make it first: python -m exports.export --run={_RUN.value}")
    with folder.hold():
        from aireal.runs import drawing
        from exports import timing

        timings = timing.measure(folder, export, _COUNT.value)
        rows = [vars(one) for one in timings]
        files.write_json(export / "benchmark.json", {"rows": rows, "environment": environment})
        drawing.write(timing.figure(timings), export / "benchmark.png")
    print(f"\n{timing.table(timings)}")
    print(f"\nbenchmark.json and benchmark.png are in {export}.")


if __name__ == "__main__":
    command.run(main)
