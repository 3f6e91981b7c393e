"""Providers' exports are told by their fields and read as they come; an odd event is an error, never a traceback."""

import csv
import io
import json
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

import bounceml
from bounceml.errors import CorpusError
from bounceml_datasets.exports import presets as presets_module
from bounceml_datasets.exports.events import PROVIDER_CLASS, RECIPIENT, line_question, questions
from bounceml_datasets.exports.json_export import JsonReader
from bounceml_datasets.exports.opening import open_reader
from bounceml_datasets.exports.parts import ADDED, ERROR, PART_ROWS, Buffer, Part, records_of
from bounceml_datasets.exports.presets import presets
from bounceml_datasets.exports.scoring import Job, score_export
from bounceml_datasets.exports.tally import Tally
from workbook import write_xlsx

CLASSIFIER = bounceml.load()
EXPORTS = Path(__file__).parent / "data" / "exports"
FILES = sorted(path for path in EXPORTS.iterdir() if not path.name.endswith(".expected.json"))


def stem(path: Path) -> str:
    return path.stem


def score(source: Path, output: Path, **how: Any) -> tuple[Tally, list[str]]:
    notes: list[str] = []
    job = Job(str(source), str(output), **how)
    return score_export(job, classifier=CLASSIFIER, tell=lambda tally, reader: None, note=notes.append), notes


def asked(source: Path, format: str | None = None) -> list[dict[str, Any]]:  # noqa: A002
    """What is asked of each row of an export."""
    rows = []
    with open_reader(str(source), format=format, text_column=None) as reader:
        for part in reader.parts():
            assert part.asked is not None
            assert not isinstance(part.texts, Buffer)
            for i in range(len(part)):
                if i in part.errors:
                    rows.append({"error": part.errors[i]})
                    continue
                row = {"asked": bool(part.asked[i]), "text": part.texts[i], "smtp": cell(part.smtp, i)}
                row |= {"status": cell(part.status, i), "recipient": recipient_of(part, i)}
                rows.append(row | {"class": part.extra[PROVIDER_CLASS][i]})
    return rows


def cell(column: Any, i: int) -> Any:
    return None if column is None else column[i]


def recipient_of(part: Part, i: int) -> Any:
    """The recipient where the preset says him, else his domain."""
    if RECIPIENT in part.extra:
        return part.extra[RECIPIENT][i]
    assert part.domains is not None
    return part.domains.names[part.domains.ids[i]]


def output_rows(path: Path) -> list[dict[str, Any]]:
    text = path.read_text("utf-8")
    if path.suffix == ".csv":
        return list(csv.DictReader(io.StringIO(text, newline="")))
    return [json.loads(line) for line in text.splitlines()]


def test_every_preset_has_an_export() -> None:
    assert {path.stem for path in FILES} == set(presets())


@pytest.mark.parametrize("source", FILES, ids=stem)
def test_exports_ask_what_they_should(source: Path, tmp_path: Path) -> None:
    expected = json.loads((EXPORTS / f"{source.stem}.expected.json").read_text("utf-8"))
    reasons = [row.pop("reason", None) for row in expected]
    assert asked(source) == expected
    assert asked(source, format=source.stem) == expected
    tally, notes = score(source, tmp_path / "out.jsonl")
    rows = output_rows(tmp_path / "out.jsonl")
    assert [row["bounce_reason"] for row in rows] == reasons
    assert [row.get(ERROR) for row in rows] == [row.get("error") for row in expected]
    assert tally.rows == len(expected)
    assert notes[0] == f"detected preset {source.stem!r}"


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".jsonl.gz", ".parquet"])
@pytest.mark.parametrize("source", FILES, ids=stem)
def test_exports_are_written_in_every_format(source: Path, ending: str, tmp_path: Path) -> None:
    tally, _ = score(source, tmp_path / f"out{ending}")
    assert (tmp_path / f"out{ending}").stat().st_size
    assert tally.rows >= 4


TABLES = [path for path in FILES if path.suffix != ".log"]


@pytest.mark.parametrize("source", TABLES, ids=stem)
def test_exports_kept_as_parquet_ask_the_same(source: Path, tmp_path: Path) -> None:
    rows: list[Any] = []
    expected = []
    with open_reader(str(source), format=None, text_column=None) as reader:
        records = [record for part in reader.parts() for record in records_of(part, reader.names)]
    structs = {name for record in records for name, cell in record.items() if isinstance(cell, dict)}
    for record, question in zip(records, asked(source), strict=True):
        # What can't be read, or has a text where others have a struct, can't be kept as Parquet either.
        if "error" not in question and all(isinstance(record.get(name), dict | None) for name in structs):
            expected.append(question)
            rows += [record] if not rows or rows[-1] != record else []
    columns = {name: [record.get(name) for record in rows] for record in rows for name in record}
    for cells in columns.values():
        if any(isinstance(cell, list) for cell in cells):  # a column holds lists or texts, not both
            cells[:] = [[cell] if isinstance(cell, str) else cell for cell in cells]
    table = pa.table(columns)
    pq.write_table(table, tmp_path / "in.parquet")
    assert asked(tmp_path / "in.parquet") == expected
    _, notes = score(tmp_path / "in.parquet", tmp_path / "out.parquet")
    assert notes == [f"detected preset {source.stem!r}"]
    written = pq.read_table(tmp_path / "out.parquet")
    assert written.schema.types[: len(columns)] == table.schema.types
    assert len(written) == len(expected)


def test_several_recipients_repeat_the_line_as_it_is(tmp_path: Path) -> None:
    score(EXPORTS / "ses.jsonl", tmp_path / "out.jsonl")
    lines = (tmp_path / "out.jsonl").read_text("utf-8").splitlines()
    first = (EXPORTS / "ses.jsonl").read_text("utf-8").splitlines()[0]
    assert all(line.startswith(first[:-1] + ",") for line in lines[:2])
    assert [json.loads(line)[RECIPIENT] for line in lines[:2]] == ["kim@example.com", "lee@example.org"]


def test_logs_become_tables_of_lines(tmp_path: Path) -> None:
    score(EXPORTS / "postfix.log", tmp_path / "out.csv")
    rows = output_rows(tmp_path / "out.csv")
    assert list(rows[0]) == ["line", RECIPIENT, PROVIDER_CLASS, *ADDED, ERROR]
    assert [row["line"] for row in rows] == (EXPORTS / "postfix.log").read_text("utf-8").splitlines()


def test_arrays_and_lines_of_events_are_the_same(tmp_path: Path) -> None:
    events = json.loads((EXPORTS / "sendgrid.json").read_text("utf-8"))
    expected = asked(EXPORTS / "sendgrid.json")
    written = {
        "lines": "\n".join(map(json.dumps, events)),
        "posts": "\n".join(json.dumps(events[i : i + 2]) for i in range(0, len(events), 2)),
        "pretty": json.dumps(events, indent=2),
    }
    for name, text in written.items():
        (tmp_path / f"{name}.json").write_text(text, "utf-8")
        assert asked(tmp_path / f"{name}.json") == expected
    (tmp_path / "cut.json").write_text(written["pretty"][:-120], "utf-8")
    assert asked(tmp_path / "cut.json")[:5] == expected[:5]
    assert "error" in asked(tmp_path / "cut.json")[5]


def test_a_table_without_a_provider_is_read_as_before(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("email,diagnostic\na@b.example,user unknown\n")
    _, notes = score(tmp_path / "in.csv", tmp_path / "out.csv")
    assert notes == ["replies are read from the column 'diagnostic'"]
    assert list(output_rows(tmp_path / "out.csv")[0]) == ["email", "diagnostic", *ADDED, ERROR]


def test_a_named_text_column_goes_before_what_is_detected(tmp_path: Path) -> None:
    _, notes = score(EXPORTS / "powermta.csv", tmp_path / "out.csv", text_column="dsnStatus")
    assert notes == ["replies are read from the column 'dsnStatus'"]


@pytest.mark.parametrize(
    ("name", "how", "complaint"),
    [
        ("in.jsonl", {"format": "sess"}, "no format 'sess': use csv, .*, xlsx, .*ses, sendgrid"),
        ("in.unknown", {}, "name it with --format .*postfix"),
        ("in.log", {}, "no lines of a known mail server's log"),
        ("in.jsonl", {"format": "ses", "text_column": "a"}, "--text-column is for other tables"),
        ("in.xlsx", {}, "can't read it as an Excel file"),
        ("in.xlsx.gz", {}, "Excel is read from a file of its own"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, name: str, how: dict[str, str], complaint: str) -> None:
    (tmp_path / name).write_text('{"a": 1}\n')
    with pytest.raises(CorpusError, match=complaint):
        score(tmp_path / name, tmp_path / "out.csv", **how)


@pytest.mark.parametrize("ending", [".xlsx", ".log"])
def test_what_is_only_read_is_not_written(tmp_path: Path, ending: str) -> None:
    with pytest.raises(CorpusError, match=f"out{ending}: {ending[1:]} can't be written"):
        score(EXPORTS / "sfmc.csv", tmp_path / f"out{ending}")


@pytest.mark.parametrize("ending", [".csv", ".jsonl", ".parquet"])
def test_excel_files_are_read(tmp_path: Path, ending: str) -> None:
    write_xlsx(
        tmp_path / "in.xlsx",
        [["EmailAddress", "BounceCategory", "SMTPCode", "SMTPBounceReason"], ["a@b.example", "Hard bounce", 550, ""]],
    )
    _, notes = score(tmp_path / "in.xlsx", tmp_path / f"out{ending}")
    assert notes == ["detected preset 'sfmc'"]
    rows = pq.read_table(tmp_path / "out.parquet").to_pylist() if ending == ".parquet" else None
    row = (rows or output_rows(tmp_path / f"out{ending}"))[0]
    assert (row["SMTPCode"], row["provider_class"], row["bounce_type"]) == ("550", "Hard bounce", "hard")


def test_excel_files_without_a_provider_are_tables(tmp_path: Path) -> None:
    write_xlsx(tmp_path / "in.xlsx", [["n", "退信原因"], [1, "552 邮箱空间不足"], ["", ""], [2.5, "user unknown"]])
    score(tmp_path / "in.xlsx", tmp_path / "out.csv")
    rows = output_rows(tmp_path / "out.csv")
    assert [(row["n"], row["bounce_reason"]) for row in rows] == [("1", "mailbox_full"), ("2.5", "user_unknown")]


def test_parts_are_cut_and_skipped_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bounceml_datasets.exports.parts.PART_ROWS", 2)
    for skip in range(8):
        with open_reader(str(EXPORTS / "ses.jsonl"), format=None, text_column=None) as reader:
            parts = list(reader.parts(skip=skip))
        lines = [row for part in parts for row in part.rows]
        assert list(dict.fromkeys(lines)) == (EXPORTS / "ses.jsonl").read_text("utf-8").splitlines()[skip:]
        assert [part.read for part in parts] == sorted({part.read for part in parts})


def test_an_event_with_too_many_recipients_is_an_error() -> None:
    event = {
        "eventType": "Bounce",
        "mail": {},
        "bounce": {"bouncedRecipients": [{"emailAddress": "a@b.example"}] * 9999},
    }
    (question,) = questions(event, preset=presets()["ses"], size=400_000)
    assert question.error == "ses: too large for an event with 9999 recipients"


@pytest.mark.parametrize("name", [name for name, preset in presets().items() if preset.line])
@pytest.mark.parametrize(
    "piece",
    [
        "to=<",
        "to=<a@b>, dsn=5.1.1, ",
        "status=bounced (",
        " ",
        ")",
        "12:00:00 ",
        " ** a",
        " [",
        ' A="',
        " <",
        "=",
        "\t:",
    ],
)
def test_hostile_lines_of_logs_are_read_in_time(name: str, piece: str) -> None:
    started = time.monotonic()
    for start in ("", "to=<a@b>, dsn=5.1.1, status=bounced (", "2026-03-02 08:15:01 1rLhXX-0001Ab-2C ** a@b "):
        line_question(start + piece * ((1 << 16) // len(piece)) + "x", preset=presets()[name])
    assert time.monotonic() - started < 2


PIECES = ['{"a":1}', "[", "]", ",", "\n", "{", "}", '"', "\\", '{"event":"x","sg_event_id":"y"}', "tru", " ", "\u2028"]


@given(pieces=st.lists(st.sampled_from(PIECES), max_size=30))
def test_broken_arrays_are_errors_row_by_row(pieces: list[str]) -> None:
    try:
        reader = JsonReader(io.BytesIO("".join(["[", *pieces]).encode()), name="x", text_column="a")
    except CorpusError:
        return
    for part in reader.parts():
        assert not any("\n" in row for row in part.rows)
        assert all(i in part.errors or isinstance(json.loads(row), dict) for i, row in enumerate(part.rows))


def test_a_broken_event_in_a_later_part_of_parquet_is_kept(tmp_path: Path) -> None:
    with (EXPORTS / "sfmc.csv").open(encoding="utf-8-sig", newline="") as file:
        row = next(csv.DictReader(file))
    n = 2 * PART_ROWS
    table: dict[str, list[str | None]] = {name: [value] * n for name, value in row.items()}
    for cells in table.values():
        cells[n - 1] = None
    pq.write_table(pa.table(table), tmp_path / "in.parquet")
    tally, _ = score(tmp_path / "in.parquet", tmp_path / "out.parquet")
    assert (tally.rows, tally.broken) == (n, 1)
    assert pq.read_table(tmp_path / "out.parquet")["bounce_error"].null_count == n - 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize("preset", [preset for preset in presets().values() if not preset.line], ids=lambda p: p.name)
@given(data=st.data())
def test_odd_events_never_break_the_run(preset: presets_module.Preset, data: st.DataObject) -> None:
    places = [*preset.event, *preset.recipients, *preset.text, *preset.smtp, *preset.status, *preset.provider_class]
    event: dict[str, Any] = {}
    for place in data.draw(st.lists(st.sampled_from([*places, *preset.recipient]), max_size=6)):
        put(event, place, data.draw(JSON | st.sampled_from(sorted(preset.asked) or [""])))
    wrapped = data.draw(st.sampled_from([event, {"Message": json.dumps(event)}, {"event-data": event}]))
    for question in questions(wrapped, preset=preset, size=100):
        assert isinstance(question.text, str)
        assert question.recipient is None or isinstance(question.recipient, str)


def put(event: dict[str, Any], place: tuple[str, ...], value: Any) -> None:
    for key in place[:-1]:
        event = event[key] if isinstance(event.get(key), dict) else event.setdefault(key, {})
        if not isinstance(event, dict):
            return
    event[place[-1]] = value
