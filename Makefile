PYTHON ?= python3
BIN := .venv/bin
# `make install GPU=1` takes TensorFlow with CUDA instead of the CPU build.
REQUIREMENTS := requirements$(if $(GPU),-gpu).txt

.PHONY: install check test bench requirements clean

install: .venv/installed

.venv/installed: $(REQUIREMENTS) pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -r $(REQUIREMENTS)
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@

.venv/tested: .venv/installed requirements-test.txt
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-test.txt
	touch $@

check: .venv/tested
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest -q tests/test_architecture.py

test: .venv/tested
	$(BIN)/pytest

bench: .venv/tested
	$(BIN)/python benchmarks/training.py
	$(BIN)/python benchmarks/cost.py

# Pins what pyproject.toml asks for anew; needs uv.
requirements:
	tools/pin-requirements

clean:
	rm -rf .venv
