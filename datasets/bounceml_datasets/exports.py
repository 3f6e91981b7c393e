"""Exports: tables of bounces to score, as CSV or JSON lines, read and written row by row."""

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TextIO

from bounceml.codes import find_codes
from bounceml.errors import CorpusError

Format = Literal["csv", "jsonl"]
Record = dict[str, Any]

# Column in which a row that couldn't be read says why.
ERROR = "bounce_error"
# Names by which exports call what the server said, the likeliest first.
TEXT_COLUMNS = (
    "diagnostic", "diagnostic_code", "diagnosticcode", "smtp_response", "smtpresponse", "dsndiag", "response",
    "bounce_reason", "bouncereason", "raw_reason", "rawreason", "reply", "text", "error_message", "errormessage",
    "bounce_message", "error", "description", "details", "message", "reason", "log",
    "退信原因", "退信信息", "失败原因", "错误信息",
)  # fmt: skip
SMTP_COLUMNS = ("smtp_code", "smtpcode", "reply_code", "replycode", "response_code", "error_code", "code")
STATUS_COLUMNS = ("enhanced_code", "enhanced_status", "dsn_status", "dsnstatus", "dsn", "status")
# Rows looked at to find a column by what stands in it.
_LOOKED_AT = 50
# A cell may be long; a quote that is never closed must not swallow the rest of a file.
_MAX_CELL = 1_000_000


@dataclass(frozen=True, slots=True)
class Columns:
    """Columns of an export: the text, and the codes where they stand in columns of their own."""

    text: str
    smtp: str | None
    status: str | None


def format_of(path: Path) -> Format:
    """Format by the file's ending; raises CorpusError for one that isn't read."""
    suffix = path.suffix.lower()
    if suffix == ".csv":
        return "csv"
    if suffix in (".jsonl", ".ndjson"):
        return "jsonl"
    raise CorpusError(f"{path}: don't know exports that end in {suffix or 'nothing'!r}: use .csv or .jsonl")


@contextmanager
def read_export(path: Path) -> Iterator[Iterator[Record]]:
    """Rows of an export as they stand there; a broken one has only the column `bounce_error`.

    Raises CorpusError, naming the file, if it can't be read or isn't text.
    """
    kind = format_of(path)
    try:
        with path.open(encoding="utf-8-sig", newline="" if kind == "csv" else None) as file:
            yield _csv_records(file, path=path) if kind == "csv" else _json_records(file)
    except OSError as error:
        raise CorpusError(f"{path}: can't read the export: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise CorpusError(f"{path}: not UTF-8 at byte {error.start}: save the file as UTF-8") from error
    except csv.Error as error:
        raise CorpusError(f"{path}: not CSV: {error}") from error


@contextmanager
def write_export(path: Path) -> Iterator["Writer"]:
    """Writer of an export in the format of its ending; the file is put in place only when all of it is written."""
    kind = format_of(path)
    beside = path.with_name(f"{path.name}.part")
    try:
        with beside.open("w", encoding="utf-8", newline="") as file:
            yield Writer(file, kind)
        beside.replace(path)
    except OSError as error:
        raise CorpusError(f"{path}: can't write: {error.strerror or error}") from error
    finally:
        beside.unlink(missing_ok=True)


class Writer:
    """Writes records one by one; the first one's columns are the columns of a CSV file."""

    def __init__(self, file: TextIO, kind: Format) -> None:
        self._file = file
        self._kind = kind
        self._csv: csv.DictWriter[str] | None = None

    def write(self, record: Record) -> None:
        """Write one record; a CSV leaves out columns that its first record didn't have."""
        if self._kind == "jsonl":
            self._file.write(json.dumps(record, ensure_ascii=False, default=str) + "\n")
            return
        if self._csv is None:
            self._csv = csv.DictWriter(self._file, fieldnames=list(record), extrasaction="ignore")
            self._csv.writeheader()
        self._csv.writerow(record)


def find_columns(sample: Sequence[Record], *, text: str | None = None) -> Columns:
    """Columns of an export: `text` if given, else by name, else the one that looks most like replies.

    Raises CorpusError that lists the columns if none is found.
    """
    names = list(dict.fromkeys(name for record in sample for name in record))
    by_lower = {name.strip().lower(): name for name in reversed(names)}
    chosen = text or next((by_lower[n] for n in TEXT_COLUMNS if n in by_lower and _has_text(sample, by_lower[n])), None)
    chosen = chosen or _by_look(sample, names)
    if chosen is None or (sample and chosen not in names):
        what = f"no column {text!r}" if text else "no column with the servers' replies found"
        raise CorpusError(f"{what}: name it with --text-column; there are {', '.join(map(repr, names)) or 'none'}")
    return Columns(
        text=chosen,
        smtp=next((by_lower[n] for n in SMTP_COLUMNS if n in by_lower and by_lower[n] != chosen), None),
        status=next((by_lower[n] for n in STATUS_COLUMNS if n in by_lower and by_lower[n] != chosen), None),
    )


def sample_of(records: Iterator[Record]) -> list[Record]:
    """The first rows of an export, to find its columns by."""
    return [record for record, _ in zip(records, range(_LOOKED_AT), strict=False)]


def _has_text(sample: Sequence[Record], name: str) -> bool:
    """Whether a column holds words, rather than numbers, codes or one-word classes."""
    values = [str(record[name]) for record in sample if record.get(name)]
    return not values or sum(" " in v or find_codes(v).smtp is not None or not v.isascii() for v in values) * 2 > len(
        values
    )


def _by_look(sample: Sequence[Record], names: Iterable[str]) -> str | None:
    def replies(name: str) -> int:
        values = (record.get(name) for record in sample)
        return sum(isinstance(v, str) and " " in v and find_codes(v).smtp is not None for v in values)

    best = max(names, key=replies, default=None)
    return best if best is not None and replies(best) * 3 > len(sample) else None


def _csv_records(file: TextIO, *, path: Path) -> Iterator[Record]:
    csv.field_size_limit(_MAX_CELL)
    reader = csv.DictReader(file, restkey="")
    if not reader.fieldnames:
        raise CorpusError(f"{path}: the export is empty: its first line must name the columns")
    for record in reader:
        if "" in record and isinstance(record[""], list):
            yield {
                **{name: record[name] for name in reader.fieldnames},
                ERROR: f"line {reader.line_num}: too many cells",
            }
        else:
            yield record


def _json_records(file: TextIO) -> Iterator[Record]:
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            record = None
        yield record if isinstance(record, dict) else {ERROR: f"line {number}: not a JSON object"}
