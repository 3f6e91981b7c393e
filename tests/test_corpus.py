"""The labelled data loads, covers what it must, and a bad row is refused with file and line."""

import csv
import re
from collections import Counter
from pathlib import Path

import pytest

from bounceml.errors import CorpusError
from bounceml.masking import template
from bounceml.taxonomy import load_taxonomy
from bounceml_datasets.corpus import Row, builtin_files, corpus_hash, load_corpus
from bounceml_datasets.figures import figures
from bounceml_datasets.inspection import gaps, problems
from bounceml_datasets.second_look import Agreement, agreement, load_looks

REASONS = load_taxonomy().reasons
ROWS = load_corpus(reasons=REASONS)
# Example domains, also misspelt ones in texts about misspelt addresses.
EXAMPLE = re.compile(
    r"ex[ae]?m|esemp|ejem|exemp|exenp|ejenp|esenp|invalid|test|local|voorbeeld|beispiel|priklad|przyklad"
)
ROLE = re.compile(
    r"abuse|postmaster|delist|spam|staff|tosa|tobr|scomp|nemesys|block|help|support|admin|imceaex|mailer-daemon|no-?reply|"
    r"^number$|unblock|removal|removeme|security|noc|hostmaster|rbl|^user|^your|^you$|contact|service|delivery|tech|info|^fpr$"
)


def test_there_are_enough_different_texts() -> None:
    assert len({template(row.text) or row.text for row in ROWS}) >= 8000
    assert len({row.lang for row in ROWS}) >= 40
    assert sum(row.lang == "en" for row in ROWS) >= 3500


def test_texts_that_are_no_bounces_are_there() -> None:
    kinds = Counter(row.kind for row in ROWS)
    assert min(kinds[kind] for kind in ("auto_reply", "delivered", "complaint", "other")) >= 10


def test_addresses_are_example_ones() -> None:
    """Role addresses that providers name in their replies may stand there; persons' may not."""
    for row in ROWS:
        for local, domain in re.findall(r"([\w.+=-]+)@([\w-]+(?:\.[\w-]+)+)", row.text):
            assert EXAMPLE.search(domain.lower()) or ROLE.search(local.lower()), row.text


def test_hash_does_not_depend_on_order() -> None:
    assert corpus_hash(ROWS) == corpus_hash(reversed(ROWS))
    assert corpus_hash(ROWS) != corpus_hash(ROWS[1:])
    assert builtin_files()


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("not json", "not JSON"),
        ("[1]", "expected an object"),
        ('{"text": "x"}', "needs a reason"),
        ('{"text": " ", "reason": "policy"}', "empty"),
        ('{"text": "x", "reason": "nope"}', "no such reason"),
        ('{"text": "x", "reason": "policy", "lang": "German"}', "language tag"),
        ('{"text": "x", "reason": "policy", "colour": "red"}', "no such field"),
        ('{"text": 5, "reason": "policy"}', "must be a text"),
        ('{"text": "x", "kind": "party"}', "no such kind"),
        ('{"text": "x", "kind": "other", "reason": "policy"}', "needs a reason"),
    ],
)
def test_a_bad_row_is_refused_with_file_and_line(tmp_path: Path, line: str, complaint: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"text": "ok", "reason": "policy"}\n' + line + "\n", "utf-8")
    with pytest.raises(CorpusError, match=rf"rows\.jsonl:2: .*{complaint}"):
        load_corpus([path], reasons=REASONS)


def test_csv_is_read(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text('﻿text,reason,lang,own\n"550 no, never",policy,en,x\n', "utf-8")
    assert [(row.text, row.reason, row.lang) for row in load_corpus([path], reasons=REASONS)] == [
        ("550 no, never", "policy", "en")
    ]


@pytest.mark.parametrize(("content", "complaint"), [(b"", "empty"), (b"\xff\xfe", "not UTF-8")])
def test_a_useless_file_is_refused(tmp_path: Path, content: bytes, complaint: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(content)
    with pytest.raises(CorpusError, match=complaint):
        load_corpus([path], reasons=REASONS)


def test_csv_without_its_columns_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(CorpusError, match="text and reason"):
        load_corpus([path], reasons=REASONS)


def test_half_a_character_is_read_as_a_question_mark(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(r'{"text": "no \ud800 \ud83d\ude00", "reason": "policy", "source": "\udfff"}' + "\n")
    (row,) = load_corpus([path], reasons=REASONS)
    assert (row.text, row.source) == ("no ? 😀", "?")
    assert len(corpus_hash([row])) == 64
    assert len(row.id) == 12


def test_datasheet_has_these_figures() -> None:
    datasheet = (Path(__file__).parents[1] / "datasets" / "README.md").read_text("utf-8")
    assert figures(ROWS, looks=agreement(load_looks())) in datasheet


def test_nothing_is_wrong_with_the_corpus() -> None:
    assert [str(problem) for problem in [*problems(ROWS), *gaps(ROWS, reasons=REASONS)]] == []


@pytest.mark.parametrize(
    ("rows", "trouble"),
    [
        (["550 user kim unknown here", "550  User 77 UNKNOWN here"], []),
        (["User kim@example.com unknown", "user lee@example.org UNKNOWN"], ["duplicate"]),
        (["User kim@example.com unknown", ("user lee@example.org UNKNOWN", "policy", "en")], ["conflict"]),
        ([("Пользователь не найден на этом сервере", "user_unknown", "en")], ["script"]),
        ([("Пользователь не найден на этом сервере", "user_unknown", "ru")], []),
        ([("polzovatel ne najden na etom servere", "user_unknown", "ru")], []),
        ([("收件人不存在，请检查地址是否正确无误", "user_unknown", "ja")], []),
        ([("收件人不存在，请检查地址是否正确无误", "user_unknown", "th")], ["script"]),
    ],
)
def test_what_is_wrong_with_rows_is_found(rows: list[str | tuple[str, str, str]], trouble: list[str]) -> None:
    made = [Row(row, "user_unknown", lang="en") if isinstance(row, str) else row_of(*row) for row in rows]
    assert [problem.trouble for problem in problems(made)] == trouble


def row_of(text: str, reason: str, lang: str) -> Row:
    return Row(text, reason, lang=lang)


def test_what_a_language_lacks_is_named() -> None:
    messages = [problem.message for problem in gaps([row_of("no", "policy", "tlh")], reasons=("policy", "virus"))]
    assert "tlh has 1 rows, fewer than 30" in messages
    assert "de has no row of policy, virus" in messages


def test_every_row_has_had_a_second_look_that_found_its_label_fair() -> None:
    readings = {look.id: look.readings for look in load_looks()}
    assert [f"{row.part}:{row.line}" for row in ROWS if row.label not in readings.get(row.id, ())] == []


def test_second_looks_count_by_language(tmp_path: Path) -> None:
    path = tmp_path / "looks.csv"
    path.write_text("id,lang,first,second\na,de,policy,policy\nb,de,policy,virus/policy\nc,fr,virus,policy\n")
    assert agreement(load_looks(path)) == {"de": Agreement(2, 1, 2), "fr": Agreement(1, 0, 0)}
    path.write_text("id,lang,first\na,de,policy\n")
    with pytest.raises(CorpusError, match=r"looks\.csv:2: expected the columns"):
        load_looks(path)


def test_half_a_character_is_replaced_so_that_a_row_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "no such \\ud800 user", "reason": "user_unknown"}\n')
    (row,) = load_corpus([tmp_path / "a.jsonl"], reasons=["user_unknown"])
    assert row.text == "no such ? user"
    assert len(row.id) == 12


def test_a_first_line_that_is_no_csv_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(f"text,reason,{'x' * 2000}\n")
    limit = csv.field_size_limit(1000)
    try:
        with pytest.raises(CorpusError, match=r"a\.csv:1: not CSV"):
            load_corpus([tmp_path / "a.csv"], reasons=["user_unknown"])
    finally:
        csv.field_size_limit(limit)
