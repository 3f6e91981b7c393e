"""Exports as Parquet, in record batches: columns and their types come through as they are."""

import io
import itertools
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bounceml.arrow import ANSWER_SCHEMA, answer_columns, text_buffer
from bounceml.errors import CorpusError
from bounceml_datasets.exports.columns import LOOKED_AT, Columns, Record, as_code, find_columns, not_too_many
from bounceml_datasets.exports.domains import DomainReader
from bounceml_datasets.exports.events import parts_of, questions
from bounceml_datasets.exports.parquet_details import details_of
from bounceml_datasets.exports.parquet_extent import rows_in_memory
from bounceml_datasets.exports.parquet_footer import Footer, NotJoinableError, column_metadata
from bounceml_datasets.exports.parquet_joining import ParquetJoiner, joinable
from bounceml_datasets.exports.parts import ERROR, Buffer, Part, Scored, records_of
from bounceml_datasets.exports.presets import Preset, detect
from bounceml_datasets.exports.times import TimeReader

# Rows that are read together: so many, or fewer where their texts are long, so that memory stays bounded.
_BATCH_ROWS, _BATCH_BYTES = 32_768, 8 << 20
# Bytes of a batch that is worked on as a whole; in those that are larger, rows turned out longer than was to be seen.
_PART_BYTES = 16 << 20
# What pyarrow raises for files that aren't in order; the last one for names that aren't UTF-8.
_DAMAGE = (OSError, pa.ArrowException, UnicodeDecodeError)
# Rows that are written together, or fewer where they take so many bytes, with those that each batch takes for a column.
_ROW_GROUP, _ROW_GROUP_BYTES, _COLUMN_BYTES = 65_536, 1 << 27, 512


def _keep_memory_small() -> None:
    """Let Arrow give memory back: its other allocators keep a fifth more of it for as long as the process lives."""
    with suppress(NotImplementedError):  # not built for this system
        pa.set_memory_pool(pa.jemalloc_memory_pool())
        # Not at once, though: the next batch needs as much again, and clearing pages is a tenth of the time.
        pa.jemalloc_set_decay_ms(1000)


class ParquetReader:
    """Record batches of a Parquet file."""

    def __init__(self, path: Path, *, text_column: str | None, preset: Preset | None = None) -> None:
        _keep_memory_small()
        self._path = path
        try:
            # Read by buffers, so that memory doesn't grow with the row groups.
            self._file = pq.ParquetFile(path, pre_buffer=False, buffer_size=1 << 20)
        except _DAMAGE as error:
            raise CorpusError(f"{path}: can't read it as Parquet: {error}") from error
        self._described = column_metadata(path)
        self.schema: pa.Schema = self._file.schema_arrow
        self.names: list[str] = not_too_many(self.schema.names, name=str(path))
        self._wanted: list[str] | None = None  # all
        head = next(self._batches(LOOKED_AT, until=LOOKED_AT), None)
        self.sample: list[Record] = head.to_pylist() if head is not None else []
        # Of a row in memory; in the file, repeated texts may count once.
        self._sample_bytes = head.nbytes / max(1, len(head)) if head is not None else 0.0
        self.preset = preset or (None if text_column else detect(self.sample or [dict.fromkeys(self.names)]))
        self.columns: Columns | None = None if self.preset else find_columns(self.names, self.sample, text=text_column)
        self._domains = DomainReader()
        self.rows: int | None = self._file.metadata.num_rows

    def joinable(self) -> Footer | None:
        """The footer where answers can be put beside the file's columns as they lie there, row by row; else None."""
        return joinable(self._path) if self.columns is not None and len(set(self.names)) == len(self.names) else None

    def joiner(self, path: Path, *, footer: Footer) -> ParquetJoiner:
        """A writer that does so; from now on only the columns that are asked about are read."""
        assert self.columns is not None
        of = self.columns
        self._wanted = list(filter(None, dict.fromkeys((of.text, of.smtp, of.status, of.recipient))))
        return ParquetJoiner(path, source=self._path, footer=footer, schema=self.schema)

    def parts(self, *, skip: int = 0, clock: TimeReader | None = None) -> Iterator[Part]:
        """See `Reader`."""
        read = 0
        for batch in itertools.chain.from_iterable(map(_pieces, self._batches(self._batch_rows()))):
            read += len(batch)
            if read <= skip:
                continue
            fresh = batch.slice(max(0, skip - (read - len(batch))))
            if self.preset is None:
                yield self._part(fresh, read, clock=clock)
            else:
                yield from self._events(fresh, preset=self.preset, before=read - len(fresh), clock=clock)

    def _batches(self, size: int, *, until: int | None = None) -> Iterator[pa.RecordBatch]:
        """Batches of at most `size` rows, fewer where they are large, with texts that are UTF-8.

        See `rows_in_memory` for `until`.
        """
        try:
            rows = rows_in_memory(self._path, self._file, self._described, columns=self._wanted, rows=size, until=until)
            for batch in self._file.iter_batches(rows, use_threads=False, columns=self._wanted):
                sound = _sound(batch)
                if sound is not batch and self._wanted is not None:
                    raise NotJoinableError(f"{self._path}: texts that are no UTF-8 have to be written anew")
                yield sound
        except _DAMAGE as error:
            raise CorpusError(f"{self._path}: can't read it as Parquet: {error}") from error

    def _batch_rows(self) -> int:
        """How many rows to read together."""
        data = self._file.metadata
        groups = (data.row_group(i) for i in range(data.num_row_groups))
        sizes = [group.total_byte_size / max(1, group.num_rows) for group in groups]
        return max(1, min(_BATCH_ROWS, int(_BATCH_BYTES / max(1, self._sample_bytes, *sizes))))

    def _events(
        self, batch: pa.RecordBatch, *, preset: Preset, before: int, clock: TimeReader | None
    ) -> Iterator[Part]:
        """Parts of a provider's events; `before` rows were read before them."""
        size = batch.nbytes // len(batch)
        found = ((i, questions(record, preset=preset, size=size), size) for i, record in enumerate(batch.to_pylist()))
        for part in parts_of(found, preset=preset, skip=0, clock=clock):
            yield replace(part, rows=batch.take(pa.array(part.rows, pa.int64())), read=before + part.read)

    def _part(self, batch: pa.RecordBatch, read: int, *, clock: TimeReader | None) -> Part:
        assert self.columns is not None
        recipient = self.columns.recipient
        return Part(
            rows=batch,
            texts=Buffer(*text_buffer(batch.column(self.columns.text))),
            smtp=self._codes(batch, self.columns.smtp),
            status=self._codes(batch, self.columns.status),
            domains=None if recipient is None else self._domains.read(*text_buffer(batch.column(recipient))),
            details=None if clock is None else details_of(batch, self.columns, clock=clock),
            read=read,
        )

    def _codes(self, batch: pa.RecordBatch, name: str | None) -> list[str | None] | None:
        return None if name is None else [as_code(value) for value in batch.column(name).to_pylist()]


class ParquetWriter:
    """Writes Parquet; the answers are dictionary-encoded texts."""

    def __init__(self, path: Path, *, names: Sequence[str], schema: pa.Schema | None) -> None:
        self._path = path
        self._names = names
        self._schema = schema
        self._writer: pq.ParquetWriter | None = None
        self._waiting: list[pa.RecordBatch] = []
        self._rows = self._size = 0

    def write(self, part: Part, scored: Scored) -> None:
        """See `Writer`."""
        batch = part.rows if isinstance(part.rows, pa.RecordBatch) else self._batch(part)
        answers = answer_columns(scored.outcomes, index=scored.index, confidence=scored.confidence)
        columns = [
            *batch.columns,
            *map(_texts, part.extra.values()),
            *answers.values(),
        ]
        names = [*batch.schema.names, *part.extra, *answers]
        # Events may be broken in any part, and all parts have the same columns.
        if part.errors or part.extra or not isinstance(part.rows, pa.RecordBatch):
            columns.append(_texts([part.errors.get(i) for i in range(len(part))]))
            names.append(ERROR)
        made = pa.RecordBatch.from_arrays(columns, names=names)
        if self._writer is None:
            self._writer = pq.ParquetWriter(
                self._path, made.schema, compression="snappy", use_dictionary=_repetitive(made)
            )
        self._waiting.append(made)
        self._rows += len(made)
        self._size += made.nbytes + _COLUMN_BYTES * made.num_columns
        if self._size >= _ROW_GROUP_BYTES or self._rows >= _ROW_GROUP:
            self._write_waiting()

    def flush(self) -> int:
        """Nothing can be continued: a Parquet file is whole or not at all."""
        return 0

    def close(self) -> None:
        """See `Writer`."""
        if self._writer is None:
            schema = self._schema or pa.schema([(_encodable(name), pa.string()) for name in self._names])
            fields = list(ANSWER_SCHEMA)
            self._writer = pq.ParquetWriter(self._path, pa.schema([*schema, *fields]))
        self._write_waiting()
        self._writer.close()

    def _write_waiting(self) -> None:
        if self._writer is not None and self._waiting:
            self._writer.write_table(pa.Table.from_batches(self._waiting).unify_dictionaries())
            self._waiting, self._rows, self._size = [], 0, 0

    def _batch(self, part: Part) -> pa.RecordBatch:
        found = records_of(part, self._names)
        if isinstance(next(iter(part.rows), None), str):  # objects in JSON may take 25 times the memory of their line
            found = ({key: _cell(value) for key, value in record.items()} for record in found)
        records = list(found)
        columns = [_texts([_cell(record.get(name)) for record in records]) for name in self._names]
        return pa.RecordBatch.from_arrays(columns, names=list(map(_encodable, self._names)))


def _pieces(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """A batch in as many pieces as it takes for none to be large."""
    if len(batch) == 1 or sum(map(_own_bytes, batch.columns)) <= _PART_BYTES:
        yield batch
        return
    middle = len(batch) // 2
    yield from _pieces(batch.slice(0, middle))
    yield from _pieces(batch.slice(middle))


def _own_bytes(column: pa.Array) -> int:
    """Bytes of a column, without a dictionary, which its pieces share."""
    return int((column.indices if pa.types.is_dictionary(column.type) else column).nbytes)


def _sound(batch: pa.RecordBatch) -> pa.RecordBatch:
    """A batch whose texts are UTF-8: what isn't is replaced. Raises ArrowInvalid for other damage."""
    try:
        batch.validate(full=True)
    except pa.ArrowInvalid:
        columns = [_readable(column) if _is_text(column.type) else column for column in batch.columns]
        batch = pa.RecordBatch.from_arrays(columns, schema=batch.schema)
        batch.validate(full=True)
    return batch


def _readable(column: pa.Array) -> pa.Array:
    found = column.view(pa.large_binary() if pa.types.is_large_string(column.type) else pa.binary()).to_pylist()
    return pa.array([None if text is None else text.decode("utf-8", "replace") for text in found], column.type)


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _repetitive(batch: pa.RecordBatch) -> list[str]:
    """Columns that are worth a dictionary: looking for repeated values where there are few costs a fifth of writing."""
    unique = {
        name
        for name, column in zip(batch.schema.names, batch.columns, strict=True)
        if _is_plain(column.type) and pc.count_distinct(column).as_py() > len(column) / 2
    }
    # Parquet names the leaves of nested columns; it says how where it writes them.
    empty = io.BytesIO()
    pq.ParquetWriter(empty, batch.schema).close()
    schema = pq.ParquetFile(empty).metadata.schema
    return [path for i in range(len(schema)) if (path := schema.column(i).path) not in unique]


def _is_plain(kind: pa.DataType) -> bool:
    of = pa.types
    numeric = of.is_integer(kind) or of.is_floating(kind) or of.is_temporal(kind)
    return _is_text(kind) or (numeric and not of.is_float16(kind))


def _cell(value: Any) -> str | None:
    return None if value is None else str(value)


def _texts(values: Sequence[str | None]) -> pa.Array:
    return pa.array([None if value is None else _encodable(value) for value in values], pa.string())


def _encodable(text: str) -> str:
    """A text without halves of characters, which JSON may hold and Parquet can't."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")
