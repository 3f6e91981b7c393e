"""Figures of `bounceml evaluate`: right by hand on small cases, with intervals that keep groups together."""

import json
import math
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from bounceml.classifier import load
from bounceml.taxonomy import load_taxonomy
from bounceml_cli.evaluate import evaluated, lines
from bounceml_cli.pages.evaluation import evaluation_page
from bounceml_datasets.corpus import Row, load_corpus
from bounceml_training.evaluation.comparison import compare
from bounceml_training.evaluation.held_out_rows import HeldOutRows
from bounceml_training.evaluation.judged import Judged, judge
from bounceml_training.evaluation.measures import evaluate
from bounceml_training.evaluation.resampling import Resamples
from forked import Done, commands

DEAD = "user_unknown"


def judged(*answers: tuple[str, str, float]) -> Judged:
    """Answers as (true label, given label, confidence); user_unknown gives the address up."""
    true, said, confidence = (list(each) for each in zip(*answers, strict=True))
    return Judged(
        rows=[Row(f"text {word(i)}", label, lang="en" if i % 2 else "de") for i, label in enumerate(true)],
        true=np.array(true, object),
        given=np.array(said, object),
        true_types=np.array(["hard" if label == DEAD else "soft" for label in true], object),
        types=np.array(["hard" if label == DEAD else "soft" for label in said], object),
        confidence=np.array(confidence),
        gives_up=np.array([label == DEAD for label in said]),
        is_dead=np.array([label == DEAD for label in true]),
    )


def word(number: int) -> str:
    return "".join(chr(ord("a") + int(digit)) for digit in str(number))


def alone(n: int) -> Resamples:
    return Resamples(np.arange(n), draws=200, seed=1)


SIX = judged(
    (DEAD, DEAD, 0.95),
    (DEAD, "mailbox_full", 0.6),
    (DEAD, DEAD, 0.9),
    ("mailbox_full", "mailbox_full", 0.8),
    ("mailbox_full", DEAD, 0.5),
    ("greylisted", "greylisted", 0.99),
)


def test_figures_by_hand() -> None:
    found = evaluate(SIX, resamples=alone(6))
    figures = {name: each.value for name, each in found.figures.items()}
    assert figures["reason_accuracy"] == pytest.approx(4 / 6)
    assert figures["type_accuracy"] == pytest.approx(4 / 6)
    assert figures["suppress_precision"] == pytest.approx(2 / 3)
    assert figures["suppress_recall"] == pytest.approx(2 / 3)
    assert figures["macro_f1"] == pytest.approx((2 / 3 + 1 / 2 + 1) / 3)
    assert figures["coverage_at_90"] == pytest.approx(3 / 6)
    assert figures["accuracy_at_90"] == 1
    assert figures["ece"] == pytest.approx((0.05 + 0.6 + 0.1 + 0.2 + 0.5 + 0.01) / 6)
    assert found.by_reason[DEAD].value == pytest.approx(2 / 3)
    assert found.confusion[0] == (DEAD, DEAD, 2)
    assert found.risk_coverage[0] == (1 / 6, 0)
    assert found.risk_coverage[-1] == pytest.approx((1.0, 2 / 6))


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from([DEAD, "policy"]), st.sampled_from([DEAD, "policy"]), st.floats(0, 1)), min_size=1
    ),
    st.randoms(use_true_random=False),
)
def test_intervals_hold_the_figure_and_order_does_not_count(
    answers: list[tuple[str, str, float]], chance: Random
) -> None:
    found = evaluate(judged(*answers), resamples=alone(len(answers)))
    for each in found.figures.values():
        assert math.isnan(each.value) or each.low <= each.value <= each.high
    chance.shuffle(answers)
    again = evaluate(judged(*answers), resamples=alone(len(answers)))
    for name in ("reason_accuracy", "macro_f1", "suppress_recall"):
        assert again.figures[name].value == pytest.approx(found.figures[name].value, nan_ok=True)


def test_a_hundred_rows_of_one_group_tell_no_more_than_one() -> None:
    answers = [(DEAD, DEAD, 0.9)] * 100 + [("policy", DEAD, 0.9)] * 100
    grouped = Resamples(np.repeat(np.arange(4), 50), draws=500, seed=1)
    spread = [evaluate(judged(*answers), resamples=each).figures["reason_accuracy"] for each in (alone(200), grouped)]
    assert spread[1].high - spread[1].low > 4 * (spread[0].high - spread[0].low)
    all_right = evaluate(judged(*answers[:100]), resamples=Resamples(np.zeros(100), draws=500, seed=1))
    assert all_right.figures["reason_accuracy"].low < 0.5


def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    chance = np.random.default_rng(3)
    covered = 0
    for seed in range(100):
        right = chance.random(150) < 0.8
        answers = judged(*[(DEAD, DEAD if each else "policy", 0.9) for each in right])
        each = evaluate(answers, resamples=Resamples(np.arange(150), draws=200, seed=seed)).figures["reason_accuracy"]
        covered += each.low <= 0.8 <= each.high
    assert covered >= 88


def test_comparison_by_hand() -> None:
    better = judged(*[(true, true, 0.9) for true in SIX.true])
    found = compare(SIX, better, resamples=alone(6))
    assert (found.only_champion, found.only_challenger) == (0, 2)
    assert found.p_value == pytest.approx(binomtest(2, 2).pvalue)
    assert found.accuracy_gain.value == pytest.approx(2 / 6)
    assert not found.is_worse
    assert {(change.true, change.champion, change.challenger) for change in found.changes} == {
        (DEAD, "mailbox_full", DEAD),
        ("mailbox_full", DEAD, "mailbox_full"),
    }
    assert compare(SIX, SIX, resamples=alone(6)).p_value == 1


def test_a_challenger_that_forgot_a_reason_is_worse() -> None:
    champion = judged(*[(DEAD, DEAD, 0.9)] * 60)
    challenger = judged(*[(DEAD, DEAD if i % 2 else "policy", 0.9) for i in range(60)])
    assert compare(champion, challenger, resamples=alone(60)).is_worse
    assert not compare(challenger, champion, resamples=alone(60)).is_worse


def test_changes_come_most_frequent_first_one_for_each_template() -> None:
    rows = [Row(f"550 user {i}@example.com is gone", DEAD) for i in range(3)] + [Row("quota", "mailbox_full")]
    right = judged(*[(row.label, row.label, 0.9) for row in rows])
    wrong = judged(*[(row.label, "policy", 0.9) for row in rows])
    champion, challenger = (replace(each, rows=rows) for each in (right, wrong))
    changes = compare(champion, challenger, resamples=alone(4)).changes
    assert [change.count for change in changes] == [3, 1]


def test_answers_are_those_of_the_classifier() -> None:
    rows = [Row("550 5.1.1 User unknown", DEAD), Row("I am on holiday until Monday", None, kind="auto_reply")]
    classifier = load()
    found = judge(rows, classifier=classifier)
    verdicts = [classifier.classify(row.text) for row in rows]
    assert found.given.tolist() == [v.reason or f"kind:{v.kind}" for v in verdicts]
    assert found.confidence == pytest.approx([v.confidence for v in verdicts])
    assert found.true_types.tolist() == ["hard", "none"]
    assert found.gives_up.tolist() == [v.action == "suppress" for v in verdicts]


def test_lines_for_people(tiny_rows: tuple[Row, ...]) -> None:
    held_out = HeldOutRows(tiny_rows)
    found = evaluated(["builtin"], classifiers=[load()], held_out=held_out)
    shown = "\n".join(lines(found, comparison=None))
    assert shown.startswith(f"27 texts in {held_out.resamples.n_groups} template groups")
    assert "calibration error" in shown
    assert shown.isprintable() or "\n" in shown


def test_the_page_escapes_what_strangers_wrote(tiny_rows: tuple[Row, ...]) -> None:
    hostile = Row("550 <script>alert(1)</script>", "policy", source="<b>x</b>")
    held_out = HeldOutRows((*tiny_rows, hostile))
    found = evaluated(["a", "b"], classifiers=[load(), load()], held_out=held_out)
    page = evaluation_page(found, comparison=None, data=["<i>.csv"])
    assert "<script>" not in page
    assert "<b>x</b>" not in page
    assert "&lt;i&gt;.csv" in page


def test_the_page_takes_names_of_files_as_they_are(tiny_rows: tuple[Row, ...]) -> None:
    held_out = HeldOutRows(tiny_rows)
    names = [r"$\frac$.model", "a\x1b\udcff_{$.model"]
    found = evaluated(names, classifiers=[load(), load()], held_out=held_out)
    page = evaluation_page(found, comparison=None, data=["\udcff.csv"])
    assert page.count(r"$\frac$.model") > 3
    page.encode()
    assert "\x1b" not in page


def run(*arguments: str, folder: Path) -> Done:
    return commands().run(["evaluate", *arguments], folder=folder)


def test_the_command_compares_two_models_and_writes_a_page(tiny_model: Path, tmp_path: Path) -> None:
    held_out = tmp_path / "held-out.csv"
    known = next(
        row for row in load_corpus(reasons=load_taxonomy().reasons) if row.label == DEAD and "," not in row.text
    )
    held_out.write_text(f"text,reason\n{known.text},user_unknown\nmailbox is over quota,mailbox_full\n", "utf-8")
    done = run(
        "builtin", str(tiny_model), "--data", "held-out.csv", "--json", "--report", "report.html", folder=tmp_path
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert [each["model"] for each in found["models"]] == ["builtin", str(tiny_model)]
    assert found["models"][0]["figures"]["reason_accuracy"]["value"] == 1
    assert found["comparison"]["is_worse"] is False
    assert "own training data" in done.stderr
    assert (tmp_path / "report.html").read_text("utf-8").startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("content", "complaint"),
    [("", "column"), ("text,reason\n", "no labelled rows"), ("text,reason\nx,nonsense\n", "no such reason 'nonsense'")],
)
def test_what_cannot_be_evaluated_on_is_named(tmp_path: Path, content: str, complaint: str) -> None:
    (tmp_path / "held-out.csv").write_text(content)
    done = run("builtin", "--data", "held-out.csv", folder=tmp_path)
    assert done.returncode == 1
    assert complaint in done.stderr
    assert len(done.stderr.splitlines()) == 1
