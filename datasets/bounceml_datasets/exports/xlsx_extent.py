"""How much a workbook's cells take in memory: room is made for all between them, and each has its copy of a text."""

import zipfile
from array import array
from collections.abc import Callable, Sequence
from typing import IO
from xml.parsers import expat

# Cells between the first and the last one that any sheet may have, and one with few of them (each takes some 30 bytes).
_MOST, _MOST_IF_EMPTY = 1 << 25, 1 << 22
# A sheet isn't mostly empty if one cell in so many is there.
_EMPTY = 16
# Bytes of the texts that cells share, counted for each of them; and texts that there may be.
_MOST_COPIED, _MOST_TEXTS = 1 << 30, 1 << 25
# Without these bytes in it, no part of an Excel file has cells (ISO/IEC 29500-1, 18.3.1.80).
_MARK = b"sheetData"
# Where the texts are that cells share; readers take other cases and slashes as well.
_SHARED = "xl/sharedstrings.xml"
_PIECE = 1 << 16


class TooFarApartError(Exception):
    """A sheet whose cells lie so far apart that they can't be read into memory."""


class TooMuchTextError(Exception):
    """A workbook whose cells hold more text than can be read into memory."""


def check_extent(packed: zipfile.ZipFile) -> None:
    """Raise TooFarApartError for sheets of too many cells, TooMuchTextError for too much text in them.

    Raises what zipfile raises for damage, or what is no XML.
    """
    shared = _shared_texts(packed)
    longest = max(shared, default=0)
    for member in packed.infolist():
        with packed.open(member) as file:
            is_sheet = _has_mark(file)
        if is_sheet:
            sheet = _Sheet()
            _parse(packed, member, start=sheet.start)
            # Only where they may be too large is each looked up, which takes time.
            if sheet.shared * longest > _MOST_COPIED:
                copies = _Copies(shared)
                _parse(packed, member, start=copies.start, text=copies.text, end=copies.end)


def _shared_texts(packed: zipfile.ZipFile) -> Sequence[int]:
    """The bytes of each text that cells share."""
    found = [each for each in packed.infolist() if each.filename.replace("\\", "/").lower() == _SHARED]
    if len(found) > 1:
        raise zipfile.BadZipFile(f"{_SHARED!r} is in it twice")
    texts = _Texts()
    for member in found:
        _parse(packed, member, start=texts.start, text=texts.text)
    return texts.sizes


def _parse(
    packed: zipfile.ZipFile,
    member: zipfile.ZipInfo,
    *,
    start: Callable[[str, dict[str, str]], None],
    text: Callable[[str], None] | None = None,
    end: Callable[[str], None] | None = None,
) -> None:
    """Go through a part of a workbook, calling these for elements and texts."""
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler, parser.CharacterDataHandler, parser.EndElementHandler = start, text, end
    parser.EntityDeclHandler = _refuse  # no Excel file has any, and they can grow without end
    try:
        with packed.open(member) as file:
            parser.ParseFile(file)
    except expat.ExpatError as error:
        raise zipfile.BadZipFile(f"{member.filename!r} in it is no XML: {error}") from error


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
        self.shared = 0  # cells whose text is a shared one

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """The beginning of an element."""
        kind = tag.rpartition(":")[2]
        if kind == "row":
            self._row = _place(attributes.get("r", ""))[0] or self._row + 1
            self._column = 0
        elif kind == "c":
            row, column = _place(attributes.get("r", ""))
            self._row, self._column = row or self._row, column or self._column + 1
            self.shared += attributes.get("t") == "s"
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


class _Texts:
    """The sizes of texts that cells share."""

    def __init__(self) -> None:
        self.sizes = array("Q")

    def start(self, tag: str, _: dict[str, str]) -> None:
        """The beginning of an element."""
        if tag.rpartition(":")[2] == "si":
            self.sizes.append(0)
            if len(self.sizes) > _MOST_TEXTS:
                raise TooMuchTextError

    def text(self, text: str) -> None:
        """A piece of a text."""
        if self.sizes:
            self.sizes[-1] += len(text.encode())


class _Copies:
    """What the texts come to when each cell has its own; a cell names its text by number."""

    def __init__(self, sizes: Sequence[int]) -> None:
        self._sizes, self._longest = sizes, max(sizes, default=0)
        self._is_shared = False
        self._number: list[str] | None = None
        self._total = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """The beginning of an element."""
        kind = tag.rpartition(":")[2]
        if kind == "c":
            self._is_shared = attributes.get("t") == "s"
        elif kind == "v" and self._is_shared:
            self._number = []

    def text(self, text: str) -> None:
        """A piece of text."""
        if self._number is not None:
            self._number.append(text)

    def end(self, tag: str) -> None:
        """The end of an element."""
        if self._number is None or tag.rpartition(":")[2] != "v":
            return
        number = "".join(self._number)
        is_known = number.isascii() and number.isdigit() and len(number) < 12 and int(number) < len(self._sizes)
        self._total += self._sizes[int(number)] if is_known else self._longest  # readers may take any for it
        self._number = None
        if self._total > _MOST_COPIED:
            raise TooMuchTextError


def _place(reference: str) -> tuple[int, int]:
    """Row and column of a place as "B7", counted from 1; 0 for what isn't named."""
    letters = reference.rstrip("0123456789")
    column = 0
    for letter in letters[:8].upper():
        column = column * 26 + ord(letter) - ord("A") + 1
    return int(reference[len(letters) :][:12] or 0), max(column, 0)


def _refuse(*_: object) -> None:
    raise TooFarApartError
