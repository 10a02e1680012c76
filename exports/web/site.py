"""The folder of static files that is the page of a network. Free of TensorFlow."""

import hashlib
import importlib.metadata
import json
import os
import pathlib
import shlex
import shutil

import jinja2
import markdown_it
import markupsafe
import numpy as np
from PIL import Image

from aireal import paths, shipped
from aireal.errors import UserError
from aireal.judging import card
from aireal.pixels import decoding, resampling
from aireal.runs import files
from aireal.runs.folder import PREPROCESSING, RunFolder, model_file, run_of
from aireal.verdicts import pictures
from aireal.verdicts.contract import Contract, tflite_name
from aireal.verdicts.lite import LABELS_FILE, TfliteScorer
from aireal.verdicts.predictor import Predictor
from builders.cifake import clutter
from exports.web import parts

_PAGE = pathlib.Path(__file__).parent / "page"
_COPIED = (
    "app.js",
    "worker.js",
    "pictures.js",
    "resampling.js",
    "rule.js",
    "webp.js",
    "windows.js",
    "style.css",
    "icon.svg",
)
_MANIFEST, _WORKER = "manifest.webmanifest", "service-worker.js"
_MARK = "made-by-aireal.json"  # tells a page from a folder of somebody's own
_DEFAULT_FORM = "int8"

POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self' 'wasm-unsafe-eval'",
        "style-src 'self'",
        "img-src 'self' blob:",
        "connect-src 'self'",
        "worker-src 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
    ]
)
# What a server has to send with each file. Threads need the last two; a worker is under the policy only by them.
HEADERS = {
    "Content-Security-Policy": f"{POLICY}; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(self)",
    "Cache-Control": "no-cache",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
}


def make(run: os.PathLike | str, output: os.PathLike | str) -> pathlib.Path:
    """Writes the page of a network, whole or not at all.

    Args:
      run: a run folder with an export, an export folder, a .tflite file, or the name of a shipped network.
      output: folder for it. One that is a page already is replaced, but what stands beside its files, such as .git, is
        kept; any other has to be empty.

    Returns:
      The folder.

    Raises:
      UserError: there is no .tflite file, or none that the page can run; LiteRT for browsers is not there and cannot be
        fetched; the folder is somebody's own, or cannot be written.
    """
    model, folder = _model(run), paths.resolve(output)
    if folder.exists() and not (folder / _MARK).exists() and (not folder.is_dir() or files.others(folder)):
        raise UserError(f"--output={output} is not a page that was made here, so it is not replaced. Name another.")
    scorer = TfliteScorer(model)
    contract = Contract.load(model, scorer.input_size)
    if contract.reduces_itself:
        raise UserError(f"{model} takes pictures as cameras give them. The page needs {tflite_name(_DEFAULT_FORM)}.")
    try:
        litert = parts.litert()
    except parts.NotInstalled as error:
        raise UserError(str(error)) from error
    with files.replacing_folder(folder) as partial:
        _write(partial, model, scorer, contract, litert)
        size = files.size_bytes(partial)
        _keep_others(folder, partial)
    print(f"The page of {model} is in {folder}: {size / 1e6:.0f} MB.", flush=True)
    return folder


def _model(run: os.PathLike | str) -> pathlib.Path:
    path = shipped.quickest(run)
    name = tflite_name(_DEFAULT_FORM)
    if path.is_dir():
        found = [place / name for place in (path, path / "export") if (place / name).exists()]
        if not found:
            export = f"python -m exports.export --run={shlex.quote(str(run))}"
            raise UserError(f"{path} has no {name}, which the page would run. Make one: {export}")
        path = found[0]
    path = model_file(path)
    if path.suffix != ".tflite":
        raise UserError(f"{path} cannot run in a browser. Expected a .tflite file, or a folder with {name}.")
    return path


def _write(
    into: pathlib.Path, model: pathlib.Path, scorer: TfliteScorer, contract: Contract, litert: pathlib.Path
) -> None:
    for name in (*_COPIED, _MANIFEST):
        shutil.copyfile(_PAGE / name, into / name)
    shutil.copytree(litert, into / "litert")
    (into / "model").mkdir()
    shutil.copyfile(model, into / "model/model.tflite")
    files.write_json(into / "model" / PREPROCESSING, contract.as_dict())
    files.write_text(into / "model" / LABELS_FILE, "\n".join(scorer.labels) + "\n")
    sample(Predictor(model), None if contract.windows else contract.image_size).save(into / "sample.png")
    _render(into, model, contract)
    files.write_text(into / "_headers", _headers())
    _write_worker(into)
    names = sorted(path.name for path in into.iterdir())
    files.write_json(into / _MARK, {"version": importlib.metadata.version("aireal"), "names": names})


def _keep_others(page: pathlib.Path, into: pathlib.Path) -> None:
    """Copies what is somebody's own in the folder of a page to the one that replaces it."""
    if not (page / _MARK).exists():
        return
    mark = files.read_json(page / _MARK, mend="Name another --output.")
    ours = {*mark.get("names", ()), *(path.name for path in into.iterdir())}
    for name in files.others(page, ours):
        if (page / name).is_dir() and not (page / name).is_symlink():
            shutil.copytree(page / name, into / name, symlinks=True)
        else:
            shutil.copy2(page / name, into / name, follow_symlinks=False)


def _render(into: pathlib.Path, model: pathlib.Path, contract: Contract) -> None:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_PAGE), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    )
    written = model.with_name(card.NAME)
    has_card = written.exists()
    facts = {
        "policy": POLICY,
        "name": _name(model),
        "has_card": has_card,
        "kilobytes": round(model.stat().st_size / 1000),
        "size": contract.image_size,
        "windows": contract.windows,
        "rule": contract.rule,
        "max_pixels": decoding.MAX_PIXELS,
        "clutter": clutter.NAMES,
        "endings": "|".join(pictures.SUFFIXES).replace(".", r"\."),
        "max_megapixels": decoding.MAX_PIXELS // 1_000_000,
        "version": importlib.metadata.version("aireal"),
        **_knowledge(model),
    }
    files.write_text(into / "index.html", environment.get_template("index.html").render(facts))
    if has_card:
        text = written.read_text(encoding="utf-8").split("\n---\n", 1)[-1]  # without the head
        # Without html, so that markup in a card is shown and not obeyed.
        shown = markdown_it.MarkdownIt("commonmark", {"html": False}).enable("table").render(text)
        # Wide tables scroll by themselves, which the keyboard has to reach.
        shown = shown.replace("<table>", '<div class="wide" tabindex="0"><table>').replace("</table>", "</table></div>")
        facts["card"] = markupsafe.Markup(shown)
        files.write_text(into / "card.html", environment.get_template("card.html").render(facts))


def _run_of(model: pathlib.Path) -> RunFolder | None:
    """Returns the run that a file is of, where it still lies in its folder."""
    try:
        return run_of(model)
    except UserError:
        return None


def _name(model: pathlib.Path) -> str:
    run = _run_of(model)
    return run.path.name if run else model.stem


def _knowledge(model: pathlib.Path) -> dict[str, str]:
    """Returns what the page says of what a network knows, and of what it does not."""
    run = _run_of(model)
    dataset = card.dataset(run.config()) if run else None
    if dataset == "CIFAKE":
        knows = (
            "It learned from CIFAKE alone: small photographs of ten kinds of things, such as cars, ships, dogs and "
            "birds, and pictures of the same things by Stable Diffusion 1.4."
        )
    else:
        knows = f"It learned from {dataset}, and from nothing else." if dataset else "Nobody says what it learned from."
    return {
        "knows": knows,
        "knows_not": "Of other generators, other cameras and edited pictures its score says little, however high.",
    }


def sample(predictor: Predictor, size: int | None) -> Image.Image:
    """Returns a picture to begin with: of parts of scikit-learn's photographs the first that gets a verdict.

    Args:
      predictor: gives it.
      size: edge in pixels to which the parts are reduced; None leaves them as they are.
    """
    from sklearn import datasets

    parts_of = [
        photograph[top : top + edge, left : left + edge]
        for photograph in map(datasets.load_sample_image, ("flower.jpg", "china.jpg"))
        for edge in (400, 256, 128)
        for top in range(0, photograph.shape[0] - edge + 1, edge // 2)
        for left in range(0, photograph.shape[1] - edge + 1, edge // 2)
    ]
    shown = [resampling.resize(one, size) for one in parts_of] if size else parts_of
    given = [image for image, one in zip(shown, predictor.predict(shown), strict=True) if one.reason is None]
    return Image.fromarray(np.asarray((given or shown)[0]))


def _headers() -> str:
    """Returns the file by which some hosts (Netlify, Cloudflare Pages) learn what to send."""
    return "/*\n" + "".join(f"  {name}: {value}\n" for name, value in HEADERS.items())


def _write_worker(into: pathlib.Path) -> None:
    """Writes the service worker, which names all files, and a version that changes with any of them."""
    found = sorted(path.relative_to(into).as_posix() for path in into.rglob("*") if path.is_file())
    kept = [name for name in found if name != "_headers"]
    digest = hashlib.sha256()
    for name in kept:
        digest.update(name.encode() + (into / name).read_bytes())
    head = f"const VERSION = {json.dumps(digest.hexdigest()[:16])};\nconst FILES = {json.dumps(['./', *kept])};\n"
    files.write_text(into / _WORKER, head + (_PAGE / _WORKER).read_text(encoding="utf-8"))
