"""Rules that name a reason from phrases, codes or a provider's code family, read from TOML."""

import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from importlib import resources
from typing import Any

from bounceml.codes import Codes, find_codes
from bounceml.errors import ConfigError
from bounceml.masking import fold

FORMAT = 1
# Rules look at the beginning of a text only, which bounds their time; reasons stand there.
MAX_TEXT = 4000
_FIELDS = frozenset(
    {"id", "reason", "phrases", "pattern", "smtp", "enhanced", "source", "examples", "counter_examples", "note"}
)
# What makes a pattern's time grow faster than the text: a repetition without bound inside another, or a free one.
_UNBOUNDED = re.compile(
    r"\([^()]*[*+][^()]*\)(?:[*+]|\{\d+,\})|\.[*+](?![+])|\\[1-9]|\[\^[^\]]*\][*+](?![+])|\\[SWDw][*+](?![+])"
)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: it matches when every condition that it has holds.

    `phrases`: any stands in the folded text; `pattern`: a regular expression for the folded text; `smtp`, `enhanced`:
    the code is any of these (an enhanced code may leave out its class: "x.1.1" stands for 4.1.1 and 5.1.1).
    """

    id: str
    reason: str
    phrases: tuple[str, ...] = ()
    pattern: str = ""
    smtp: tuple[str, ...] = ()
    enhanced: tuple[str, ...] = ()
    source: str = ""
    examples: tuple[str, ...] = ()
    counter_examples: tuple[str, ...] = ()

    def matches(self, folded: str, codes: Codes) -> bool:
        """Whether the rule speaks for a text, given as `fold` and `find_codes` return it."""
        if self.smtp and codes.smtp not in self.smtp:
            return False
        if self.enhanced and not self._has_enhanced(codes.enhanced):
            return False
        if self.phrases and not any(phrase in folded for phrase in self.phrases):
            return False
        return not self.pattern or re.search(self.pattern, folded) is not None

    def _has_enhanced(self, code: str | None) -> bool:
        return code is not None and (code in self.enhanced or f"x{code[1:]}" in self.enhanced)


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Rules in order of priority."""

    rules: tuple[Rule, ...] = ()

    def matching(self, text: str, *, codes: Codes | None = None) -> Iterator[Rule]:
        """Rules that speak for `text`, first in the file first; codes are found in the text unless given."""
        if not self.rules:
            return
        folded = folded_line(text)
        known = codes or find_codes(text)
        for rule in self.rules:
            if rule.matches(folded, known):
                yield rule

    def first(self, text: str, *, codes: Codes | None = None) -> Rule | None:
        """The first rule that speaks for `text`, None where none does."""
        return next(self.matching(text, codes=codes), None)

    def to_json(self) -> list[dict[str, Any]]:
        """The rules without examples and sources, for the header of a model file."""
        left_out = ("examples", "counter_examples", "source")
        return [{k: v for k, v in asdict(rule).items() if v and k not in left_out} for rule in self.rules]


def folded_line(text: str) -> str:
    """The beginning of `text` as rules see it: folded, on one line, with single spaces."""
    return " ".join(fold(text[:MAX_TEXT]).split())


def rule_from_json(entry: dict[str, Any]) -> Rule:
    """A rule from the header of a model file; raises TypeError or KeyError on anything else."""
    fields: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in entry.items()}
    return Rule(**fields)


def builtin_rules() -> RuleSet:
    """The rules that ship with bounceml, with their examples and sources."""
    text = resources.files("bounceml").joinpath("data/rules.toml").read_text("utf-8")
    return parse_rules(tomllib.loads(text).get("rule", []), origin="rules.toml")


def parse_rules(entries: object, *, origin: str, reasons: Iterable[str] | None = None) -> RuleSet:
    """Rules from the `[[rule]]` tables of a TOML file.

    Raises ConfigError, naming `origin` and the rule, for missing or unknown fields, a reason that isn't in `reasons`
    (where given), an id used twice, or a pattern that is invalid or could take unbounded time.
    """
    if not isinstance(entries, list):
        raise ConfigError(f"{origin}: rules are written as [[rule]] tables")
    known = None if reasons is None else frozenset(reasons)
    rules: dict[str, Rule] = {}
    for number, entry in enumerate(entries, 1):
        rule = _rule(entry, origin=f"{origin}: rule {number}")
        if rule.id in rules:
            raise ConfigError(f"{origin}: rule {rule.id!r} stands there twice: give one another id")
        if known is not None and rule.reason not in known:
            raise ConfigError(f"{origin}: rule {rule.id!r}: no such reason {rule.reason!r}; add it under [reasons]")
        rules[rule.id] = rule
    return RuleSet(tuple(rules.values()))


def failures(rule_set: RuleSet) -> Iterator[str]:
    """What is wrong with rules by their own examples: one line each for an example missed or a counter-example hit."""
    for rule in rule_set.rules:
        for wanted, texts in ((True, rule.examples), (False, rule.counter_examples)):
            for text in texts:
                if rule.matches(folded_line(text), find_codes(text)) is not wanted:
                    yield f"rule {rule.id!r} {'misses its example' if wanted else 'hits its counter-example'}: {text}"


def _rule(entry: object, *, origin: str) -> Rule:
    if not isinstance(entry, dict):
        raise ConfigError(f"{origin}: expected a table with id, reason and a condition")
    if unknown := set(entry) - _FIELDS:
        raise ConfigError(f"{origin}: no such field {min(unknown)!r}; use {', '.join(sorted(_FIELDS))}")
    texts = {key: entry.get(key, "") for key in ("id", "reason", "pattern", "source")}
    if wrong := [key for key, value in texts.items() if not isinstance(value, str)]:
        raise ConfigError(f"{origin}: {wrong[0]} must be a text")
    if not texts["id"] or not texts["reason"]:
        raise ConfigError(f"{origin}: id and reason are needed")
    origin = f"{origin} ({texts['id']})"
    lists = {
        key: _texts(entry.get(key, []), origin=f"{origin}: {key}")
        for key in ("phrases", "smtp", "enhanced", "examples", "counter_examples")
    }
    if not (texts["pattern"] or lists["phrases"] or lists["smtp"] or lists["enhanced"]):
        raise ConfigError(f"{origin}: needs a condition: phrases, pattern, smtp or enhanced")
    _check_pattern(texts["pattern"], origin=origin)
    return Rule(
        id=texts["id"],
        reason=texts["reason"],
        phrases=tuple(map(fold, lists["phrases"])),
        pattern=texts["pattern"],
        smtp=lists["smtp"],
        enhanced=lists["enhanced"],
        source=texts["source"],
        examples=lists["examples"],
        counter_examples=lists["counter_examples"],
    )


def _texts(value: object, *, origin: str) -> tuple[str, ...]:
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not all(isinstance(v, str) and v for v in values):
        raise ConfigError(f"{origin}: expected a text or a list of texts")
    return tuple(values)


def _check_pattern(pattern: str, *, origin: str) -> None:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ConfigError(f"{origin}: pattern is not a regular expression: {error}") from error
    if unbounded := _UNBOUNDED.search(pattern):
        raise ConfigError(
            f"{origin}: pattern could take unbounded time at {unbounded[0]!r}: write a bound such as {{0,40}}"
        )
