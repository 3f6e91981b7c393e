"""Imports run one way: cli, training, datasets, model."""

from importlinter.application.use_cases import SUCCESS
from importlinter.cli import lint_imports


def test_import_contracts_hold() -> None:
    assert lint_imports(no_cache=True) == SUCCESS
