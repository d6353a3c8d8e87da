PYTHON ?= python3
PORT ?= 8501
ADDRESS ?= localhost
BIN := .venv/bin
# `make install GPU=1` takes TensorFlow with CUDA instead of the CPU build.
REQUIREMENTS := requirements$(if $(GPU),-gpu).txt

.PHONY: run install check test bench screenshots components requirements clean

run: .venv/installed
	$(BIN)/streamlit run app.py --server.address $(ADDRESS) --server.port $(PORT)

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

# The tests in tests/e2e need a Chromium: the one named in CHROMIUM, or on the path. Without one they are skipped.
test: .venv/tested
	$(BIN)/pytest --numprocesses logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder --durations 20

bench: .venv/tested .venv-peers/installed
	$(BIN)/python -m benchmarks.training --peers .venv-peers/bin/python
	$(BIN)/python benchmarks/cost.py
	$(BIN)/python -m benchmarks.app
	$(BIN)/python benchmarks/embeddings.py
	$(BIN)/python benchmarks/inside.py

# JAX and PyTorch, which only the benchmark of training needs, have an environment of their own.
.venv-peers/installed: benchmarks/requirements-peers.txt
	$(PYTHON) -m venv .venv-peers
	.venv-peers/bin/pip install --quiet --disable-pip-version-check -r benchmarks/requirements-peers.txt
	touch $@

# Photographs every page in its states into build/screenshots.
screenshots: .venv/tested
	$(BIN)/python -m tools.screenshots

# Builds the program of the map anew, with the licences of what it holds; needs Node.js with npm.
components:
	cd pages/ui/components/map/source && npm ci && npm run build

# Pins what pyproject.toml asks for anew; needs uv.
requirements:
	tools/pin-requirements

clean:
	rm -rf .venv .venv-peers
