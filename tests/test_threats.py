"""What a stranger may try, one test each; `SECURITY.md` says what stops it and where the rest is tested."""

import csv
import gzip
import io
import json
import os
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from bounceml.classifier import load
from bounceml.errors import CorpusError
from bounceml.mail import split_file
from bounceml_datasets.exports.opening import open_reader
from bounceml_datasets.exports.scoring import Job, score_export
from forked import Done, commands
from workbook import write_xlsx

EXPORTS = Path(__file__).parent / "data" / "exports"
ESCAPES = "\x1b]0;owned\x07\x1b[2J\x9b31m\r\u202e"
FORMULAS = ["=cmd|' /C calc'!A0", "+1+1", "-1+1", "@SUM(1)", "\t=1", "＝1+1", 'a";=1']
MAIL = b"From: MAILER-DAEMON@example.org\nSubject: Undelivered\n\n550 5.1.1 <gone@example.org>: User unknown\n"


def run(*arguments: str, folder: Path | None = None) -> Done:
    return commands().run(arguments, folder=folder or Path())


def read_all(path: Path, *, text_column: str | None = None) -> int:
    with open_reader(str(path), format=None, text_column=text_column) as reader:
        return sum(len(part) for part in reader.parts())


@pytest.mark.parametrize("name", ["a.csv.gz", "a.jsonl.gz"])
def test_a_packed_line_that_never_ends_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with gzip.open(path, "wb", compresslevel=1) as file:
        for _ in range(40):
            file.write(b"a" * (1 << 20))
    with pytest.raises(CorpusError, match="a line is longer than"):
        read_all(path)


SENTENCE = "550 5.1.1 <kim@example.org>: User unknown"
LONG = {
    "a.csv": "id,diagnostic\n" + f"1,{SENTENCE}{' ' * 1000}\n" * 50,
    "a.jsonl": json.dumps({"diagnostic": SENTENCE + " " * 1000}) + "\n",
    "a.json": "[" + ",".join([json.dumps({"diagnostic": SENTENCE + " " * 1000})] * 50) + "]",
    "sendgrid.csv": "event,email,reason,status,sg_event_id,sg_message_id\n"
    + f"bounce,kim@example.org,{SENTENCE},5.1.1,a,{'b' * 1000}\n" * 50,
    "a.log": "Nov  1 10:00:00 mx postfix/smtp[1]: A1B2C3: to=<kim@example.org>, relay=mx.example.org[192.0.2.1]:25, "
    f"delay=1, delays=0/0/0/1, dsn=5.1.1, status=bounced (host mx.example.org said: {SENTENCE} {'x' * 1000})\n",
}


@pytest.mark.parametrize("name", [*LONG, "brevo.jsonl", "a.xlsx"])
def test_parts_of_long_rows_have_fewer_of_them(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bounceml_datasets.exports.parts.PART_CHARACTERS", 8000)
    path = tmp_path / name
    if name == "a.xlsx":
        rows: list[list[str | float]] = [["550 no such user" + " x" * 500] for _ in range(50)]
        write_xlsx(path, [["diagnostic"], *rows])
    elif name == "brevo.jsonl":
        event = json.loads((EXPORTS / name).read_text("utf-8").splitlines()[0]) | {"note": "x" * 1000}
        path.write_text((json.dumps(event) + "\n") * 50)
    else:
        path.write_text(LONG[name] * (1 if LONG[name].count(SENTENCE) > 1 else 50))
    for skip in (0, 3):
        with open_reader(str(path), format=None, text_column=None) as reader:
            parts = list(reader.parts(skip=skip))
        assert sum(len(part) for part in parts) == 50 - skip
        assert max(len(part) for part in parts) <= 8
        assert [part.read for part in parts][-1] == 50


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.parquet", "a.xlsx"])
def test_an_export_of_too_many_columns_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    names = ["diagnostic", *(f"c{i}" for i in range(16_384))]
    if name == "a.csv":
        path.write_text(",".join(names) + "\n550 no such user\n")
    elif name == "a.jsonl":
        path.write_text(json.dumps(dict.fromkeys(names, 1)) + "\n")
    elif name == "a.parquet":
        pq.write_table(pa.table({name: ["550 no such user"] for name in names}), path)
    else:
        write_xlsx(path, [names, ["550 no such user"]])  # type: ignore[list-item]  # texts alone are fine, too
    with pytest.raises(CorpusError, match=rf"{name}: 16,385 columns, and at most 16,384"):
        read_all(path)


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
def test_parts_of_short_rows_of_many_columns_have_fewer_of_them(tmp_path: Path, name: str) -> None:
    names = ["diagnostic", *(f"c{i}" for i in range(8000))]
    if name == "a.csv":
        (tmp_path / name).write_text(",".join(names) + "\n" + "550 no such user\n" * 500)
    else:
        head = json.dumps(dict.fromkeys(names, "550 no such user"))
        (tmp_path / name).write_text(head + '\n{"diagnostic": "550 no such user"}' * 499)
    with open_reader(str(tmp_path / name), format=None, text_column=None) as reader:
        parts = list(reader.parts())
    assert sum(len(part) for part in parts) == 500
    assert max(len(part) for part in parts) < 100


def test_a_row_of_lines_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.csv"
    path.write_text("diagnostic\n550 no such user\n" + '"\n",' * 100 + "\n")
    assert read_all(path) == 2
    monkeypatch.setattr("bounceml_datasets.exports.csv_export._MAX_ROW", 200)
    with pytest.raises(CorpusError, match=r"a\.csv: line 53: a row is longer than 200 characters"):
        read_all(path)


def test_a_row_group_of_long_rows_has_fewer_of_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bounceml_datasets.exports.parts.PART_CHARACTERS", 8000)
    monkeypatch.setattr("bounceml_datasets.exports.parquet_export._ROW_GROUP_BYTES", 20_000)
    (tmp_path / "in.csv").write_text(LONG["a.csv"])
    job = Job(str(tmp_path / "in.csv"), str(tmp_path / "out.parquet"))
    score_export(job, classifier=load(), tell=lambda tally, reader: None, note=lambda line: None)
    made = pq.read_metadata(tmp_path / "out.parquet")
    assert made.num_rows == 50
    assert max(made.row_group(i).num_rows for i in range(made.num_row_groups)) <= 16


def test_a_workbook_that_unpacks_to_more_than_it_says_is_refused(tmp_path: Path) -> None:
    file = io.BytesIO()
    write_xlsx(file, [["text"], ["550 no such user"]])
    made = bytearray(file.getvalue())
    with zipfile.ZipFile(io.BytesIO(bytes(made))) as packed:
        size = packed.getinfo("xl/worksheets/sheet1.xml").file_size
    at = made.rindex(size.to_bytes(4, "little"))
    made[at : at + 4] = (size // 2).to_bytes(4, "little")
    path = tmp_path / "a.xlsx"
    path.write_bytes(bytes(made))
    with pytest.raises(CorpusError, match="can't read it as an Excel file"):
        read_all(path)


@pytest.mark.parametrize(
    "rows",
    [
        '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>',
        '<row r="1"><c r="A1"><v>1</v></c><c r="XFD1"><v>1</v></c></row><row r="99999"><c><v>1</v></c></row>',
        '<row><c r="A1"><v>1</v></c></row><row r="9999999"/><row><c r="ZZ"><v>1</v></c></row>',
    ],
)
def test_a_sheet_whose_cells_lie_far_apart_is_refused(tmp_path: Path, rows: str) -> None:
    path = tmp_path / "a.xlsx"
    write_xlsx(path, [["text"]])
    with zipfile.ZipFile(path) as old:
        members = {name: old.read(name).decode() for name in old.namelist()}
    sheet = "xl/worksheets/sheet1.xml"
    before, _, after = members[sheet].partition("<sheetData>")
    members[sheet] = f"{before}<sheetData>{rows}{after.partition('</row>')[2]}"
    with zipfile.ZipFile(path, "w") as new:
        for name, member in members.items():
            new.writestr(name, member)
    with pytest.raises(CorpusError, match="too far apart"):
        read_all(path)


def shared(path: Path, texts: Sequence[str], *, cells: Sequence[str]) -> Path:
    """A workbook of one column, whose cells name shared texts by number."""
    write_xlsx(path, [["text"]])
    rows = "".join(f'<row><c t="s"><v>{cell}</v></c></row>' for cell in cells)
    with zipfile.ZipFile(path) as old:
        members = {name: old.read(name).decode() for name in old.namelist()}
    sheet = "xl/worksheets/sheet1.xml"
    members[sheet] = members[sheet].replace("</sheetData>", f"{rows}</sheetData>")
    members["xl/SharedStrings.xml"] = f"<sst>{''.join(f'<si><t>{text}</t></si>' for text in texts)}</sst>"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name, member in members.items():
            new.writestr(name, member)
    return path


@pytest.mark.parametrize("cell", ["1", "-1", "9" * 5000, "1<!-- -->"])
def test_a_sheet_whose_cells_share_a_long_text_is_refused(tmp_path: Path, cell: str) -> None:
    path = shared(tmp_path / "a.xlsx", ["550 no such user", "x" * 1_000_000], cells=[cell] * 1100)
    with pytest.raises(CorpusError, match="hold too much text"):
        read_all(path)


def test_a_sheet_of_which_one_cell_has_a_long_text_is_read(tmp_path: Path) -> None:
    path = shared(tmp_path / "a.xlsx", ["550 no such user", "x" * 1_000_000], cells=["1", *["0"] * 2000])
    assert read_all(path) == 2001


def test_a_workbook_of_too_many_texts_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = shared(tmp_path / "a.xlsx", [""] * 1000, cells=["0"])
    read_all(path)
    monkeypatch.setattr("bounceml_datasets.exports.xlsx_extent._MOST_TEXTS", 999)
    with pytest.raises(CorpusError, match="hold too much text"):
        read_all(path)


def test_a_wide_and_a_long_sheet_are_read(tmp_path: Path) -> None:
    for number, rows in enumerate(([["text"] * 16_000, ["550 no"] * 16_000], [["text"], *[["550 no"]] * 9000])):
        path = tmp_path / f"{number}.xlsx"
        write_xlsx(path, rows)  # type: ignore[arg-type]  # texts alone are fine, too
        assert read_all(path) == len(rows) - 1


@pytest.mark.parametrize("ending", ["gz", "zst"])
def test_a_damaged_packed_export_is_refused(tmp_path: Path, ending: str) -> None:
    table = b"text\n" + b"".join(b"550 5.1.1 no such user %d\n" % i for i in range(2000))
    packed = gzip.compress(table) if ending == "gz" else zstandard.ZstdCompressor().compress(table)
    path = tmp_path / f"a.csv.{ending}"
    for at in range(0, len(packed), len(packed) // 40):
        path.write_bytes(packed[:at] + b"\xff\x00\xfe" + packed[at + 3 :])
        with suppress(CorpusError):  # a change may lie where nobody looks
            read_all(path)
    path.write_bytes(packed[: len(packed) // 2])
    with pytest.raises(CorpusError, match=rf"a\.csv\.{ending}: can't read the export"):
        read_all(path)


@pytest.mark.parametrize(
    "column",
    [
        pa.array([["550 no"], None]),
        pa.array([{"a": "550 no"}, None]),
        pa.array([b"550 \xff no", b""]),
        pa.array([1.5, None], pa.float16()),
        pa.array([[("a", 1)], None], pa.map_(pa.string(), pa.int32())),
    ],
    ids=lambda column: str(column.type),
)
def test_a_parquet_column_of_any_type_is_read(tmp_path: Path, column: pa.Array) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": column}), path)
    assert read_all(path, text_column="text") == 2


FEW, MANY, BYTES = 100, 300, 100_000
TEXTS = ["550 no such user"] * FEW + ["550 " + "x" * BYTES] * MANY
# Ways to write long texts in few bytes behind short ones.
SMALL: dict[str, tuple[dict[str, object], pa.Array]] = {
    "dictionary": ({"use_dictionary": True}, pa.array(TEXTS)),
    "pages": ({"use_dictionary": True, "data_page_version": "2.0"}, pa.array(TEXTS)),
    "uncompressed": ({"use_dictionary": True, "compression": "none"}, pa.array(TEXTS)),
    "plain": ({"use_dictionary": False}, pa.array(TEXTS)),
    "delta": ({"use_dictionary": False, "column_encoding": "DELTA_BYTE_ARRAY"}, pa.array(TEXTS)),
    "delta_length": ({"use_dictionary": False, "column_encoding": "DELTA_LENGTH_BYTE_ARRAY"}, pa.array(TEXTS)),
    "fixed": ({}, pa.array([text[:1000].ljust(1000).encode() for text in TEXTS] * 10, pa.binary(1000))),
    "typed": ({}, pa.array(TEXTS).dictionary_encode()),
    "in an object": ({}, pa.array([{"text": text} for text in TEXTS])),
    "in lists": ({}, pa.array([["550 no such user"]] * FEW + [["550 " + "x" * 1000] * 100] * MANY)),
}


@pytest.mark.parametrize("how", SMALL)
def test_long_texts_in_a_small_parquet_file_are_read_few_at_a_time(
    tmp_path: Path, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bounceml_datasets.exports.parquet_extent._MOST_BYTES", 20 * BYTES)
    monkeypatch.setattr("bounceml_datasets.exports.parquet_export._PART_BYTES", 10 * BYTES)
    options, column = SMALL[how]
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"diagnostic": column}), path, **({"compression": "zstd"} | options))
    assert how in {"uncompressed", "fixed"} or path.stat().st_size < BYTES
    sizes = []
    iter_batches = pq.ParquetFile.iter_batches

    def measured(*given: object, **options: object) -> Iterator[pa.RecordBatch]:
        for batch in iter_batches(*given, **options):
            sizes.append(batch.nbytes)
            yield batch

    monkeypatch.setattr(pq.ParquetFile, "iter_batches", measured)
    with open_reader(str(path), format=None, text_column="diagnostic") as reader:
        lengths = [len(part) for part in reader.parts()]
    assert sum(lengths) == len(column)
    assert max(sizes) < 30 * BYTES  # plain pages tell of their texts on average
    assert max(lengths[-9:]) <= 10 or how in {"fixed", "typed"}


def test_short_texts_in_parquet_are_read_many_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    texts = [f"550 5.1.1 <user{i}@example.org>: no such user" for i in range(40_000)]
    pq.write_table(pa.table({"diagnostic": [*texts, "550 " + "x" * 1900], "tags": [["a", "b"]] * 40_001}), path)
    with open_reader(str(path), format=None, text_column=None) as reader:
        assert [len(part) for part in reader.parts()] == [32_768, 7_233]


def test_parquet_pages_that_cannot_be_understood_are_read_row_by_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"diagnostic": ["550 no such user"] * 3}), path)
    monkeypatch.setattr("bounceml_datasets.exports.parquet_extent._MOST_PAGES", 1)
    with open_reader(str(path), format=None, text_column=None) as reader:
        assert [len(part) for part in reader.parts()] == [1, 1, 1]


def test_halves_of_characters_and_huge_numbers_pass_through(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text('{"diagnostic\\ud800": "550 \\ud800 no user", "date": 1' + "0" * 400 + "}\n")
    for name in ("out.csv", "out.jsonl", "out.parquet"):
        done = run("score", "in.jsonl", "-o", name, folder=tmp_path)
        assert done.returncode == 0, done.stderr
    assert run("report", "in.jsonl", "-o", "out.html", folder=tmp_path).returncode == 0
    assert pq.read_metadata(tmp_path / "out.parquet").num_rows == 1


@pytest.mark.parametrize("name", ["deep.jsonl", "deep.json"])
def test_json_nested_without_end_is_a_broken_row(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    deep = '{"a":' * 100_000
    path.write_text('{"text": "550 no such user"}\n' + deep + "\n")
    with open_reader(str(path), format=None, text_column=None) as reader:
        assert sum(len(part.errors) for part in reader.parts()) == 1


def test_no_cell_of_a_sheet_for_excel_runs(tmp_path: Path) -> None:
    with (tmp_path / "in.csv").open("w", newline="", encoding="utf-8") as file:
        rows = [["note", "diagnostic"], *[[formula, f"{formula} 550 user unknown"] for formula in FORMULAS]]
        csv.writer(file).writerows(rows)
    done = run("score", "in.csv", "-o", "out.csv", "--excel", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    data = (tmp_path / "out.csv").read_bytes()
    assert data.startswith(b"\xef\xbb\xbf")
    cells = [cell for row in csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")) for cell in row]
    assert len(cells) > 3 * len(FORMULAS)
    assert not [cell for cell in cells if cell.lstrip("\t ").startswith(("=", "+", "-", "@", "＝"))]


def test_without_excel_cells_stay_as_they_are_and_ours_are_plain_words(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text('diagnostic\n"=550 user unknown"\n', encoding="utf-8")
    done = run("score", "in.csv", "-o", "-", folder=tmp_path)
    row = list(csv.reader(io.StringIO(done.stdout)))[1]
    assert row[0] == "=550 user unknown"
    assert all(cell == "" or cell[0].isalnum() for cell in row[1:])


def test_excel_is_for_tables_only(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("diagnostic\nuser unknown\n")
    done = run("score", "in.csv", "-o", "out.jsonl", "--excel", folder=tmp_path)
    assert done.returncode == 1
    assert "--excel is for CSV and TSV" in done.stderr


def test_terminal_escapes_reach_neither_screen_nor_log(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text(
        f'recipient,diagnostic\n"x@{ESCAPES}.example","550 user unknown {ESCAPES}"\n"a","b","c"\n', encoding="utf-8"
    )
    (tmp_path / "a.eml").write_bytes(MAIL.replace(b"User unknown", b"User unknown " + ESCAPES.encode()))
    commands = (
        ["score", "in.csv", "-o", "out.csv"],
        ["predict", "a.eml", f"none{ESCAPES}.eml"],
        ["predict", "--json", "--explain", "a.eml"],
        ["predict", "--explain", "--text", f"550 {ESCAPES}"],
        ["review", "in.csv", "-o", "sheet.csv"],
        ["score", f"none{ESCAPES}.csv", "-o", "out.csv"],
    )
    for command in commands:
        done = run(*command, folder=tmp_path)
        shown = (done.stdout + done.stderr).replace("\n", "").replace("\t", "")
        assert shown.isprintable(), command


@pytest.mark.parametrize("where", ['[[rule]]\nid = "{0}"\nreason = "policy"', '[reasons."{0}"]', '[reasons.a."{0}"]'])
def test_terminal_escapes_in_names_of_rules_and_reasons_are_refused(tmp_path: Path, where: str) -> None:
    rule = '[[rule]]\nid = "a"\nreason = "policy"\nphrases = ["hello"]\n'
    for name in ("\\u001b]0;owned\\u0007", "a\\u202eb", "a b", "a" * 5000):
        (tmp_path / "bounceml.toml").write_text(rule + where.format(name) + "\n")
        for command in (["predict", "--explain", "--text", "hello"], ["explain", "--text", "hello"]):
            done = run(*command, folder=tmp_path)
            assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (1, "", 1), done
            assert done.stderr.rstrip("\n").isprintable()


def test_names_of_rules_and_reasons_in_any_script_are_taken(tmp_path: Path) -> None:
    rule = '[[rule]]\nid = "合作伙伴:1.a_b"\nreason = "हिन्दी"\nphrases = ["hello"]\n'
    (tmp_path / "bounceml.toml").write_text(f'[reasons."हिन्दी"]\naction = "review"\n{rule}', encoding="utf-8")
    done = run("predict", "--explain", "--text", "hello", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "user_rule:合作伙伴:1.a_b" in done.stdout


def test_terminal_escapes_in_a_name_that_is_written_to_reach_no_screen(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("text,label\n550 no such user,user_unknown\n")
    for command in (
        ["export", "-o", "a\x1b]0;owned\x07.joblib"],
        ["data", "import", "in.csv", "-o", "a\x1b]0;owned\x07.jsonl", "--source", "ours"],
        ["data", "import", "in.csv", "-o", "a\x1b]0;owned\x07.jsonl", "--source", "ours", "--append"],
    ):
        done = run(*command, folder=tmp_path)
        assert done.returncode == 0, done.stderr
        assert (done.stdout + done.stderr).replace("\n", "").isprintable(), command


def test_a_diagnostic_cannot_forge_a_line_of_output(tmp_path: Path) -> None:
    text = "550 no\r\nceo@example.com\thard\tuser_unknown\t99%\tsuppress\tgone"
    done = run("predict", "--text", text, folder=tmp_path)
    lines = done.stdout.splitlines()
    assert len(lines) == 1
    assert lines[0].count("\t") == 5
    assert len(run("predict", "--json", "--text", text, folder=tmp_path).stdout.splitlines()) == 1


def test_a_maildir_is_read_without_what_leads_out_of_it_or_never_ends(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_bytes(b"root:secret")
    folder = tmp_path / "box" / "new"
    folder.mkdir(parents=True)
    (folder / f"1.{ESCAPES.replace('/', '')}").write_bytes(MAIL)
    (folder / "2.link").symlink_to(tmp_path / "secret.txt")
    (folder / "3.loop").symlink_to(folder / "3.loop")
    (folder / "5.folder").mkdir()
    os.mkfifo(folder / "4.pipe")
    assert [content for _, content in split_file(tmp_path / "box")] == [MAIL]
    done = run("predict", "--json", str(tmp_path / "box"))
    assert json.loads(done.stdout)["reason"] == "user_unknown"


def test_a_rule_that_could_take_for_ever_is_refused(tmp_path: Path) -> None:
    for pattern in ("(a+)+b", "(a{0,60}){0,60}b", ".*x", r"(\\w{1,9}){1,99}"):
        (tmp_path / "bounceml.toml").write_text(f'[[rule]]\nid = "a"\nreason = "policy"\npattern = "{pattern}"\n')
        done = run("predict", "--text", "550 " + "a" * 5000, folder=tmp_path)
        assert done.returncode == 1, pattern
        assert "unbounded time" in done.stderr


def test_labels_nobody_knows_stop_before_anything_is_trained(tmp_path: Path) -> None:
    (tmp_path / "poison.csv").write_text("text,reason\n550 user unknown,drop_everybody\n")
    done = run("train", "--data", "poison.csv", "-o", "own.model", folder=tmp_path)
    assert done.returncode == 1
    assert "drop_everybody" in done.stderr
    assert not (tmp_path / "own.model").exists()
