"""What the kernel makes of many templates: classes, confidences, deciding rules; `template_scores` reads them."""

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bounceml.calibration import EDGE, Calibration
from bounceml.kernel import Weights, check
from bounceml.rule_index import RuleIndex

_POINTER, _INT, _DOUBLE = ctypes.c_void_p, ctypes.c_int64, ctypes.c_double


@dataclass(frozen=True, slots=True)
class Judged:
    """What is found of templates, each of shape (n,).

    `best` is the column of the class, -1 where it is unknown for want of confidence; `turned` the number of the rule
    that turned the model's answer, -1 where none did; `sure` whether the address is surely dead.
    """

    best: np.ndarray
    turned: np.ndarray
    confidence: np.ndarray
    sure: np.ndarray


@dataclass(frozen=True, slots=True)
class Classes:
    """What is known of classes by their columns: which are kinds, which mean that an address is dead.

    `unknown` is the column of the class that says nothing, None where there is none.
    """

    names: Sequence[str]
    is_kind: np.ndarray
    is_dead: np.ndarray
    unknown: int | None


@dataclass(frozen=True, slots=True)
class Votes:
    """What rules say, by their numbers: the class's column (-1: it doesn't count), its precision and vote."""

    column: np.ndarray
    precision: np.ndarray
    vote: np.ndarray


class _Struct(ctypes.Structure):
    """Filled from numbers, and from arrays, which it keeps."""

    def __init__(self, *values: np.ndarray | float) -> None:
        super().__init__(*[v.ctypes.data if isinstance(v, np.ndarray) else v for v in values])
        self.kept = values


class _Judge(_Struct):
    _fields_ = [
        *[(name, _POINTER) for name in ("bias", "weights")],
        *[(name, _DOUBLE) for name in ("temperature", "ask_rules_below", "intercept", "answer_from")],
        *[(name, _DOUBLE) for name in ("suppress_from", "edge")],
        *[(name, _POINTER) for name in ("is_kind", "is_dead")],
        *[(name, _INT) for name in ("unknown", "n_rules", "n_phrases")],
        *[(name, _POINTER) for name in ("rule_class", "precision", "vote", "needs")],
        *[(name, _POINTER) for name in ("words", "rule", "inner", "inner_ends")],
    ]


class _Tokens(_Struct):
    _fields_ = [(name, _POINTER) for name in ("prints", "rows", "parts", "begins", "begin_ends", "lasts", "last_ends")]


class _Answers(_Struct):
    _fields_ = [(name, _POINTER) for name in ("best", "turned", "confidence", "sure")]


class Judge:
    """A model with its calibration and rules, in C."""

    def __init__(
        self,
        kernel: ctypes.CDLL,
        weights: Weights,
        *,
        bias: np.ndarray,
        calibration: Calibration,
        classes: Classes,
        votes: Votes,
        rules: RuleIndex,
    ) -> None:
        self._c, self._weights = kernel, weights
        phrases, of = rules.phrases, calibration
        self._judge = _Judge(
            bias, np.array(of.weights, np.float64),
            of.temperature, of.ask_rules_below, of.intercept, of.answer_from, of.suppress_from, EDGE,
            classes.is_kind.astype(np.uint8), classes.is_dead.astype(np.uint8),
            -1 if classes.unknown is None else classes.unknown, len(rules.rules), len(phrases.words),
            votes.column, votes.precision, votes.vote, rules.needs,
            phrases.words, phrases.rule, phrases.inner, phrases.inner_ends,
        )  # fmt: skip

    def codes(
        self, ids: np.ndarray, starts: np.ndarray, ends: np.ndarray, *, roles: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Numbers of the tokens that are reply and enhanced codes of templates, -1 for none; int64 of shape (n,)."""
        reply, enhanced = np.empty(len(ends), np.int64), np.empty(len(ends), np.int64)
        at = [array.ctypes.data for array in (ids, starts, ends)]
        self._c.bounceml_codes(*at, len(ends), roles.ctypes.data, reply.ctypes.data, enhanced.ctypes.data)
        return reply, enhanced

    def answer(
        self,
        ids: np.ndarray,
        starts: np.ndarray,
        ends: np.ndarray,
        *,
        prints: np.ndarray,
        rows: np.ndarray,
        parts: np.ndarray,
        rules: RuleIndex,
        which: np.ndarray,
        allowed: np.ndarray,
    ) -> Judged:
        """What is found of templates, whose token numbers stand in `ids[starts[i]:ends[i]]`.

        `prints`, their `rows` among the weights, `parts` and what the rules learnt are by token; template i has codes
        that allow the rules `allowed[which[i]]` (bool of shape (n_codes, n_rules)).
        """
        begins, lasts = rules.begins, rules.lasts
        tokens = _Tokens(prints, rows, parts, begins.values, begins.ends, lasts.values, lasts.ends)
        n = len(ends)
        found = Judged(np.empty(n, np.int32), np.empty(n, np.int32), np.empty(n), np.empty(n, bool))
        answers = _Answers(found.best, found.turned, found.confidence, found.sure)
        at = [array.ctypes.data for array in (ids, starts, ends)]
        by_codes: list[np.ndarray] = [np.ascontiguousarray(which, np.int64), np.ascontiguousarray(allowed, np.uint8)]
        structs = [ctypes.byref(each) for each in (self._judge, tokens)]
        check(
            self._c.bounceml_judge(
                self._weights.at, *structs, *at, n, *[each.ctypes.data for each in by_codes], ctypes.byref(answers)
            )
        )
        return found
