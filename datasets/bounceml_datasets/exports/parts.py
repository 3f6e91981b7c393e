"""What a reader of exports hands over: parts of consecutive rows, and what to ask about each."""

import itertools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np

from bounceml_datasets.exports.columns import Columns, Record
from bounceml_datasets.exports.domains import Domains
from bounceml_datasets.exports.presets import Preset
from bounceml_datasets.exports.times import TimeReader

if TYPE_CHECKING:
    from bounceml_datasets.exports.details import Details

T = TypeVar("T")

# Rows of a part: enough for numpy to pay, few enough to stay small in memory.
PART_ROWS = 20_000
# Characters of a part, or fewer rows where they are long or wide: some parts are worked on at once.
PART_CHARACTERS = 1 << 24
# What a cell takes beside its characters, be it empty, counted in them.
CELL = 32
# Of rows that are looked at before any part is made, and kept: the share of a part that they may fill.
_AHEAD = 8
# Columns of an answer, and those of them that make an outcome.
ADDED = tuple(f"bounce_{name}" for name in ("kind", "type", "reason", "confidence", "action", "decided_by"))
OUTCOME = tuple(f"bounce_{name}" for name in ("kind", "type", "reason", "action", "decided_by"))
# Column in which a row that couldn't be read says why.
ERROR = "bounce_error"


@dataclass(frozen=True, slots=True)
class Buffer:
    """Texts that lie in one buffer (uint8): text i is `data[offsets[i]:offsets[i + 1]]` (int64)."""

    data: np.ndarray
    offsets: np.ndarray

    def __len__(self) -> int:
        return len(self.offsets) - 1


@dataclass(frozen=True, slots=True)
class Part:
    """Consecutive rows: as their format holds them, with their texts, and codes where the export has them.

    `asked` says which rows are to be answered (None: all of them); the others come through as they are. `extra` are
    columns that the reader adds. `errors` names what is wrong with a row, by its position. `details` are there where
    they were asked for.
    """

    rows: Any
    texts: Sequence[str] | Buffer
    smtp: Sequence[str | None] | None = None
    status: Sequence[str | None] | None = None
    domains: Domains | None = None
    asked: np.ndarray | None = None
    extra: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    errors: Mapping[int, str] = field(default_factory=dict)
    details: "Details | None" = None
    # How many records of the file were read up to the end of this part.
    read: int = 0

    def __len__(self) -> int:
        return len(self.texts)


def is_full(rows: int, size: int) -> bool:
    """Whether a part ends behind so many rows of so many characters, counted with CELL for each cell."""
    return rows >= PART_ROWS or size >= PART_CHARACTERS


def ahead(rows: Iterator[T], *, most: int, size: Callable[[T], int]) -> list[T]:
    """The first rows, at most so many, fewer where they are long; `size` is counted as by `is_full`."""
    taken: list[T] = []
    total = 0
    for row in itertools.islice(rows, most):
        taken.append(row)
        total += size(row)
        if total >= PART_CHARACTERS // _AHEAD:
            break
    return taken


class Reader(Protocol):
    """An opened export."""

    @property
    def names(self) -> Sequence[str]:
        """Names of the columns."""

    @property
    def columns(self) -> Columns | None:
        """Those of them that say what to ask; None where a preset does."""

    @property
    def preset(self) -> Preset | None:
        """The provider's preset by which it is read."""

    @property
    def rows(self) -> int | None:
        """How many rows there are; None where only reading tells."""

    @property
    def sample(self) -> Sequence[Record]:
        """The first records."""

    def parts(self, *, skip: int = 0, clock: TimeReader | None = None) -> Iterator[Part]:
        """Parts in the order of the file; the first `skip` records are left out.

        With a clock, by which to read when rows happened, parts come with their details.
        """


@dataclass(frozen=True, slots=True)
class Scored:
    """Answers to a part's rows, as columns to add.

    Row i has the cells `outcomes[index[i]]`, one for each of OUTCOME, and the confidence `confidence[i]` (0–1); nothing
    of both where `index[i]` is negative.
    """

    outcomes: Sequence[tuple[str | None, ...]]
    index: np.ndarray
    confidence: np.ndarray

    def cells(self) -> list[tuple[str | float | None, ...]]:
        """The cells of each row, in the order of ADDED."""
        nothing = (None,) * len(ADDED)
        made: dict[tuple[int, float], tuple[str | float | None, ...]] = {}
        rows = []
        for key in zip(self.index.tolist(), self.confidence.tolist(), strict=True):
            if key not in made:
                kind, bounce_type, reason, action, decided_by = self.outcomes[key[0]]
                made[key] = (kind, bounce_type, reason, key[1], action, decided_by) if key[0] >= 0 else nothing
            rows.append(made[key])
        return rows


class Writer(Protocol):
    """An export being written."""

    def write(self, part: Part, scored: Scored) -> None:
        """Write a part's rows with the answers beside."""

    def flush(self) -> int:
        """Bring all that was written to the file; its size in bytes."""

    def close(self) -> None:
        """Finish the file."""


def records_of(part: Part, names: Sequence[str]) -> Iterator[Record]:
    """A part's rows as records, for a writer of another format."""
    rows = part.rows
    if hasattr(rows, "to_pylist"):
        yield from rows.to_pylist()
        return
    for row in rows:
        if isinstance(row, str):  # a line of JSON, or what should have been one
            try:
                record = json.loads(row)
            except (ValueError, RecursionError):
                record = None
            yield record if isinstance(record, dict) else {}
        else:
            yield dict(zip(names, row, strict=False))
