"""Addresses to give up: each once, in memory as long as they are few, else in a file."""

import csv
import io
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import numpy as np

from bounceml.errors import CorpusError
from bounceml.whole_file import Beside, fresh_beside
from bounceml_datasets.cells import guarded

# Addresses that a page carries inside, some two megabytes; more are written beside it.
MOST_INSIDE = 50_000
# Addresses that are told apart, 8 bytes each; beyond them one may be counted and listed twice.
_MOST_KNOWN = 20_000_000
# Fresh ones wait here before they are sorted in.
_MOST_FRESH = 200_000
# Characters of an address (RFC 5321, section 4.5.3.1).
_LONGEST = 320
# What stands in no address as exports write them.
_NEVER = frozenset(' ,;"<>')
HEAD = ("email", "reason", "confidence")


@dataclass(frozen=True, slots=True)
class Drop:
    """An address to give up, why, and how sure that is (0–1)."""

    address: str
    reason: str
    confidence: float


class DropList:
    """Collects addresses to give up; beyond `most` they go to a file beside `path`, put there by `finish`."""

    def __init__(self, path: Path | None, *, most: int = MOST_INSIDE) -> None:
        self._path = path
        self._most = most
        self._known = np.empty(0, np.int64)
        self._fresh: set[int] = set()
        self._beside: Beside | None = None
        self._file: TextIO | None = None
        self.inside: list[Drop] = []
        self.count = 0
        # Rows whose recipient is no address.
        self.odd = 0
        # Whether there were too many to tell all of them apart.
        self.is_uncertain = False

    def add(self, drops: Sequence[Drop]) -> None:
        """Take the addresses of a part, each of which may have come before."""
        keys = np.array([hash(drop.address.lower()) for drop in drops], np.int64)
        at = np.minimum(np.searchsorted(self._known, keys), max(0, len(self._known) - 1))
        is_new = self._known[at] != keys if len(self._known) else np.ones(len(keys), bool)
        new = []
        for i in np.flatnonzero(is_new).tolist():
            key = int(keys[i])
            if key not in self._fresh:
                self._fresh.add(key)
                new.append(drops[i])
        self.count += len(new)
        self._learn()
        if self._file is None and len(self.inside) + len(new) <= self._most:
            self.inside += new
        elif self._path is not None:
            self._write(new)
        else:
            self.inside += new[: self._most - len(self.inside)]

    def finish(self) -> Path | None:
        """Put the file in its place; None where there is none."""
        if self._file is None or self._beside is None:
            return None
        try:
            self._file.close()
            self._beside.put_in_place()
        except OSError as error:
            raise CorpusError(f"{self._path}: can't write: {error.strerror or error}") from error
        self._beside.close()
        return self._path

    def give_up(self) -> None:
        """Remove a file that wasn't finished."""
        if self._file is not None:
            with suppress(OSError):  # what couldn't be written before can't be now, and was told
                self._file.close()
        if self._beside is not None:
            self._beside.close()

    def _learn(self) -> None:
        """Sort the fresh ones in where there are many."""
        if len(self._fresh) < _MOST_FRESH:
            return
        if len(self._known) >= _MOST_KNOWN:
            self.is_uncertain = True
        else:
            self._known = np.union1d(self._known, np.fromiter(self._fresh, np.int64, len(self._fresh)))
        self._fresh = set()

    def _write(self, drops: Sequence[Drop]) -> None:
        assert self._path is not None
        try:
            if self._file is None:
                self._beside = fresh_beside(self._path)
                self._file = self._beside.path.open("w", encoding="utf-8", newline="")
                self._file.write(as_csv(self.inside, head=True))
                self.inside = []
            self._file.write(as_csv(drops, head=False))
        except OSError as error:
            raise CorpusError(f"{self._path}: can't write: {error.strerror or error}") from error


def as_csv(drops: Iterable[Drop], *, head: bool) -> str:
    """Addresses as CSV whose cells no spreadsheet takes for formulas."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    if head:
        writer.writerow(HEAD)
    writer.writerows([guarded(drop.address), guarded(drop.reason), f"{drop.confidence:.4f}"] for drop in drops)
    return text.getvalue()


def address_in(cell: str) -> str | None:
    """The address in a cell ("Kim <kim@example.com>"); None where there is none.

    >>> address_in("Kim <kim@example.com>"), address_in("=1+1")
    ('kim@example.com', None)
    """
    found = cell.rpartition("<")[2].partition(">")[0].strip() if "<" in cell else cell.strip()
    local, _, domain = found.rpartition("@")
    is_one = local and domain and len(found) <= _LONGEST and found.isprintable() and _NEVER.isdisjoint(found)
    return found if is_one else None
