"""Answers beside the columns of a Parquet file, whose bytes are copied as they are: read and written by nobody."""

import errno
import io
import os
from contextlib import suppress
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bounceml.arrow import ANSWER_SCHEMA, answer_columns
from bounceml_datasets.exports.parquet_footer import (
    MAGIC,
    Footer,
    Group,
    footer_of,
    joined_footer,
    joined_group,
    read_footer,
)
from bounceml_datasets.exports.parts import Part, Scored
from bounceml_datasets.exports.thrift import Struct

# The answers of a row group are written together, so they have to fit into memory: 30 bytes a row.
_MOST_ROWS = 2_000_000
# Rows that a row group has to have on average, else they are better written anew into larger ones.
_FEWEST_ROWS = 5_000
_FEW_GROUPS = 16
_COPIED_BYTES = 1 << 20


def joinable(path: Path) -> Footer | None:
    """The footer of a Parquet file to which answers can be joined, None where it has to be written anew."""
    footer = footer_of(path)
    if footer is None or any(group.rows > _MOST_ROWS for group in footer.groups):
        return None
    rows, groups = sum(group.rows for group in footer.groups), len(footer.groups)
    return footer if groups <= _FEW_GROUPS or rows >= groups * _FEWEST_ROWS else None


class ParquetJoiner:
    """Writes the row groups of a file as they are, with the answers to their rows behind."""

    def __init__(self, path: Path, *, source: Path, footer: Footer, schema: pa.Schema) -> None:
        self._source, self._path = source, path
        path.write_bytes(MAGIC)
        self._footer = footer
        whole = pa.schema([*schema, *ANSWER_SCHEMA], metadata=schema.metadata)
        self._whole = read_footer(io.BytesIO(_written(whole)))
        self._index, self._confidence = [np.empty(0, np.int32)], [np.empty(0)]
        self._rows = 0  # that are answered and not yet written
        self._outcomes: dict[tuple[str | None, ...], int] = {}
        self._groups: list[Struct] = []

    def write(self, part: Part, scored: Scored) -> None:
        """See `Writer`."""
        numbers = [self._outcomes.setdefault(outcome, len(self._outcomes)) for outcome in scored.outcomes]
        # The last one is for rows without an answer, whose index is -1.
        self._index.append(np.array([*numbers, -1], np.int32)[scored.index])
        self._confidence.append(scored.confidence)
        self._rows += len(part)
        self._write_full()

    def flush(self) -> int:
        """Nothing can be continued: a Parquet file is whole or not at all."""
        return 0

    def close(self) -> None:
        """See `Writer`."""
        self._write_full()
        assert len(self._groups) == len(self._footer.groups), "rows that lack an answer"
        with self._path.open("ab") as out:
            out.write(joined_footer(self._footer, whole=self._whole, groups=self._groups))

    def _write_full(self) -> None:
        """Write the row groups whose rows are all answered."""
        while len(self._groups) < len(self._footer.groups):
            group = self._footer.groups[len(self._groups)]
            if self._rows < group.rows:
                return
            index, confidence = np.concatenate(self._index), np.concatenate(self._confidence)
            self._index, self._confidence = [index[group.rows :]], [confidence[group.rows :]]
            self._rows -= group.rows
            self._write_group(group, index=index[: group.rows], confidence=confidence[: group.rows])

    def _write_group(self, group: Group, *, index: np.ndarray, confidence: np.ndarray) -> None:
        answers = answer_columns(list(self._outcomes), index=index, confidence=confidence)
        written = _written(ANSWER_SCHEMA, pa.table(answers))
        described = read_footer(io.BytesIO(written)).groups[0]
        columns = []
        with self._source.open("rb") as source, self._path.open("r+b") as out:
            start = at = out.seek(0, os.SEEK_END)
            for chunk in group.chunks:
                columns.append(chunk.moved(at - chunk.start))
                _copy(source, out, start=chunk.start, size=chunk.size)
                at += chunk.size
            for chunk in described.chunks:
                columns.append(chunk.moved(at - chunk.start))
                at += out.write(written[chunk.start : chunk.start + chunk.size])
        self._groups.append(joined_group(group, described, columns=columns, start=start))


def _written(schema: pa.Schema, *tables: pa.Table) -> memoryview:
    """Tables as a Parquet file, each in a row group."""
    sink = pa.BufferOutputStream()
    # Statistics of the other columns would help nobody to find rows, and cost a tenth.
    with pq.ParquetWriter(sink, schema, compression="snappy", write_statistics=["bounce_confidence"]) as writer:
        for table in tables:
            writer.write_table(table, row_group_size=max(1, len(table)))
    return memoryview(sink.getvalue())


def _copy(source: IO[bytes], out: IO[bytes], *, start: int, size: int) -> None:
    """Copy bytes from one file to another; by the system alone where it can."""
    out.flush()
    end = start + size
    if hasattr(os, "copy_file_range"):
        with suppress(OSError):  # on other file systems, or an old kernel: what is left is copied below
            while start < end and (n := os.copy_file_range(source.fileno(), out.fileno(), end - start, start)):
                start += n
    source.seek(start)
    while start < end and (part := source.read(min(_COPIED_BYTES, end - start))):
        out.write(part)
        start += len(part)
    if start < end:
        raise OSError(errno.EIO, "the file that is read became shorter")
