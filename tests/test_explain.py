"""`bounceml explain`: what it says adds up, stands where it says, and can be printed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bounceml.classifier import Classifier
from bounceml.codes import codes_in
from bounceml.decode import repair
from bounceml.explanation import explain, explain_verdict
from bounceml.features import character_fingerprints, character_places
from bounceml.mail import read_message
from bounceml.masking import tokens
from bounceml.scoring import score
from bounceml.taxonomy import load_taxonomy
from bounceml.token_spans import token_spans
from bounceml_datasets.corpus import load_corpus
from bounceml_datasets.nearest import nearest

ROOT = Path(__file__).parents[1]
ROWS = load_corpus(reasons=load_taxonomy().reasons)
SOME = [row.text for row in ROWS[::97]]
ANY_TEXT = st.text(st.characters(codec="utf-8"), max_size=60)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bounceml_cli", "explain", *arguments], capture_output=True, text=True, encoding="utf-8"
    )


def test_contributions_add_up_to_the_logits(shipped: Classifier) -> None:
    for text in SOME:
        found = explain(shipped, text)
        logits = dict(zip(shipped.classes, score(tokens(repair(text)), model=shipped.model).logits, strict=True))
        mean = sum(logits.values()) / len(logits)
        total = found.bias + sum(each.logit for each in found.contributions)
        assert total == pytest.approx(logits[found.best] - mean, abs=1e-6), text
        assert found.runner_up is not None
        biases = dict(zip(shipped.classes, shipped.model.header["bias"], strict=True))
        lead = biases[found.best] - biases[found.runner_up] + sum(each.lead for each in found.contributions)
        assert lead == pytest.approx(logits[found.best] - logits[found.runner_up], abs=1e-6), text


def test_highlights_hold_all_contributions_and_dont_overlap(shipped: Classifier) -> None:
    for text in SOME:
        found = explain(shipped, text)
        assert sum(span.weight for span in found.highlights) == pytest.approx(
            sum(each.logit for each in found.contributions), abs=1e-6
        ), text
        ends = [0]
        for span in found.highlights:
            assert ends[-1] <= span.start < span.end <= len(found.text)
            ends.append(span.end)


def test_what_tells_is_highlighted(shipped: Classifier) -> None:
    found = explain(shipped, "550 Sender is listed at zen.spamhaus.org")
    strong = " ".join(found.text[span.start : span.end] for span in found.highlights if span.level == 2)
    assert "spamhaus" in strong
    assert "550" not in strong


@pytest.mark.parametrize("text", [*SOME[:40], "Boîte ﬁlled e\u0301te\u0301 ①", "ＦＵＬＬ box", "x" * 900])
def test_tokens_stand_where_they_are_said_to(text: str) -> None:
    spans = token_spans(text)
    assert [span.token for span in spans] == tokens(text)
    assert all(0 <= span.start < span.end <= len(text) for span in spans)


@given(ANY_TEXT)
def test_tokens_of_any_text_have_a_place(text: str) -> None:
    spans = token_spans(text)
    assert [span.token for span in spans] == tokens(text)
    assert all(0 <= span.start < span.end <= len(text) for span in spans)


@given(ANY_TEXT)
def test_character_grams_of_any_token_have_a_place(text: str) -> None:
    for token in tokens(text):
        places = character_places(token)
        assert len(places) == len(character_fingerprints(token))
        assert all(place is None or 0 <= place[0] < place[1] <= len(token) for place in places)


def test_codes_of_a_report_count_in_the_explanation_of_its_verdict(shipped: Classifier) -> None:
    report = read_message((ROOT / "tests/cases/dsn-poor-diagnostic.eml").read_bytes())
    for verdict in shipped.judge(report):
        found = explain_verdict(shipped, verdict)
        assert found.best == verdict.reason
        assert found.confidence == pytest.approx(verdict.confidence)


def test_an_own_rule_is_named_before_the_built_in_ones(shipped: Classifier) -> None:
    found = explain(shipped, "450 4.2.0 Greylisted, try again in 5 minutes")
    assert "postgrey" in [rule.id for rule in found.rules]
    assert all(rule.precision is not None for rule in found.rules)
    asked = codes_in(tokens(found.text))
    assert [rule.id for rule in found.rules] == [rule.id for rule in shipped.rules.matching(found.text, codes=asked)]


def test_a_labelled_text_is_nearest_to_itself(shipped: Classifier) -> None:
    for row in ROWS[::1500]:
        found = nearest(row.text, ROWS, model=shipped.model, most=3)
        # Half, where a text has only one of the two kinds of n-grams.
        assert found[0].similarity == pytest.approx(1.0) or found[0].similarity == pytest.approx(0.5)
        assert found[0].row.text == row.text
        assert [each.similarity for each in found] == sorted((each.similarity for each in found), reverse=True)


def test_nothing_is_near_to_a_text_without_words(shipped: Classifier) -> None:
    assert nearest("", ROWS, model=shipped.model, most=3) == []
    assert nearest("ꙮꙮꙮ", ROWS, model=shipped.model, most=3) == []


def test_lines_name_words_rules_the_runner_up_and_near_texts() -> None:
    out = run("--text", "550 Sender is listed at zen.spamhaus.org").stdout
    assert out.startswith("hard sender_reputation")
    for part in (
        "[[",
        "speaks for it: spamhaus",
        "rule phrase-blocklist",
        "runner-up: ",
        "what it lacked: ",
        "labelled",
    ):
        assert part in out


def test_json_says_it_all_in_numbers() -> None:
    done = run("--json", "--text", "552 邮箱空间不足", str(ROOT / "examples/two-recipients.eml"))
    entries = [json.loads(line) for line in done.stdout.splitlines()]
    assert [entry["recipient"] for entry in entries] == [None, "gone@example.org", "busy@example.net"]
    for entry in entries:
        found = entry["explanation"]
        assert found["text"][found["highlights"][0]["start"] :]
        assert {"bias", "known", "contributions", "rules", "runner_up", "nearest"} <= set(found)
        assert len(found["nearest"]) == 3


def test_own_rows_are_looked_through_too(tmp_path: Path) -> None:
    own = tmp_path / "own.csv"
    own.write_text("text,reason,source\n550 zalgor frobal unknown mevik,policy,our-servers\n", "utf-8")
    done = run("--json", "--data", str(own), "--text", "550 zalgor frobal unknown mevik")
    assert json.loads(done.stdout)["explanation"]["nearest"][0]["source"] == "our-servers"


def test_a_message_told_by_its_form_needs_no_words() -> None:
    assert "told by the form of the message" in run(str(ROOT / "tests/cases/vacation.eml")).stdout


def test_what_cannot_be_read_is_named_and_the_rest_explained(tmp_path: Path) -> None:
    done = run(str(tmp_path / "none.eml"), "--text", "550 User unknown")
    assert done.returncode == 1
    assert "none.eml" in done.stderr
    assert "user_unknown" in done.stdout


def test_strangers_text_reaches_neither_terminal_nor_page(tmp_path: Path) -> None:
    page = tmp_path / "why.html"
    done = run("--text", "550 \x1b[31m<script>alert(1)</script> User unknown\x9b", "--html", str(page))
    assert "\x1b" not in done.stdout
    assert "\x9b" not in done.stdout
    assert "<script>" not in page.read_text("utf-8")
    assert "script" in page.read_text("utf-8")
