"""LiteRT for browsers, which the page runs networks by: fetched from npm once, at the versions of package-lock.json.

Needs nothing but Python and Node.js: a wheel that is built where Node is carries what this fetches.
"""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile

_HERE = pathlib.Path(__file__).parent
LITERT = _HERE / "litert"
_PINS = ("package.json", "package-lock.json")
# Of LiteRT's four wasm builds the one that runs in every browser, and gives the same scores in each: without relaxed
# SIMD, threads or WebGPU, none of which a network of this size is faster by.
_WASM = ("litert_wasm_compat_internal.js", "litert_wasm_compat_internal.wasm")
_VERSIONS = "versions.json"


class NotInstalled(Exception):
    """LiteRT for browsers is not there, and cannot be fetched; says why, and what to do."""


def litert() -> pathlib.Path:
    """Returns the folder with LiteRT's files, fetched where it is not there. Raises NotInstalled."""
    if not is_there():
        print("Fetching LiteRT for browsers from npm: 10 MB, once ...", flush=True)
        install()
    return LITERT


def is_there() -> bool:
    """Returns whether LiteRT's files are there, in the versions that are pinned."""
    file = LITERT / _VERSIONS
    return file.exists() and file.read_text(encoding="utf-8") == _versions()


def install() -> None:
    """Fetches LiteRT's files into `LITERT`. Raises NotInstalled."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        _npm_install(folder)
        partial = folder / "litert"
        partial.mkdir()
        package, utilities = (folder / "node_modules/@litertjs" / one for one in ("core", "wasm-utils"))
        # Workers know no import maps, so the one import between both packages is made a path.
        core = (package / "dist/index.js").read_text(encoding="utf-8")
        core = core.replace('"@litertjs/wasm-utils"', '"./wasm-utils.js"')
        (partial / "core.js").write_text(_without_map(core), encoding="utf-8")
        utils = (utilities / "dist/index.js").read_text(encoding="utf-8")
        (partial / "wasm-utils.js").write_text(_without_map(utils), encoding="utf-8")
        for file in _WASM:
            shutil.copyfile(package / "wasm" / file, partial / file)
        shutil.copyfile(_HERE / "LITERT_LICENSE.txt", partial / "LICENSE.txt")
        (partial / _VERSIONS).write_text(_versions(), encoding="utf-8")
        _place(partial)


def _place(found: pathlib.Path) -> None:
    """Puts a folder at `LITERT`, whole or not at all; another process may be about the same."""
    beside = LITERT.with_name(f".{LITERT.name}-{os.getpid()}")
    try:
        shutil.copytree(found, beside)
        if not is_there():
            shutil.rmtree(LITERT, ignore_errors=True)
            os.replace(beside, LITERT)
    except OSError as error:
        if not is_there():
            raise NotInstalled(f"LiteRT for browsers cannot be written to {LITERT}: {error.strerror}.") from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _npm_install(folder: pathlib.Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise NotInstalled(
            "The page runs networks by LiteRT for browsers, which comes from npm, and there is no npm. Install Node.js "
            "(https://nodejs.org, or your system's packages nodejs and npm) and give the same command again."
        )
    for file in _PINS:
        shutil.copyfile(_HERE / "page" / file, folder / file)
    command = [npm, "ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1"]
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if ran.returncode:
        last = " ".join(ran.stderr.split())[-400:]
        raise NotInstalled(f"npm could not fetch LiteRT for browsers: {last}")


def _versions() -> str:
    pins = json.loads((_HERE / "page" / _PINS[1]).read_text(encoding="utf-8"))["packages"]
    return json.dumps({name: pin["version"] for name, pin in pins.items() if "litert" in name}, indent=2)


def _without_map(script: str) -> str:
    return "\n".join(line for line in script.splitlines() if not line.startswith("//# sourceMappingURL"))
