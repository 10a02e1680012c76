"""The structure: arrows in one direction, and what may be imported without what."""

import ast
import functools
import graphlib
import subprocess
import sys

import pytest

from aireal.machine import package_folder

PACKAGES = ("aireal", "builders", "exports", "tuning")
ENTRIES = ("train", "evaluate", "predict", "batch_predict", "analyze", "robustness", "unseen", "benchmark", "card")


@functools.cache
def modules() -> dict[str, ast.Module]:
    """Returns name -> syntax tree of every module."""
    root = package_folder()
    files = [path for package in PACKAGES for path in sorted((root / package).rglob("*.py"))]
    names = [path.relative_to(root).with_suffix("").as_posix().replace("/", ".") for path in files]
    found = zip((name.removesuffix(".__init__") for name in names), files, strict=True)
    return {name: ast.parse(file.read_text(encoding="utf-8")) for name, file in found}


def imports(tree: ast.Module, known: set[str]) -> set[str]:
    """Returns those of `known` that a module imports, at its head or later."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found & known


def room(module: str) -> str:
    """Returns the sub-package of aireal that a module is in, or the package, or the module itself at aireal's top."""
    parts = module.split(".")
    return ".".join(parts[:2]) if parts[0] == "aireal" else parts[0]


@pytest.fixture(scope="module")
def arrows() -> dict[str, set[str]]:
    """Module -> modules that it imports. That aireal offers `Predictor` at its top is no arrow: nobody here uses it."""
    trees = modules()
    names = set(trees) - {"aireal"}
    return {name: imports(tree, names) for name, tree in trees.items() if name in names}


def test_no_module_imports_itself_by_way_of_others(arrows):
    order = list(graphlib.TopologicalSorter(arrows).static_order())  # raises CycleError, which names them
    assert set(order) == set(arrows)


def test_arrows_between_rooms_point_in_one_direction(arrows):
    rooms: dict[str, set[str]] = {}
    for name, targets in arrows.items():
        rooms.setdefault(room(name), set()).update(room(target) for target in targets if room(target) != room(name))
    order = list(graphlib.TopologicalSorter(rooms).static_order())
    assert order.index("builders") < order.index("aireal.sources") < order.index("aireal.settings")
    assert order.index("aireal.data") < order.index("aireal.judging") < order.index("aireal.training")


def test_builders_import_nothing_of_ours(arrows):
    targets = {target for name, found in arrows.items() if room(name) == "builders" for target in found}
    assert {room(target) for target in targets} == {"builders"}


def test_entries_are_imported_by_nobody(arrows):
    entries = {f"aireal.{name}" for name in ENTRIES}
    entries |= {"tuning.search", "exports.export", "exports.benchmark", "exports.web.__main__", "exports.web.speed"}
    assert entries <= set(arrows)
    assert not {target for found in arrows.values() for target in found} & entries


def test_packages_import_none_of_their_modules():
    for name, tree in modules().items():
        heads = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
        if name.count(".") < 2 and any(other.startswith(f"{name}.") for other in modules()):
            assert all("aireal" not in ast.unparse(node) for node in heads), name


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("aireal", ["numpy", "tensorflow", "absl", "aireal.machine"]),
        ("aireal.verdicts.predictor", ["aireal.command", "aireal.judging", "aireal.training"]),
        ("aireal.verdicts.contract", ["tensorflow", "keras"]),
        ("aireal.verdicts.listing", ["tensorflow", "keras"]),
        ("aireal.sources.source", ["tensorflow", "sklearn"]),
        ("aireal.command", ["tensorflow", "numpy"]),
        ("aireal.judging.card", ["tensorflow", "keras", "huggingface_hub"]),
        ("exports.web.site", ["tensorflow", "keras", "huggingface_hub"]),
        ("exports.hub", ["tensorflow", "huggingface_hub"]),
        ("aireal.analysis.report", ["tensorflow", "keras"]),
    ],
)
def test_what_a_module_does_not_load(module, absent):
    code = f"import sys, {module}; print(*[name for name in {absent!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=package_folder())
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr
