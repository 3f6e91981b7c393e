"""Exports of every format come through untouched, with the verdicts beside, whatever happens on the way."""

import csv
import gzip
import io
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

import bounceml
from bounceml.errors import CorpusError
from bounceml_datasets.exports.csv_export import CsvReader
from bounceml_datasets.exports.json_export import JsonReader
from bounceml_datasets.exports.parts import ADDED
from bounceml_datasets.exports.scoring import Job, score_export
from bounceml_datasets.exports.tally import Tally

CLASSIFIER = bounceml.load()
TEXTS = ["550 5.1.1 <kim@example.com>: User unknown", "552 邮箱空间不足", "421 too many connections", ""]
REASONS = ["user_unknown", "mailbox_full", "rate_limited", "unknown"]


def score(source: Path, output: Path, **how: Any) -> Tally:
    job = Job(str(source), str(output), **how)
    return score_export(job, classifier=CLASSIFIER, tell=lambda tally, reader: None, note=lambda line: None)


def opened(path: Path) -> bytes:
    data = path.read_bytes()
    if path.suffix == ".gz":
        return gzip.decompress(data)
    if path.suffix == ".zst":
        return zstandard.ZstdDecompressor().stream_reader(data, read_across_frames=True).read()
    return data


def csv_rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text("utf-8"), newline="")))


def packed(path: Path, data: bytes) -> Path:
    pack = {".gz": gzip.compress, ".zst": zstandard.ZstdCompressor().compress}.get(path.suffix, bytes)
    path.write_bytes(pack(data))
    return path


def table(texts: Sequence[str] = TEXTS, *, delimiter: str = ",") -> str:
    made = io.StringIO(newline="")
    csv.writer(made, delimiter=delimiter).writerows(
        [["id", "email", "diagnostic", "note"]] + [[i, "a@b.example", t, 'say "a,b";\tc'] for i, t in enumerate(texts)]
    )
    return made.getvalue()


@pytest.mark.parametrize("packing", ["", ".gz", ".zst"])
@pytest.mark.parametrize(("ending", "delimiter"), [(".csv", ","), (".csv", ";"), (".tsv", "\t")])
def test_csv_comes_through(tmp_path: Path, ending: str, delimiter: str, packing: str) -> None:
    source = packed(tmp_path / f"in{ending}{packing}", table(delimiter=delimiter).encode())
    score(source, tmp_path / f"out{ending}{packing}")
    given_rows = list(csv.reader(io.StringIO(table(delimiter=delimiter), newline=""), delimiter=delimiter))
    out = opened(tmp_path / f"out{ending}{packing}").decode()
    rows = list(csv.reader(io.StringIO(out, newline=""), delimiter=delimiter))
    assert [row[:4] for row in rows] == given_rows
    assert rows[0][4:] == [*ADDED, "bounce_error"]
    assert [row[6] for row in rows[1:]] == REASONS


@pytest.mark.parametrize("packing", ["", ".gz", ".zst"])
def test_json_lines_come_through(tmp_path: Path, packing: str) -> None:
    lines = [json.dumps({"n": i, "deep": {"a": [1.50, None]}, "diagnostic": t}) for i, t in enumerate(TEXTS)]
    score(packed(tmp_path / f"in.jsonl{packing}", "\n".join(lines).encode()), tmp_path / f"out.jsonl{packing}")
    out = opened(tmp_path / f"out.jsonl{packing}").decode().splitlines()
    assert [line.startswith(given_line[:-1]) for line, given_line in zip(out, lines, strict=True)] == [True] * 4
    assert [json.loads(line)["bounce_reason"] for line in out] == REASONS


def test_parquet_comes_through_with_its_types(tmp_path: Path) -> None:
    columns = {
        "at": pa.array([datetime(2026, 1, 1, tzinfo=UTC)] * 4, pa.timestamp("us", "Asia/Shanghai")),
        "tags": pa.array([["a"], [], None, ["b", "c"]]),
        "kind": pa.array(["x", "y", "x", None]).dictionary_encode(),
        "email": pa.array(["kim@Example.com", None, "<lee@example.org>", "no address"]),
        "diagnostic": pa.array([*TEXTS[:3], None], pa.large_string()),
    }
    pq.write_table(pa.table(columns), tmp_path / "in.parquet", row_group_size=2)
    tally = score(tmp_path / "in.parquet", tmp_path / "out.parquet")
    out = pq.read_table(tmp_path / "out.parquet")
    assert out.select(list(columns)).equals(pa.table(columns))
    assert out["bounce_reason"].to_pylist() == REASONS
    assert set(tally.summary()["by_domain"]) == {"example.com", "", "example.org"}


@pytest.mark.parametrize("source", ["in.csv", "in.jsonl", "in.parquet"])
@pytest.mark.parametrize("target", ["out.csv", "out.jsonl.gz", "out.parquet", "out.tsv"])
def test_every_format_becomes_every_other(tmp_path: Path, source: str, target: str) -> None:
    rows = {"n": ["1", "2", "3", "4"], "diagnostic": TEXTS}
    if source == "in.parquet":
        pq.write_table(pa.table(rows), tmp_path / source)
    elif source == "in.csv":
        (tmp_path / source).write_text(
            "n,diagnostic\n" + "".join(f'{n},"{t}"\n' for n, t in zip(*rows.values(), strict=True))
        )
    else:
        lines = [json.dumps({"n": n, "diagnostic": t}) for n, t in zip(*rows.values(), strict=True)]
        (tmp_path / source).write_text("\n".join(lines), "utf-8")
    score(tmp_path / source, tmp_path / target)
    score(tmp_path / target, tmp_path / "again.jsonl", text_column="diagnostic")
    records = [json.loads(line) for line in (tmp_path / "again.jsonl").read_text("utf-8").splitlines()]
    assert [str(record["n"]) for record in records] == rows["n"]
    assert [record["bounce_reason"] for record in records] == REASONS


@pytest.mark.parametrize("charset", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
def test_character_sets_are_told(tmp_path: Path, charset: str) -> None:
    (tmp_path / "in.csv").write_bytes("编号,退信原因\r\n1,552 邮箱空间不足，请稍后再试\r\n".encode(charset))
    score(tmp_path / "in.csv", tmp_path / "out.csv")
    row = csv_rows(tmp_path / "out.csv")[0]
    assert row["编号"] == "1"
    assert row["bounce_reason"] == "mailbox_full"


def test_broken_rows_are_kept_counted_and_named(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text('id,diagnostic\n1,user unknown\n2,user unknown,too,many\n3\n4,"mailbox full"\n')
    tally = score(tmp_path / "in.csv", tmp_path / "out.csv")
    rows = csv_rows(tmp_path / "out.csv")
    assert (tally.rows, tally.broken) == (4, 1)
    assert [row["id"] for row in rows] == ["1", "2", "3", "4"]
    assert rows[1]["bounce_error"] == "line 3: 4 cells, the first line has 2"
    assert [row["bounce_reason"] for row in rows] == ["user_unknown", "", "unknown", "mailbox_full"]


def test_a_line_that_only_looks_like_an_object_is_kept_in_a_table_too(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text('{"text": "550 user unknown"}\n{bad}\n')
    tally = score(tmp_path / "in.jsonl", tmp_path / "out.csv")
    assert (tally.rows, tally.broken) == (2, 1)
    assert [row["bounce_error"] for row in csv_rows(tmp_path / "out.csv")] == ["", "line 2: not a JSON object"]


def test_strict_stops_at_a_broken_row_and_leaves_the_old_output(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("id,diagnostic\n1,no,no\n")
    (tmp_path / "out.csv").write_text("old")
    with pytest.raises(CorpusError, match=r"in\.csv: line 2: 3 cells"):
        score(tmp_path / "in.csv", tmp_path / "out.csv", strict=True)
    assert (tmp_path / "out.csv").read_text() == "old"


def test_resume_begins_anew_for_another_export(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, output = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_text(table(), "utf-8")
    output.with_name("out.csv.part").write_text("half of something else")
    output.with_name("out.csv.part.json").write_text('{"made_from": [1], "read": 2, "size": 4, "tally": {}}')
    score(source, output, resume=True)
    assert [row["id"] for row in csv_rows(output)] == ["0", "1", "2", "3"]


@pytest.mark.parametrize("changed", [True, False])
def test_resume_begins_anew_under_another_configuration(tmp_path: Path, changed: bool) -> None:
    source, output, config = (tmp_path / name for name in ("in.csv", "out.csv", "bounceml.toml"))
    source.write_text(table(), "utf-8")
    config.write_text('[reasons.mailbox_full]\nseen_as = "hard"\n')

    def broken_off(tally: Tally, reader: object) -> None:
        raise KeyboardInterrupt

    def run(tell: Callable[..., None], *, resume: bool) -> list[str]:
        notes: list[str] = []
        job = Job(str(source), str(output), resume=resume)
        score_export(job, classifier=bounceml.load(config=config), tell=tell, note=notes.append)
        return notes

    with pytest.raises(KeyboardInterrupt):
        run(broken_off, resume=False)
    if changed:
        config.write_text('[reasons.mailbox_full]\nseen_as = "soft"\n')
    assert ("nothing to go on with: beginning anew" in run(lambda tally, reader: None, resume=True)) is changed
    assert [row["bounce_type"] for row in csv_rows(output)][1] == ("soft" if changed else "hard")


def test_pipes() -> None:
    command = [sys.executable, "-m", "bounceml_cli", "score", "-", "-o", "-"]
    done = subprocess.run(command, input=table().encode(), capture_output=True, check=True)
    assert [row["bounce_reason"] for row in csv.DictReader(io.StringIO(done.stdout.decode(), newline=""))] == REASONS
    line = json.dumps({"diagnostic": TEXTS[0]}).encode()
    done = subprocess.run([*command, "--format", "jsonl"], input=line, capture_output=True, check=True)
    assert json.loads(done.stdout)["bounce_reason"] == "user_unknown"


def test_rows_without_an_answer_have_none(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("id,diagnostic\n")
    assert score(tmp_path / "in.csv", tmp_path / "out.csv", text_column="diagnostic").rows == 0
    assert (tmp_path / "out.csv").read_text().strip() == ",".join(["id", "diagnostic", *ADDED, "bounce_error"])


@pytest.mark.parametrize(
    ("name", "data", "complaint"),
    [
        ("in.csv", b"", "the export is empty"),
        ("in.csv", b"\x00\x01\x02binary", "not a text file"),
        ("in.parquet", b"PAR1 no", "can't read it as Parquet"),
        ("in.csv.gz", b"no gzip", "can't read the export"),
        ("in.jsonl", b"", "the export is empty"),
        ("in.csv", b"a,b\n1,2\n", "name it with --text-column; there are 'a', 'b'"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, name: str, data: bytes, complaint: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(CorpusError, match=complaint) as error:
        score(tmp_path / name, tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()
    assert name in str(error.value) or "--text-column" in str(error.value)


@given(data=st.binary(max_size=400), start=st.sampled_from([b"", b"diagnostic,b\n", b'{"diagnostic": "x y"}\n']))
def test_any_bytes_are_read_or_refused(data: bytes, start: bytes) -> None:
    for reader in (
        lambda file: CsvReader(file, name="x", format="csv", text_column="diagnostic"),
        lambda file: JsonReader(file, name="x", text_column="diagnostic"),
    ):
        try:
            opened_reader = reader(io.BytesIO(start + data))
        except CorpusError:
            continue
        assert sum(len(part) for part in opened_reader.parts()) >= 0


def test_parts_are_cut_and_skipped_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bounceml_datasets.exports.parts.PART_ROWS", 3)
    text = table([f"user {i} unknown" for i in range(20)]).encode()
    for skip in (0, 1, 3, 7, 20):
        reader = CsvReader(io.BytesIO(text), name="x", format="csv", text_column=None)
        rows = [row[0] for part in reader.parts(skip=skip) for row in part.rows]
        assert rows == [str(i) for i in range(skip, 20)]


def test_parquet_texts_that_are_no_utf8_are_read_with_what_is(tmp_path: Path) -> None:
    source = tmp_path / "in.parquet"
    table = pa.table({"text": ["550 5.1.1 user zzz unknown", "552 mailbox full"]})
    pq.write_table(table, source, compression="none", use_dictionary=False)
    source.write_bytes(source.read_bytes().replace(b"zzz", b"z\x8bz"))
    score(source, tmp_path / "out.parquet")
    assert pq.read_table(tmp_path / "out.parquet")["text"].to_pylist()[0] == "550 5.1.1 user z\ufffdz unknown"
