"""Exports as CSV and TSV, with cells as they stand there."""

import codecs
import csv
import io
import json
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

from bounceml.errors import CorpusError
from bounceml_datasets.cells import guarded
from bounceml_datasets.exports.columns import Record, not_too_many
from bounceml_datasets.exports.files import EmptyExportError, Format, Sink, decoded, lines_of
from bounceml_datasets.exports.parts import ADDED, CELL, ERROR, Part, Scored, records_of
from bounceml_datasets.exports.presets import Preset
from bounceml_datasets.exports.table import Row, TableReader

# A cell may be long; a quote that is never closed must not swallow the rest of a file.
_MAX_CELL = 1_000_000
# Characters of a row, whose cells may go on from line to line.
_MAX_ROW = 1 << 24
_DELIMITERS = ",;\t|"


class CsvReader(TableReader):
    """Rows of a CSV or TSV file; its first line names the columns."""

    def __init__(
        self,
        file: BinaryIO,
        *,
        name: str,
        format: Format,  # noqa: A002
        text_column: str | None,
        preset: Preset | None = None,
    ) -> None:
        self._text = text = decoded(file, name=name)  # freed, it would close the file
        csv.field_size_limit(_MAX_CELL)
        lines = lines_of(text, name=name)
        head = next(lines, "")
        self.delimiter = "\t" if format == "tsv" else max(_DELIMITERS, key=head.count)
        names = next(csv.reader([head], delimiter=self.delimiter), [])
        if not any(names):
            raise EmptyExportError(f"{name}: the export is empty: its first line must name the columns")
        self._taken = 0  # characters since the last row
        self._reader = csv.reader(self._counted(lines, name=name), delimiter=self.delimiter)
        width = len(not_too_many(names, name=name))
        super().__init__(names, self._rows(width), text_column=text_column, preset=preset)

    def _counted(self, lines: Iterator[str], *, name: str) -> Iterator[str]:
        for line in lines:
            self._taken += len(line)
            if self._taken > _MAX_ROW:
                n = self._reader.line_num + 2
                raise CorpusError(f"{name}: line {n}: a row is longer than {_MAX_ROW:,} characters: close its quotes")
            yield line

    def _rows(self, width: int) -> Iterator[Row]:
        filled_up = CELL * width
        while True:
            try:
                for row in self._reader:
                    size, self._taken = self._taken + filled_up, 0
                    if len(row) > width:
                        n = self._reader.line_num + 1
                        yield row[:width], f"line {n}: {len(row)} cells, the first line has {width}", size
                    elif row:
                        yield row, None, size
                return
            except csv.Error as error:
                size, self._taken = self._taken + filled_up, 0
                yield [], f"line {self._reader.line_num + 1}: {error}", size


class CsvWriter:
    """Writes CSV or TSV; a row that couldn't be read keeps the cells that the first line has names for.

    Cells stay as they are, unless they are `guarded` for spreadsheets, which are also told then that it's UTF-8.
    """

    def __init__(self, sink: Sink, *, names: Sequence[str], delimiter: str, head: bool, guard: bool = False) -> None:
        self._sink = sink
        self._guard = guard
        if guard and head:
            sink.write(codecs.BOM_UTF8)
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
                self._put([*self._names, *self._extra, *ADDED, ERROR])
        width = len(self._names)
        rows = part.rows if _are_cells(part) else [self._cells(record) for record in records_of(part, self._names)]
        extra = [part.extra[name] for name in self._extra]
        for i, (row, cells) in enumerate(zip(rows, scored.cells(), strict=True)):
            padded = row if len(row) == width else [*row, *[""] * (width - len(row))]
            self._put([*padded, *[column[i] for column in extra], *cells, part.errors.get(i)])
        self._sink.write(self._text.getvalue().encode("utf-8", "replace"))
        self._text.seek(0)
        self._text.truncate()

    def flush(self) -> int:
        """See `Writer`."""
        return self._sink.flush()

    def close(self) -> None:
        """See `Writer`."""
        if self._extra is None and self._head:  # an export without rows has columns nonetheless
            self._put([*self._names, *ADDED, ERROR])
            self._sink.write(self._text.getvalue().encode("utf-8", "replace"))
        self._sink.flush()

    def _put(self, cells: list[Any]) -> None:
        if self._guard:
            cells = [guarded(cell) if isinstance(cell, str) else cell for cell in cells]
        self._csv.writerow(cells)

    def _cells(self, record: Record) -> list[Any]:
        values = [record.get(name) for name in self._names]
        return [json.dumps(v, ensure_ascii=False, default=str) if isinstance(v, (dict, list)) else v for v in values]


def _are_cells(part: Part) -> bool:
    return isinstance(part.rows, list) and bool(part.rows) and isinstance(part.rows[0], list)
