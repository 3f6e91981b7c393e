"""Answers beside a Parquet file's columns, whose bytes are copied as they are."""

import io
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

import bounceml_datasets.exports.parquet_export as parquet_export
from bounceml import load
from bounceml_datasets.exports.parquet_footer import MAGIC, footer_of, read_footer
from bounceml_datasets.exports.parquet_joining import joinable
from bounceml_datasets.exports.scoring import Job, score_export
from bounceml_datasets.exports.tally import Tally
from bounceml_datasets.exports.thrift import I64, Listed, Struct, Value, read, write

TEXTS = ["550 5.1.1 user unknown", "552 5.2.2 mailbox full", None, "421 try again later, too many connections", ""]
ROWS = 1000
TABLE = pa.table(
    {
        "id": pa.array(range(ROWS), pa.int64()),
        "at": pa.array([datetime(2026, 1, 1, tzinfo=UTC)] * ROWS, pa.timestamp("us", "Asia/Shanghai")),
        "a.b": pa.array([{"x": i, "y": [str(i), None]} if i % 3 else None for i in range(ROWS)]),
        "kind": pa.array(["x", None, "y", "x"] * (ROWS // 4)).dictionary_encode(),
        "email": pa.array([f"kim@host{i % 7}.example" for i in range(ROWS)]),
        "blob": pa.array([bytes([i % 256]) * 40 for i in range(ROWS)], pa.binary(40)),
        "diagnostic": pa.array(TEXTS * (ROWS // 5), pa.large_string()),
    },
    metadata={"whose": "ours"},
)


def score(source: Path, output: Path) -> Tally:
    return score_export(
        Job(str(source), str(output)), classifier=load(), tell=lambda tally, reader: None, note=lambda line: None
    )


def chunks(path: Path) -> list[list[bytes]]:
    """The bytes of the columns of each row group."""
    data = path.read_bytes()
    return [
        [data[chunk.start : chunk.start + chunk.size] for chunk in group.chunks]
        for group in read_footer(io.BytesIO(data)).groups
    ]


@pytest.mark.parametrize("size", [7, 100, 333, ROWS])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"compression": "zstd", "write_page_index": True, "data_page_size": 200, "write_batch_size": 10},
        {"compression": "none", "use_dictionary": False, "data_page_version": "2.0", "store_schema": False},
        {"use_deprecated_int96_timestamps": True, "version": "1.0", "use_compliant_nested_type": False},
    ],
)
def test_columns_are_copied_byte_for_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int, settings: dict[str, object]
) -> None:
    monkeypatch.setattr(parquet_export, "_BATCH_ROWS", 64)
    monkeypatch.setattr("bounceml_datasets.exports.parquet_joining._FEWEST_ROWS", 1)
    source, output, other = tmp_path / "in.parquet", tmp_path / "out.parquet", tmp_path / "other.parquet"
    pq.write_table(TABLE, source, row_group_size=size, **settings)
    tally = score(source, output)
    columns = len(chunks(source)[0])
    assert [group[:columns] for group in chunks(output)] == chunks(source)
    before, after = pq.read_table(source), pq.read_table(output)
    assert after.select(before.column_names).equals(before)
    assert after.schema.metadata == before.schema.metadata
    monkeypatch.setattr(parquet_export, "joinable", lambda path: None)
    assert score(source, other) == tally
    written = pq.read_table(other)
    assert after.drop_columns(before.column_names).equals(written.drop_columns(before.column_names))


def test_a_file_without_rows_gets_its_columns(tmp_path: Path) -> None:
    pq.write_table(TABLE.slice(0, 0), tmp_path / "in.parquet")
    score(tmp_path / "in.parquet", tmp_path / "out.parquet")
    out = pq.read_table(tmp_path / "out.parquet")
    assert len(out) == 0
    assert out.column_names[-2:] == ["bounce_action", "bounce_decided_by"]


def test_copied_columns_can_be_filtered_by_their_statistics(tmp_path: Path) -> None:
    pq.write_table(TABLE, tmp_path / "in.parquet", row_group_size=100)
    score(tmp_path / "in.parquet", tmp_path / "out.parquet")
    found = pq.read_table(tmp_path / "out.parquet", filters=[("id", ">=", 990), ("bounce_type", "==", "hard")])
    assert set(found["id"].to_pylist()) <= set(range(990, 1000))
    assert pq.ParquetFile(tmp_path / "out.parquet").metadata.row_group(9).column(0).statistics.min == 900


def test_many_tiny_row_groups_become_larger_ones(tmp_path: Path) -> None:
    pq.write_table(TABLE, tmp_path / "in.parquet", row_group_size=5)
    assert joinable(tmp_path / "in.parquet") is None
    score(tmp_path / "in.parquet", tmp_path / "out.parquet")
    assert pq.ParquetFile(tmp_path / "out.parquet").num_row_groups == 1


def test_other_columns_may_hold_what_is_no_utf8(tmp_path: Path) -> None:
    source = tmp_path / "in.parquet"
    table = pa.table({"note": ["zzz", "ok"], "text": ["550 5.1.1 user unknown", "552 mailbox full"]})
    pq.write_table(table, source, compression="none", use_dictionary=False)
    source.write_bytes(source.read_bytes().replace(b"zzz", b"z\x8bz"))
    score(source, tmp_path / "out.parquet")
    assert chunks(tmp_path / "out.parquet")[0][0] == chunks(source)[0][0]


def lying(path: Path, change: dict[int, int]) -> Path:
    """A copy of a file that says of its second column what isn't so."""
    data = path.read_bytes()
    footer = read_footer(io.BytesIO(data))
    metadata = footer.groups[0].chunks[1].column.fields[3][1]
    assert isinstance(metadata, Struct)
    for at, value in change.items():
        metadata.fields[at] = I64, value
    written = write(footer.described)
    lie = path.with_name("lie.parquet")
    lie.write_bytes(
        data[: -8 - int.from_bytes(data[-8:-4], "little")] + written + len(written).to_bytes(4, "little") + MAGIC
    )
    return lie


@pytest.mark.parametrize(
    "change", [{7: 1 << 40}, {7: -5}, {9: 1 << 50, 11: 1 << 50}, {7: 60_000, 9: 4, 11: 4}, {9: 2, 11: 2}]
)
def test_files_that_lie_about_where_columns_are_are_not_copied(tmp_path: Path, change: dict[int, int]) -> None:
    pq.write_table(TABLE, tmp_path / "in.parquet", compression="none")
    assert footer_of(lying(tmp_path / "in.parquet", {})) is not None
    assert footer_of(lying(tmp_path / "in.parquet", change)) is None


@given(data=st.binary(max_size=300), cut=st.integers(0, 400))
def test_any_bytes_are_a_footer_or_none(tmp_path_factory: pytest.TempPathFactory, data: bytes, cut: int) -> None:
    sink = pa.BufferOutputStream()
    pq.write_table(TABLE.select(["id", "email"]), sink)
    whole = sink.getvalue().to_pybytes()
    path = tmp_path_factory.getbasetemp() / "any.parquet"
    for made in (
        data,
        MAGIC + data + len(data).to_bytes(4, "little") + MAGIC,
        whole[:-8][: -cut or None] + data + whole[-8:],
    ):
        path.write_bytes(made)
        footer = footer_of(path)
        assert footer is None or all(chunk.start + chunk.size <= len(made) for g in footer.groups for chunk in g.chunks)


NUMBERS = st.integers(-(2**63), 2**63 - 1).map(lambda n: (6, n))
LEAVES: st.SearchStrategy[tuple[int, Value]] = (
    NUMBERS
    | st.binary().map(lambda b: (8, b))
    | st.booleans().map(lambda b: (1 if b else 2, b))
    | st.integers(0, 255).map(lambda n: (3, n))
)
FIELDS = st.integers(1, 2**15)
STRUCTS = st.recursive(
    st.dictionaries(FIELDS, LEAVES).map(Struct),
    lambda inner: st.dictionaries(
        FIELDS,
        LEAVES
        | inner.map(lambda s: (12, s))
        | st.lists(inner, max_size=20).map(lambda s: (9, Listed(12, list(s))))
        | st.lists(st.booleans()).map(lambda s: (9, Listed(1, list(s)))),
    ).map(Struct),
    max_leaves=10,
)


@given(struct=STRUCTS)
def test_structures_are_read_as_they_were_written(struct: Struct) -> None:
    assert read(write(struct)) == struct
