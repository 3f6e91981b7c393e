"""Exports as lines of JSON objects; each line comes through as it is, with the answer's keys behind its own."""

import itertools
import json
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

from bounceml_datasets.exports.columns import LOOKED_AT, Columns, Record, as_code, as_text, find_columns
from bounceml_datasets.exports.files import Sink, decoded
from bounceml_datasets.exports.parts import ADDED, ERROR, PART_ROWS, Domains, Part, Scored, records_of


class JsonReader:
    """Objects of a file with one on each line."""

    def __init__(self, file: BinaryIO, *, name: str, text_column: str | None) -> None:
        self._lines = enumerate(decoded(file, name=name), 1)
        self._ahead = list(itertools.islice(self._records(), LOOKED_AT))
        self.sample: list[Record] = [record for _, record, _ in self._ahead if record is not None]
        self.names: list[str] = list(dict.fromkeys(key for record in self.sample for key in record))
        self.rows: int | None = None
        self.columns: Columns = find_columns(self.names, self.sample, text=text_column)

    def parts(self, *, skip: int = 0) -> Iterator[Part]:
        """See `Reader`."""
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

    def _all(self) -> Iterator[tuple[str, Record | None, str | None]]:
        yield from self._ahead
        yield from self._records()

    def _records(self) -> Iterator[tuple[str, Record | None, str | None]]:
        for number, raw in self._lines:
            line = raw.strip()
            if not line:
                continue
            try:
                record: Any = json.loads(line)
            except (ValueError, RecursionError):
                record = None
            if isinstance(record, dict):
                yield line, record, None
            else:
                yield line, None, f"line {number}: not a JSON object"


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
