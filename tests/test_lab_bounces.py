"""Bounces that real servers wrote in the lab (`training/lab/README.md`) are read as the receiver spoke."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from bounceml.mail import read_message

LAB = Path(__file__).parent / "lab"
ROWS: list[dict[str, Any]] = [json.loads(line) for line in (LAB / "expected.jsonl").read_text("utf-8").splitlines()]
NAMES = [row["file"].removesuffix(".eml") for row in ROWS]


def test_every_recorded_bounce_has_a_row() -> None:
    assert {row["file"] for row in ROWS} == {path.name for path in LAB.glob("*.eml")}
    assert len(ROWS) >= 200
    assert len({row["server"] for row in ROWS}) >= 20


@pytest.mark.parametrize("row", ROWS, ids=NAMES)
def test_bounce_is_read_as_before(row: dict[str, Any]) -> None:
    report = read_message((LAB / row["file"]).read_bytes())
    assert report.kind == row["kind"]
    assert [asdict(read) for read in report.recipients] == row["recipients"]


@pytest.mark.parametrize("row", ROWS, ids=NAMES)
def test_diagnostic_is_what_the_receiver_said_to_that_recipient(row: dict[str, Any]) -> None:
    """Reply codes and the enhanced code, which servers repeat on each line or don't, are compared once."""
    assert row["recipients"]
    for read in row["recipients"]:
        lines = row["sent"][read["recipient"]]
        words = _words(" ".join(line[4:] for line in lines), read["enhanced_code"])
        assert row["lost"] or not words or _words(read["diagnostic"], read["enhanced_code"]).endswith(words)


def _words(text: str, status: str | None) -> str:
    return "".join((text.replace(status, "") if status else text).split())
