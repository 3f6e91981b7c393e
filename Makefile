# `make demo` and `make test` work on a fresh clone with python3 and make; both can be run again.
PYTHON ?= python3
BIN = .venv/bin

.PHONY: demo test lint types unit model fuzz bench clean

demo: .venv/installed
	$(BIN)/bounceml predict examples/*.eml

test: lint types unit

lint: .venv/tested
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: .venv/tested
	$(BIN)/mypy

unit: .venv/tested
	$(BIN)/python -m pytest

# The shipped model, made again from the repository's own data.
model: .venv/installed
	$(BIN)/bounceml train -o model/bounceml/data/default.model --card MODEL_CARD.md

# Longer than belongs into `make test`.
fuzz: .venv/tested
	$(BIN)/python tests/fuzz/mutate_messages.py --seconds 600

bench: .venv/installed
	$(BIN)/python tests/benchmarks/startup.py

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/installed: .venv/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

.venv/tested: .venv/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	touch .venv/installed $@

clean:
	rm -rf .venv build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
