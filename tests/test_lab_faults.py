"""What real servers said when they were made to refuse: recorded messages are read right, and rows are in order."""

import json
import re
from pathlib import Path

import pytest

from bounceml.mail import read_message
from bounceml.masking import template
from bounceml.taxonomy import load_taxonomy
from bounceml_datasets.corpus import load_corpus
from lab.errors import LabError
from lab.faults.fault import NOBODY, load_faults, receiver_names
from lab.faults.held_out import LAB_PART
from lab.faults.payload import carries_payload, fault_message
from lab.faults.recording import FOLDER
from lab.faults.rows import LabRow, corpus_rows, load_rows
from lab.faults.source import groups, is_wordless

EXPECTED = json.loads((FOLDER / "messages.json").read_text("utf-8"))
MESSAGES = sorted((FOLDER / "messages").glob("*.eml"))
ADDRESS = re.compile(rb"[\w.+%-]+@([\w.-]*[a-z])")


@pytest.fixture(scope="module")
def rows() -> list[LabRow]:
    return load_rows(FOLDER / "rows.jsonl")


def test_every_recorded_message_is_expected() -> None:
    assert len(MESSAGES) >= 80
    assert {path.stem for path in MESSAGES} == set(EXPECTED)


@pytest.mark.parametrize("path", MESSAGES, ids=lambda path: path.stem)
def test_recorded_message_is_read(path: Path) -> None:
    expected = EXPECTED[path.stem]
    report = read_message(path.read_bytes())
    assert report.kind == expected["kind"]
    [read] = report.recipients
    assert read.diagnostic == expected["diagnostic"]
    if expected["kind"] != "auto_reply":  # which comes from the mailbox behind the address
        assert (read.recipient or "").lower() == expected["recipient"]


@pytest.mark.parametrize("path", MESSAGES, ids=lambda path: path.stem)
def test_recorded_message_is_fit_to_be_shown(path: Path) -> None:
    data = path.read_bytes()
    assert not carries_payload(data)
    hosts = {match[1].decode().rstrip(".").split(".")[-2] for match in ADDRESS.finditer(data) if b"." in match[1]}
    assert hosts == {"example"}


def test_rows_are_of_faults_that_were_induced(rows: list[LabRow]) -> None:
    faults = {(fault.receiver, fault.how): fault for name in receiver_names() for fault in load_faults(name)}
    assert len(rows) >= 300
    for row in rows:
        fault = faults[row.receiver, row.how]
        assert (row.reason, row.fault, row.topic) == (fault.reason, fault.name, fault.topic)
        assert row.version, row
        assert row.text or row.left_out == "wordless"


def test_texts_that_faults_of_different_reasons_gave_are_left_out(rows: list[LabRow]) -> None:
    reasons: dict[str, set[str | None]] = {}
    for row in rows:
        if not row.left_out:
            reasons.setdefault(template(row.text), set()).add(row.reason)
    assert all(len(found) == 1 for found in reasons.values())


def test_every_source_belongs_to_one_group(rows: list[LabRow]) -> None:
    for source in {row.source for row in rows}:
        assert sum(source in sources for sources in groups().values()) == 1, source


def test_corpus_file_is_what_the_rows_add_to_the_corpus(rows: list[LabRow]) -> None:
    reasons = load_taxonomy().reasons
    known = [row for row in load_corpus(reasons=reasons) if row.part != LAB_PART]
    written = load_corpus([FOLDER / f"{LAB_PART}.jsonl"], reasons=reasons)
    assert [row.to_json() for row in written] == [row.to_json() for row in corpus_rows(rows, known=known)]


@pytest.mark.parametrize("receiver", receiver_names())
def test_faults_of_a_receiver_load(receiver: str) -> None:
    faults = load_faults(receiver)
    assert {fault.receiver for fault in faults} == {receiver}
    for fault in faults:
        assert fault.address or fault.records or fault.failure or receiver == NOBODY, fault.id


def test_unknown_receiver_is_refused() -> None:
    with pytest.raises(LabError, match="there are"):
        load_faults("no-such-receiver")


def test_payload_goes_into_the_message() -> None:
    fault = next(each for each in load_faults("exim") if each.payload == "eicar")
    assert carries_payload(fault_message(fault, sender="lee@example.com", name="x"))


def test_phrases_of_the_sending_server_tell_no_fault() -> None:
    assert is_wordless("retry timeout exceeded", reason="greylisted")
    assert not is_wordless("retry timeout exceeded", reason="network")
    assert not is_wordless("450 4.2.0 Greylisted: retry timeout exceeded", reason="greylisted")
    assert is_wordless("451 4.7.1 Service unavailable - try again later", reason="virus")
    assert not is_wordless("451 4.7.1 Service unavailable - try again later", reason="server_error")
