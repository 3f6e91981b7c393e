"""Built-in rules for many templates: what each token could match is worked out once, then only that is looked at."""

import itertools
import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from bounceml.codes import Codes
from bounceml.rules import Rule, RuleSet


@dataclass(frozen=True, slots=True)
class _Hits:
    """Rules that one token could speak for: by a part of a phrase, or by their pattern."""

    phrases: tuple[tuple[int, str], ...]
    patterns: frozenset[int]


class RuleIndex:
    """Finds the rules that match a template, the same as `RuleSet.matching_line` on its tokens."""

    def __init__(self, rules: RuleSet) -> None:
        self._rules = rules.rules
        self._by_code = [i for i, rule in enumerate(rules.rules) if not rule.phrases and not rule.pattern]
        self._words = [(_rarest(phrase), phrase, i) for i, rule in enumerate(rules.rules) for phrase in rule.phrases]
        self._patterns = [(i, re.compile(rule.pattern)) for i, rule in enumerate(rules.rules) if rule.pattern]
        self._hits: dict[str, _Hits | None] = {}
        self._for_codes: dict[Codes, tuple[int, ...]] = {}

    def candidates(self, tokens: Sequence[str]) -> list[bool]:
        """Whether each token could be part of what a rule looks for."""
        new = [token for token in tokens if token not in self._hits]
        self._hits.update(zip(new, self._look(new), strict=True))
        return [self._hits[token] is not None for token in tokens]

    def matching(self, found: Sequence[str], *, codes: Codes) -> tuple[Rule, ...]:
        """Rules that speak for a template with these tokens and codes, first in the file first.

        The tokens have been given to `candidates` before.
        """
        matched = set(self._code_rules(codes))
        if hits := [hit for token in dict.fromkeys(found) if (hit := self._hits[token])]:
            line = " ".join(found)
            phrased = {i for hit in hits for i, phrase in hit.phrases if phrase in line}
            patterned = {i for hit in hits for i in hit.patterns}
            for i in phrased | patterned:
                rule = self._rules[i]
                said = (i in phrased or not rule.phrases) and (i in patterned or not rule.pattern)
                if said and rule.has_codes(codes):
                    matched.add(i)
        return tuple(self._rules[i] for i in sorted(matched))

    def forget(self) -> None:
        """Forget tokens, so that memory stays bounded."""
        self._hits.clear()

    def _look(self, tokens: Sequence[str]) -> list[_Hits | None]:
        """What each token could speak for; all tokens are searched as one text, which is far faster than one by one."""
        line = "\n".join(tokens)
        ends = list(itertools.accumulate(len(token) + 1 for token in tokens))
        phrases: dict[int, list[tuple[int, str]]] = defaultdict(list)
        for word, phrase, i in self._words:
            at = line.find(word)
            while at >= 0:
                token = bisect_right(ends, at)
                phrases[token].append((i, phrase))
                at = line.find(word, ends[token])
        patterns: dict[int, set[int]] = defaultdict(set)
        for i, pattern in self._patterns:
            for match in pattern.finditer(line):
                patterns[bisect_right(ends, match.start())].add(i)
        return [
            _Hits(tuple(phrases.get(n, ())), frozenset(patterns.get(n, ()))) if n in phrases or n in patterns else None
            for n in range(len(tokens))
        ]

    def _code_rules(self, codes: Codes) -> tuple[int, ...]:
        if codes not in self._for_codes:
            self._for_codes[codes] = tuple(i for i in self._by_code if self._rules[i].has_codes(codes))
        return self._for_codes[codes]


def _rarest(phrase: str) -> str:
    """The word of a phrase without which it can't stand in a text, and that fewest texts have: the longest, no slot."""
    return max(phrase.split(), key=lambda word: (word[0] != "<", len(word)))
