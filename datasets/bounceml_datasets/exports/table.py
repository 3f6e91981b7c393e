"""Exports whose rows are cells under named columns."""

import json
from collections.abc import Iterator, Sequence

from bounceml_datasets.exports.columns import LOOKED_AT, Columns, Record, as_code, as_text, find_columns
from bounceml_datasets.exports.details import Details, answer_in, is_scored, scored_from
from bounceml_datasets.exports.domains import Domains
from bounceml_datasets.exports.events import Question, parts_of, questions
from bounceml_datasets.exports.parts import Part, ahead, is_full
from bounceml_datasets.exports.presets import Preset, detect
from bounceml_datasets.exports.times import TimeReader

# A row's cells, what is wrong with it, and its size as a part counts it.
Row = tuple[list[str], str | None, int]


class TableReader:
    """Rows of a table; a preset that isn't given is told by the names of the columns."""

    def __init__(
        self, names: Sequence[str], rows: Iterator[Row], *, text_column: str | None, preset: Preset | None
    ) -> None:
        self.names: list[str] = list(names)
        self._rest = rows
        self._ahead = ahead(rows, most=LOOKED_AT, size=lambda row: row[2])
        self.sample: list[Record] = [self._record(row) for row, error, _ in self._ahead if error is None]
        self.rows: int | None = None
        self.preset = preset or (None if text_column else self._detected())
        self.columns: Columns | None = None if self.preset else find_columns(self.names, self.sample, text=text_column)

    def parts(self, *, skip: int = 0, clock: TimeReader | None = None) -> Iterator[Part]:
        """See `Reader`."""
        if self.preset is not None:
            preset = self.preset
            found = ((row, self._questions(row, error, preset=preset), size) for row, error, size in self._all())
            yield from parts_of(found, preset=preset, skip=skip, clock=clock)
            return
        rows: list[list[str]] = []
        errors: dict[int, str] = {}
        read = filled = 0
        for row, error, size in self._all():
            read += 1
            if read <= skip:
                continue
            if error is not None:
                errors[len(rows)] = error
            rows.append(row)
            filled += size
            if is_full(len(rows), filled):
                yield self._part(rows, errors, read, clock=clock)
                rows, errors, filled = [], {}, 0
        if rows:
            yield self._part(rows, errors, read, clock=clock)

    def _part(self, rows: list[list[str]], errors: dict[int, str], read: int, *, clock: TimeReader | None) -> Part:
        assert self.columns is not None
        recipients = self._column(rows, self.columns.recipient)
        return Part(
            rows=rows,
            texts=self._column(rows, self.columns.text) or [],
            smtp=_codes(self._column(rows, self.columns.smtp)),
            status=_codes(self._column(rows, self.columns.status)),
            domains=None if recipients is None else Domains.of(recipients),
            errors=errors,
            details=None if clock is None else self._details(rows, recipients, clock=clock),
            read=read,
        )

    def _details(self, rows: list[list[str]], recipients: Sequence[str] | None, *, clock: TimeReader) -> Details:
        assert self.columns is not None
        times = self._column(rows, self.columns.time)
        return Details(
            recipients=recipients,
            times=None if times is None else clock.minutes(times),
            answers=scored_from(answer_in(self._record(row)) for row in rows) if is_scored(self.names) else None,
        )

    def _questions(self, row: Sequence[str], error: str | None, *, preset: Preset) -> list[Question]:
        if error is not None:
            return [Question(error=error)]
        record = self._record(row)
        return questions(
            _unpacked(record) if preset.format == "jsonl" else record, preset=preset, size=sum(map(len, row))
        )

    def _detected(self) -> Preset | None:
        """The preset of a provider's table, or of events that were scored into one."""
        return detect([dict.fromkeys(self.names)]) or detect([_unpacked(record) for record in self.sample])

    def _record(self, row: Sequence[str]) -> Record:
        return dict(zip(self.names, row, strict=False))

    def _column(self, rows: Sequence[Sequence[str]], name: str | None) -> list[str] | None:
        if name is None:
            return None
        at = self.names.index(name)
        return [row[at] if at < len(row) else "" for row in rows]

    def _all(self) -> Iterator[Row]:
        yield from self._ahead
        yield from self._rest


def _unpacked(record: Record) -> Record:
    """A record whose cells hold inner objects and lists as JSON, with those themselves."""
    return {name: _value(cell) if cell.startswith(("{", "[")) else cell for name, cell in record.items()}


def _value(cell: str) -> object:
    try:
        return json.loads(cell)
    except (ValueError, RecursionError):
        return cell


def _codes(values: Sequence[str] | None) -> list[str | None] | None:
    return None if values is None else [as_code(as_text(value)) for value in values]
