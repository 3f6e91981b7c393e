"""Exports as lines of JSON objects; each line comes through as it is, with the answer's keys behind its own."""

import io
import itertools
import json
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO, TextIO, cast

from bounceml_datasets.exports.columns import LOOKED_AT, Columns, Record, as_code, as_text, find_columns, not_too_many
from bounceml_datasets.exports.details import Details, answer_in, is_scored, scored_from
from bounceml_datasets.exports.domains import Domains
from bounceml_datasets.exports.events import Question, parts_of, questions
from bounceml_datasets.exports.files import EmptyExportError, Sink, decoded, lines_of
from bounceml_datasets.exports.json_elements import elements
from bounceml_datasets.exports.parts import ADDED, CELL, ERROR, Part, Scored, ahead, is_full, records_of
from bounceml_datasets.exports.presets import Preset, detect
from bounceml_datasets.exports.times import TimeReader

# An element as it stands in the file, the object that it is, and what is wrong if it is none.
_Found = tuple[str, Record | None, str | None]
# Characters of a file's start by which arrays are told.
_HEAD = 1 << 16
# Characters of a line whose object is kept whole; of a longer one, which may take 25 times its memory, what is asked.
_SHORT = 512


class JsonReader:
    """Objects of a file with one on each line, or of arrays; a preset that isn't given is told by their keys."""

    def __init__(self, file: BinaryIO, *, name: str, text_column: str | None, preset: Preset | None = None) -> None:
        self._text = decoded(file, name=name)
        self._found = _found(self._text, name=name)
        self._ahead = ahead(self._found, most=LOOKED_AT, size=lambda found: len(found[0]))
        self.sample: list[Record] = [record for _, record, _ in self._ahead if record is not None]
        self.names: list[str] = not_too_many(dict.fromkeys(k for record in self.sample for k in record), name=name)
        self._cells = CELL * len(self.names)  # what a row's take in a table
        self.rows: int | None = None
        self.preset = preset or (None if text_column else detect(self.sample))
        if self.preset is None and not self._ahead:
            raise EmptyExportError(f"{name}: the export is empty")
        self.columns: Columns | None = None if self.preset else find_columns(self.names, self.sample, text=text_column)

    def parts(self, *, skip: int = 0, clock: TimeReader | None = None) -> Iterator[Part]:
        """See `Reader`."""
        if self.preset is not None:
            preset = self.preset
            found = (
                (line, _questions(line, record, error, preset=preset), len(line) + self._cells)
                for line, record, error in self._all()
            )
            yield from parts_of(found, preset=preset, skip=skip, clock=clock)
            return
        rows: list[str] = []
        records: list[Record] = []
        errors: dict[int, str] = {}
        wanted = self._wanted(clock)
        read = filled = 0
        for line, record, error in self._all():
            read += 1
            if read <= skip:
                continue
            if error is not None:
                errors[len(rows)] = error
            rows.append(line)
            if record is not None and len(line) > _SHORT:
                record = {key: record[key] for key in wanted if key in record}
            records.append(record or {})
            filled += len(line) + self._cells
            if is_full(len(rows), filled):
                yield self._part(rows, records, errors, read, clock=clock)
                rows, records, errors, filled = [], [], {}, 0
        if rows:
            yield self._part(rows, records, errors, read, clock=clock)

    def _part(
        self, rows: list[str], records: list[Record], errors: dict[int, str], read: int, *, clock: TimeReader | None
    ) -> Part:
        columns = self.columns
        assert columns is not None
        return Part(
            rows=rows,
            texts=[as_text(record.get(columns.text)) for record in records],
            smtp=[as_code(record.get(columns.smtp)) for record in records] if columns.smtp else None,
            status=[as_code(record.get(columns.status)) for record in records] if columns.status else None,
            domains=Domains.of([as_text(record.get(columns.recipient)) for record in records])
            if columns.recipient
            else None,
            errors=errors,
            details=None if clock is None else self._details(records, columns, clock=clock),
            read=read,
        )

    def _details(self, records: list[Record], columns: Columns, *, clock: TimeReader) -> Details:
        whom, when = columns.recipient, columns.time
        return Details(
            recipients=None if whom is None else [as_text(record.get(whom)) for record in records],
            times=None if when is None else clock.minutes([record.get(when) for record in records]),
            answers=scored_from(map(answer_in, records)) if is_scored(self.names) else None,
        )

    def _wanted(self, clock: TimeReader | None) -> Sequence[str]:
        """Keys that are asked about."""
        columns = self.columns
        assert columns is not None
        asked = (columns.text, columns.smtp, columns.status, columns.recipient)
        return [key for key in (*asked, *((columns.time, *ADDED) if clock else ())) if key is not None]

    def _all(self) -> Iterator[_Found]:
        yield from self._ahead
        yield from self._found


def objects_in(file: BinaryIO, *, name: str) -> Iterator[_Found]:
    """Objects of a JSON file, each as it stands there on one line, and what is wrong where there is none."""
    text = decoded(file, name=name)
    try:
        yield from _found(text, name=name)
    finally:
        cast("io.BufferedReader", text.detach()).detach()  # the file is its opener's to close


def _found(text: TextIO, *, name: str) -> Iterator[_Found]:
    """Objects of a file; what begins with "[" holds arrays of them, of one line or many."""
    head = text.readline(_HEAD)
    if head.lstrip().startswith("["):
        for number, (line, value) in enumerate(elements(text, start=head), 1):
            yield _checked(line, value, f"element {number}")
        return
    lines = lines_of(text, name=name)
    first = head if head.endswith("\n") else head + next(lines, "")
    for number, raw in enumerate(itertools.chain([first], lines), 1):
        line = raw.strip()
        if not line:
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            value = None
        yield _checked(line, value, f"line {number}")


def _checked(line: str, value: Any, where: str) -> _Found:
    return (line, value, None) if isinstance(value, dict) else (line, None, f"{where}: not a JSON object")


def _questions(line: str, record: Record | None, error: str | None, *, preset: Preset) -> list[Question]:
    if record is None:
        return [Question(error=error)]
    return questions(record, preset=preset, size=len(line))


class JsonWriter:
    """Writes lines of JSON; what was no object becomes one that holds it as the text `bounce_raw`."""

    def __init__(self, sink: Sink, *, names: Sequence[str]) -> None:
        self._sink = sink
        self._names = names

    def write(self, part: Part, scored: Scored) -> None:
        """See `Writer`."""
        if isinstance(part.rows, list) and part.rows and isinstance(part.rows[0], str):
            lines = part.rows
        else:
            lines = [json.dumps(r, ensure_ascii=False, default=str) for r in records_of(part, self._names)]
        made: dict[tuple[Any, ...], str] = {}
        written = []
        for i, (line, cells) in enumerate(zip(lines, scored.cells(), strict=True)):
            if cells not in made:
                made[cells] = _members(dict(zip(ADDED, cells, strict=True)))
            members = made[cells]
            if part.extra:
                members = f"{_members({name: column[i] for name, column in part.extra.items()})},{members}"
            if i in part.errors:
                members += "," + _members({ERROR: part.errors[i]})
                line = line if line.startswith("{") and line.endswith("}") and _is_object(line) else _raw(line)
            body = line[:-1].rstrip()
            written.append(f"{body}{'' if body == '{' else ','}{members}}}\n")
        self._sink.write("".join(written).encode("utf-8", "replace"))

    def flush(self) -> int:
        """See `Writer`."""
        return self._sink.flush()

    def close(self) -> None:
        """See `Writer`."""
        self._sink.flush()


def _members(record: Record) -> str:
    return json.dumps(record, ensure_ascii=False, default=str)[1:-1]


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _raw(line: str) -> str:
    return json.dumps({"bounce_raw": line}, ensure_ascii=False)
