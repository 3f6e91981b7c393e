"""When rows happened: moments in the many ways in which exports write them, to the minute."""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime

import numpy as np

# What stands for "no time". Others are minutes since 1970: of universal time where the export names a zone, else of the
# clock that the export goes by.
MISSING = np.iinfo(np.int64).min
# Years in which events of mail are believed; what lies outside is a mistake, or no time at all.
_FIRST_YEAR, _LAST_YEAR = 1995, 2099
_EPOCH = date(1970, 1, 1).toordinal()
_DAY = 1440
# A moment stands at the start of a cell.
_LONGEST = 64
# Distinct days, and minutes as they are mostly written, that are remembered.
_MAX_KNOWN = 50_000
_CLOCK = (
    r"(?:,?[T\s]\s{0,3}(?P<h>\d{1,2})[:：时時](?P<i>\d{2})(?:[:：分]\d{2}秒?)?(?:[.,]\d{1,9})?"
    r"(?:\s?(?P<half>[AaPp])\.?[Mm]\.?)?)?(?:\s?(?P<zone>Z|UTC|GMT|[+-]\d{2}:?\d{2}))?"
)
_SHAPES = tuple(
    re.compile(shape + _CLOCK, re.ASCII)
    for shape in (
        r"(?P<y>\d{4})(?P<sep>[-/.年])(?P<m>\d{1,2})(?:(?P=sep)|月)(?P<d>\d{1,2})日?",
        r"(?P<a>\d{1,2})(?P<sep>[-/.])(?P<b>\d{1,2})(?P=sep)(?P<y>\d{4})",
        # RFC 5322, section 3.3, and what databases make of it.
        r"(?:[A-Za-z]{3,9},?\s+)?(?P<d>\d{1,2})[\s/-](?P<month>[A-Za-z]{3})[a-z]{0,6}[\s/-](?P<y>\d{4})",
        r"(?P<month>[A-Za-z]{3})[a-z]{0,6}\.?\s+(?P<d>\d{1,2}),?\s+(?P<y>\d{4})",
        # RFC 3164, section 4.1.2: the year isn't told.
        r"(?P<month>[A-Za-z]{3})\s+(?P<d>\d{1,2})",
    )
)
_DIGITS = re.compile(r"\d{8,19}(?=(?:\.\d{0,9})?\s*$)", re.ASCII)
_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTHS = {name: i for i, name in enumerate(_NAMES, 1)}
# Seconds since 1970 as numbers of these units; no unit's numbers of our years are another's.
_UNITS = (1, 1_000, 1_000_000, 1_000_000_000)
# Greater than every number that is a moment.
_BEYOND = 1 << 63


class TimeReader:
    """Reads moments; days such as 3/2/2026 month first, unless `day_first`.

    `newest` is when the export was made: by it the days of a log, which name no year, get theirs.
    """

    def __init__(self, *, newest: date, day_first: bool = False) -> None:
        self._newest = newest
        self._day_first = day_first
        self._days: dict[tuple[int, int, int], int] = {}
        self._minutes: dict[tuple[str, str], int] = {}

    def minutes(self, values: Sequence[object]) -> np.ndarray:
        """Minutes since 1970 of cells, MISSING where none can be read; int64 of shape (n_values,)."""
        return np.array([self.minute(value) for value in values], np.int64)

    def minute(self, value: object) -> int:
        """Minutes since 1970 of a cell, MISSING where none can be read.

        >>> reader = TimeReader(newest=date(2026, 3, 1))
        >>> [reader.minute(text) for text in ("1970-01-02", "2026-03-02T08:15:00+08:00", "1772410500", "soon")]
        [-9223372036854775808, 29540175, 29540175, -9223372036854775808]
        """
        if isinstance(value, str):
            return self._of_text(value)
        if isinstance(value, datetime):
            return self._of_text(value.isoformat())
        if isinstance(value, date):
            return self._day(value.year, value.month, value.day)
        # JSON may hold numbers that no array takes.
        if isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < _BEYOND:
            return int(minutes_of_numbers(np.array([value], np.float64))[0])
        return MISSING

    def _of_text(self, text: str) -> int:
        if text[4:5] != "-" or text[13:14] != ":":
            return self._read(text)
        # Most rows share the minute with the one before; what is left behind the seconds is a zone.
        key = text[:16], text[16:].lstrip("0123456789:.,")[:8]
        if key not in self._minutes:
            if len(self._minutes) >= _MAX_KNOWN:
                self._minutes.clear()
            self._minutes[key] = self._read(text)
        return self._minutes[key]

    def _read(self, text: str) -> int:
        text = text[:_LONGEST].strip(" \t\"'[")
        if found := _DIGITS.match(text):
            return self._of_digits(found[0])
        for shape in _SHAPES:
            if found := shape.match(text):
                return self._of_parts(found.groupdict())
        return MISSING

    def _of_parts(self, said: dict[str, str | None]) -> int:
        month = _MONTHS.get((said.get("month") or "").lower(), 0) if "month" in said else int(said.get("m") or 0)
        day, year = int(said.get("d") or 0), int(said.get("y") or 0)
        if "a" in said:
            first, second = int(said["a"] or 0), int(said["b"] or 0)
            by_day = first > 12 or (second <= 12 and (self._day_first or said["sep"] == "."))
            day, month = (first, second) if by_day else (second, first)
        if not year:
            year = self._newest.year
            if (month, day) > (self._newest.month, self._newest.day):
                year -= 1
        start = self._day(year, month, day)
        if start == MISSING or said["h"] is None:
            return start
        hour, minute = int(said["h"]), int(said["i"] or 0)
        if said["half"]:
            hour = hour % 12 + 12 * (said["half"].lower() == "p")
        if hour > 24 or minute > 59:
            return MISSING
        return start + hour * 60 + minute - _offset(said["zone"] or "")

    def _of_digits(self, digits: str) -> int:
        if len(digits) in {8, 12, 14}:  # 20260302081500
            hour, minute = int(digits[8:10] or 0), int(digits[10:12] or 0)
            start = self._day(int(digits[:4]), int(digits[4:6]), int(digits[6:8]))
            if start != MISSING and hour < 24 and minute < 60:
                return start + hour * 60 + minute
        return int(minutes_of_numbers(np.array([int(digits)], np.float64))[0])

    def _day(self, year: int, month: int, day: int) -> int:
        """Minutes since 1970 at the start of a day."""
        found = self._days.get((year, month, day))
        if found is None:
            found = _start_of_day(year, month, day)
            if len(self._days) < _MAX_KNOWN:
                self._days[year, month, day] = found
        return found


def minutes_of_numbers(numbers: np.ndarray) -> np.ndarray:
    """Minutes since 1970 of seconds, or of thousandths, millionths and so on; MISSING for what is none of our years."""
    found = np.full(len(numbers), MISSING, np.int64)
    first, last = (datetime(year, 1, 1, tzinfo=UTC).timestamp() for year in (_FIRST_YEAR, _LAST_YEAR + 1))
    numbers = np.nan_to_num(np.asarray(numbers, np.float64), nan=0.0)
    for unit in _UNITS:
        fits = (numbers >= first * unit) & (numbers < last * unit)
        found[fits] = (numbers[fits] / (60 * unit)).astype(np.int64)
    return found


def is_day_first(values: Sequence[object]) -> bool | None:
    """Whether days such as 3/2/2026 stand before months, as a sample of cells shows; None where it doesn't.

    >>> is_day_first(["3/2/2026", "13/2/2026"])
    True
    """
    found = [shape for value in values if isinstance(value, str) and (shape := _SHAPES[1].match(value.strip()))]
    if any(int(each["a"]) > 12 for each in found):
        return True
    return False if any(int(each["b"]) > 12 for each in found) else None


def are_times(values: Sequence[object]) -> bool:
    """Whether most of these cells, empty ones aside, are moments; there must be one."""
    reader = TimeReader(newest=date(2026, 1, 1))  # only for a year, which doesn't matter here
    told = [value for value in values if value is not None and value != ""]
    return sum(reader.minute(value) != MISSING for value in told) * 2 > len(told)


def _start_of_day(year: int, month: int, day: int) -> int:
    if not _FIRST_YEAR <= year <= _LAST_YEAR:
        return MISSING
    try:
        return (date(year, month, day).toordinal() - _EPOCH) * _DAY
    except ValueError:
        return MISSING


def _offset(zone: str) -> int:
    """Minutes by which a zone is ahead of universal time."""
    if zone[:1] not in {"+", "-"}:
        return 0
    digits = zone[1:].replace(":", "")
    return (int(digits[:2]) * 60 + int(digits[2:])) * (-1 if zone[0] == "-" else 1)
