# `make demo` and `make test` work on a fresh machine: the first call makes .venv and installs the
# pinned dependencies, later calls find the stamp and start at once.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/installed.stamp

.DEFAULT_GOAL := help
.PHONY: help install demo test lint docs wheel clean

help:
	@echo "make demo    install, then run the demo into runs/demo (offline, CPU)"
	@echo "make test    install, then lint, types, import contract, tests with coverage"
	@echo "make lint    lint, types and import contract alone"
	@echo "make docs    build the documentation into runs/site"
	@echo "make wheel   build dist/*.whl"
	@echo "make clean   remove what builds and tests leave (.venv and runs/ stay)"
	@echo "PYTHON=python3.12 make ... chooses the interpreter (3.11 or later)"

install: $(STAMP)

$(STAMP): pyproject.toml setup.cfg constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "$(PYTHON) is too old: bgs needs Python 3.11 or later; try make PYTHON=python3.12" >&2; exit 2; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt torch==2.13.0
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@

demo: $(STAMP)
	$(BIN)/bgs demo --out runs/demo

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint
	$(BIN)/pytest --cov --cov-report=term

docs: $(STAMP)
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet -f docs/mkdocs.yml

# build/ would smuggle files of earlier builds into the wheel
wheel: $(STAMP)
	rm -rf build dist
	$(BIN)/python -m build --wheel --no-isolation --outdir dist .

clean:
	rm -rf build dist *.egg-info .coverage .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
