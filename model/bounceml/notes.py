"""What a text says beside its reason: when to come back, and which blocklist refused."""

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from bounceml.masking import fold
from bounceml.rules import folded_line
from bounceml.verdict import Blocklist

# Longer than this is no time to come back in; it is an age, a limit or a hostile number.
_LONGEST_WAIT_S = 7 * 86400
# How far from its amount a cue may stand, in characters.
_REACH = 24
_CLOCK = re.compile(r"(?<![\d:.])(\d{1,2}):([0-5]\d)(?::([0-5]\d))?(?![\d:])")
_RETRY_FIELD = re.compile(
    r"(?:retry[- _]?after|retry[_ ]?in|grey-?list(?:ed|ing)? for)[ :=]{1,3}(\d{1,6})(?![\d:.])\s?([^\W\d]{0,12})"
)


@dataclass(frozen=True, slots=True)
class _RetryWords:
    amount: re.Pattern[str]
    seconds: dict[str, int]
    before: re.Pattern[str]
    after: re.Pattern[str]
    asks: tuple[str, ...]
    refused: re.Pattern[str]


@cache
def _table(name: str) -> dict[str, Any]:
    return tomllib.loads(resources.files("bounceml").joinpath(f"data/{name}.toml").read_text("utf-8"))


def _alternatives(words: list[str]) -> str:
    return "|".join(re.escape(word) for word in sorted(set(map(fold, words)), key=lambda w: (-len(w), w)))


@cache
def _retry_words() -> _RetryWords:
    table = _table("retry")
    seconds = {fold(name): unit["seconds"] for unit in table["units"].values() for name in unit["names"]}
    units = _alternatives(list(seconds))
    return _RetryWords(
        amount=re.compile(rf"(?<![\d.,:/])(\d{{1,6}})\s{{0,2}}-?({units})(?![a-zа-я])"),
        seconds=seconds,
        before=re.compile(rf"(?:{_alternatives(table['cues']['before'])})[\s:(~<]{{0,3}}(?:[^\W\d]{{1,12}}\s){{0,1}}$"),
        after=re.compile(rf"^[\s).,]{{0,3}}(?:{_alternatives(table['cues']['after'])})"),
        asks=tuple(map(fold, table["context"]["asks"])),
        refused=re.compile(rf"(?<!\w)(?:{_alternatives(table['context']['not'])})[\s(]{{1,2}}(?:the\s)?$|/\s?$"),
    )


def retry_after_in(text: str) -> int | None:
    """Seconds after which `text` asks to come back, None where it doesn't say; at most a week.

    >>> retry_after_in("451 4.7.1 Greylisted, please try again in 5 minutes")
    300
    >>> retry_after_in("450 发送频率过高，请在 10 分钟后重试")
    600
    >>> retry_after_in("552 more than 500 messages per 60 minutes, try another server") is None
    True
    """
    if not any("0" <= c <= "9" for c in text):
        return None
    folded = folded_line(text)
    if field := _RETRY_FIELD.search(folded):
        unit = _retry_words().seconds.get(field[2], 1)
        return _bounded(int(field[1]) * unit)
    words = _retry_words()
    if not any(ask in folded for ask in words.asks):
        return None
    for match in words.amount.finditer(folded):
        before, after = (
            folded[max(0, match.start() - _REACH) : match.start()],
            folded[match.end() : match.end() + _REACH],
        )
        if words.refused.search(before):
            continue
        if words.before.search(before) or words.after.search(after):
            return _bounded(int(match[1]) * words.seconds[match[2]])
    return _clock(folded)


def _clock(folded: str) -> int | None:
    """A wait written as mm:ss or hh:mm:ss, as postgrey-like filters do ("try again in 00:05:00")."""
    _retry_words()
    for match in _CLOCK.finditer(folded):
        if re.search(r"(?:in|after|wait|for|retry)[\s:]{1,2}$", folded[max(0, match.start() - _REACH) : match.start()]):
            first, second, third = match.groups()
            parts = (int(first), int(second), int(third)) if third else (0, int(first), int(second))
            return _bounded(parts[0] * 3600 + parts[1] * 60 + parts[2])
    return None


def _bounded(seconds: int) -> int | None:
    return seconds if 0 < seconds <= _LONGEST_WAIT_S else None


@cache
def _blocklists() -> tuple[tuple[str, Blocklist], ...]:
    return tuple(
        (mark, Blocklist(entry["name"], entry["kind"]))
        for entry in _table("blocklists")["blocklist"]
        for mark in entry["marks"]
    )


def blocklist_marks() -> tuple[str, ...]:
    """By what blocklists are told in folded text."""
    return tuple(mark for mark, _ in _blocklists())


def blocklist_in(text: str) -> Blocklist | None:
    """The blocklist that `text` names, with what it lists (ip, domain or uri); None where it names none.

    >>> blocklist_in("554 5.7.1 blocked using zen.spamhaus.org").name
    'Spamhaus ZEN'
    """
    folded = folded_line(text)
    return next((blocklist for mark, blocklist in _blocklists() if mark in folded), None)
