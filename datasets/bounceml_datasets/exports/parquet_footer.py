"""What a Parquet file says about itself: where the bytes of its columns lie, to be put elsewhere as they are.

Fields by their numbers in https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from bounceml_datasets.exports.thrift import I32, I64, STRUCT, Struct, read, structs, write

MAGIC = b"PAR1"
_ARROW_SCHEMA = b"ARROW:schema"
# FileMetaData
_SCHEMA, _NUM_ROWS, _ROW_GROUPS, _KEY_VALUES, _COLUMN_ORDERS, _ENCRYPTION = 2, 3, 4, 5, 7, 8
# SchemaElement; KeyValue
_NUM_CHILDREN, _KEY = 5, 1
# RowGroup
_COLUMNS, _BYTES, _ROWS, _GROUP_OFFSET, _COMPRESSED = 1, 2, 3, 5, 6
# ColumnChunk: what isn't copied are indexes of pages, which readers can do without.
_FILE, _CHUNK_OFFSET, _METADATA, _PAGE_INDEXES, _CRYPTO = 1, 2, 3, (4, 5, 6, 7), (8, 9)
# ColumnMetaData
CODEC, VALUES, _SIZE, DATA, _INDEX, DICTIONARY, _BLOOM = 4, 5, 7, 9, 10, 11, (14, 15)


class NotJoinableError(Exception):
    """What is read shows that the file has to be written anew."""


@dataclass(slots=True)
class Chunk:
    """A column's bytes in a row group: from where on, and how many."""

    column: Struct
    start: int
    size: int

    def moved(self, by: int) -> Struct:
        """The column as it is described where its bytes lie so many bytes further on."""
        column = Struct({at: value for at, value in self.column.fields.items() if at not in _PAGE_INDEXES})
        metadata = Struct({at: value for at, value in _inner(self.column).fields.items() if at not in _BLOOM})
        for struct, fields in ((metadata, (DATA, _INDEX, DICTIONARY)), (column, (_CHUNK_OFFSET,))):
            for at in fields:
                if offset := struct.number(at):
                    struct.fields[at] = I64, offset + by
        column.fields[_METADATA] = STRUCT, metadata
        return column


@dataclass(slots=True)
class Group:
    """A row group: how many rows, and its columns."""

    described: Struct
    rows: int
    chunks: list[Chunk]


@dataclass(slots=True)
class Footer:
    """What a file says about itself; `groups` are its row groups."""

    described: Struct
    groups: list[Group]


def read_footer(file: IO[bytes]) -> Footer:
    """The footer of a Parquet file; raises ValueError where its columns can't be copied as they are."""
    described, start = _described(file)
    if _ENCRYPTION in described.fields:
        raise ValueError("encrypted")
    groups = []
    for group in described.structs(_ROW_GROUPS):
        chunks = [_chunk(column, end=start) for column in group.structs(_COLUMNS)]
        groups.append(Group(group, group.number(_ROWS) or 0, chunks))
    # Else a small file that names the same bytes again and again would become a huge one.
    if sum(chunk.size for group in groups for chunk in group.chunks) > start:
        raise ValueError("columns that share their bytes")
    if sum(group.rows for group in groups) != described.number(_NUM_ROWS):
        raise ValueError("row groups that don't add up")
    return Footer(described, groups)


def column_metadata(path: Path) -> list[list[Struct]]:
    """The metadata of each column of each row group of a Parquet file; none where it can't be read.

    pyarrow's own way to it ends the process where they contradict themselves.
    """
    try:
        with path.open("rb") as file:
            described, _ = _described(file)
        return [[_inner(column) for column in group.structs(_COLUMNS)] for group in described.structs(_ROW_GROUPS)]
    except (OSError, ValueError):
        return []


def footer_of(path: Path) -> Footer | None:
    """The footer of a file whose columns can be copied as they are, None where they can't."""
    try:
        with path.open("rb") as file:
            return read_footer(file)
    except (OSError, ValueError):
        return None


def joined_group(first: Group, second: Group, *, columns: Sequence[Struct], start: int) -> Struct:
    """The description of a row group with the columns of both, given as they lie there from `start` on."""
    group = Struct(dict(first.described.fields))
    group.fields[_COLUMNS] = structs(list(columns))
    for at in (_BYTES, _COMPRESSED):
        if (a := first.described.number(at)) is not None and (b := second.described.number(at)) is not None:
            group.fields[at] = I64, a + b
    if _GROUP_OFFSET in group.fields:
        group.fields[_GROUP_OFFSET] = I64, start
    return group


def joined_footer(first: Footer, *, whole: Footer, groups: Sequence[Struct]) -> bytes:
    """The end of a file with these row groups: the columns of the first, and behind them those that only `whole` has.

    `whole` is the footer of an empty file with all columns, as a library writes it that knows what types they have.
    """
    described = Struct(dict(first.described.fields))
    schema, wanted = first.described.structs(_SCHEMA), whole.described.structs(_SCHEMA)
    root, count = Struct(dict(schema[0].fields)), wanted[0].number(_NUM_CHILDREN) or 0
    added = count - (root.number(_NUM_CHILDREN) or 0)
    root.fields[_NUM_CHILDREN] = I32, count
    described.fields[_SCHEMA] = structs([root, *schema[1:], *wanted[-added:]])
    if orders := first.described.structs(_COLUMN_ORDERS):
        described.fields[_COLUMN_ORDERS] = structs([*orders, *whole.described.structs(_COLUMN_ORDERS)[-added:]])
    told = [each for each in first.described.structs(_KEY_VALUES) if each.data(_KEY) != _ARROW_SCHEMA]
    types = [each for each in whole.described.structs(_KEY_VALUES) if each.data(_KEY) == _ARROW_SCHEMA]
    described.fields[_KEY_VALUES] = structs([*told, *types])
    described.fields[_ROW_GROUPS] = structs(list(groups))
    written = write(described)
    return written + len(written).to_bytes(4, "little") + MAGIC


def _described(file: IO[bytes]) -> tuple[Struct, int]:
    """What stands at a file's end, and where it begins."""
    end = file.seek(0, os.SEEK_END)
    file.seek(max(0, end - 8))
    tail = file.read(8)
    size = int.from_bytes(tail[:4], "little")
    start = end - 8 - size
    if tail[4:] != MAGIC or start < len(MAGIC):
        raise ValueError("no plain Parquet file")
    file.seek(start)
    return read(file.read(size)), start


def _chunk(column: Struct, *, end: int) -> Chunk:
    metadata = _inner(column)
    size = metadata.number(_SIZE)
    # Some writers say 0 where there is no such page.
    start = min(filter(None, (metadata.number(at) for at in (DATA, _INDEX, DICTIONARY))), default=len(MAGIC))
    if any(at in column.fields for at in (_FILE, *_CRYPTO)) or size is None or size < 0:
        raise ValueError("columns that aren't in this file")
    if start < len(MAGIC) or start + size > end:
        raise ValueError("columns that reach out of the file")
    return Chunk(column, start, size)


def _inner(column: Struct) -> Struct:
    """The metadata of a column; raises ValueError where it lacks."""
    metadata = column.fields.get(_METADATA, (0, None))[1]
    if not isinstance(metadata, Struct):
        raise ValueError("a column without metadata")
    return metadata
