"""Bounces that real servers wrote in the lab (`training/lab/README.md`) are read as the receiver spoke."""

import json
from pathlib import Path
from typing import Any

import pytest

from bounceml.mail import read_message

LAB = Path(__file__).parent / "lab"
ROWS: list[dict[str, Any]] = [json.loads(line) for line in (LAB / "expected.jsonl").read_text("utf-8").splitlines()]


def test_every_recorded_bounce_has_a_row() -> None:
    assert {row["file"] for row in ROWS} == {path.name for path in LAB.glob("*.eml")}
    assert len(ROWS) >= 200
    assert len({row["server"] for row in ROWS}) >= 10


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["file"].removesuffix(".eml"))
def test_bounce_is_read_as_the_receiver_spoke(row: dict[str, Any]) -> None:
    report = read_message((LAB / row["file"]).read_bytes())
    assert report.kind == row["kind"]
    [read] = report.recipients
    assert read.recipient == row["recipient"]
    assert read.diagnostic == row["diagnostic"]
    assert (read.smtp_code, read.enhanced_code) == (row["smtp_code"], row["enhanced_code"])


@pytest.mark.parametrize(
    "row", [row for row in ROWS if not row["lost"]], ids=lambda row: row["file"].removesuffix(".eml")
)
def test_diagnostic_has_all_the_words_that_were_sent(row: dict[str, Any]) -> None:
    sent = " ".join(line[4:] for line in row["sent"])
    status = row["enhanced_code"] or ""
    words = "".join(sent.replace(status, "").split())
    assert words in "".join(row["diagnostic"].replace(status, "").split()) or not words
