"""Measures a page in headless Chromium beside predict: python -m exports.web.speed --run=robust

Needs Chromium and Playwright (pip install -e '.[test]').
"""

import pathlib
import shutil
import tempfile
import threading
import time

from absl import flags

from aireal import command, shipped
from aireal.errors import UserError
from exports.web import chromium

_RUN = flags.DEFINE_string("run", shipped.DEFAULT, "what the page judges by, as exports.web takes it")
_REPEATS = flags.DEFINE_integer("repeats", 10, "how often each thing is measured", lower_bound=1)
_SMALL = 100  # pictures of the network's size, of which the mean time is taken
_LARGE = 4000, 3000
# Looked for with every frame: Playwright's own waiting looks up to half a second apart.
_JUDGED = """(count) => new Promise((resolve, reject) => {
  const isDone = () => document.querySelectorAll('#results li[class]').length >= count;
  const look = () => isDone() ? resolve() : requestAnimationFrame(look);
  look();
  setTimeout(() => reject(new Error('No verdict came within a minute.')), 60000);
})"""


def main() -> None:
    executable = chromium.find()
    if executable is None:
        raise UserError("There is no Chromium, which the page is measured in. Install it.")
    from playwright import sync_api

    from exports.web import server, site

    with tempfile.TemporaryDirectory() as name, sync_api.sync_playwright() as playwright:
        folder = site.make(_RUN.value, pathlib.Path(name, "page"))
        small, large = _pictures(pathlib.Path(name), folder)
        with server.bind(folder, 0) as served:
            threading.Thread(target=served.serve_forever, daemon=True).start()
            browser = playwright.chromium.launch(executable_path=executable, args=chromium.FLAGS)
            found = _measure(browser, f"http://127.0.0.1:{served.server_port}/", small, large)
            version = browser.version
            served.shutdown()
        found["the same by predict's Predictor"] = _predict(folder, large)
    print(f"\nChromium {version}, n = {_REPEATS.value}:\n\n{_table(found)}")


def _pictures(folder: pathlib.Path, page: pathlib.Path) -> tuple[list[pathlib.Path], pathlib.Path]:
    from PIL import Image
    from sklearn import datasets

    small = [pathlib.Path(shutil.copy(page / "sample.png", folder / f"{number}.png")) for number in range(_SMALL)]
    large = folder / "large.jpg"
    Image.fromarray(datasets.load_sample_image("china.jpg")).resize(_LARGE).save(large, quality=90)
    return small, large


def _measure(browser, address: str, small: list[pathlib.Path], large: pathlib.Path) -> dict[str, list[float]]:
    """Returns seconds: of opening the page to its first verdict, of a small picture, of a large one."""
    found: dict[str, list[float]] = {name: [] for name in ("opening to the first verdict", "32x32", "4000x3000 JPEG")}
    opening, of_small, of_large = found.values()
    for _ in range(_REPEATS.value):
        context = browser.new_context()  # with nothing of the page kept
        page = context.new_page()
        begun = time.perf_counter()
        page.goto(address)
        page.evaluate(_JUDGED, 1)
        opening.append(time.perf_counter() - begun)
        begun = time.perf_counter()
        page.set_input_files("#files", small)
        page.evaluate(_JUDGED, 1 + len(small))
        of_small.append((time.perf_counter() - begun) / len(small))
        begun = time.perf_counter()
        page.set_input_files("#files", large)
        page.evaluate(_JUDGED, 2 + len(small))
        of_large.append(time.perf_counter() - begun)
        context.close()
    return found


def _predict(folder: pathlib.Path, large: pathlib.Path) -> list[float]:
    from aireal.verdicts.predictor import Predictor

    predictor, found = Predictor(folder / "model/model.tflite"), []
    for _ in range(_REPEATS.value):
        begun = time.perf_counter()
        predictor.predict([large])
        found.append(time.perf_counter() - begun)
    return found


def _table(found: dict[str, list[float]]) -> str:
    import numpy as np

    from aireal.runs.tables import Table

    rows = [
        [name, f"{1000 * np.median(seconds):,.1f} ms", f"{1000 * max(seconds):,.1f} ms"]
        for name, seconds in found.items()
    ]
    return str(Table(["", "median", "most"], rows))


if __name__ == "__main__":
    command.run(main, trains=False)
