"""Exports as Excel files: the first sheet, whose first row names the columns."""

import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from datetime import date, time
from pathlib import Path
from typing import Any

from python_calamine import CalamineError, CalamineWorkbook

from bounceml.errors import CorpusError
from bounceml_datasets.exports.columns import not_too_many
from bounceml_datasets.exports.files import EmptyExportError
from bounceml_datasets.exports.parts import CELL
from bounceml_datasets.exports.presets import Preset
from bounceml_datasets.exports.table import Row, TableReader
from bounceml_datasets.exports.xlsx_extent import TooFarApartError, TooMuchTextError, check_extent

# Bytes that a file may unpack to; it is read into memory as a whole.
_MOST_BYTES = 1 << 30
_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
# What zipfile raises for archives that aren't in order, or are locked.
_DAMAGE = (OSError, EOFError, zlib.error, RuntimeError, ValueError, struct.error, zipfile.BadZipFile)


class XlsxReader(TableReader):
    """Rows of the first sheet."""

    def __init__(self, path: Path, *, text_column: str | None, preset: Preset | None = None) -> None:
        try:
            _check_archive(path)
            rows = CalamineWorkbook.from_path(path).get_sheet_by_index(0).iter_rows()
            names = [_cell(value) for value in next(rows, [])]
        except (*_DAMAGE, CalamineError) as error:
            raise CorpusError(f"{path}: can't read it as an Excel file: {error or 'it ends too early'}") from error
        if not any(names):
            raise EmptyExportError(f"{path}: the export is empty: its first row must name the columns")
        super().__init__(not_too_many(names, name=str(path)), _rows(rows), text_column=text_column, preset=preset)


def _check_archive(path: Path) -> None:
    """Refuse what unpacks to too much, also where it says otherwise; raises what zipfile raises for damage."""
    with zipfile.ZipFile(path) as packed:
        found = packed.infolist()
        if sum(each.file_size for each in found) > _MOST_BYTES:
            raise CorpusError(f"{path}: too large for an Excel file: export it as CSV")
        if any(each.compress_type not in _COMPRESSIONS for each in found):
            raise zipfile.BadZipFile("packed in a way that Excel doesn't use")
        try:
            check_extent(packed)  # reads all of it, and so finds what is damaged or says less than it holds
        except TooFarApartError as error:
            raise CorpusError(f"{path}: its cells lie too far apart to be read: export it as CSV") from error
        except TooMuchTextError as error:
            raise CorpusError(f"{path}: its cells hold too much text to be read: export it as CSV") from error


def _rows(rows: Iterator[Sequence[Any]]) -> Iterator[Row]:
    for row in rows:
        cells = [_cell(value) for value in row]
        if any(cells):
            yield cells, None, sum(map(len, cells)) + CELL * len(cells)


def _cell(value: Any) -> str:
    """A cell as Excel shows it: whole numbers without a point."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value.isoformat() if isinstance(value, (date, time)) else str(value)
