"""The folder that a trained run is shipped as: the model's forms, the proof that they are it, what a phone tests."""

import dataclasses
import pathlib
import string
from typing import Any

import keras
import tensorflow as tf
from PIL import Image

from aireal import machine
from aireal.data.batches import LABELS, Data
from aireal.errors import UserError
from aireal.pixels import preprocess
from aireal.runs import files
from aireal.runs.folder import RunFolder
from aireal.settings.config import Config
from aireal.sources.source import Source
from aireal.verdicts import scorers
from exports import artifacts, verify

_GOLDEN = 32  # images


def export(folder: RunFolder, config: Config, *, camera_size: int = 0) -> dict[str, Any]:
    """Writes DIR/export/ of a run, whole and proven or not at all: what stood there stays until then.

    Args:
      folder: a trained run.
      config: the run's, perhaps with another source to prove it on; 512 of its training images give int8 its ranges.
      camera_size: edge in pixels of the camera form's input; 0 leaves it out.

    Returns:
      The contents of verify.json.

    Raises:
      UserError: there is no model or no data, the model does not fit, a form is beyond its limits, the disk is full.
    """
    environment = machine.environment()  # before the work, which takes minutes
    reference = scorers.load(folder.model)
    if camera_size and camera_size <= reference.image_size:
        raise UserError(f"--camera_size={camera_size}: expected more than the model's own {reference.image_size}.")
    data, path = Data(dataclasses.replace(config, train_fraction=1.0)), folder.path / "export"
    try:
        with files.replacing_folder(path) as partial:
            _convert(reference.model, config, data, camera_size, partial)
            forms = verify.load(partial)
            found = {"data_fingerprint": data.fingerprint, **verify.compare(reference, forms, data)}
            _print(found, partial)
            verify.check(found)
            if camera_size:
                camera = scorers.load(partial / artifacts.tflite_name("camera"))
                found["camera"] = verify.compare_camera(reference, forms["float32"], camera, data, config.aspect_ratio)
                _print_camera(found["camera"])
                verify.check_camera(found["camera"])
            files.write_json(partial / "verify.json", {**found, "environment": environment})
            _write_golden(partial / "golden", forms, data)
            files.write_text(partial / "README.md", _readme(found, partial, folder.config(), config, camera_size))
    except BrokenPipeError:
        raise
    except (OSError, tf.errors.OpError) as error:
        raise UserError(f"{path} could not be made: {error}. What stood there before is as it was.") from error
    print(f"\nEverything is in {path}.")
    return found


def _convert(model: keras.Model, config: Config, data: Data, camera_size: int, into: pathlib.Path) -> None:
    print("Converting: SavedModel and .tflite ...", flush=True)
    calibration = data.images("train", verify.stratified(data, "train", artifacts.CALIBRATION_IMAGES))
    contract = preprocess.contract(config.image_size, config.aspect_ratio)
    artifacts.write(model, calibration, contract, camera_size, into)


def _write_golden(folder: pathlib.Path, forms: dict[str, scorers.Scorer], data: Data) -> None:
    folder.mkdir()
    rows = verify.stratified(data, "test", _GOLDEN)
    images, table = data.images("test", rows), data.table("test").rows(rows)
    scores = {name: form(images) for name, form in forms.items()}
    described = []
    for index, image in enumerate(images):
        name = f"{index:02}"
        Image.fromarray(image).save(folder / f"{name}.png")
        (folder / f"{name}.rgb").write_bytes(image.tobytes())
        p_real = {form: float(values[index]) for form, values in scores.items()}
        described.append({"image": name, "label": LABELS[table.label[index]], "p_real": p_real})
    files.write_json(folder / "scores.json", described)


def _print(found: dict[str, Any], folder: pathlib.Path) -> None:
    print(f"\nOn {found['n']:,} test images, against Keras:\n")
    print(f"{'form':<12}{'bytes':>11}{'largest diff.':>15}{'mean diff.':>12}{'flips':>7}{'accuracy':>10}{'AUC':>9}")
    for name in ("keras", *verify.FORMS):
        row = found[name]
        line = f"{name:<12}" + " " * 45
        if name != "keras":
            differences = f"{row['max_difference']:>15.2e}{row['mean_difference']:>12.2e}{row['flips']:>7,}"
            line = f"{name:<12}{files.size_bytes(folder / verify.FORMS[name]):>11,}{differences}"
        print(f"{line}{row['accuracy']:>10.4f}{row['roc_auc']:>9.4f}")


def _print_camera(found: dict[str, Any]) -> None:
    print(f"\nOn {found['n']} pictures of 640x480, resampled as a phone does, verdicts that differ from predict's:")
    for name in ("plain", "camera"):
        print(f"  {name:<7}{found[name]['flips']:>4}")


def _readme(found: dict[str, Any], folder: pathlib.Path, run: Config, compared: Config, camera_size: int) -> str:
    rows = "".join(
        f"| {verify.FORMS[name]} | {row['accuracy']:.4f} | {row['max_difference']:.1e} | {row['flips']} | "
        f"{files.size_bytes(folder / verify.FORMS[name]):,} |\n"
        for name, row in found.items()
        if name in verify.FORMS
    )
    camera = ""
    if camera_size:
        flips = {name: found["camera"][name]["flips"] for name in ("plain", "camera")}
        camera = (
            f"\n`model_camera.tflite` takes {camera_size}x{camera_size} pixels instead and reduces them itself. Of "
            f"{found['camera']['n']} pictures of 640x480, sampled as MediaPipe does, it gave another verdict than the "
            f"trainer for {flips['camera']}, and the plain form for {flips['plain']}.\n"
        )
    template = string.Template(pathlib.Path(__file__).with_name("template.md").read_text(encoding="utf-8"))
    return template.substitute(
        version=machine.version("aireal") or "unknown",
        source=Source(run.source).name,
        compared=Source(compared.source).name,
        rows=rows,
        n=f"{found['n']:,}",
        size=run.image_size,
        aspect_ratio=run.aspect_ratio,
        camera=camera,
        golden=len(list((folder / "golden").glob("*.rgb"))),
    )
