"""The folder that a trained run is shipped as: the model's forms, the proof that they are it, what a phone tests."""

import dataclasses
import pathlib
from typing import Any

import tensorflow as tf
from PIL import Image

from aireal import machine
from aireal.data.batches import Data
from aireal.errors import UserError
from aireal.judging import card
from aireal.runs import files
from aireal.runs.folder import RunFolder
from aireal.runs.tables import Table
from aireal.settings.config import Config
from aireal.verdicts import scorers
from aireal.verdicts.contract import Contract
from aireal.verdicts.predictor import Predictor
from aireal.verdicts.verdict import Rule
from builders.cifake.layout import LABELS
from exports import artifacts, camera, verify
from exports.serving import Served

_GOLDEN, _GOLDEN_PICTURES = 32, 4  # images of the network's size, and of the camera form's


def export(folder: RunFolder, config: Config, *, camera_size: int = 0, unsure: bool = True) -> dict[str, Any]:
    """Writes DIR/export/ of a run, whole and proven or not at all: what stood there stays until then.

    Args:
      folder: a trained run.
      config: the run's, perhaps with another source to prove it on; 512 of its training images give int8 its ranges.
      camera_size: edge in pixels of the camera form's input; 0 leaves it out.
      unsure: whether the files withhold verdicts, as the run's rule says; else they have two labels.

    Returns:
      The contents of verify.json.

    Raises:
      UserError: there is no model or no data, the model does not fit, a form is beyond its limits, the disk is full.
    """
    environment = machine.environment()  # before the work, which takes minutes
    reference = scorers.load(folder.model)
    contract = _contract(Contract.load(folder.model, reference.input_size), camera_size, unsure)
    data, path = Data(dataclasses.replace(config, train_fraction=1.0)), folder.export
    data.check_judging("test")
    try:
        with folder.hold(), files.replacing_folder(path) as partial:
            unit = reference.unit if contract.rule.withholds else None
            served = Served(reference.model, contract.rule, unit, contract.windows)
            _convert(served, contract, data, camera_size, partial)
            forms = verify.load(partial)
            proof, camera_proof = _prove(reference, forms, contract, data, camera_size, partial)
            found = {"dataset": card.dataset(config), "data_fingerprint": data.fingerprint, **proof.as_dict()}
            found |= {"camera": camera_proof.as_dict()} if camera_proof else {}
            files.write_json(partial / "verify.json", {**found, "environment": environment})
            _write_golden(partial / "golden", forms, data, served.of_one_window().rule)
            if camera_size and contract.windows:
                _write_camera_golden(partial, data, contract, camera_size)
            files.write_text(partial / card.NAME, card.text(folder, partial))
    except BrokenPipeError:
        raise
    except (OSError, tf.errors.OpError) as error:
        raise UserError(f"{path} could not be made: {error}. What stood there before is as it was.") from error
    print(f"\nEverything is in {path}.")
    return found


def _contract(of_run: Contract, camera_size: int, unsure: bool) -> Contract:
    """Returns the contract that the files keep, by that of the run's network. Raises UserError."""
    if camera_size and camera_size <= of_run.input_size:
        raise UserError(f"--camera_size={camera_size}: expected more than the model's own {of_run.input_size}.")
    if of_run.windows and not camera_size:
        print("Each .tflite file judges one window. --camera_size=448 adds one that judges pictures of 448x448 pixels.")
    return of_run if unsure else dataclasses.replace(of_run, rule=of_run.rule.plain())


def _convert(served: Served, contract: Contract, data: Data, camera_size: int, into: pathlib.Path) -> None:
    print("Converting: SavedModel and .tflite ...", flush=True)
    representative = data.images("train", verify.stratified(data, "train", artifacts.REPRESENTATIVE_IMAGES))
    artifacts.write(served, representative, contract, camera_size, into)


def _prove(
    reference: scorers.Scorer,
    forms: dict[str, scorers.Scorer],
    contract: Contract,
    data: Data,
    camera_size: int,
    folder: pathlib.Path,
) -> tuple[verify.Proof, camera.Proof | None]:
    """Compares the forms in a folder with the reference and prints what is found, before it may raise UserError."""
    # A GPU computes convolutions with shorter mantissas than the processors that the forms are compared on.
    tf.config.experimental.enable_tensor_float_32_execution(False)
    proof = verify.compare(reference, forms, data, contract.of_one_window().rule)
    _print(proof, folder)
    verify.check(proof)
    if not camera_size:
        return proof, None
    form = scorers.load(folder / artifacts.tflite_name("camera"))
    camera_proof = camera.compare(reference, forms["float32"], form, data, contract)
    _print_camera(camera_proof)
    camera.check(camera_proof, contract)
    return proof, camera_proof


def _write_golden(folder: pathlib.Path, forms: dict[str, scorers.Scorer], data: Data, rule: Rule) -> None:
    folder.mkdir()
    rows = verify.stratified(data, "test", _GOLDEN)
    images, table = data.images("test", rows), data.table("test").rows(rows)
    scores = {name: form(images) for name, form in forms.items()}
    verdicts = {name: verify.verdicts(one, rule).tolist() for name, one in scores.items()}
    described = []
    for index, image in enumerate(images):
        name = f"{index:02}"
        Image.fromarray(image).save(folder / f"{name}.png")
        (folder / f"{name}.rgb").write_bytes(image.tobytes())
        p_real = {form: float(values.p_real[index]) for form, values in scores.items()}
        verdict = {form: verdicts[form][index] for form in scores}
        described.append({"image": name, "label": LABELS[table.label[index]], "p_real": p_real, "verdict": verdict})
    files.write_json(folder / "scores.json", described)


def _write_camera_golden(export: pathlib.Path, data: Data, contract: Contract, camera_size: int) -> None:
    """Writes golden/camera/: pictures of the camera form's size, and what it says of them."""
    folder, predictor = export / "golden/camera", Predictor(export / artifacts.tflite_name("camera"))
    folder.mkdir()
    pictures = camera.pictures(data, _GOLDEN_PICTURES, camera_size)
    found = []
    for index, (picture, judged) in enumerate(zip(pictures, predictor.predict(pictures), strict=True)):
        Image.fromarray(picture).save(folder / f"{index:02}.png")
        (folder / f"{index:02}.rgb").write_bytes(picture.tobytes())
        found.append({"image": f"{index:02}", "p_real": judged.p_real, "verdict": judged.verdict})
    files.write_json(folder / "scores.json", found)


def _print(proof: verify.Proof, folder: pathlib.Path) -> None:
    rows = []
    for name, form in {"keras": proof.keras, **proof.forms}.items():
        cells = [""] * 4
        if differences := form.differences:
            size = files.size_bytes(folder / verify.FORMS[name])
            largest, mean = f"{differences.max_difference:.2e}", f"{differences.mean_difference:.2e}"
            cells = [f"{size:,}", largest, mean, f"{differences.flips:,}"]
        rows.append([name, *cells, f"{form.accuracy:.4f}", f"{form.roc_auc:.4f}"])
    header = ["form", "bytes", "largest diff.", "mean diff.", "flips", "accuracy", "AUC"]
    print(f"\nOn {proof.n:,} test images, against Keras:\n\n{Table(header, rows)}")
    for warning in verify.warnings(proof):
        print(warning)


def _print_camera(proof: camera.Proof) -> None:
    rows = [[name, f"{getattr(proof, name).flips:,}"] for name in ("plain", "camera")]
    print(f"\nOn {proof.n} pictures of {proof.taken}, verdicts that differ from predict's:\n")
    print(Table(["form", "verdicts"], rows))
