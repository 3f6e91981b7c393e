"""Templates, given as numbers of tokens, against the model: what `Classifier` says of one text, for many."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bounceml.classifier import KIND_PREFIX, UNKNOWN, Classifier
from bounceml.codes import Codes, role_of
from bounceml.features import character_fingerprints, word_fingerprint
from bounceml.judge import Classes, Judge, Judged, Votes
from bounceml.kernel import Weights, library
from bounceml.opinion import best_by_reason
from bounceml.opinions import are_unsure, confidences, count_all_votes, votes_for
from bounceml.rule_index import RuleIndex, votes_of
from bounceml.scoring import block


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a verdict says apart from its confidence; None as in `Verdict`."""

    kind: str
    type: str | None
    reason: str | None
    action: str | None
    decided_by: str


def outcome_number(outcome: Outcome, *, known: dict[Outcome, int]) -> int:
    """The number of an outcome; one that isn't known yet gets the next."""
    return known.setdefault(outcome, len(known))


class ModelWeights:
    """A model's arrays as numpy has them, and as the kernel has them where it was built."""

    def __init__(self, classifier: Classifier) -> None:
        model = classifier.model
        self.kernel = library()
        self.prints = np.asarray(model.fingerprints).astype(np.uint64)
        self.idf = np.asarray(model.idf).astype(np.float32)
        self.weights = np.frombuffer(model.weights, "<f2").reshape(-1, len(classifier.classes)).astype(np.float32)
        self.table = (
            Weights(self.kernel, prints=self.prints, idf=self.idf, weights=self.weights) if self.kernel else None
        )


class TemplateScorer:
    """Works out the answers of templates, given as numbers of tokens."""

    def __init__(self, classifier: Classifier, weights: ModelWeights) -> None:
        self._classifier = classifier
        self._model = weights
        self._bias = np.array(classifier.model.header["bias"], np.float64)
        self._rules = RuleIndex(classifier.rules, kernel=weights.kernel)
        self._column = {name: i for i, name in enumerate(classifier.classes)}
        taxonomy = classifier.config.taxonomy
        self._of = Classes(
            classifier.classes,
            is_kind=np.array([name.startswith(KIND_PREFIX) for name in classifier.classes]),
            is_dead=np.array([taxonomy[name].action == "suppress" for name in classifier.classes]),
            unknown=self._column.get(UNKNOWN),
        )
        self._judge = self._made_judge()
        self.forget()

    def forget(self) -> None:
        """Forget all tokens."""
        self._texts: list[str] = []
        self._word_prints, self._word_rows = np.empty(0, np.uint64), np.empty(0, np.int32)
        self._parts = self._parts_room = np.empty((0, len(self._bias) + 3))
        self._roles = np.empty(0, np.uint8)
        self._rules.forget()

    def learn(self, tokens: Sequence[str]) -> None:
        """Learn the tokens that come next in the order of their numbers."""
        if not tokens:
            return
        self._texts += tokens
        parts = self._character_parts(tokens)
        if len(self._texts) > len(
            self._parts_room
        ):  # the widest array; copying it for every few tokens would cost most
            room = np.empty((2 * len(self._texts), parts.shape[1]))
            room[: len(self._parts)] = self._parts
            self._parts_room = room
        self._parts_room[len(self._texts) - len(tokens) : len(self._texts)] = parts
        self._parts = self._parts_room[: len(self._texts)]
        prints = np.array([word_fingerprint(token) for token in tokens], np.uint64)
        self._word_prints = np.concatenate([self._word_prints, prints])
        if self._model.table:
            self._word_rows = np.concatenate([self._word_rows, self._model.table.rows(prints)])
        self._rules.learn(tokens)
        roles = np.array([_bits(token) for token in tokens], np.uint8)
        self._roles = np.concatenate([self._roles, roles])

    def _character_parts(self, tokens: Sequence[str]) -> np.ndarray:
        """What each token's character n-grams add, shape (n_tokens, n_classes + 3); see `kernel.Weights.characters`."""
        grams = [character_fingerprints(token) for token in tokens]
        if self._model.table:
            ends = np.cumsum([len(each) for each in grams], dtype=np.int64)
            return self._model.table.characters(np.fromiter(itertools.chain.from_iterable(grams), np.uint64), ends)
        parts = np.empty((len(tokens), len(self._bias) + 3))
        for part, each in zip(parts, grams, strict=True):
            found = block(each, model=self._classifier.model)
            part[:] = (*found.total, found.squared_length, found.found, found.looked_up)
        return parts

    def words(self, ids: np.ndarray) -> list[str]:
        """Tokens by their numbers."""
        return [self._texts[i] for i in ids.tolist()]

    def fingerprints(self, ids: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
        """Fingerprints (uint64) of templates, by their tokens and the order of these."""
        first = int(starts[0])
        part = ids[first : ends[-1]]
        place = np.arange(len(part)) - np.repeat(starts - first, ends - starts)
        mixed = self._word_prints[part] ^ (place.astype(np.uint64) * np.uint64(_PAIR))
        mixed = (mixed ^ (mixed >> np.uint64(29))) * np.uint64(_PAIR)
        sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(mixed ^ (mixed >> np.uint64(32)), dtype=np.uint64)])
        return np.asarray(sums[ends - first] - sums[starts - first])

    def answer(
        self, ids: np.ndarray, starts: np.ndarray, ends: np.ndarray, *, outcomes: dict[Outcome, int]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Numbers of outcomes (int32) and confidences of templates; new outcomes are put into `outcomes`."""
        codes, which = self._codes(ids, starts, ends)
        found = self._judged(ids, starts, ends, codes=codes, which=which)
        digit = np.array([_DIGITS.index(each.first_digit) for each in codes], np.int64)[which]
        index = self._outcome_numbers(found.best, digit, found.sure, outcomes=outcomes)
        for i in np.flatnonzero(found.turned >= 0).tolist():
            name, rule = self._of.names[found.best[i]], self._rules.rules[found.turned[i]].id
            outcome = self._outcome(name, f"rule:{rule}", digit=_DIGITS[digit[i]], sure=bool(found.sure[i]))
            index[i] = outcome_number(outcome, known=outcomes)
        if (empty := starts == ends).any():
            index[empty] = outcome_number(self._outcome(UNKNOWN, "model", digit=None, sure=False), known=outcomes)
            found.confidence[empty] = 1.0
        return index, found.confidence

    def _made_judge(self) -> Judge | None:
        """The kernel's judge, None where it wasn't built."""
        if not (self._model.kernel and self._model.table):
            return None
        calibration, rules = self._classifier.calibration, self._rules.rules
        precision = np.array([self._classifier.precision[rule.id] for rule in rules], np.float64)
        counts = [rule.reason in self._column and p > 0 for rule, p in zip(rules, precision.tolist(), strict=True)]
        column = [self._column[rule.reason] if of else -1 for rule, of in zip(rules, counts, strict=True)]
        votes = Votes(np.array(column, np.int32), precision, vote=votes_for(precision, calibration=calibration))
        return Judge(
            self._model.kernel, self._model.table, bias=self._bias, calibration=calibration,
            classes=self._of, votes=votes, rules=self._rules,
        )  # fmt: skip

    def _judged(
        self, ids: np.ndarray, starts: np.ndarray, ends: np.ndarray, *, codes: Sequence[Codes], which: np.ndarray
    ) -> Judged:
        """What is found of templates, the i-th of which has the codes `codes[which[i]]`."""
        if self._judge is not None:
            return self._judge.answer(
                ids, starts, ends, prints=self._word_prints, rows=self._word_rows, parts=self._parts,
                rules=self._rules, which=which, allowed=self._rules.allowed(codes),
            )  # fmt: skip
        logits, known = self._logits(ids, starts, ends)
        calibration, of = self._classifier.calibration, self._of
        matching = np.zeros((len(ends), len(self._rules.rules)), bool)
        asking = np.flatnonzero(are_unsure(logits, calibration=calibration))
        matching[asking] = self._rules.matching(
            ids, starts[asking], ends[asking], prints=self._word_prints, codes=codes, which=which[asking]
        )
        precision = votes_of(
            matching, rules=self._rules.rules, precision=self._classifier.precision, column=self._column
        )
        votes = count_all_votes(logits, precision=precision, calibration=calibration)
        confidence = confidences(votes.features(known), calibration=calibration)
        spread = votes.spread(confidence)
        sure = (spread * of.is_dead).sum(axis=1) >= calibration.suppress_from
        lacks = (confidence < calibration.answer_from) & ~votes.turned & ~of.is_kind[votes.best]
        turned = np.full(len(ends), -1, np.int32)
        for i in np.flatnonzero(votes.turned).tolist():
            turned[i] = self._strongest(matching[i], reason=of.names[votes.best[i]])
        return Judged(
            best=np.where(lacks, -1, votes.best).astype(np.int32),
            turned=turned,
            confidence=np.where(lacks, 0.0 if of.unknown is None else spread[:, of.unknown], confidence),
            sure=sure,
        )

    def _outcome_numbers(
        self, column: np.ndarray, digit: np.ndarray, sure: np.ndarray, *, outcomes: dict[Outcome, int]
    ) -> np.ndarray:
        """Numbers (int32) of the model's outcomes by class (-1: unknown), place in _DIGITS and sureness; shape (n,)."""
        keys = ((column.astype(np.int64) + 1) * len(_DIGITS) + digit) * 2 + sure
        numbers = np.full(2 * len(_DIGITS) * (len(self._of.names) + 1), -1, np.int32)
        for key in np.flatnonzero(np.bincount(keys)).tolist():
            at = key // 2 // len(_DIGITS) - 1
            name = self._of.names[at] if at >= 0 else UNKNOWN
            outcome = self._outcome(name, "model", digit=_DIGITS[key // 2 % len(_DIGITS)], sure=bool(key % 2))
            numbers[key] = outcome_number(outcome, known=outcomes)
        return np.asarray(numbers[keys])

    def _logits(self, ids: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Logits of templates, shape (n, n_classes), and the share 0–1 of known n-grams, shape (n,)."""
        n_classes = len(self._bias)
        words, squares = self._words(ids, starts, ends)
        sums = _sums(self._parts, ids, starts, ends)
        logits = self._bias + words / _length(squares) + sums[:, :n_classes] / _length(sums[:, n_classes])
        return logits, sums[:, n_classes + 1] / np.maximum(1, sums[:, n_classes + 2])

    def _words(self, ids: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Totals (n, n_classes) and squared lengths (n,) of the word block of templates: single tokens and pairs."""
        totals, squares = np.zeros((len(ends), len(self._bias))), np.zeros(len(ends))
        first, last = starts[0], ends[-1]
        prints = self._word_prints[ids[first:last]]
        template = np.repeat(np.arange(len(ends)), ends - starts)
        pairs = prints[:-1] * np.uint64(_PAIR) + (prints[1:] ^ (prints[1:] >> np.uint64(29)))
        inside = template[:-1] == template[1:]
        for grams, of in ((prints, template), (pairs[inside], template[:-1][inside])):
            at = np.minimum(np.searchsorted(self._model.prints, grams), len(self._model.prints) - 1)
            known = self._model.prints[at] == grams
            at, of = at[known], of[known]
            squares += np.bincount(of, np.square(self._model.idf[at].astype(np.float64)), minlength=len(ends))
            np.add.at(totals, of, self._model.weights[at].astype(np.float64))
        return totals, squares

    def _codes(self, ids: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> tuple[list[Codes], np.ndarray]:
        """What `codes_in` finds in each template: the codes that occur, and which of them each has, shape (n,)."""
        reply, enhanced = (
            self._code_tokens(ids, starts, ends)
            if self._judge is None
            else self._judge.codes(ids, starts, ends, roles=self._roles)
        )
        pairs, which = np.unique((reply + 1) * (len(self._texts) + 1) + enhanced + 1, return_inverse=True)
        texts = [None, *self._texts]
        found = [Codes(texts[at // len(texts)], texts[at % len(texts)]) for at in pairs.tolist()]
        return found, which

    def _code_tokens(self, ids: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What `Judge.codes` gives, by numpy."""
        first = int(starts[0])
        part = ids[first : ends[-1]]
        template = np.repeat(np.arange(len(ends)), ends - starts)
        roles = self._roles[part]
        # Neighbours count only inside a template.
        before, after = np.zeros_like(roles), np.zeros_like(roles)
        same = template[1:] == template[:-1]
        before[1:], after[:-1] = roles[:-1] * same, roles[1:] * same
        begins = ((before & _INTRODUCES) | (after & _IS_ENHANCED)) > 0
        begins[(starts - first)[starts < ends]] = True
        counts = ((roles & _IS_REPLY) > 0) & (begins | ((roles & _IS_USED) > 0)) & ((after & _IS_UNIT) == 0)
        refuses = counts & ((roles & _ACCEPTS) == 0)
        tokens = np.append(part, -1)
        reply, enhanced = (
            tokens[_first(found, template=template, n=len(ends))] for found in (counts, (roles & _IS_ENHANCED) > 0)
        )
        refusal = tokens[_first(refuses, template=template, n=len(ends))]
        return np.where(refusal >= 0, refusal, reply), enhanced

    def unseen(self, ids: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
        """Shares 0–1 of templates' character n-grams that the model has no feature for, 0 for those without any."""
        lengths = ends - starts
        before = np.cumsum(lengths) - lengths
        tokens = ids[np.arange(lengths.sum()) + np.repeat(starts - before, lengths)]
        template = np.repeat(np.arange(len(ends)), lengths)
        found, looked_up = (
            np.bincount(template, self._parts[tokens, len(self._bias) + at], minlength=len(ends)) for at in (1, 2)
        )
        return np.asarray((looked_up - found) / np.maximum(1, looked_up))

    def _strongest(self, matching: np.ndarray, *, reason: str) -> int:
        """The rule that decided for a reason: of those that match, the first with the highest precision."""
        rules = [self._rules.rules[i] for i in np.flatnonzero(matching).tolist()]
        best = best_by_reason(rules, precision=self._classifier.precision, classes=self._column)
        return self._rules.rules.index(best[reason][1])

    def _outcome(self, name: str, decided_by: str, *, digit: str | None, sure: bool) -> Outcome:
        if name.startswith(KIND_PREFIX):
            return Outcome(name.removeprefix(KIND_PREFIX), None, None, None, decided_by)
        taxonomy = self._classifier.config.taxonomy
        action = taxonomy[name].action
        if action == "suppress" and not sure:
            action = "review"
        return Outcome("bounce", taxonomy.type_of(name, code_class=digit), name, action, decided_by)


# Bits of the tokens' roles, in the order of the fields of `Role`; the last one says that a code accepts.
_IS_REPLY, _IS_ENHANCED, _IS_USED, _INTRODUCES, _IS_UNIT, _ACCEPTS = (1 << i for i in range(6))
# What the codes of a text can begin with.
_DIGITS = (None, "2", "4", "5")
_PAIR = 0x9E3779B97F4A7C15


def _bits(token: str) -> int:
    """The role of a token as bits."""
    flags = (*role_of(token).flags(), token[0] == "2")
    return sum(1 << i for i, flag in enumerate(flags) if flag)


def _first(found: np.ndarray, *, template: np.ndarray, n: int) -> np.ndarray:
    """Position of the first token of each template that is `found`, -1 where none is, shape (n,)."""
    at = np.flatnonzero(found)
    first = np.full(n, -1, np.int64)
    first[template[at[::-1]]] = at[::-1]  # of several, the last written is the first
    return first


def _sums(parts: np.ndarray, ids: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Sums over each template's tokens of `parts` (n_tokens, width), shape (n, width)."""
    totals = np.zeros((len(ends), parts.shape[1]))
    np.add.at(totals, np.repeat(np.arange(len(ends)), ends - starts), parts[ids[starts[0] : ends[-1]]])
    return totals


def _length(squares: np.ndarray) -> np.ndarray:
    """Lengths to divide by, shape (n, 1); 1 for what has none."""
    lengths = np.sqrt(squares)[:, None]
    return np.where(lengths > 0, lengths, 1.0)
