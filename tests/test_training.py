"""Training end to end on a tiny corpus, and what it refuses."""

from pathlib import Path

import pytest

from bounceml.classifier import load
from bounceml.errors import CorpusError
from bounceml.rules import builtin_rules
from bounceml_datasets.corpus import Row
from bounceml_training.augmentation import wrapped
from bounceml_training.calibrate import wilson_lower
from bounceml_training.folds import family_folds, grouped_folds, template_groups
from bounceml_training.trainer import Trained, train


def test_training_twice_gives_the_same_bytes(tiny_rows: tuple[Row, ...], tiny_model: Path, tmp_path: Path) -> None:
    path = tmp_path / "again.model"
    train(tuple(reversed(tiny_rows)), rules=builtin_rules()).write(path)
    assert path.read_bytes() == tiny_model.read_bytes()


def test_model_has_learned_its_rows(tiny_model: Path, tiny_rows: tuple[Row, ...]) -> None:
    classifier = load(tiny_model)
    right = [(v.reason or f"kind:{v.kind}") == row.label for row in tiny_rows for v in [classifier.classify(row.text)]]
    assert sum(right) / len(right) >= 0.9


def test_progress_goes_from_nothing_to_done(tiny_rows: tuple[Row, ...]) -> None:
    shares: list[float] = []
    train(tiny_rows, rules=builtin_rules(), progress=lambda step, share: shares.append(share))
    assert shares[0] == 0
    assert shares[-1] == 1
    assert shares == sorted(shares)


def test_one_class_is_refused() -> None:
    with pytest.raises(CorpusError, match="at least two"):
        train([Row(f"no {i}", "policy") for i in range(9)], rules=builtin_rules())


def test_a_class_with_too_few_rows_is_named() -> None:
    rows = [Row(f"no {i}", "policy") for i in range(9)] + [Row("full", "mailbox_full")]
    with pytest.raises(CorpusError, match=r"mailbox_full \(1\)"):
        train(rows, rules=builtin_rules())


def test_texts_of_one_template_are_in_one_group_and_one_fold(tiny_rows: tuple[Row, ...]) -> None:
    rows = [*tiny_rows, Row("550 User UNKNOWN <kim@example.com>", "user_unknown")]
    groups = template_groups(rows, similarity=0.8)
    assert groups[0] == groups[-1]
    for train_part, test_part in grouped_folds([row.label for row in rows], groups=groups, n=3, seed=1):
        assert not set(groups[train_part]) & set(groups[test_part])


def test_families_are_left_out_whole(tiny_rows: tuple[Row, ...]) -> None:
    for train_part, test_part in family_folds(tiny_rows, n=2):
        left_out = {tiny_rows[i].lang for i in test_part}
        assert left_out
        assert not left_out & {tiny_rows[i].lang for i in train_part}


def test_wrapping_keeps_the_reply_and_does_not_depend_on_its_neighbours(tiny_rows: tuple[Row, ...]) -> None:
    wrappers = ("host x said: {text} (in reply)",)
    all_of_them = wrapped(tiny_rows, wrappers=wrappers, share=1.0, seed=1)
    assert wrapped(tiny_rows[3:4], wrappers=wrappers, share=1.0, seed=1) == all_of_them[3:4]
    assert all_of_them[1] == "host x said: 550 no such user here (in reply)"
    assert wrapped(tiny_rows, wrappers=wrappers, share=0.0, seed=1) == [None] * len(tiny_rows)


def test_rules_carry_a_measured_precision(tiny_trained: Trained) -> None:
    precision = {entry["rule"]["id"]: entry["precision"] for entry in tiny_trained.header["rules"]}
    assert precision
    assert all(0 <= p < 1 for p in precision.values())


def test_few_cases_lower_the_bound() -> None:
    assert wilson_lower(1, asked=1) < wilson_lower(10, asked=10) < wilson_lower(100, asked=100) < 1
