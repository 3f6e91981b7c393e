"""Exports as lines of JSON objects; each line comes through as it is, with the answer's keys behind its own."""

import io
import itertools
import json
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO, TextIO, cast

from bounceml_datasets.exports.columns import LOOKED_AT, Columns, Record, as_code, as_text, find_columns
from bounceml_datasets.exports.domains import Domains
from bounceml_datasets.exports.events import Question, parts_of, questions
from bounceml_datasets.exports.files import Sink, decoded
from bounceml_datasets.exports.json_elements import elements
from bounceml_datasets.exports.parts import ADDED, ERROR, PART_ROWS, Part, Scored, records_of
from bounceml_datasets.exports.presets import Preset, detect

# An element as it stands in the file, the object that it is, and what is wrong if it is none.
_Found = tuple[str, Record | None, str | None]
# Characters of a file's start by which arrays are told.
_HEAD = 1 << 16


class JsonReader:
    """Objects of a file with one on each line, or of arrays; a preset that isn't given is told by their keys."""

    def __init__(self, file: BinaryIO, *, name: str, text_column: str | None, preset: Preset | None = None) -> None:
        self._text = decoded(file, name=name)
        self._found = _found(self._text)
        self._ahead = list(itertools.islice(self._found, LOOKED_AT))
        self.sample: list[Record] = [record for _, record, _ in self._ahead if record is not None]
        self.names: list[str] = list(dict.fromkeys(key for record in self.sample for key in record))
        self.rows: int | None = None
        self.preset = preset or (None if text_column else detect(self.sample))
        self.columns: Columns | None = None if self.preset else find_columns(self.names, self.sample, text=text_column)

    def parts(self, *, skip: int = 0) -> Iterator[Part]:
        """See `Reader`."""
        if self.preset is not None:
            preset = self.preset
            found = ((line, _questions(line, record, error, preset=preset)) for line, record, error in self._all())
            yield from parts_of(found, preset=preset, skip=skip)
            return
        rows: list[str] = []
        records: list[Record] = []
        errors: dict[int, str] = {}
        read = 0
        for line, record, error in self._all():
            read += 1
            if read <= skip:
                continue
            if error is not None:
                errors[len(rows)] = error
            rows.append(line)
            records.append(record or {})
            if len(rows) == PART_ROWS:
                yield self._part(rows, records, errors, read)
                rows, records, errors = [], [], {}
        if rows:
            yield self._part(rows, records, errors, read)

    def _part(self, rows: list[str], records: list[Record], errors: dict[int, str], read: int) -> Part:
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
            read=read,
        )

    def _all(self) -> Iterator[_Found]:
        yield from self._ahead
        yield from self._found


def objects_in(file: BinaryIO, *, name: str) -> Iterator[_Found]:
    """Objects of a JSON file, each as it stands there on one line, and what is wrong where there is none."""
    text = decoded(file, name=name)
    try:
        yield from _found(text)
    finally:
        cast("io.BufferedReader", text.detach()).detach()  # the file is its opener's to close


def _found(text: TextIO) -> Iterator[_Found]:
    """Objects of a file; what begins with "[" holds arrays of them, of one line or many."""
    head = text.readline(_HEAD)
    if head.lstrip().startswith("["):
        for number, (line, value) in enumerate(elements(text, start=head), 1):
            yield _checked(line, value, f"element {number}")
        return
    for number, raw in enumerate(itertools.chain([head if head.endswith("\n") else head + text.readline()], text), 1):
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
