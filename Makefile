# `make test` while you work, `make test-all` before a commit. Each needs `make setup` once.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: setup test test-all nightly coverage lint bench docs build

setup:
	$(PYTHON) -m venv .venv && $(BIN)/pip install -e '.[test]'

test:  # nothing that starts a process, and few examples
	HYPOTHESIS_PROFILE=dev $(BIN)/python -m pytest -n auto -m "not process and not slow and not serial and not browser"

test-all:  # everything, on all cores
	$(BIN)/python -m pytest -n auto

nightly:  # a long search for faults
	HYPOTHESIS_PROFILE=nightly $(BIN)/python -m pytest -n auto --timeout 3600

coverage:
	$(BIN)/python -m pytest -n auto --cov --cov-report= --cov-fail-under=0
	$(BIN)/python -m coverage report
	$(BIN)/python -m coverage json -q -o .coverage.json
	$(BIN)/python .ci/coverage_gate.py .coverage.json

lint:
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

bench:  # writes the figures into the pages of docs/; takes minutes
	$(BIN)/python benchmarks/figures.py

docs:  # the pictures of the pages; needs Chromium
	$(BIN)/python docs/screenshots.py

build:
	$(BIN)/python -m build
