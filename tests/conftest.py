"""What tests share: a small corpus, and a model trained on it once."""

import atexit
import os
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from bounceml.classifier import Classifier, load
from bounceml.rules import builtin_rules
from bounceml.taxonomy import load_taxonomy
from bounceml_datasets.corpus import Row, load_corpus
from bounceml_training.trainer import Trained, train
from forked import Commands, commands

HERE = Path(__file__).parent
# How fast a machine draws examples is no matter of ours.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")
# No test, nor a process that one starts, sees the models of who runs it.
os.environ["BOUNCEML_HOME"] = tempfile.mkdtemp(prefix="bounceml-tests-")
atexit.register(shutil.rmtree, os.environ["BOUNCEML_HOME"], ignore_errors=True)


# Files that take longest, which two workers begin with so that neither waits for the other at the end.
_LONG = ("test_shipped_model", "test_kills", "test_batch", "test_readme", "test_full_disk", "test_models")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: _LONG.index(item.path.stem) if item.path.stem in _LONG else len(_LONG))


@pytest.fixture(scope="session")
def tiny_rows() -> tuple[Row, ...]:
    return load_corpus([HERE / "data" / "tiny.jsonl"], reasons=load_taxonomy().reasons)


@pytest.fixture(scope="session")
def tiny_trained(tiny_rows: tuple[Row, ...]) -> Trained:
    return train(tiny_rows, rules=builtin_rules())


@pytest.fixture(scope="session")
def tiny_model(tiny_trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "tiny.model"
    tiny_trained.write(path)
    return path


@pytest.fixture(scope="session")
def own_model(tiny_trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, as `train --base none` writes it."""
    path = tmp_path_factory.mktemp("model") / "own.model"
    header = tiny_trained.header | {"manifest": tiny_trained.header["manifest"] | {"base": "none"}}
    replace(tiny_trained, header=header).write(path)
    return path


@pytest.fixture(scope="session")
def shipped() -> Classifier:
    return load()


@pytest.fixture(scope="session")
def forked() -> Commands:
    return commands()
