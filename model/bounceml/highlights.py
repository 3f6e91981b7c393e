"""Weights of n-grams spread over the text that they stand in, and merged into spans to show."""

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

# Shares of the weightiest character from which on a character is shown, and shown as strong.
_LEVELS = (0.08, 0.4)
# What may lie between two spans that are shown as one.
_BETWEEN = re.compile(r"[\s\W]{0,3}")


@dataclass(frozen=True, slots=True)
class Highlight:
    """Characters `start` to `end` (not included) of a text, and what they added to the answer's logit together.

    `level` is 2 or 1 for what spoke strongly or weakly for the answer, -2 or -1 for what spoke against it, and 0 for
    what is too little to be worth a person's look.
    """

    start: int
    end: int
    weight: float
    level: int


def highlights(text: str, weights: Iterable[tuple[Sequence[tuple[int, int]], float]]) -> tuple[Highlight, ...]:
    """Spans of `text` in their order, none overlapping, which hold all of the weights that have a place.

    Each weight comes with its places, (start, end) pairs, and is spread evenly over their characters. Neighbouring
    characters of one level become one span, also across a blank or a punctuation mark.

    >>> [(h.start, h.end, h.weight) for h in highlights("user unknown", [([(0, 4)], 4.0), ([(5, 12)], 7.0)])]
    [(0, 12, 11.0)]
    """
    by_character = [0.0] * len(text)
    for places, weight in weights:
        size = sum(end - start for start, end in places)
        for start, end in places:
            for i in range(start, end):
                by_character[i] += weight / size
    most = max(map(abs, by_character), default=0.0)
    return tuple(_merged(text, _runs(by_character, most=most)))


def _runs(values: Sequence[float], *, most: float) -> Iterator[Highlight]:
    at = 0
    for level, group in itertools.groupby(values, key=lambda value: _level(value, most=most)):
        run = list(group)
        if any(run):
            yield Highlight(at, at + len(run), sum(run), level)
        at += len(run)


def _level(value: float, *, most: float) -> int:
    level = sum(abs(value) >= share * most for share in _LEVELS) if value else 0
    return level if value > 0 else -level


def _merged(text: str, runs: Iterable[Highlight]) -> list[Highlight]:
    merged: list[Highlight] = []
    for run in runs:
        last = merged[-1] if merged else None
        if last is not None and last.level == run.level and _BETWEEN.fullmatch(text, last.end, run.start):
            merged[-1] = Highlight(last.start, run.end, last.weight + run.weight, run.level)
        else:
            merged.append(run)
    return merged
