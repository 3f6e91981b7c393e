"""What a report needs of an export's rows beyond what scoring asks: whom, when, and what was answered before."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bounceml_datasets.exports.parts import ADDED, OUTCOME, Buffer, Scored

# A row's answer: the cells of ADDED.
Answer = tuple[str | float | None, ...]


@dataclass(frozen=True, slots=True)
class Details:
    """Details of a part's rows, each None where the export doesn't have them.

    `recipients` are addresses, `times` minutes as `TimeReader` reads them, `answers` those of one that was scored.
    """

    recipients: Sequence[str] | Buffer | None = None
    times: np.ndarray | None = None
    answers: Scored | None = None


def is_scored(names: Iterable[str]) -> bool:
    """Whether an export with these columns was scored before."""
    return set(ADDED) <= set(names)


def answer_in(record: Mapping[str, Any]) -> Answer | None:
    """The answer that a scored record holds; None in one that wasn't scored."""
    return tuple(map(record.get, ADDED)) if ADDED[0] in record else None


def scored_from(answers: Iterable[Answer | None]) -> Scored:
    """Answers that were given before, as columns; what is no answer is none."""
    known: dict[tuple[str | None, ...], int] = {}
    index, confidence = [], []
    for answer in answers:
        kind, bounce_type, reason, sure, action, decided_by = answer or (None,) * len(ADDED)
        outcome = tuple(map(_text, (kind, bounce_type, reason, action, decided_by)))
        index.append(-1 if outcome[0] is None else known.setdefault(outcome, len(known)))
        confidence.append(_share(sure))
    return Scored(list(known), np.array(index, np.int32), np.array(confidence, np.float64))


def scored_from_columns(columns: Mapping[str, tuple[Sequence[str | None], np.ndarray]], *, sure: np.ndarray) -> Scored:
    """The same from columns with numbered values: by name of OUTCOME the values, and each row's number."""
    keys = np.zeros(len(sure), np.int64)
    for name in OUTCOME:
        keys = keys * (len(columns[name][0]) + 1) + columns[name][1]
    _, first, index = np.unique(keys, return_index=True, return_inverse=True)
    rows = [tuple(columns[name][0][columns[name][1][at]] for name in OUTCOME) for at in first.tolist()]
    answered = np.array([row[0] is not None for row in rows], bool)
    return Scored(rows, np.where(answered[index], index, -1).astype(np.int32), np.nan_to_num(sure, nan=0.0))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _share(value: object) -> float:
    """A confidence; what is none counts as no confidence at all."""
    try:
        share = float(value)  # type: ignore[arg-type]  # whatever stands there
    except (TypeError, ValueError):
        return 0.0
    return share if 0 <= share <= 1 else 0.0
