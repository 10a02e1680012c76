# The README has `make demo`, `make test` and `make page`; PYTHON=python3.13 make clean test takes another Python.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo page test lint format clean

demo: .venv/installed
	$(BIN)/python -m aireal.train --flagfile=aireal/configs/demo.cfg

# Fetches LiteRT for browsers from npm the first time, so it needs Node.js.
page: .venv/installed
	$(BIN)/python -m exports.web --output=page --serve

test: .venv/installed-test
	$(BIN)/python -m pytest -n 2 --dist loadfile

lint: .venv/installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: .venv/installed-test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf .venv build dist *.egg-info

.venv/installed: setup.cfg pyproject.toml
	@echo "Installing TensorFlow and what else is needed into .venv: 3 GB, some minutes."
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q --disable-pip-version-check -e .
	@touch $@

.venv/installed-test: .venv/installed
	$(BIN)/python -m pip install -q --disable-pip-version-check -e '.[test]'
	@touch $@
