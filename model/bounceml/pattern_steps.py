"""How many steps a regular expression can take, so that one that back-tracks for hours is refused and not tried.

`re` tries every way in which a pattern can go on, so the ways of its parts multiply. They are counted on the tree that
`re` itself makes of a pattern. Its parser is private, though the same in Python 3.11 to 3.14; where there is none, only
patterns as simple as those of the rules that ship with bounceml are taken.
"""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

try:
    from re import _parser  # type: ignore[attr-defined]  # private, as said above
except ImportError:
    _parser = None

# From one place of a text. A step takes 5 ns at most, so that a text of 20,000 places takes 1 s at most.
MOST_STEPS = 10_000
# All of them are copied where `re` may have to turn back.
_MOST_GROUPS = 20
_HINT = "lower the bounds, use phrases, or write several rules"
# Steps (as measured) that a round of a repetition takes beside what it repeats: none for a character, unless lazily.
_ROUND, _LAZY_ROUND = 4, 1
_CHARACTERS = ("LITERAL", "NOT_LITERAL", "ANY", "IN")
# Without the parser: words, classes of plain characters, options, and no group repeated.
_SIMPLE = re.compile(r"(?:[\w -]|\\b|\[[\w-]+\]|\{\d(?:,\d)?\}|\?|\(\?:|\)(?!\{)|\|)*", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Cost:
    """At one place of a text: how many ways there are to match at most, and the steps of trying them all."""

    steps: int
    ways: int


def most_steps(pattern: str) -> int:
    """How many steps a search takes at most from one place of a text; `pattern` is a regular expression that compiles.

    Raises ValueError, which says of what construct and what to do, where it is more than MOST_STEPS or can't be told.

    >>> most_steps("over ?quota"), most_steps("(?:busy|full)[0-9]{0,3}")
    (16, 18)
    """
    if _parser is None:
        return _steps_if_simple(pattern)
    tree = _parser.parse(pattern)
    if tree.state.groups - 1 > _MOST_GROUPS:
        raise ValueError(f"has more than {_MOST_GROUPS} groups: write (?:…) instead of (…)")
    return _sequence(tree).steps


def _sequence(items: Iterable[tuple[Any, Any]]) -> _Cost:
    steps, ways = 0, 1
    for operation, value in items:
        cost = _item(str(operation), value)
        steps += ways * cost.steps
        ways *= cost.ways
        _check(steps, ways, at="by what repeats and alternates one behind the other")
    return _Cost(steps, ways)


def _item(operation: str, value: Any) -> _Cost:
    match operation:
        case "LITERAL" | "NOT_LITERAL" | "ANY" | "AT" | "FAILURE":
            return _Cost(1, 1)
        case "IN":
            return _Cost(1 + sum(map(_is_beside_table, value)), 1)
        case "SUBPATTERN":
            inner = _sequence(value[3])
            return _Cost(2 + inner.steps, inner.ways)
        case "BRANCH":
            return _branch([_sequence(each) for each in value[1]])
        case "MAX_REPEAT":
            return _repeat(*value)
        case "MIN_REPEAT":
            return _repeat(*value, is_lazy=True)
        # What these have matched isn't tried otherwise.
        case "POSSESSIVE_REPEAT":
            return _Cost(_repeat(*value).steps, 1)
        case "ATOMIC_GROUP":
            return _Cost(1 + _sequence(value).steps, 1)
        case "ASSERT" | "ASSERT_NOT":
            return _Cost(1 + _sequence(value[1]).steps, 1)
        case "GROUPREF" | "GROUPREF_EXISTS":
            raise ValueError("refers back to a group: write out what may stand there")
    raise ValueError(f"has something whose time can't be told ({operation[:40]}): write it in another way")


def _is_beside_table(entry: tuple[Any, Any]) -> bool:
    """Whether something in [...] is looked at by itself: characters up to U+FFFF share one table."""
    operation, value = str(entry[0]), entry[1]
    if operation == "LITERAL":
        return bool(value > 0xFFFF)
    return operation != "RANGE" or bool(value[1] > 0xFFFF)


def _branch(branches: list[_Cost]) -> _Cost:
    steps, ways = sum(1 + each.steps for each in branches), sum(each.ways for each in branches)
    _check(steps, ways, at="by its alternatives with |")
    return _Cost(steps, ways)


def _repeat(least: int, most: int, items: Any, *, is_lazy: bool = False) -> _Cost:
    if most == _parser.MAXREPEAT:
        raise ValueError("could take unbounded time by *, + or {n,}: write a bound such as {0,40}")
    each = _sequence(items)
    is_character = len(items) == 1 and str(items[0][0]) in _CHARACTERS
    beside = _LAZY_ROUND * is_lazy if is_character else _ROUND
    steps, ways, of_round = 1, 0, 1
    for n in range(most + 1):
        ways += of_round if n >= least else 0
        steps += of_round * (each.steps + beside) if n < most else 0
        of_round *= each.ways
        _check(steps, ways, at=f"by the repetition {{{least},{most}}}")
    return _Cost(steps, ways)


def _check(steps: int, ways: int, *, at: str) -> None:
    if max(steps, ways) > MOST_STEPS:
        raise ValueError(f"could take unbounded time {at} (more than {MOST_STEPS:,} steps at a place): {_HINT}")


def _steps_if_simple(pattern: str) -> int:
    """An upper bound: all ways to choose between options, each as long as the pattern with its repetitions."""
    if not _SIMPLE.fullmatch(pattern):
        raise ValueError("is one whose time this Python can't tell: use phrases, or Python 3.11 to 3.14")
    plain = pattern.replace("(?:", "(")
    options = [2 for _ in range(plain.count("?"))]
    options += [1 + part.count("|") for part in re.split(r"[()]", plain)]
    options += [1 + int(most) - int(least) for least, most in re.findall(r"\{(\d),(\d)\}", plain)]
    steps = math.prod(options) * (len(plain) + sum(map(int, re.findall(r"(\d)\}", plain))))
    _check(steps, 1, at="by its options")
    return steps
