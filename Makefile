# `make demo` and `make test` work on a fresh clone with python3 and make; both can be run again.
PYTHON ?= python3
BIN = .venv/bin

.PHONY: demo test lint types data unit spark browser story model ablation fuzz kills determinism bench lab lab-faults held-out clean

demo: .venv/installed
	$(BIN)/bounceml predict examples/*.eml

test: lint types data unit

lint: .venv/tested
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: .venv/tested
	$(BIN)/mypy

# What is wrong or doubtful in the labelled data, and its figures into the datasheet.
data: .venv/tested
	$(BIN)/bounceml data check --doubts --show 0 --datasheet datasets/README.md

# A file's tests stay together: they share what was made for them.
unit: .venv/tested
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder

# Spark needs Java, which is fetched where it lacks and we may; pyspark is large, so it isn't among the test extras.
spark: .venv/tested
	command -v java >/dev/null || apt-get install -y --no-install-recommends default-jre-headless
	$(BIN)/python -m pip install --quiet --editable '.[spark]'
	$(BIN)/python -m pytest tests/spark

# Pages in a real browser, fetched where it lacks and we may; playwright is large, so it isn't among the test extras.
browser: .venv/tested
	command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null \
		|| apt-get install -y --no-install-recommends chromium
	$(BIN)/python -m pip install --quiet --editable '.[browser]'
	$(BIN)/python -m pytest tests/browser

# The README's five commands on a provider that nobody has met; trains on all data, which takes a minute.
story: .venv/tested
	$(BIN)/python -m pytest tests/story

# The shipped model, made again from the repository's own data.
model: .venv/installed
	$(BIN)/bounceml train -o model/bounceml/data/default.model --card MODEL_CARD.md

# The tables of training/README.md.
ablation: .venv/installed
	$(BIN)/python -m bounceml_training.ablation

# These take longer than belongs into `make test`. All of what SECURITY.md counts: make fuzz INPUTS=10000000
INPUTS ?= 1000000
fuzz: .venv/tested
	$(BIN)/python -m pip install --quiet --editable '.[fuzz]'
	$(BIN)/python tests/fuzz/run.py --total $(INPUTS)

# Commands killed at many more moments than `make test` does.
kills: .venv/tested
	BOUNCEML_KILLS=200 $(BIN)/python -m pytest tests/test_kills.py

# The same bytes under each of these, on one thread and on two.
PYTHONS ?= python3.11 python3.13
determinism: .venv/tested
	$(BIN)/python tests/determinism.py $(PYTHONS)

# Real mail servers made to refuse, and what they say into datasets/lab; root on Debian, some half an hour.
lab-faults: .venv/tested
	$(BIN)/python -m lab faults
	$(BIN)/python -m lab faults-record

# How well servers are read that the model wasn't trained on; trains a score of models.
held-out: .venv/tested
	$(BIN)/python -m lab held-out

# Real mail servers, made to bounce: for root on Debian, in namespaces and trees of their own below build/lab.
lab: .venv/tested
	cd training && ../$(BIN)/python -m pytest lab && ../$(BIN)/python -m lab run

bench: .venv/tested
	$(BIN)/python tests/benchmarks/startup.py
	$(BIN)/python tests/benchmarks/score.py

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
