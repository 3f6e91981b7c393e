"""Messages of every family are read as the files beside them say."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from bounceml.mail import read_message

CASES = sorted((Path(__file__).parent / "cases").glob("*.eml"))


def test_there_are_cases() -> None:
    assert len(CASES) >= 30
    assert all(case.with_suffix(".json").exists() for case in CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_message_is_read(case: Path) -> None:
    expected = json.loads(case.with_suffix(".json").read_text("utf-8"))
    report = read_message(case.read_bytes())
    assert report.kind == expected["kind"]
    assert [asdict(recipient) for recipient in report.recipients] == expected["recipients"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_line_ends_do_not_matter(case: Path) -> None:
    data = case.read_bytes()
    if b"\r" in data or b"\0" in data:
        data = data.replace(b"\r\n", b"\n")
    assert read_message(data.replace(b"\n", b"\r\n")).kind == read_message(data).kind
