"""When to come back, and which blocklist refused."""

import json
import tomllib
from importlib import resources
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bounceml.notes import blocklist_in, retry_after_in

CASES = json.loads((Path(__file__).parent / "data" / "notes.json").read_text("utf-8"))


@pytest.mark.parametrize(("text", "seconds"), CASES["retry_after_s"])
def test_retry_after(text: str, seconds: int | None) -> None:
    assert retry_after_in(text) == seconds


@pytest.mark.parametrize(("text", "name", "kind"), CASES["blocklist"])
def test_blocklist(text: str, name: str | None, kind: str | None) -> None:
    found = blocklist_in(text)
    assert (found and found.name, found and found.kind) == (name, kind)


def test_every_blocklist_has_a_case() -> None:
    table = tomllib.loads(resources.files("bounceml").joinpath("data/blocklists.toml").read_text("utf-8"))
    assert {entry["name"] for entry in table["blocklist"]} == {name for _, name, _ in CASES["blocklist"] if name}


@given(st.text(max_size=200))
def test_notes_never_raise(text: str) -> None:
    seconds = retry_after_in(text)
    assert seconds is None or 0 < seconds <= 7 * 86400
    blocklist_in(text)


def test_hostile_texts_take_bounded_work() -> None:
    for text in ("5 " * 100_000, "in 5 " * 50_000, "9" * 200_000, "retry after " * 20_000, "1:1" * 50_000):
        assert retry_after_in(f"{text} try again") is None
        assert blocklist_in(text) is None
