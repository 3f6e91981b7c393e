"""Built-in rules for many templates: what each token could match is worked out once, then templates only look it up.

A phrase stands in a template where one token ends with its first word, the next ones are its inner words, and the last
one begins with its last word; a phrase of one word stands anywhere in a token.
"""

import ctypes
import itertools
import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bounceml.codes import Codes
from bounceml.features import word_fingerprint
from bounceml.kernel import mark_phrases
from bounceml.rules import Rule, RuleSet

# Bits that say by what a rule was found in a template; the kernel's as well.
_PHRASE, _PATTERN = 1, 2


@dataclass(frozen=True, slots=True)
class Lists:
    """Lists of numbers by token: those of token t are `values[ends[t - 1]:ends[t]]` (int32, int64)."""

    values: np.ndarray
    ends: np.ndarray

    def joined(self, more: Sequence[Sequence[int]]) -> "Lists":
        """With the lists of further tokens."""
        ends = np.cumsum([len(each) for each in more], dtype=np.int64) + (self.ends[-1] if len(self.ends) else 0)
        values = np.fromiter(itertools.chain.from_iterable(more), np.int32)
        return Lists(np.concatenate([self.values, values]), np.concatenate([self.ends, ends]))

    def of(self, token: int) -> list[int]:
        """The list of one token."""
        values: list[int] = self.values[self.ends[token - 1] if token else 0 : self.ends[token]].tolist()
        return values


_NOTHING = Lists(np.empty(0, np.int32), np.empty(0, np.int64))


@dataclass(frozen=True, slots=True)
class Phrases:
    """All phrases of a rule set: how many words each has, whose rule it is, and fingerprints of its inner words.

    Behind the phrases stand the patterns, as phrases of no words. The inner words of phrase p are
    `inner[inner_ends[p - 1]:inner_ends[p]]` (uint64).
    """

    words: np.ndarray
    rule: np.ndarray
    inner: np.ndarray
    inner_ends: np.ndarray


class Edges:
    """Words with the phrases that they belong to, found where tokens begin or end with them."""

    def __init__(self, phrases: Mapping[str, list[int]]) -> None:
        self._phrases = phrases
        self._sizes = sorted({len(word) for word in phrases})

    def ending(self, token: str) -> list[int]:
        """Phrases of the words that a token ends with."""
        return self._of(token[-n:] for n in self._sizes if n <= len(token))

    def beginning(self, token: str) -> list[int]:
        """Phrases of the words that a token begins with."""
        return self._of(token[:n] for n in self._sizes if n <= len(token))

    def _of(self, parts: Iterator[str]) -> list[int]:
        return [phrase for part in parts if part in self._phrases for phrase in self._phrases[part]]


class RuleIndex:
    """Finds the rules that match templates, the same as `RuleSet.matching_line` on their tokens.

    Rule r needs what the bits `needs[r]` say. Each token learnt has the phrases that it may begin, `begins`, and end,
    `lasts`.
    """

    def __init__(self, rules: RuleSet, *, kernel: ctypes.CDLL | None) -> None:
        self._kernel = kernel
        self.rules = rules.rules
        self._texts = [(phrase.split(), i) for i, rule in enumerate(self.rules) for phrase in rule.phrases]
        multiple = [(words, p) for p, (words, _) in enumerate(self._texts) if len(words) > 1]
        self._alone = _by_word((words[0], p) for p, (words, _) in enumerate(self._texts) if len(words) == 1)
        self._first = Edges(_by_word((words[0], p) for words, p in multiple))
        self._last = Edges(_by_word((words[-1], p) for words, p in multiple))
        self._patterns = [(re.compile(rule.pattern), i) for i, rule in enumerate(self.rules) if rule.pattern]
        inner = [[word_fingerprint(word) for word in words[1:-1]] for words, _ in self._texts]
        inner += [[] for _ in self._patterns]
        self.phrases = Phrases(
            words=np.array([len(words) for words, _ in self._texts] + [0] * len(self._patterns), np.int32),
            rule=np.array([i for _, i in self._texts] + [i for _, i in self._patterns], np.int32),
            inner=np.fromiter(itertools.chain.from_iterable(inner), np.uint64),
            inner_ends=np.cumsum([len(each) for each in inner], dtype=np.int64),
        )
        needs = [bool(rule.phrases) * _PHRASE + bool(rule.pattern) * _PATTERN for rule in self.rules]
        self.needs = np.array(needs, np.uint8)
        self._by_codes: dict[Codes, np.ndarray] = {}
        self.forget()

    def forget(self) -> None:
        """Forget all tokens."""
        self.begins, self.lasts = _NOTHING, _NOTHING

    def learn(self, tokens: Sequence[str]) -> None:
        """Learn the tokens that come next in the order of their numbers."""
        begins = [self._first.ending(token) for token in tokens]
        lasts = [self._last.beginning(token) for token in tokens]
        # What may stand anywhere in a token is looked for in all of them as one text, which is far faster.
        line = "".join(f"\n{token}\n" for token in tokens)
        borders = list(itertools.accumulate(len(token) + 2 for token in tokens))
        for word, phrases in self._alone.items():
            for token in _found(word, line, borders):
                begins[token] = [*begins[token], *phrases]
        for p, (pattern, _) in enumerate(self._patterns, len(self._texts)):
            for token in dict.fromkeys(bisect_right(borders, match.start()) for match in pattern.finditer(line)):
                begins[token] = [*begins[token], p]
        self.begins, self.lasts = self.begins.joined(begins), self.lasts.joined(lasts)

    def matching(
        self,
        ids: np.ndarray,
        starts: np.ndarray,
        ends: np.ndarray,
        *,
        prints: np.ndarray,
        codes: Sequence[Codes],
        which: np.ndarray,
    ) -> np.ndarray:
        """Which rules speak for templates, bool of shape (n, n_rules).

        Token numbers stand in `ids[starts[i]:ends[i]]`, template i has `codes[which[i]]`; `prints` are the fingerprints
        of tokens by number.
        """
        marks = np.zeros((len(ends), len(self.rules)), np.uint8)
        if self._kernel:
            mark_phrases(
                self._kernel, ids, starts, ends, prints=prints, begins=self.begins, last=self.lasts,
                phrases=self.phrases, marks=marks,
            )  # fmt: skip
        else:
            for i, (start, end) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
                for rule, bit in self._marks(ids[start:end].tolist(), prints=prints):
                    marks[i, rule] |= bit
        return np.asarray(((marks & self.needs) == self.needs) & self.allowed(codes)[which])

    def allowed(self, codes: Sequence[Codes]) -> np.ndarray:
        """Which rules allow codes, bool of shape (n_codes, n_rules)."""
        return np.array([self._for(each) for each in codes], bool).reshape(len(codes), len(self.rules))

    def _marks(self, found: Sequence[int], *, prints: np.ndarray) -> Iterator[tuple[int, int]]:
        """What `kernel.mark_phrases` marks in one template: rule and bit."""
        phrases = self.phrases
        for at, token in enumerate(found):
            for p in self.begins.of(token):
                rule, n = int(phrases.rule[p]), int(phrases.words[p])
                if n == 0:
                    yield rule, _PATTERN
                elif n == 1:
                    yield rule, _PHRASE
                elif at + n <= len(found) and p in self.lasts.of(found[at + n - 1]):
                    inner = phrases.inner[phrases.inner_ends[p] - (n - 2) : phrases.inner_ends[p]]
                    if (prints[list(found[at + 1 : at + n - 1])] == inner).all():
                        yield rule, _PHRASE

    def _for(self, codes: Codes) -> np.ndarray:
        """Which rules allow these codes, bool of shape (n_rules,)."""
        if codes not in self._by_codes:
            self._by_codes[codes] = np.array([rule.has_codes(codes) for rule in self.rules], bool)
        return self._by_codes[codes]


def votes_of(
    matching: np.ndarray, *, rules: Sequence[Rule], precision: Mapping[str, float], column: Mapping[str, int]
) -> np.ndarray:
    """The highest precision 0–1 of matching rules by template and class, NaN without; shape (n, n_classes)."""
    votes = np.full((len(matching), len(column)), np.nan)
    for number, rule in enumerate(rules):
        value = precision[rule.id]
        if rule.reason in column and value > 0:
            cells = votes[:, column[rule.reason]]
            np.fmax(cells, np.where(matching[:, number], value, np.nan), out=cells)
    return votes


def _by_word(pairs: Iterable[tuple[str, int]]) -> dict[str, list[int]]:
    """Phrases by word."""
    found: dict[str, list[int]] = defaultdict(list)
    for word, phrase in pairs:
        found[word].append(phrase)
    return dict(found)


def _found(what: str, line: str, borders: Sequence[int]) -> Iterator[int]:
    """Numbers of the tokens in `line` where `what` stands, each once."""
    at = line.find(what)
    while at >= 0:
        token = bisect_right(borders, at)
        yield token
        at = line.find(what, borders[token])
