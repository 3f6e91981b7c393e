"""Exports as CSV and TSV, with cells as they stand there."""

import csv
import io
import itertools
import json
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

from bounceml.errors import CorpusError
from bounceml_datasets.exports.columns import LOOKED_AT, Columns, Record, as_code, as_text, find_columns
from bounceml_datasets.exports.files import Format, Sink, decoded
from bounceml_datasets.exports.parts import ADDED, ERROR, PART_ROWS, Domains, Part, Scored, records_of

# A cell may be long; a quote that is never closed must not swallow the rest of a file.
_MAX_CELL = 1_000_000
_DELIMITERS = ",;\t|"


class CsvReader:
    """Rows of a CSV or TSV file; its first line names the columns."""

    def __init__(self, file: BinaryIO, *, name: str, format: Format, text_column: str | None) -> None:  # noqa: A002
        self._text = decoded(file, name=name)
        self._name = name
        csv.field_size_limit(_MAX_CELL)
        head = self._text.readline()
        self.delimiter = "\t" if format == "tsv" else max(_DELIMITERS, key=head.count)
        self.names: list[str] = next(csv.reader([head], delimiter=self.delimiter), [])
        if not any(self.names):
            raise CorpusError(f"{name}: the export is empty: its first line must name the columns")
        self._reader = csv.reader(self._text, delimiter=self.delimiter)
        self._ahead = list(itertools.islice(self._rows(), LOOKED_AT))
        self.sample: list[Record] = [
            dict(zip(self.names, row, strict=False)) for row, error in self._ahead if error is None
        ]
        self.rows: int | None = None
        self.columns: Columns = find_columns(self.names, self.sample, text=text_column)

    def parts(self, *, skip: int = 0) -> Iterator[Part]:
        """See `Reader`."""
        rows: list[list[str]] = []
        errors: dict[int, str] = {}
        read = 0
        for row, error in self._all():
            read += 1
            if read <= skip:
                continue
            if error is not None:
                errors[len(rows)] = error
            rows.append(row)
            if len(rows) == PART_ROWS:
                yield self._part(rows, errors, read)
                rows, errors = [], {}
        if rows:
            yield self._part(rows, errors, read)

    def _part(self, rows: list[list[str]], errors: dict[int, str], read: int) -> Part:
        recipients = self._column(rows, self.columns.recipient)
        return Part(
            rows=rows,
            texts=self._column(rows, self.columns.text) or [],
            smtp=_codes(self._column(rows, self.columns.smtp)),
            status=_codes(self._column(rows, self.columns.status)),
            domains=None if recipients is None else Domains.of(recipients),
            errors=errors,
            read=read,
        )

    def _column(self, rows: Sequence[Sequence[str]], name: str | None) -> list[str] | None:
        if name is None:
            return None
        at = self.names.index(name)
        return [row[at] if at < len(row) else "" for row in rows]

    def _all(self) -> Iterator[tuple[list[str], str | None]]:
        yield from self._ahead
        yield from self._rows()

    def _rows(self) -> Iterator[tuple[list[str], str | None]]:
        while True:
            try:
                for row in self._reader:
                    if len(row) > len(self.names):
                        n = self._reader.line_num + 1
                        yield row, f"line {n}: {len(row)} cells, the first line has {len(self.names)}"
                    elif row:
                        yield row, None
                return
            except csv.Error as error:
                yield [], f"line {self._reader.line_num + 1}: {error}"


class CsvWriter:
    """Writes CSV or TSV; a row that couldn't be read keeps the cells that the first line has names for."""

    def __init__(self, sink: Sink, *, names: Sequence[str], delimiter: str, head: bool) -> None:
        self._sink = sink
        self._names = list(names)
        self._text = io.StringIO(newline="")
        self._csv = csv.writer(self._text, delimiter=delimiter, lineterminator="\r\n")
        self._extra: list[str] | None = None
        self._head = head

    def write(self, part: Part, scored: Scored) -> None:
        """See `Writer`."""
        if self._extra is None:
            self._extra = list(part.extra)
            if self._head:
                self._csv.writerow([*self._names, *self._extra, *ADDED, ERROR])
        width = len(self._names)
        rows = part.rows if _are_cells(part) else [self._cells(record) for record in records_of(part, self._names)]
        extra = [part.extra[name] for name in self._extra]
        for i, (row, cells) in enumerate(zip(rows, scored.cells(), strict=True)):
            padded = row if len(row) == width else [*row[:width], *[""] * (width - len(row))]
            self._csv.writerow([*padded, *[column[i] for column in extra], *cells, part.errors.get(i)])
        self._sink.write(self._text.getvalue().encode("utf-8", "replace"))
        self._text.seek(0)
        self._text.truncate()

    def flush(self) -> int:
        """See `Writer`."""
        return self._sink.flush()

    def close(self) -> None:
        """See `Writer`."""
        if self._extra is None and self._head:  # an export without rows has columns nonetheless
            self._csv.writerow([*self._names, *ADDED, ERROR])
            self._sink.write(self._text.getvalue().encode())
        self._sink.flush()

    def _cells(self, record: Record) -> list[Any]:
        values = [record.get(name) for name in self._names]
        return [json.dumps(v, ensure_ascii=False, default=str) if isinstance(v, (dict, list)) else v for v in values]


def _are_cells(part: Part) -> bool:
    return isinstance(part.rows, list) and bool(part.rows) and isinstance(part.rows[0], list)


def _codes(values: Sequence[str] | None) -> list[str | None] | None:
    return None if values is None else [as_code(as_text(value)) for value in values]
