"""The sheet is safe to open anywhere, loses nothing, and a session goes on where it stopped."""

import csv
import io
import json
import os
import re
import stat
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bounceml.errors import CorpusError
from bounceml.whole_file import write_whole
from bounceml_datasets.labelling.cells import guarded, unguarded
from bounceml_datasets.labelling.item import Answer, Item
from bounceml_datasets.labelling.session import Progress, Session
from bounceml_datasets.labelling.sheet import SKIPPED, open_sheet, sheet_bytes
from bounceml_datasets.labelling.tasks import label_studio_interface, label_studio_tasks, prodigy_tasks

ANSWERS = (Answer("policy", 0.5), Answer("unknown", 0.25), Answer("auto_reply", 0.125))
FULL = Item("550 no", 7, 3, "en", ANSWERS, "relay_denied", "phrase-relay", "50 (7)", "policy")
ITEMS = (FULL, Item("=cmd|' /C calc'!A0"), Item("552 邮箱空间不足;=1+1", count=1, domains=0))
cells = st.text(st.one_of(st.sampled_from("=+-@＝;\t\r\n|' "), st.characters(codec="utf-8")))


@given(cells)
def test_what_is_guarded_comes_back(text: str) -> None:
    assert unguarded(guarded(text)) == text


@given(cells)
def test_no_cell_begins_a_formula_wherever_it_is_cut(text: str) -> None:
    pieces = re.split(r"[\r\n;\t|]", guarded(text))
    assert not any(piece.lstrip().startswith(tuple("=+-@＝＋－＠")) for piece in pieces)


def sheet(tmp_path: Path, items: tuple[Item, ...] = ITEMS) -> Path:
    path = tmp_path / "to-label.csv"
    path.write_bytes(sheet_bytes(items))
    return path


def labels(path: Path) -> list[str]:
    return [row["label"] for row in csv.DictReader(io.StringIO(path.read_text("utf-8-sig"), newline=""))]


def test_a_fresh_sheet_reads_back_what_went_in(tmp_path: Path) -> None:
    path = sheet(tmp_path)
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    opened = open_sheet(path)
    assert tuple(opened.item(row) for row in range(len(opened))) == ITEMS
    assert [opened.label(row) for row in range(len(opened))] == ["", "", ""]


def test_labels_leave_all_other_cells_as_they_are(tmp_path: Path) -> None:
    path = sheet(tmp_path)
    before = list(csv.reader(io.StringIO(path.read_text("utf-8-sig"), newline="")))
    opened = open_sheet(path)
    opened.write_label(1, "policy")
    after = list(csv.reader(io.StringIO(path.read_text("utf-8-sig"), newline="")))
    before[2][0] = "policy"
    assert after == before
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    assert list(tmp_path.iterdir()) == [path]


def test_a_sheet_that_a_spreadsheet_saved_is_read(tmp_path: Path) -> None:
    path = tmp_path / "de.csv"
    path.write_text("\ufefftext;mein Feld;confidence;reason\r\n550 nein;ja;0,75;policy\r\n;;;\r\n", "utf-8")
    opened = open_sheet(path)
    assert opened.item(0) == Item("550 nein", answers=(Answer("policy", 0.75),))
    opened.write_label(0, "unknown")
    assert path.read_text("utf-8-sig").splitlines()[1] == '"unknown";"550 nein";"ja";"0,75";"policy"'


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "must name the column text"),
        (b"a,b\n1,2\n", "must name the column text"),
        ("text\nschön\n".encode("latin-1"), "not UTF-8"),
    ],
)
def test_a_sheet_that_cannot_be_used_is_named(tmp_path: Path, content: bytes, complaint: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_bytes(content)
    with pytest.raises(CorpusError, match=rf"bad\.csv: .*{complaint}"):
        open_sheet(path)


def test_a_sheet_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"none\.csv: can't read the sheet"):
        open_sheet(tmp_path / "none.csv")


def test_another_programs_changes_are_not_overwritten(tmp_path: Path) -> None:
    path = sheet(tmp_path)
    opened = open_sheet(path)
    path.write_bytes(path.read_bytes() + b'"policy","550 added by hand"\r\n')
    with pytest.raises(CorpusError, match="changed by another program"):
        opened.write_label(0, "policy")
    assert b"added by hand" in path.read_bytes()


def test_a_failed_save_leaves_the_old_sheet_and_no_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = sheet(tmp_path)
    before, opened = path.read_bytes(), open_sheet(path)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CorpusError, match=r"to-label\.csv: can't write: No space left"):
        opened.write_label(0, "policy")
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_saving_keeps_permissions_and_follows_links(tmp_path: Path) -> None:
    path = sheet(tmp_path)
    path.chmod(0o640)
    link = tmp_path / "link.csv"
    link.symlink_to(path)
    open_sheet(link).write_label(0, "policy")
    assert link.is_symlink()
    assert labels(path)[0] == "policy"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_session_asks_for_what_has_no_label(tmp_path: Path) -> None:
    path = sheet(tmp_path)
    open_sheet(path).write_label(0, "policy")
    session = Session(open_sheet(path))
    assert session.item == ITEMS[1]
    session.answer("virus")
    session.skip()
    assert session.item is None
    assert labels(path) == ["policy", "virus", SKIPPED]
    assert session.progress == Progress(rows=3, labelled=2, skipped=1)


def test_skipped_rows_come_again_when_all_others_are_done(tmp_path: Path) -> None:
    path = sheet(tmp_path)
    session = Session(open_sheet(path))
    for label in ("policy", SKIPPED, "virus"):
        session.answer(label)
    again = Session(open_sheet(path))
    assert again.item == ITEMS[1]
    again.answer("unknown")
    assert labels(path) == ["policy", "unknown", "virus"]


def test_undo_takes_answers_back_also_those_of_an_earlier_session(tmp_path: Path) -> None:
    path = sheet(tmp_path)
    first = Session(open_sheet(path))
    first.answer("policy")
    first.skip()
    session = Session(open_sheet(path))
    session.answer("virus")
    assert [session.undo() for _ in range(4)] == [True, True, True, False]
    assert labels(path) == ["", "", ""]
    assert session.item == ITEMS[0]


def test_label_studio_tasks_carry_the_answer_as_prediction() -> None:
    first, second, _ = json.loads(label_studio_tasks(ITEMS, model_version="1"))
    assert first["data"]["text"] == "550 no"
    assert first["predictions"][0]["result"][0]["value"] == {"choices": ["policy"]}
    assert first["predictions"][0]["score"] == 0.5
    assert second["predictions"] == []
    assert set(first["data"]) == set(second["data"])


def test_label_studio_interface_offers_every_label() -> None:
    view = ET.fromstring(label_studio_interface(['a"<&', "other"]))
    assert [choice.get("value") for choice in view.iter("Choice")] == ['a"<&', "other"]
    named = {
        part.lstrip("$") for header in view.iter("Header") for part in header.get("value", "").split() if "$" in part
    }
    data = json.loads(label_studio_tasks(ITEMS, model_version="1"))[0]["data"]
    assert {name.rstrip(",") for name in named} <= set(data)


def test_prodigy_tasks_carry_the_answer_as_chosen() -> None:
    lines = prodigy_tasks(ITEMS, names=["policy", "other"]).decode().splitlines()
    task = json.loads(lines[0])
    assert (task["text"], task["accept"]) == ("550 no", ["policy"])
    assert [option["id"] for option in task["options"]] == ["policy", "other"]
    assert task["meta"]["count"] == 7
    assert json.loads(lines[1])["accept"] == []


@pytest.mark.parametrize("place", ["no/such/folder.csv", "a-file/under.csv"])
def test_a_place_that_cannot_be_written_is_one_error(tmp_path: Path, place: str) -> None:
    (tmp_path / "a-file").write_text("x")
    with pytest.raises(CorpusError, match="can't write"):
        write_whole(tmp_path / place, b"x")
