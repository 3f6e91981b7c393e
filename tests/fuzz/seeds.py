"""What fuzzing begins with: the tests' own files, and small ones that are made here."""

import gzip
import io
import json
import random
import struct
import zipfile
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from bounceml.modelfile import default_model
from bounceml_datasets.exports.presets import presets
from workbook import write_xlsx

TESTS = Path(__file__).parents[1]
# Features that are kept of the shipped model, to have a small one; and its rules.
_FEW, _FEW_RULES = 64, 3
# Lines that are kept of a long file.
_LINES = 4
_CELLS: list[list[str | float]] = [["text", "n"], ["550 no such user", 1.0]]
PRESETS = tuple(presets().values())


def files(*patterns: str) -> list[bytes]:
    """Contents of the repository's files with such names."""
    found = [path for pattern in patterns for path in sorted(TESTS.parent.glob(pattern))]
    assert found, patterns
    return [path.read_bytes() for path in found]


def beginnings(*patterns: str) -> list[bytes]:
    """The first lines of the repository's files with such names: what is small is tried more often."""
    return [b"\n".join(data.split(b"\n")[:_LINES]) for data in files(*patterns)]


def choices() -> list[bytes]:
    """Bytes that choose at random."""
    drawn = random.Random(1)
    return [drawn.randbytes(4 + number) for number in range(40)]


def texts() -> list[bytes]:
    """Pieces that texts are made of, and every fiftieth text of the labelled data."""
    lines = (TESTS / "data" / "pieces.txt").read_bytes().split(b"\n")
    return [*lines, *[row["text"].encode("utf-8", "surrogatepass") for row in _rows()]]


def mailboxes() -> list[bytes]:
    """Two messages in one file."""
    messages = files("examples/*.eml")
    return [b"".join(b"From x@example.org Mon Jan  5 00:00:00 2026\n" + m + b"\n" for m in messages[:2])]


def corpus_lines() -> list[bytes]:
    """Rows of the labelled data, as JSON and as CSV; the first byte says which."""
    rows = _rows()[:60]
    table = "text,reason,lang\n" + "".join(f'"{r["text"]}",{r.get("reason", "")},{r["lang"]}\n' for r in rows[:9])
    return [b"\1" + table.encode(), *[b"\0" + json.dumps(row, ensure_ascii=False).encode() for row in rows]]


def labelled() -> list[bytes]:
    """Labelled files as tools write them, behind the number of their ending."""
    studio = [
        {
            "data": {"text": "550 no such user", "lang": "en"},
            "annotations": [{"result": [{"type": "choices", "value": {"choices": ["user_unknown"]}}]}],
        }
    ]
    prodigy = {"text": "452 full", "options": [{"id": "mailbox_full"}], "accept": ["mailbox_full"], "answer": "accept"}
    exports = [b"\1" + data for data in beginnings("tests/data/exports/*.jsonl")]
    tables = [b"\0" + data for data in beginnings("tests/data/new-provider-labels.csv", "tests/data/exports/*.csv")]
    return [b"\1" + json.dumps(studio).encode(), b"\1" + json.dumps(prodigy).encode(), *exports, *tables]


def sheets() -> list[bytes]:
    """Sheets as they are sent out and as they come back from a spreadsheet."""
    return [
        b"\xef\xbb\xbflabel,text,count,reason,confidence\r\n,550 no such user,3,user_unknown,0.9\r\n?,452 full,1,,\r\n",
        b"text;label\n550 no;user_unknown\n'=1+1;?\n",
        b"text\tlabel\na\tb\n",
    ]


def by_preset() -> list[bytes]:
    """Each provider's export behind the number of its preset."""
    found = []
    for number, preset in enumerate(PRESETS):
        found += [bytes([number]) + data for data in beginnings(f"tests/data/exports/{preset.name}.[!e]*")]
    return found


@cache
def events() -> tuple[str, ...]:
    """Providers' events, each as JSON."""
    found: list[Any] = []
    for data in files("tests/data/exports/*.jsonl"):
        found += [json.loads(line) for line in data.splitlines() if line.strip()]
    for path in sorted((TESTS / "data" / "exports").glob("*.json")):
        if not path.name.endswith(".expected.json"):
            read = json.loads(path.read_bytes())
            found += read if isinstance(read, list) else [read]
    return tuple(json.dumps(each) for each in found)


def json_exports() -> list[bytes]:
    """Each event by itself, and two of them as an array."""
    return [*[event.encode() for event in events()], f"[{events()[0]},\n{events()[1]}]".encode()]


def configurations() -> list[bytes]:
    """The user's own table and rules."""
    own = '[reasons.parked]\nfault = "recipient"\ntype = "hard"\naction = "review"\nmeans = "parked"\n'
    rule = '[[rule]]\nid = "a"\nreason = "policy"\npattern = "no {1,3}way"\nexamples = ["no way"]\n'
    return [own.encode(), rule.encode(), b'format = 1\ntable = "rfc"\n[reasons.mailbox_full]\ntype = "hard"\n']


def packed() -> list[bytes]:
    """A table in each compression, behind its number."""
    table = b"text\n550 no such user\n"
    return [b"\0" + gzip.compress(table, mtime=0), b"\1" + zstandard.ZstdCompressor().compress(table)]


def parquet_file() -> list[bytes]:
    """A table of two rows."""
    made = io.BytesIO()
    pq.write_table(pa.table({"text": ["550 no such user", None], "n": [1, 2]}), made)
    return [made.getvalue()]


def workbook() -> list[bytes]:
    """A workbook of one sheet."""
    made = io.BytesIO()
    write_xlsx(made, _CELLS)
    return [made.getvalue()]


def worksheets() -> list[bytes]:
    """Members of a workbook, each behind its number."""
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    rows = '<row><c t="inlineStr"><is><t>text</t></is></c></row><row r="2"><c r="A2"><v>550</v></c></row>'
    sheet = f'<worksheet xmlns="{main}"><dimension ref="A1:B2"/><sheetData>{rows}</sheetData></worksheet>'
    with zipfile.ZipFile(io.BytesIO(workbook()[0])) as packed:
        names = packed.namelist()
        members = [bytes([number]) + packed.read(name) for number, name in enumerate(names)]
    return [*members, bytes([names.index("xl/worksheets/sheet1.xml")]) + sheet.encode()]


@cache
def small_model() -> tuple[str, bytes]:
    """The header, as JSON, and the arrays of a model that has few features."""
    data = default_model().read_bytes()
    size = struct.unpack_from("<8sQ", data)[1]
    header = json.loads(data[48 : 48 + size])
    start, n = -(-(48 + size) // 64) * 64, header["n_features"]
    header |= {"n_features": _FEW, "rules": header["rules"][:_FEW_RULES], "manifest": {}}
    arrays, at = b"", start
    for width in (8, 4, 2 * len(header["classes"])):
        arrays += data[at : at + width * _FEW]
        at += width * n
    return json.dumps(header), arrays


def model_body(header: str, arrays: bytes) -> bytes:
    """A model as `check_model` takes it: the size of the header, the header, and what stands behind."""
    text = header.encode()
    return len(text).to_bytes(4, "little") + text + bytes(-(48 + len(text)) % 64) + arrays


@cache
def _rows() -> list[dict[str, str]]:
    folder = TESTS.parent / "datasets" / "bounceml_datasets" / "data"
    lines = [line for path in sorted(folder.glob("*.jsonl")) for line in path.read_text("utf-8").splitlines()]
    return [json.loads(line) for line in lines[::50]]
