"""Reads an export once and counts its rows by template, receiver and answer."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from bounceml.batch import Batch
from bounceml.template_scores import Outcome
from bounceml_datasets.exports.opening import open_reader
from bounceml_datasets.exports.parts import Buffer, Part
from bounceml_datasets.exports.texts import codes_at, example_of, text_at
from bounceml_training.drift.cells import MAX_CELLS, NO_RECEIVER, Cells, busiest, drawn

# Receivers that are told apart; those that first come after so many others are counted without one.
_MAX_RECEIVERS = 100_000
# Receivers that stay apart when there are too many cells, and when there still are.
_KEPT_RECEIVERS = (1000, 250, 60, 15)
# Cells that wait to be counted together with the others, which sorts them all.
_LEAST_WAITING = 100_000
# Templates of which an example is kept; beyond them the rarer half is dropped.
_MAX_EXAMPLES = 20_000
_MAX_EXAMPLE = 300
# Fingerprint of the template without a token.
_EMPTY = 0


@dataclass(frozen=True, slots=True)
class Source:
    """An export to read, as for scoring."""

    path: str
    text_column: str | None = None
    format: str | None = None


@dataclass(slots=True)
class Example:
    """A text of a template, and how often it came since."""

    text: str
    seen: int


class Census:
    """Counts of one export. Of `2 ** level` templates one is kept, so that memory stays bounded; 0 keeps all.

    `receivers` and `outcomes` are named by their position; receiver 0 is all that aren't told apart.
    """

    def __init__(self, *, most: int = MAX_CELLS) -> None:
        self._most = most
        self._waiting: list[Cells] = []
        self._cells = Cells.none()
        self._number: dict[str, int] = {"": NO_RECEIVER}
        self._folded = np.zeros(1, np.int64)
        self.examples: dict[int, Example] = {}
        self.outcomes: tuple[Outcome, ...] = ()
        self.level = 0
        self.rows = 0
        self.broken = 0
        # Rows that say nothing, rows that aren't failures, and rows that say why they failed.
        self.empty = 0
        self.unasked = 0
        self.counted = 0

    @property
    def receivers(self) -> tuple[str, ...]:
        """Names of the receivers' domains, by number."""
        return tuple(self._number)

    def cells(self) -> Cells:
        """All that was counted."""
        self._settle()
        return self._cells

    def folded(self) -> np.ndarray:
        """Numbers of receivers that are no longer told apart."""
        return np.flatnonzero(self._folded != np.arange(len(self._folded)))

    def add(self, part: Part, *, batch: Batch) -> None:
        """Count a part's rows; always with the same batch."""
        self.rows += len(part)
        self.broken += len(part.errors)
        kept = np.ones(len(part), bool) if part.asked is None else part.asked.copy()
        kept[list(part.errors)] = False
        self.unasked += len(part) - len(part.errors) - int(kept.sum())
        texts = part.texts
        if isinstance(texts, Buffer):
            answers = batch.answer_buffer(texts.data, texts.offsets, smtp=part.smtp, enhanced=part.status)
        else:
            answers = batch.answer(texts, smtp=part.smtp, enhanced=part.status)
        self.outcomes = tuple(answers.outcomes)
        numbers, first, of_row = np.unique(answers.templates, return_index=True, return_inverse=True)
        prints, unseen = batch.fingerprints(numbers), batch.unseen(numbers)
        says_something = prints[of_row] != _EMPTY
        self.empty += int((kept & ~says_something).sum())
        rows = np.flatnonzero(kept & says_something)
        self.counted += len(rows)
        of = of_row[rows]
        cells = Cells(
            prints=prints[of],
            receivers=self._receivers_of(part)[rows],
            outcomes=answers.index[rows].astype(np.int64),
            counts=np.ones(len(rows), np.int64),
            unseen=unseen[of].astype(np.float32),
            confidence=answers.confidence[rows].astype(np.float32),
        ).merged()
        if self.level:
            cells = cells.at(drawn(cells.prints, level=self.level))
        self._waiting.append(cells)
        if sum(map(len, self._waiting)) > max(_LEAST_WAITING, len(self._cells)):
            self._settle()
        counts = np.bincount(of, minlength=len(numbers))
        for print_, n, at in zip(prints.tolist(), counts.tolist(), first.tolist(), strict=True):
            if n:
                self._keep_example(print_, part, row=at, seen=n)

    def _keep_example(self, print_: int, part: Part, *, row: int, seen: int) -> None:
        known = self.examples.get(print_)
        if known is not None:
            known.seen += seen
            return
        if len(self.examples) >= _MAX_EXAMPLES:
            ranked = sorted(self.examples.items(), key=lambda item: -item[1].seen)
            self.examples = dict(ranked[: _MAX_EXAMPLES // 2])
        self.examples[print_] = Example(_shown(part, row), seen)

    def _receivers_of(self, part: Part) -> np.ndarray:
        """Numbers of the rows' receivers, shape (n_rows,)."""
        if part.domains is None:
            return np.zeros(len(part), np.int64)
        names, ids = part.domains.names, part.domains.ids
        number = np.zeros(len(names), np.int64)
        for at in np.unique(ids).tolist():
            name = names[at]
            if name not in self._number and len(self._number) < _MAX_RECEIVERS:
                self._number[name] = len(self._number)
            number[at] = self._number.get(name, NO_RECEIVER)
        if len(self._folded) < len(self._number):
            self._folded = np.append(self._folded, np.arange(len(self._folded), len(self._number)))
        return np.asarray(self._folded[number[ids]])

    def _settle(self) -> None:
        """Count what waits together with the rest, and make room where that is too much."""
        self._cells = Cells.together([self._cells, *self._waiting]).merged()
        self._waiting = []
        for most in _KEPT_RECEIVERS:
            if len(self._cells) <= self._most:
                return
            self._fold(most)
        while len(self._cells) > self._most:
            self.level += 1
            self._cells = self._cells.at(drawn(self._cells.prints, level=self.level))

    def _fold(self, most: int) -> None:
        """Count all but the busiest receivers together."""
        apart = busiest(self._cells.receivers, self._cells.counts, most=most)
        kept = np.isin(np.arange(len(self._folded)), apart)
        self._folded = np.where(kept, self._folded, NO_RECEIVER)
        self._cells = replace(self._cells, receivers=self._folded[self._cells.receivers]).merged()


def read_census(source: Source, *, batch: Batch, note: Callable[[str], None], tell: Callable[[float], None]) -> Census:
    """Count an export's rows; raises CorpusError where it can't be read.

    `note` is told, in a line each, how it is read, and `tell` the share 0–1 that is done, 0 where nobody knows.
    """
    census = Census()
    with open_reader(source.path, format=source.format, text_column=source.text_column) as reader:
        if reader.preset is not None:
            note(f"{'preset' if source.format == reader.preset.name else 'detected preset'} {reader.preset.name!r}")
        elif reader.columns is not None:
            note(f"replies are read from the column {reader.columns.text!r}")
        for part in reader.parts():
            census.add(part, batch=batch)
            tell(min(1.0, census.rows / reader.rows) if reader.rows else 0.0)
    census.cells()
    return census


def _shown(part: Part, row: int) -> str:
    """A text as it is shown; it is cut before it is looked at, since most are never shown."""
    codes = codes_at(part, row)
    text = text_at(part, row)[: 2 * _MAX_EXAMPLE]
    return example_of(text, codes=codes)[:_MAX_EXAMPLE]
