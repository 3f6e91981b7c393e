"""What is fuzzed: each target takes any bytes, and raises where a promise is broken.

Errors of ours (`BounceError`) are answers, not findings. Seeds are the tests' own files.
"""

import hashlib
import io
import json
import os
import struct
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from bounceml import Classifier, load
from bounceml.config import load_config
from bounceml.decode import decode, repair
from bounceml.errors import BounceError
from bounceml.kernel import Engine, library
from bounceml.mail import read_message
from bounceml.modelfile import default_model, read_model
from bounceml.templates import KernelTemplates, read_tokens
from bounceml_datasets.exports.csv_export import CsvReader
from bounceml_datasets.exports.json_export import JsonReader
from bounceml_datasets.exports.log_export import LogReader
from bounceml_datasets.exports.opening import open_reader
from bounceml_datasets.exports.parts import Reader

TESTS = Path(__file__).parents[1]
EXAMPLES = TESTS.parent / "examples"
CHARSETS = (None, "utf-8", "gb18030", "big5", "shift_jis", "iso-2022-jp", "euc-kr", "koi8-r", "cp1252", "x-none", "\0")
# Features that are kept of the shipped model, to have a small one.
_FEW = 64


@dataclass(frozen=True, slots=True)
class Target:
    """Something that reads what strangers wrote: inputs to begin with, and seconds that none may take."""

    check: Callable[[bytes], None]
    seeds: Callable[[], Sequence[bytes]]
    timeout_s: int = 2


@cache
def classifier() -> Classifier:
    """The shipped model."""
    return load()


def check_message(data: bytes) -> None:
    """Any message gets verdicts."""
    try:
        report = read_message(data)
    except BounceError:
        return
    for verdict in classifier().judge(report):
        assert 0 <= verdict.confidence <= 1
        assert verdict.kind


def check_text(data: bytes) -> None:
    """Bytes in any charset become a text, a mended one, and a verdict."""
    text = decode(data[1:], charset=CHARSETS[data[0] % len(CHARSETS)] if data else None)
    mended = repair(text)
    assert isinstance(mended, str)
    verdict = classifier().classify(text)
    assert 0 <= verdict.confidence <= 1


@cache
def _templates() -> KernelTemplates:
    kernel = library()
    assert kernel is not None, "the kernel isn't built: pip install -e ."
    return KernelTemplates(Engine(kernel))


def check_mask(data: bytes) -> None:
    """The kernel masks as Python does."""
    templates = _templates()
    if templates.is_full():
        templates.forget()
    text = data.decode("utf-8", "replace")
    expected = read_tokens(text)
    encoded = text.encode()
    # Once as it is met first, and once as it is known.
    numbers = [int(templates.number([encoded])[0]) for _ in range(2)]
    assert numbers[0] == numbers[1] == templates.put(expected), expected


def _read_all(reader: Reader) -> None:
    for part in reader.parts():
        assert len(part.texts) == len(part)
        assert all(0 <= at < len(part) for at in part.errors)


def _check_stream(reader: Callable[[io.BytesIO], Reader], data: bytes) -> None:
    with suppress(BounceError):
        _read_all(reader(io.BytesIO(data)))


def check_csv(data: bytes) -> None:
    """CSV and TSV."""
    kind = "tsv" if data[:1] == b"\t" else "csv"
    _check_stream(lambda file: CsvReader(file, name="x", format=kind, text_column=None), data)  # type: ignore[arg-type]


def check_json(data: bytes) -> None:
    """JSON lines and arrays, with every provider's preset that tells itself."""
    _check_stream(lambda file: JsonReader(file, name="x", text_column=None, preset=None), data)


def check_log(data: bytes) -> None:
    """Postfix's and Exim's logs."""
    _check_stream(lambda file: LogReader(file, name="x", preset=None), data)


def check_file(ending: str) -> Callable[[bytes], None]:
    """A format that is read from a file of its own."""
    path = Path(tempfile.gettempdir()) / f"bounceml-fuzz-{os.getpid()}.{ending}"

    def check(data: bytes) -> None:
        path.write_bytes(data)
        try:
            with suppress(BounceError), open_reader(str(path), format=None, text_column=None) as reader:
                _read_all(reader)
        finally:
            path.unlink()

    return check


def check_model(data: bytes) -> None:
    """A model file whose checksum is right, whatever stands in it: refused, or it answers."""
    head = struct.pack("<8sQ", b"bounceML", int.from_bytes(data[:4], "little"))
    made = head + hashlib.sha256(data[4:]).digest() + data[4:]
    try:
        model = Classifier(read_model(memoryview(made), path=Path("x")), config=load_config(None))
    except BounceError:
        return
    assert 0 <= model.classify("550 5.1.1 no such user").confidence <= 1


def _small_model() -> bytes:
    """A model that has few features, as `check_model` takes it."""
    data = default_model().read_bytes()
    size = struct.unpack_from("<8sQ", data)[1]
    header = json.loads(data[48 : 48 + size])
    start, n = -(-(48 + size) // 64) * 64, header["n_features"]
    header |= {"n_features": _FEW, "rules": header["rules"][:3], "manifest": {}}
    text = json.dumps(header).encode()
    arrays, at = b"", start
    for width in (8, 4, 2 * len(header["classes"])):
        arrays += data[at : at + width * _FEW]
        at += width * n
    return len(text).to_bytes(4, "little") + text + bytes(-(48 + len(text)) % 64) + arrays


def _files(*patterns: str) -> list[bytes]:
    found = [path for pattern in patterns for path in sorted(TESTS.parent.glob(pattern))]
    assert found, patterns
    return [path.read_bytes() for path in found]


def _texts() -> list[bytes]:
    lines = (TESTS / "data" / "pieces.txt").read_bytes().split(b"\n")
    rows = [row["text"] for row in _rows()]
    return [*lines, *[text.encode("utf-8", "surrogatepass") for text in rows]]


def _rows() -> list[dict[str, str]]:
    """Every fiftieth row of the labelled data."""
    folder = TESTS.parent / "datasets" / "bounceml_datasets" / "data"
    lines = [line for path in sorted(folder.glob("*.jsonl")) for line in path.read_text("utf-8").splitlines()]
    return [json.loads(line) for line in lines[::50]]


def _parquet() -> list[bytes]:
    made = io.BytesIO()
    pq.write_table(pa.table({"text": ["550 no such user", None], "n": [1, 2]}), made)
    return [made.getvalue()]


TARGETS: dict[str, Target] = {
    "message": Target(check_message, lambda: _files("tests/cases/*.eml", "examples/*.eml")),
    "text": Target(check_text, lambda: [b"\0" + text for text in _texts()]),
    "mask": Target(check_mask, _texts),
    "csv": Target(check_csv, lambda: _files("tests/data/exports/*.csv", "examples/*.csv")),
    "json": Target(check_json, lambda: _files("tests/data/exports/*.json", "tests/data/exports/*.jsonl")),
    "log": Target(check_log, lambda: _files("tests/data/exports/*.log")),
    "xlsx": Target(check_file("xlsx"), lambda: [_xlsx()]),
    # A page that lies about its size makes pyarrow take up to 2 GB before it refuses it.
    "parquet": Target(check_file("parquet"), _parquet, timeout_s=10),
    "model": Target(check_model, lambda: [_small_model()]),
}


def _xlsx() -> bytes:
    """A workbook of one sheet with two rows."""
    sheet = (
        '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
        '<row r="1"><c r="A1" t="inlineStr"><is><t>text</t></is></c></row>'
        '<row r="2"><c r="A2" t="inlineStr"><is><t>550 no such user</t></is></c></row></sheetData></worksheet>'
    )
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as packed:
        packed.writestr("xl/worksheets/sheet1.xml", sheet)
        packed.writestr(
            "xl/workbook.xml",
            '<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" '
            'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships">'
            '<sheets><sheet name="a" sheetId="1" r:id="rId1"/></sheets></workbook>',
        )
        packed.writestr(
            "xl/_rels/workbook.xml.rels",
            '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
            '<Relationship Id="rId1" Target="worksheets/sheet1.xml" '
            'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet"/></Relationships>',
        )
    return made.getvalue()
