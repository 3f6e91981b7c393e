"""The sheet in which texts are labelled: CSV with one row for each template and the answer in the column `label`."""

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from bounceml.errors import CorpusError
from bounceml.whole_file import write_whole
from bounceml_datasets.labelling.cells import guarded, unguarded
from bounceml_datasets.labelling.item import Answer, Item

LABEL = "label"
# Stands in the column for a text that somebody looked at and could not tell.
SKIPPED = "?"
# The model's answers, each with the column of its confidence.
_ANSWERS = (
    ("reason", "confidence"),
    ("runner_up", "runner_up_confidence"),
    ("third", "third_confidence"),
)
COLUMNS = (
    LABEL, "text", "count", "domains", "lang", *(name for pair in _ANSWERS for name in pair),
    "rule_reason", "rule", "provider_class", "provider_reason",
)  # fmt: skip
_MAX_BYTES = 1 << 26
_MAX_CELL = 1_000_000
_DELIMITERS = ",;\t"
_DIGITS = 4


class Sheet:
    """An opened sheet; columns that aren't ours stay as they are."""

    def __init__(self, path: Path, *, names: Sequence[str], rows: list[list[str]], delimiter: str = ",") -> None:
        self.path = path
        self.names = list(names)
        self._rows = rows
        self._delimiter = delimiter
        self._seen = _state(path)

    def __len__(self) -> int:
        return len(self._rows)

    def label(self, row: int) -> str:
        """What stands in the column `label` of a row; empty where nothing does yet."""
        return unguarded(self._cell(row, LABEL)).strip()

    def item(self, row: int) -> Item:
        """A row's text with what is known of it; cells that a person wrote nonsense into are empty."""
        cell = {name: unguarded(self._cell(row, name)).strip() for name in self.names}
        answers = [(cell.get(name, ""), _number(cell.get(confidence, ""))) for name, confidence in _ANSWERS]
        return Item(
            text=cell["text"],
            count=_whole(cell.get("count", "")),
            domains=_whole(cell.get("domains", "")),
            lang=cell.get("lang", ""),
            answers=tuple(Answer(label, p or 0.0) for label, p in answers if label),
            rule_reason=cell.get("rule_reason", ""),
            rule=cell.get("rule", ""),
            provider_class=cell.get("provider_class", ""),
            provider_reason=cell.get("provider_reason", ""),
        )

    def write_label(self, row: int, label: str) -> None:
        """Put a label into a row and save the sheet, whole or not at all.

        Raises CorpusError where it can't be written, or another program wrote into it meanwhile.
        """
        if _state(self.path) != self._seen:
            raise CorpusError(f"{self.path}: was changed by another program meanwhile: close it there and start again")
        before = self._rows[row]
        cells = before + [""] * (len(self.names) - len(before))
        cells[self.names.index(LABEL)] = guarded(label)
        self._rows[row] = cells
        write_whole(self.path, _csv(self.names, self._rows, delimiter=self._delimiter))
        self._seen = _state(self.path)

    def _cell(self, row: int, name: str) -> str:
        at, cells = self.names.index(name), self._rows[row]
        return cells[at] if at < len(cells) else ""


def open_sheet(path: Path) -> Sheet:
    """A sheet from a file; one without a column `label` gets it. Raises CorpusError where it can't be read."""
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise CorpusError(f"{path}: more than {_MAX_BYTES >> 20} MB, too large for a sheet to label")
        text = path.read_text("utf-8-sig")
    except OSError as error:
        raise CorpusError(f"{path}: can't read the sheet: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise CorpusError(f"{path}: not UTF-8: save the file as UTF-8 (in Excel: CSV UTF-8)") from error
    csv.field_size_limit(_MAX_CELL)
    delimiter = max(_DELIMITERS, key=text.partition("\n")[0].count)
    try:
        names, *rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)) or [[]]
    except csv.Error as error:
        raise CorpusError(f"{path}: not CSV: {error}") from error
    if "text" not in names:
        raise CorpusError(f"{path}: the first line must name the column text; make the sheet with bounceml review")
    if LABEL not in names:
        names, rows = [LABEL, *names], [["", *row] for row in rows if row]
    return Sheet(path, names=names, rows=[row for row in rows if any(row)], delimiter=delimiter)


def sheet_bytes(items: Iterable[Item]) -> bytes:
    """A fresh sheet, as bytes that a spreadsheet opens without asking, with no cell that it could run."""
    return _csv(COLUMNS, [[guarded(cell) for cell in _cells(item)] for item in items], delimiter=",")


def _cells(item: Item) -> list[str]:
    answers = [cell for answer in item.answers for cell in (answer.label, f"{round(answer.confidence, _DIGITS)}")]
    answers += [""] * (2 * len(_ANSWERS) - len(answers))
    numbers = ["" if number is None else str(number) for number in (item.count, item.domains)]
    return [
        "", item.text, *numbers, item.lang, *answers[: 2 * len(_ANSWERS)],
        item.rule_reason, item.rule, item.provider_class, item.provider_reason,
    ]  # fmt: skip


def _csv(names: Sequence[str], rows: Iterable[Sequence[str]], *, delimiter: str) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerows([names, *rows])
    return text.getvalue().encode("utf-8-sig", "replace")


def _state(path: Path) -> tuple[int, int] | None:
    """What tells whether a file was written since; None where there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CorpusError(f"{path}: can't read the sheet: {error.strerror or error}") from error
    return found.st_size, found.st_mtime_ns


def _number(cell: str) -> float | None:
    try:
        return float(cell.replace(",", "."))  # as a spreadsheet of another country writes it
    except ValueError:
        return None


def _whole(cell: str) -> int | None:
    return int(cell) if cell.isascii() and cell.isdigit() and len(cell) < 16 else None
