"""How much a Parquet file's rows may take in memory: its pages say so, and the dictionaries that they refer to.

Fields by their numbers in https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift
"""

import struct
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pyarrow as pa
import pyarrow.parquet as pq

from bounceml_datasets.exports.parquet_footer import CODEC, DATA, DICTIONARY, VALUES
from bounceml_datasets.exports.thrift import Struct, read_first

# Bytes that rows may take that are read together: 32,768 of 2 kB each, which is more than is usual.
_MOST_BYTES = 1 << 26
# What a value takes beside its bytes: where it ends, whether it is there, where its list begins.
_VALUE = 16
# Values lie unevenly in rows of lists; nothing says how.
_UNEVEN = 16
# Bytes of a dictionary that is looked into; in a larger one, its longest text may be as long as itself.
_LOOKED_INTO = 1 << 24
# PageHeader: https://parquet.apache.org/docs/file-format/data-pages/ ; the first bytes, then as many as pyarrow reads.
_HEADER_BYTES = (1 << 10, 1 << 24)
_TYPE, _UNPACKED, _PACKED, _DATA_PAGE, _DICTIONARY_PAGE, _DATA_PAGE_2 = 1, 2, 3, 5, 7, 8
_VALUES, _ENCODING, _ENCODING_2 = 1, 2, 4
_IS_DICTIONARY = 2
# By type of a page: what describes it, and where in there its encoding stands.
_DESCRIBED = {0: (_DATA_PAGE, _ENCODING), _IS_DICTIONARY: (_DICTIONARY_PAGE, _ENCODING), 3: (_DATA_PAGE_2, _ENCODING_2)}
# Pages of a column in a row group; there is one for each megabyte.
_MOST_PAGES = 100_000
# Encodings of pages whose values stand in them, one after the other, or in the dictionary.
_PLAIN, _DELTA_LENGTH, _STREAM_SPLIT, _IN_DICTIONARY = 0, 6, 9, (2, 8)
# By their numbers, as pyarrow calls them; others are as good as unknown. 0 is none.
_CODECS = {1: "snappy", 2: "gzip", 4: "brotli", 6: "zstd", 7: "lz4_raw"}
_size_at = struct.Struct("<I").unpack_from
_NO_TEXTS = {"BOOLEAN", "INT32", "INT64", "INT96", "FLOAT", "DOUBLE"}


@dataclass(frozen=True, slots=True)
class _Page:
    """A page of a column: how many values, how encoded, its bytes unpacked, and where it lies in the file, packed."""

    values: int
    encoding: int
    unpacked: int
    start: int
    packed: int
    is_dictionary: bool


def rows_in_memory(
    path: Path,
    file: pq.ParquetFile,
    described: list[list[Struct]],
    *,
    columns: Collection[str] | None,
    rows: int,
    until: int | None = None,
) -> int:
    """How many rows of these columns (None: all) to read together, `rows` at most, so that they fit into memory.

    `described` is the file's `column_metadata`. Where no more than the first `until` rows are read, only those have to.
    Raises OSError where the file can't be read.
    """
    wanted = list(_wanted(file, columns=columns))
    seen = 0
    with path.open("rb") as pages:
        for group in range(file.metadata.num_row_groups):
            size = sum(_row_bytes(pages, file, described, group=group, column=i) for i in wanted)
            rows = max(1, min(rows, int(_MOST_BYTES / max(1, size))))
            seen += file.metadata.row_group(group).num_rows
            if until is not None and seen >= until:
                break
    return rows


def _wanted(file: pq.ParquetFile, *, columns: Collection[str] | None) -> Iterator[int]:
    for i in range(len(file.schema)):
        path = file.schema.column(i).path
        if columns is None or any(path == name or path.startswith(f"{name}.") for name in columns):
            yield i


def _row_bytes(
    pages: IO[bytes], file: pq.ParquetFile, described: list[list[Struct]], *, group: int, column: int
) -> float:
    """Bytes that a row of a column may take; as many as are allowed where nothing can be told."""
    kind = file.schema.column(column)
    if kind.physical_type in _NO_TEXTS and not kind.max_repetition_level:
        return _VALUE
    longest, total, most = 0, 0.0, 0.0
    try:
        metadata = described[group][column]
        for page in _pages(pages, metadata):
            if page.is_dictionary:
                longest = max(longest, _longest(pages, page, codec=metadata.number(CODEC)))
                continue
            size = _VALUE + _value_bytes(page, kind=kind, longest=longest)
            total += size * page.values
            most = max(most, size)
    except (ValueError, IndexError, OverflowError):
        return _MOST_BYTES
    if kind.max_repetition_level:
        return float(_UNEVEN * total / max(1, file.metadata.row_group(group).num_rows))
    return most


def _value_bytes(page: _Page, *, kind: pq.ColumnSchema, longest: int) -> float:
    """Bytes of a value of a page: of its longest where they may be many times those of the page, else on average."""
    if kind.physical_type in _NO_TEXTS:
        return 0
    if kind.physical_type == "FIXED_LEN_BYTE_ARRAY":
        return float(kind.length)
    if page.encoding in _IN_DICTIONARY:
        return longest
    if page.encoding in (_PLAIN, _DELTA_LENGTH, _STREAM_SPLIT):
        return max(page.unpacked, page.packed) / max(1, page.values)
    return page.unpacked  # a value may repeat what comes before it


def _pages(file: IO[bytes], column: Struct) -> Iterator[_Page]:
    """The pages of a column; raises ValueError where there are none."""
    at = min(filter(None, (column.number(DATA), column.number(DICTIONARY))))
    values = column.number(VALUES) or 0
    seen = 0
    for _ in range(_MOST_PAGES):
        if seen >= values:
            return
        header, size = _header(file, at)
        packed, unpacked = header.number(_PACKED), header.number(_UNPACKED)
        if packed is None or unpacked is None or packed < 0 or unpacked < 0:
            raise ValueError("a page without sizes")
        is_dictionary = header.number(_TYPE) == _IS_DICTIONARY
        held, encoding = _contents(header)
        yield _Page(held, encoding, unpacked, at + size, packed, is_dictionary)
        seen += 0 if is_dictionary else held
        at += size + packed
    raise ValueError("pages without end")


def _contents(header: Struct) -> tuple[int, int]:
    """How many values a page has, and their encoding; none in a page that isn't of data."""
    at, encoding = _DESCRIBED.get(header.number(_TYPE) or 0, (0, 0))
    inner = header.fields.get(at, (0, None))[1]
    return (max(0, inner.number(_VALUES) or 0), inner.number(encoding) or 0) if isinstance(inner, Struct) else (0, 0)


def _header(file: IO[bytes], at: int) -> tuple[Struct, int]:
    """The header of a page and its size in bytes; raises ValueError where there is none."""
    if at < 0:
        raise ValueError("a page before the file")
    for most in _HEADER_BYTES:
        file.seek(at)
        data = file.read(most)
        try:
            return read_first(data)
        except ValueError:
            if len(data) < most:
                raise
    raise ValueError("a header without end")


def _longest(file: IO[bytes], page: _Page, *, codec: int | None) -> int:
    """Bytes of the longest text of a dictionary."""
    if page.unpacked > _LOOKED_INTO or page.packed > _LOOKED_INTO:
        return page.unpacked
    file.seek(page.start)
    data = file.read(page.packed)
    if codec:
        if codec not in _CODECS:
            return page.unpacked
        try:
            data = pa.Codec(_CODECS[codec]).decompress(data, decompressed_size=page.unpacked, asbytes=True)
        except (pa.ArrowException, OSError, ValueError):
            return page.unpacked
    longest = at = 0
    end = len(data) - 3
    while at < end:
        (size,) = _size_at(data, at)
        at += 4 + size
        if size > longest:  # faster than max, and there are tens of thousands
            longest = size
    return min(longest, page.unpacked)
