"""Templates of an export are counted exactly while there is room, and the frequent ones surely beyond it."""

import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bounceml.codes import Codes, with_codes
from bounceml.decode import repair
from bounceml.masking import template, tokens
from bounceml.taxonomy import load_taxonomy
from bounceml_datasets.corpus import load_corpus
from bounceml_datasets.exports.domains import Domains
from bounceml_datasets.exports.gathering import Gathered, Gatherer
from bounceml_datasets.exports.opening import open_reader
from bounceml_datasets.exports.parts import Part
from bounceml_datasets.exports.scoring import Job, score_export
from bounceml_datasets.exports.texts import example_of

EXPORTS = Path(__file__).parent / "data" / "exports"
NAMES = ("Kim", "Lee", "Bo")


def gathered(source: Path, *, most: int = 50_000) -> tuple[Gatherer, list[Gathered]]:
    gatherer = Gatherer(most=most)
    with open_reader(str(source), format=None, text_column=None) as reader:
        for part in reader.parts():
            gatherer.add(part, names=reader.names)
    return gatherer, gatherer.gathered()


def part_of(texts: list[str], **columns: Any) -> Part:
    return Part(rows=[[text] for text in texts], texts=texts, **columns)


def test_texts_of_one_template_are_counted_together_with_their_domains_and_classes(tmp_path: Path) -> None:
    rows = [
        {"to": f"{name}@{host}.example", "diagnostic": f"550 <{name}@{host}.example> unknown", "provider_class": cls}
        for name, host, cls in [("a", "x", "hard"), ("b", "x", "hard"), ("c", "y", "soft")]
    ]
    rows.append({"to": "nobody", "diagnostic": "552 mailbox full", "provider_class": ""})
    (tmp_path / "in.jsonl").write_text("\n".join(map(json.dumps, rows)))
    _, found = gathered(tmp_path / "in.jsonl")
    assert [(each.count, each.domains, each.classes) for each in found] == [
        (3, 2, (("hard", 2), ("soft", 1))),
        (1, 0, ()),
    ]


def test_codes_in_columns_of_their_own_are_part_of_the_template(tmp_path: Path) -> None:
    lines = ["smtp_code,dsn_status,response", "550,5.1.1,User unknown", "450,,User unknown", ",,550 User unknown"]
    (tmp_path / "in.csv").write_text("\n".join(lines))
    _, found = gathered(tmp_path / "in.csv")
    assert sorted(each.text for each in found) == ["450 User unknown", "550 5.1.1 User unknown", "550 User unknown"]


def test_rows_that_are_no_failures_broken_or_empty_are_only_counted() -> None:
    texts = ["550 no", "250 ok", "", "550 no", "broken"]
    gatherer = Gatherer()
    asked = np.array([True, False, True, True, False])
    gatherer.add(part_of(texts, asked=asked, errors={4: "line 5: odd"}), names=["text"])
    assert (gatherer.rows, gatherer.unasked, gatherer.empty, gatherer.broken) == (5, 1, 1, 1)
    assert [each.count for each in gatherer.gathered()] == [2]


@pytest.mark.parametrize("name", ["ses.jsonl", "mandrill.json", "sparkpost.jsonl", "sisimai.json"])
@pytest.mark.parametrize("ending", [".csv", ".jsonl"])
def test_what_was_scored_gives_the_same_templates(tmp_path: Path, shipped: Any, name: str, ending: str) -> None:
    scored = tmp_path / f"scored{ending}"
    job = Job(str(EXPORTS / name), str(scored))
    score_export(job, classifier=shipped, tell=lambda tally, reader: None, note=lambda line: None)
    before, after = (gathered(path)[1] for path in (EXPORTS / name, scored))
    assert {(each.text, each.count) for each in before} == {(each.text, each.count) for each in after}
    assert [each.classes for each in before] == [each.classes for each in after]


def test_parquet_is_gathered_by_its_buffers(tmp_path: Path) -> None:
    columns = {"email": ["a@x.example", "b@y.example", None], "diagnostic": ["550 no", "550 no", None]}
    pq.write_table(pa.table({**columns, "provider_class": ["10", "10", None]}), tmp_path / "in.parquet")
    gatherer, found = gathered(tmp_path / "in.parquet")
    assert found == [Gathered("550 no", 2, 2, (("10", 2),))]
    assert gatherer.empty == 1


def test_frequent_templates_survive_where_there_is_no_room_for_all() -> None:
    words = [f"{a}{b}{c}" for a in "abcdefgh" for b in "klmnopqr" for c in "stuvwxyz"]
    stream = [word for word in words for _ in range(3)] + ["frequent text"] * 400 + ["another one"] * 300
    random.Random(0).shuffle(stream)
    gatherer = Gatherer(most=100)
    for start in range(0, len(stream), 50):
        gatherer.add(part_of(stream[start : start + 50], domains=Domains.of(["a@x.example"] * 50)), names=["text"])
    found = {each.text: each for each in gatherer.gathered()}
    assert len(found) <= 100
    assert (found["frequent text"].count, found["another one"].count) == (400, 300)
    assert found["frequent text"].domains == 1
    assert 0 < gatherer.floor < 300


@given(st.lists(st.integers(1, 30), max_size=200), st.integers(2, 12))
def test_counts_are_never_too_high_and_what_is_missing_came_seldom(stream: list[int], most: int) -> None:
    texts = [f"reply {'x' * number} end" for number in stream]
    gatherer = Gatherer(most=most)
    for start in range(0, len(texts), 7):
        gatherer.add(part_of(texts[start : start + 7]), names=["text"])
    truth, found = Counter(texts), {each.text: each.count for each in gatherer.gathered()}
    assert len(found) <= most
    assert all(count <= truth[text] <= count + gatherer.floor for text, count in found.items())
    assert all(text in found for text, count in truth.items() if count > gatherer.floor)


def test_an_example_reads_as_its_text_does() -> None:
    for row in load_corpus(reasons=load_taxonomy().reasons)[::50]:
        if len(row.text) < 1000:
            assert template(repair(example_of(row.text, codes=Codes()))) == template(repair(row.text))
            found = tokens(repair(row.text))
            given_codes = Codes("421", "4.2.1")
            assert tokens(repair(example_of(row.text, codes=given_codes))) == with_codes(found, given=given_codes)
