"""exports.web.parts: LiteRT for browsers is fetched once, in the versions that are pinned."""

import json
import pathlib

import pytest

from exports.web import parts

PAGE = pathlib.Path(parts.__file__).parent / "page"


def test_what_is_fetched_is_pinned_without_addresses():
    pins = json.loads((PAGE / "package-lock.json").read_text())["packages"]
    wanted = json.loads((PAGE / "package.json").read_text())
    for name, version in {**wanted["dependencies"], **wanted["devDependencies"]}.items():
        pin = pins[f"node_modules/{name}"]
        assert pin["version"] == version
        assert pin["integrity"].startswith("sha512-")
        assert "resolved" not in pin


def test_without_npm_it_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setattr(parts, "LITERT", tmp_path / "litert")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(
        parts.NotInstalled, match=r"there is no npm\. Install Node\.js .* and give the same command again"
    ):
        parts.litert()
    assert not (tmp_path / "litert").exists()


def test_where_npm_fails_it_says_why(monkeypatch, tmp_path):
    (tmp_path / "npm").write_text("#!/bin/sh\necho npm error no network >&2\nexit 1\n")
    (tmp_path / "npm").chmod(0o755)
    monkeypatch.setattr(parts, "LITERT", tmp_path / "litert")
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    with pytest.raises(parts.NotInstalled, match="npm could not fetch LiteRT for browsers: npm error no network"):
        parts.litert()


def test_it_is_there_with_its_licence_and_in_one_build(litert):
    names = {path.name for path in litert.iterdir()}
    wasm = {"litert_wasm_compat_internal.js", "litert_wasm_compat_internal.wasm"}
    assert names == {"core.js", "wasm-utils.js", "LICENSE.txt", "versions.json", *wasm}
    assert "@litertjs" not in "".join(line for line in (litert / "core.js").open() if line.startswith("import"))
    assert "Apache License" in (litert / "LICENSE.txt").read_text()


def test_another_version_counts_as_none(litert, monkeypatch, tmp_path):
    assert parts.is_there()
    (tmp_path / "versions.json").write_text('{"@litertjs/core": "0.0.1"}')
    monkeypatch.setattr(parts, "LITERT", tmp_path)
    assert not parts.is_there()
