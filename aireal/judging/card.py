"""The model card: README.md of a run folder and of its export, with the head that the Hugging Face Hub reads.

All it says comes from the files that lie there; of what none of them tells, its line is left out. Free of TensorFlow.
"""

import dataclasses
import math
import pathlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import jinja2

from aireal.errors import UserError
from aireal.runs import files
from aireal.runs.folder import PREPROCESSING, RunFolder
from aireal.settings.config import Config
from aireal.sources.source import Source
from aireal.verdicts.contract import CAMERA, Contract
from aireal.verdicts.verdict import EDGE_TOLERANCE, Rule
from builders.cifake.layout import LABELS

if TYPE_CHECKING:
    from huggingface_hub import EvalResult, ModelCardData

NAME = "README.md"  # as the Hub wants it
LICENSE = "Apache-2.0"  # of the weights
_TASK = "image-classification"
_SAVED_MODEL = "saved_model"
_CORRUPTIONS = {  # fields of Config -> what pictures were in a training that sets them
    "augment_jpeg_quality": "compressed",
    "augment_noise": "noisy",
    "augment_blur": "blurred",
    "augment_resample": "reduced and enlarged again",
    "augment_brightness": "darkened and brightened",
    "augment_contrast": "of other contrast",
    "augment_gamma": "of other gamma",
    "augment_saturation": "of other saturation",
    "augment_grey": "without colour",
    "augment_sharpen": "sharpened",
    "augment_specks": "specked",
    "augment_turn": "turned",
}
_FILTERS = {
    "percent": lambda share: f"{100 * share:.2f} %",
    "four": lambda number: f"{number:.4f}",
    "thousands": lambda number: f"{number:,}",
}


def write(folder: RunFolder) -> list[pathlib.Path]:
    """Writes the card of a run, and that of its export where it has one, by what is known now; returns the files.

    Raises:
      UserError: a file of the run is damaged.
    """
    cards = [(folder.path, None)]
    if (folder.export / PREPROCESSING).exists():
        cards.append((folder.export, folder.export))
    with files.turn(folder.path.with_name(f"{folder.path.name}.card")):  # beside it, as the run's own lock
        for place, export in cards:
            files.write_text(place / NAME, text(folder, export))
    return [place / NAME for place, _ in cards]


def text(folder: RunFolder, export: pathlib.Path | None = None) -> str:
    """Returns the card of a run; with the folder it was exported into, that of the export."""
    from huggingface_hub import ModelCard  # late: it takes 0.4 s, which --help need not wait for

    facts = {**_of_run(folder, export), **_of_export(folder, export)}
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(pathlib.Path(__file__).parent),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
    )
    environment.filters |= _FILTERS
    body = environment.get_template("card.md").render(facts)
    return str(ModelCard(f"---\n{_head(facts)}\n---\n\n{body}\n"))


def dataset(config: Config) -> str:
    """Returns what the pictures of a config are called: CIFAKE where they have its form, else as their source is."""
    return "CIFAKE" if config.strict else Source(config.source).name


def _of_run(folder: RunFolder, export: pathlib.Path | None) -> dict[str, Any]:
    config, result, environment = folder.config(), folder.result(), folder.environment()
    contract = Contract.load(export / _SAVED_MODEL if export else folder.model, config.image_size)
    split = next((split for split in ("test", "validation") if split in result), None)
    facts = {
        "name": folder.path.name,
        "config": config,
        "dataset": dataset(config),
        "corruptions": [word for field, word in _CORRUPTIONS.items() if getattr(config, field)],
        "contract": contract,
        "rule": contract.rule,
        "tolerance": EDGE_TOLERANCE,
        "size": contract.image_size,
        "labels": LABELS,
        "result": result,
        "split": split,
        "figures": result.get(split),
        "environment": environment,
        "packages": [f"{name} {version}" for name, version in environment.get("packages", {}).items() if version],
        "hardware": list(_hardware(environment)),
    }
    if split and export and contract.rule != Contract.load(folder.model, config.image_size).rule:
        facts["figures"] = {name: value for name, value in result[split].items() if name != "selective"}
    if split:
        accuracy, n = result[split]["accuracy"], result[split]["n"]
        facts["standard_error"] = math.sqrt(accuracy * (1 - accuracy) / n)
    return facts


def _hardware(environment: dict[str, Any]) -> Iterator[str]:
    if "processor" in environment:
        yield environment["processor"]
    if "cores" in environment:
        yield f"{environment['cores']} cores"
    if "memory_bytes" in environment:
        yield f"{environment['memory_bytes'] / 2**30:.0f} GiB"
    yield from environment.get("accelerators", [])
    if "system" in environment:
        yield environment["system"]


def _of_export(folder: RunFolder, export: pathlib.Path | None) -> dict[str, Any]:
    if export is None:
        return {"exported": False, "batteries": _batteries(folder, [folder.model])}
    models = [path for path in (export / _SAVED_MODEL, *sorted(export.glob("*.tflite"))) if path.exists()]
    proof = _read(export / "verify.json")
    return {
        "exported": True,
        "batteries": _batteries(folder, [folder.model, *models]),
        "has_saved_model": (export / _SAVED_MODEL).exists(),
        "forms": [_Form.of(path, proof) for path in models],
        "proof": proof,
        "camera": _read(export / PREPROCESSING).get("forms", {}).get("camera"),
        "golden": len(list(export.glob("golden/*.rgb"))),
    }


@dataclasses.dataclass(frozen=True)
class _Form:
    """A file that a network was exported as, with what verify.json says of it; nothing where it was not compared."""

    file: str
    bytes: int
    proof: dict[str, Any]

    @classmethod
    def of(cls, path: pathlib.Path, proof: dict[str, Any]) -> "_Form":
        name = path.name.removeprefix("model_").removesuffix(".tflite")
        own = {} if path.name == CAMERA else proof.get(name, {})  # `camera` there is about other pictures
        return cls(path.name, files.size_bytes(path), own)


def _batteries(folder: RunFolder, models: list[pathlib.Path]) -> dict[str, dict[str, Any]]:
    """Returns what the robustness battery found of models on the run's test images, by the names of their files.

    Of one that was judged by another rule than the model has now, it is not told which verdicts were given.
    """
    paths = {files.digest(path): path for path in models if path.exists()}
    batteries = {}
    for found in map(_read, sorted(folder.path.glob("robustness*.json"))):
        if found.get("split") != "test" or not (model := paths.get(found.get("model"))):
            continue
        if Rule.from_dict(found.get("rule", {})) != Contract.load(model, folder.config().image_size).rule:
            found["conditions"] = [{**one, "selective": None} for one in found["conditions"]]
        batteries[model.name] = found
    return batteries


def _read(file: pathlib.Path) -> dict[str, Any]:
    """Returns what a file holds that can be made anew; nothing where it is not there, or damaged."""
    try:
        return files.read_json(file, mend="")
    except UserError:
        return {}


def _head(facts: dict[str, Any]) -> "ModelCardData":
    """Returns the card's data; its string is the head."""
    from huggingface_hub import ModelCardData

    exported, results = facts["exported"], list(_results(facts))
    return ModelCardData(
        license=LICENSE.lower(),  # the Hub's name of it
        library_name="litert" if exported else "keras",
        pipeline_tag=_TASK,
        tags=["aireal", "ai-generated-image-detection"] + ["tflite"] * exported,
        datasets=["cifake"] if facts["config"].strict else None,  # others have no name that the Hub could know
        metrics=list(dict.fromkeys(result.metric_type for result in results)) or None,
        model_name=facts["name"] if results else None,
        eval_results=results or None,
    )


def _results(facts: dict[str, Any]) -> Iterator["EvalResult"]:
    """Yields the head's figures: those of the network in a run's card, those of the files in an export's."""
    if facts["exported"]:
        about = facts["proof"].get("dataset", facts["dataset"]), "test"
        for form in facts["forms"]:
            for metric in ("accuracy", "roc_auc"):
                if form.proof:
                    yield _result(*about, metric, form.proof[metric], of=form.file)
    elif figures := facts["figures"]:
        about = facts["dataset"], facts["split"]
        for metric in ("accuracy", "roc_auc", "brier_score"):
            yield _result(*about, metric, figures[metric])
        for metric in ("precision", "recall", "f1"):
            for label in LABELS:
                yield _result(*about, metric, figures[label][metric], of=label)


def _result(pictures: str, split: str, metric: str, value: float, of: str | None = None) -> "EvalResult":
    from huggingface_hub import EvalResult

    return EvalResult(
        task_type=_TASK,
        dataset_type=pictures.lower(),
        dataset_name=pictures,
        dataset_split=split,
        metric_type=metric,
        metric_name=f"{metric}, {of}" if of else None,
        metric_value=value,
    )
