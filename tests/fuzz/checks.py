"""What must hold for any bytes: each check raises where a promise is broken.

Errors of ours (`BounceError`) are answers, not findings.
"""

import csv
import hashlib
import io
import json
import os
import struct
import tempfile
import zipfile
from collections.abc import Callable
from contextlib import suppress
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from altered import Choices, altered
from bounceml import Classifier, load
from bounceml.batch import Batch
from bounceml.config import load_config, parse_config
from bounceml.decode import decode, repair
from bounceml.errors import BounceError
from bounceml.kernel import Engine, library
from bounceml.mail import read_message, split_file
from bounceml.modelfile import read_model
from bounceml.taxonomy import load_taxonomy
from bounceml.templates import KernelTemplates, read_tokens
from bounceml_datasets.corpus import load_corpus, parse_corpus
from bounceml_datasets.exports.csv_export import CsvReader
from bounceml_datasets.exports.files import FileKind
from bounceml_datasets.exports.json_export import JsonReader
from bounceml_datasets.exports.log_export import LogReader
from bounceml_datasets.exports.opening import make_writer, open_reader
from bounceml_datasets.exports.parts import Buffer, Reader
from bounceml_datasets.exports.scoring import scored_columns
from bounceml_datasets.exports.tally import Tally
from bounceml_datasets.exports.texts import codes_at, example_of, text_at
from bounceml_datasets.exports.times import TimeReader
from bounceml_datasets.imports.labelled import Reading, Source
from bounceml_datasets.imports.merging import Defaults, merge
from bounceml_datasets.imports.reading import provider_of, read_labelled
from bounceml_datasets.labelling.session import Session
from bounceml_datasets.labelling.sheet import open_sheet
from bounceml_datasets.labels import label_names
from seeds import PRESETS, events, model_body, small_model, workbook

CHARSETS = (None, "utf-8", "gb18030", "big5", "shift_jis", "iso-2022-jp", "euc-kr", "koi8-r", "cp1252", "x-none", "\0")
REASONS = tuple(load_taxonomy().reasons)
LABELS = label_names(REASONS)
_NEWEST = date(2026, 6, 1)
# One in so many inputs is also answered and written, which takes longer than reading it.
_WRITTEN = 32
_WRITTEN_AS = (FileKind("csv"), FileKind("jsonl"), FileKind("tsv", "gz"), FileKind("parquet"))
_KINDS = (
    pa.string(), pa.large_string(), pa.binary(), pa.int64(), pa.uint8(), pa.float64(), pa.float16(), pa.bool_(),
    pa.timestamp("ns", "UTC"), pa.timestamp("s"), pa.date32(), pa.time64("us"), pa.duration("s"), pa.decimal128(12, 2),
    pa.list_(pa.string()), pa.struct([("a", pa.string())]), pa.map_(pa.string(), pa.int32()), pa.null(),
    pa.dictionary(pa.int8(), pa.string()), pa.dictionary(pa.int32(), pa.int64()), pa.string_view(), pa.binary(4),
)  # fmt: skip
_NAMES = (
    "text", "diagnostic", "recipient", "smtp_code", "status", "time", "date", "bounce_kind", "bounce_type",
    "bounce_reason", "bounce_confidence", "bounce_action", "bounce_decided_by", "bounce_error", "n", "",
)  # fmt: skip


@cache
def classifier() -> Classifier:
    """The shipped model."""
    return load()


@cache
def _batch() -> Batch:
    return Batch(classifier())


def check_message(data: bytes) -> None:
    """Any message gets verdicts."""
    try:
        report = read_message(data)
    except BounceError:
        return
    for verdict in classifier().judge(report):
        assert 0 <= verdict.confidence <= 1
        assert verdict.kind
        json.dumps(verdict.to_dict())


def check_reading(data: bytes) -> None:
    """Any message is read or refused."""
    with suppress(BounceError):
        assert read_message(data).recipients


def check_mailbox(data: bytes) -> None:
    """Files of several messages are taken apart, and each is read or refused."""
    with _file(data, "mbox") as path:
        for _, content in split_file(path):
            check_reading(content)


def check_decoder(data: bytes) -> None:
    """Bytes in any charset become a text, and mending it again changes nothing that breaks it."""
    text = decode(data[1:], charset=CHARSETS[data[0] % len(CHARSETS)] if data else None)
    assert isinstance(repair(text), str)


def check_text(data: bytes) -> None:
    """Any text gets a verdict."""
    verdict = classifier().classify(decode(data, charset=None))
    assert 0 <= verdict.confidence <= 1
    json.dumps(verdict.to_dict())


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


def check_csv(data: bytes) -> None:
    """CSV and TSV."""
    kind = "tsv" if data[:1] == b"\t" else "csv"
    file = io.BytesIO(data)
    _check(lambda: CsvReader(file, name="x", format=kind, text_column=None), data)  # type: ignore[arg-type]


def check_json(data: bytes) -> None:
    """JSON lines and arrays, with every provider's preset that tells itself."""
    file = io.BytesIO(data)
    _check(lambda: JsonReader(file, name="x", text_column=None, preset=None), data)


def check_log(data: bytes) -> None:
    """Postfix's and Exim's logs."""
    file = io.BytesIO(data)
    _check(lambda: LogReader(file, name="x", preset=None), data)


def check_preset(data: bytes) -> None:
    """A provider's export, by the preset that the first byte names, whatever the rest is."""
    preset = PRESETS[data[0] % len(PRESETS)] if data else PRESETS[0]
    file = io.BytesIO(data[1:])

    def reader() -> Reader:
        if preset.format == "log":
            return LogReader(file, name="x", preset=preset)
        if preset.format == "jsonl":
            return JsonReader(file, name="x", text_column=None, preset=preset)
        return CsvReader(file, name="x", format=preset.format, text_column=None, preset=preset)

    _check(reader, data)


def check_event(data: bytes) -> None:
    """A provider's event of which something isn't as the provider writes it."""
    choices = Choices(data)
    event = altered(json.loads(events()[choices.below(len(events()))]), choices)
    file = io.BytesIO(json.dumps(event).encode())
    _check(lambda: JsonReader(file, name="x", text_column=None, preset=None), data)


def check_table(data: bytes) -> None:
    """A Parquet file whose columns have any type under names that mean something."""
    choices = Choices(data)
    columns = {}
    for _ in range(1 + choices.below(6)):
        name, kind = _NAMES[choices.below(len(_NAMES))], _KINDS[choices.below(len(_KINDS))]
        columns[name] = _column(kind, choices)
    made = io.BytesIO()
    pq.write_table(pa.table(columns), made)
    check_file("parquet")(made.getvalue())


def _column(kind: pa.DataType, choices: Choices) -> pa.Array:
    """Three values of a type, or nothing where they can't be of that type."""
    values = [choices.odd() for _ in range(3)]
    text = [None if value is None else str(value).encode("utf-8", "surrogatepass") for value in values]
    with suppress(pa.ArrowException, UnicodeEncodeError, OverflowError, TypeError, ValueError):
        if pa.types.is_string(kind) or pa.types.is_large_string(kind):
            return pa.array(text, pa.binary()).cast(kind, safe=False)  # not always UTF-8
        if pa.types.is_dictionary(kind):
            return pa.array([str(value)[:3] for value in values]).dictionary_encode().cast(kind)
        if pa.types.is_map(kind):  # pyarrow ends the process where it is given other values
            return pa.array([None if value is None else [(str(value)[:3], 1)] for value in values], kind)
        return pa.array(text if kind == pa.binary() else values, kind)
    return pa.nulls(3, kind)


def check_worksheet(data: bytes) -> None:
    """A workbook that is packed well, whatever one of its members is: the one that the first byte names."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(workbook()[0])) as old, zipfile.ZipFile(made, "w") as new:
        names = old.namelist()
        for name in names:
            new.writestr(name, data[1:] if name == names[data[0] % len(names) if data else 0] else old.read(name))
    check_file("xlsx")(made.getvalue())


def check_packed(data: bytes) -> None:
    """A packed table."""
    check_file(("csv.gz", "csv.zst", "jsonl.gz")[data[0] % 3 if data else 0])(data[1:])


def check_file(ending: str) -> Callable[[bytes], None]:
    """A format that is read from a file of its own."""

    def check(data: bytes) -> None:
        with _file(data, ending) as path, suppress(BounceError):  # noqa: SIM117  # the reader may raise when it opens
            with open_reader(str(path), format=None, text_column=None) as reader:
                _go_through(reader, data)

    return check


def _check(opened: Callable[[], Reader], data: bytes) -> None:
    with suppress(BounceError):
        _go_through(opened(), data)


def _go_through(reader: Reader, data: bytes) -> None:
    """Read an export to its end; some are answered and written too."""
    number = len(data)
    clock = TimeReader(newest=_NEWEST) if number % 2 else None
    if number % _WRITTEN:
        for part in reader.parts(clock=clock, skip=number // _WRITTEN % 2):
            assert len(part.texts) == len(part)
            assert all(0 <= at < len(part) for at in part.errors)
        return
    kind = _WRITTEN_AS[number // _WRITTEN % len(_WRITTEN_AS)]
    file, tally = io.BytesIO(), Tally()
    with _file(b"", "out") as path:
        writer = make_writer(kind, reader=reader, path=path, file=file, head=True, excel=kind.format == "csv")
        for part in reader.parts(clock=clock):
            batch = _batch()
            if isinstance(part.texts, Buffer):
                answers = batch.answer_buffer(part.texts.data, part.texts.offsets, smtp=part.smtp, enhanced=part.status)
            else:
                answers = batch.answer(part.texts, smtp=part.smtp, enhanced=part.status)
            scored = scored_columns(answers, part=part)
            writer.write(part, scored)
            tally.add(part, scored)
            if len(part):
                example_of(text_at(part, 0), codes=codes_at(part, 0))
        writer.close()
        json.dumps(tally.summary())
        _check_written(kind, file.getvalue(), path=path, rows=tally.rows)


def _check_written(kind: FileKind, data: bytes, *, path: Path, rows: int) -> None:
    """What was written has a row for each that was read."""
    if kind.format == "parquet":
        assert pq.read_metadata(path).num_rows == rows
    elif kind.format == "jsonl":
        assert len([json.loads(line) for line in data.splitlines()]) == rows
    elif kind.format == "csv":
        assert len(list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))) == rows + 1


def check_sheet(data: bytes) -> None:
    """A sheet for labelling takes a label where it is asked for one, gives it up again, and changes nothing else."""
    with _file(data, "csv") as path, suppress(BounceError):
        sheet = open_sheet(path)
        session = Session(sheet)
        if session.item is None:
            return
        before = [sheet.label(row) for row in range(len(sheet))]
        session.answer("mailbox_full")
        again = open_sheet(path)
        after = [again.label(row) for row in range(len(again))]
        assert sum(a != b for a, b in zip(before, after, strict=True)) <= 1
        assert "mailbox_full" in after
        assert session.undo()


def check_labelled(data: bytes) -> None:
    """Labelled texts of any origin are imported or refused."""
    ending = ("csv", "jsonl", "tsv", "json")[data[0] % 4 if data else 0]
    with _file(data[1:], ending) as path, suppress(BounceError):
        source = Source(path)
        provider_of(source)
        reading = Reading()
        found = merge(read_labelled(source, reading=reading), crosswalk=None, reasons=REASONS, defaults=Defaults())
        for row in found.rows.values():
            row.to_json().encode("utf-8", "replace")


def check_corpus(data: bytes) -> None:
    """Rows of labelled data are in order, or refused."""
    with suppress(BounceError):
        if data[:1] == b"\0":
            parse_corpus(data[1:].decode("utf-8", "replace"), name="x", reasons=REASONS)
        else:
            with _file(data[1:], "csv") as path:
                load_corpus([path], reasons=REASONS)


def check_configuration(data: bytes) -> None:
    """The user's table and rules are in order, or refused; a rule that is taken answers at once."""
    with suppress(BounceError):
        config = parse_config(data.decode("utf-8", "replace"), path=Path("x"))
        config.rules.first("550 " + "a" * 5000)


def check_model(data: bytes) -> None:
    """A model file whose checksum is right, whatever stands in it: refused, or it answers."""
    head = struct.pack("<8sQ", b"bounceML", int.from_bytes(data[:4], "little"))
    made = head + hashlib.sha256(data[4:]).digest() + data[4:]
    try:
        model = Classifier(read_model(memoryview(made), path=Path("x")), config=load_config(None))
    except BounceError as error:
        if "\n" in str(error):
            raise AssertionError("it isn't refused in one line") from error
        return
    verdict = model.classify("550 5.1.1 no such user")
    assert 0 <= verdict.confidence <= 1
    json.dumps(verdict.to_dict()).encode()


def check_header(data: bytes) -> None:
    """A model file of which the header says something else than was written."""
    header, arrays = small_model()
    check_model(model_body(json.dumps(altered(json.loads(header), Choices(data))), arrays))


class _file:  # noqa: N801  # read as a function
    """A file that is gone afterwards."""

    def __init__(self, data: bytes, ending: str) -> None:
        self._path = Path(tempfile.gettempdir()) / f"bounceml-fuzz-{os.getpid()}.{ending}"
        self._data = data

    def __enter__(self) -> Path:
        self._path.write_bytes(self._data)
        return self._path

    def __exit__(self, *_: Any) -> None:
        self._path.unlink(missing_ok=True)
