"""How far a workbook's cells lie apart: each names its place, and a reader makes room for all between."""

import zipfile
from typing import IO
from xml.parsers import expat

# Cells between the first and the last one that any sheet may have, and one with few of them (each takes some 30 bytes).
_MOST, _MOST_IF_EMPTY = 1 << 25, 1 << 22
# A sheet isn't mostly empty if one cell in so many is there.
_EMPTY = 16
# Without these bytes in it, no part of an Excel file has cells (ISO/IEC 29500-1, 18.3.1.80).
_MARK = b"sheetData"
_PIECE = 1 << 16


class TooFarApartError(Exception):
    """A sheet whose cells lie so far apart that they can't be read into memory."""


def check_extent(packed: zipfile.ZipFile) -> None:
    """Raise TooFarApartError for sheets of too many cells, and what zipfile raises for damage, or what is no XML."""
    for member in packed.infolist():
        with packed.open(member) as file:
            is_sheet = _has_mark(file)
        if is_sheet:
            with packed.open(member) as file:
                _Sheet().read(file, name=member.filename)


def _has_mark(file: IO[bytes]) -> bool:
    tail = b""
    while piece := file.read(_PIECE):
        if _MARK in tail + piece:
            return True
        tail = piece[-len(_MARK) :]
    return False


class _Sheet:
    """The places of a sheet's cells; a row or cell that doesn't name its place stands behind the one before."""

    def __init__(self) -> None:
        self._row, self._column = 0, 0
        self._first: tuple[int, int] | None = None
        self._last = (0, 0)
        self._cells = 0

    def read(self, file: IO[bytes], *, name: str) -> None:
        """Go through a sheet; raises as `check_extent`."""
        parser = expat.ParserCreate()
        parser.StartElementHandler = self._start
        parser.EntityDeclHandler = _refuse  # no Excel file has any, and they can grow without end
        try:
            parser.ParseFile(file)
        except expat.ExpatError as error:
            raise zipfile.BadZipFile(f"{name!r} in it is no XML: {error}") from error

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        kind = tag.rpartition(":")[2]
        if kind == "row":
            self._row = _place(attributes.get("r", ""))[0] or self._row + 1
            self._column = 0
        elif kind == "c":
            row, column = _place(attributes.get("r", ""))
            self._row, self._column = row or self._row, column or self._column + 1
            self._add()

    def _add(self) -> None:
        self._cells += 1
        here = self._row, self._column
        first = self._first or here
        self._first = min(first[0], here[0]), min(first[1], here[1])
        self._last = max(self._last[0], here[0]), max(self._last[1], here[1])
        area = (self._last[0] - self._first[0] + 1) * (self._last[1] - self._first[1] + 1)
        if area > _MOST or (area > _MOST_IF_EMPTY and area > _EMPTY * self._cells):
            raise TooFarApartError


def _place(reference: str) -> tuple[int, int]:
    """Row and column of a place as "B7", counted from 1; 0 for what isn't named."""
    letters = reference.rstrip("0123456789")
    column = 0
    for letter in letters[:8].upper():
        column = column * 26 + ord(letter) - ord("A") + 1
    return int(reference[len(letters) :][:12] or 0), max(column, 0)


def _refuse(*_: object) -> None:
    raise TooFarApartError
