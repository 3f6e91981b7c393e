"""Rules that name a reason from phrases, codes or a provider's code family, read from TOML."""

import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from importlib import resources
from typing import Any

from bounceml.codes import Codes, find_codes
from bounceml.errors import ConfigError
from bounceml.masking import fold, template
from bounceml.names import ALLOWED, is_name
from bounceml.pattern_steps import MOST_STEPS, most_steps

FORMAT = 1
# Users' rules look at the beginning of a text only, which bounds their time; reasons stand there.
MAX_TEXT = 4000
_FIELDS = frozenset(
    {"id", "reason", "phrases", "pattern", "smtp", "enhanced", "source", "examples", "counter_examples", "note"}
)
# Of all patterns together, at one place: users' rules look at a fifth of what those look at that read templates.
_MOST_STEPS = {True: MOST_STEPS, False: 5 * MOST_STEPS}


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: it matches when every condition that it has holds.

    `phrases`: any stands in the line that the rules read; `pattern`: a regular expression for it; `smtp`, `enhanced`:
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

    def matches(self, line: str, codes: Codes) -> bool:
        """Whether the rule speaks for a text, given as its rule set reads it, with its codes."""
        if not self.has_codes(codes):
            return False
        if self.phrases and not any(phrase in line for phrase in self.phrases):
            return False
        return not self.pattern or re.search(self.pattern, line) is not None

    def has_codes(self, codes: Codes) -> bool:
        """Whether the codes of a text are among those that the rule names, where it names any."""
        if self.smtp and codes.smtp not in self.smtp:
            return False
        code = codes.enhanced
        return not self.enhanced or (code is not None and (code in self.enhanced or f"x{code[1:]}" in self.enhanced))


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Rules in order of priority.

    The built-in ones read the masked template of a text, so that what differs from message to message can't change
    their answer; a user's own read the folded text, with its addresses and hosts.
    """

    rules: tuple[Rule, ...] = ()
    masked: bool = False

    def line(self, text: str) -> str:
        """`text` as these rules read it."""
        return template(text) if self.masked else folded_line(text)

    def matching(self, text: str, *, codes: Codes | None = None) -> Iterator[Rule]:
        """Rules that speak for `text`, first in the file first; codes are found in the text unless given."""
        if self.rules:
            yield from self.matching_line(self.line(text), codes=codes or find_codes(text))

    def matching_line(self, line: str, *, codes: Codes) -> Iterator[Rule]:
        """Rules that speak for a text that is ready for them (`line`), first in the file first."""
        return (rule for rule in self.rules if rule.matches(line, codes))

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
    return parse_rules(tomllib.loads(text).get("rule", []), origin="rules.toml", masked=True)


def parse_rules(entries: object, *, origin: str, reasons: Iterable[str] | None = None, masked: bool = False) -> RuleSet:
    """Rules from the `[[rule]]` tables of a TOML file; `masked` ones read templates.

    Raises ConfigError, naming `origin` and the rule, for missing or unknown fields, a reason that isn't in `reasons`
    (where given), an id used twice, or patterns that are invalid or could take unbounded time.
    """
    if not isinstance(entries, list):
        raise ConfigError(f"{origin}: rules are written as [[rule]] tables")
    known = None if reasons is None else frozenset(reasons)
    rules: dict[str, Rule] = {}
    steps = 0
    for number, entry in enumerate(entries, 1):
        rule = _rule(entry, origin=f"{origin}: rule {number}", masked=masked)
        steps = add_steps(steps, rule.pattern, origin=f"{origin}: rule {number} ({rule.id})", masked=masked)
        if rule.id in rules:
            raise ConfigError(f"{origin}: rule {rule.id!r} stands there twice: give one another id")
        if known is not None and rule.reason not in known:
            raise ConfigError(f"{origin}: rule {rule.id!r}: no such reason {rule.reason!r}; add it under [reasons]")
        rules[rule.id] = rule
    return RuleSet(tuple(rules.values()), masked=masked)


def failures(rule_set: RuleSet) -> Iterator[str]:
    """What is wrong with rules by their own examples: one line each for an example missed or a counter-example hit."""
    for rule in rule_set.rules:
        for wanted, texts in ((True, rule.examples), (False, rule.counter_examples)):
            for text in texts:
                if rule.matches(rule_set.line(text), find_codes(text)) is not wanted:
                    yield f"rule {rule.id!r} {'misses its example' if wanted else 'hits its counter-example'}: {text}"


def _rule(entry: object, *, origin: str, masked: bool) -> Rule:
    if not isinstance(entry, dict):
        raise ConfigError(f"{origin}: expected a table with id, reason and a condition")
    if unknown := set(entry) - _FIELDS:
        raise ConfigError(f"{origin}: no such field {min(unknown)!r}; use {', '.join(sorted(_FIELDS))}")
    texts = {key: entry.get(key, "") for key in ("id", "reason", "pattern", "source")}
    if wrong := [key for key, value in texts.items() if not isinstance(value, str)]:
        raise ConfigError(f"{origin}: {wrong[0]} must be a text")
    if not texts["id"] or not texts["reason"]:
        raise ConfigError(f"{origin}: id and reason are needed")
    if odd := [key for key in ("id", "reason") if not is_name(texts[key])]:
        raise ConfigError(f"{origin}: {odd[0]} {texts[odd[0]][:80]!r} can't be a name: use {ALLOWED}")
    origin = f"{origin} ({texts['id']})"
    lists = {
        key: _texts(entry.get(key, []), origin=f"{origin}: {key}")
        for key in ("phrases", "smtp", "enhanced", "examples", "counter_examples")
    }
    if not (texts["pattern"] or lists["phrases"] or lists["smtp"] or lists["enhanced"]):
        raise ConfigError(f"{origin}: needs a condition: phrases, pattern, smtp or enhanced")
    if masked and " " in texts["pattern"]:
        raise ConfigError(f"{origin}: a pattern for templates looks at one word: put several into phrases")
    phrases = tuple(map(template if masked else fold, lists["phrases"]))
    if empty := [raw for raw, phrase in zip(lists["phrases"], phrases, strict=True) if not _says_something(phrase)]:
        raise ConfigError(f"{origin}: the phrase {empty[0]!r} has no word that rules can look for")
    return Rule(
        id=texts["id"],
        reason=texts["reason"],
        phrases=phrases,
        pattern=texts["pattern"],
        smtp=lists["smtp"],
        enhanced=lists["enhanced"],
        source=texts["source"],
        examples=lists["examples"],
        counter_examples=lists["counter_examples"],
    )


def _says_something(phrase: str) -> bool:
    return any(not word.startswith("<") for word in phrase.split())


def _texts(value: object, *, origin: str) -> tuple[str, ...]:
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not all(isinstance(v, str) and v for v in values):
        raise ConfigError(f"{origin}: expected a text or a list of texts")
    return tuple(values)


def add_steps(steps: int, pattern: str, *, origin: str, masked: bool) -> int:
    """The steps that patterns take at most at one place of a text, with those of one more (see `most_steps`).

    Raises ConfigError, naming `origin`, for a pattern that is invalid or with which they could take unbounded time.
    """
    try:
        re.compile(pattern)
    except (re.error, ValueError, OverflowError, RecursionError) as error:
        raise ConfigError(f"{origin}: pattern is not a regular expression: {error}") from error
    try:
        steps += most_steps(pattern)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{origin}: pattern {error}") from error
    if steps > _MOST_STEPS[masked]:
        raise ConfigError(
            f"{origin}: pattern could take unbounded time, with those before it (more than {_MOST_STEPS[masked]:,} "
            "steps at a place): lower their bounds, or use phrases"
        )
    return steps
