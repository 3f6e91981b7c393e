"""The words by which messages tell what they are, from `markers.toml`."""

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources

from bounceml.masking import fold


@dataclass(frozen=True, slots=True)
class Markers:
    """Folded words of `markers.toml`: for tuples any may stand in a text, for patterns see the names there."""

    original: tuple[str, ...]
    reply: re.Pattern[str]
    headings: frozenset[str]
    long_headings: tuple[str, ...]
    endings: tuple[str, ...]
    courtesies: tuple[str, ...]
    causes: tuple[str, ...]
    vague: tuple[str, ...]
    hiding: frozenset[str]
    expired: frozenset[str]
    auto_reply_subjects: tuple[str, ...]
    bounce_subjects: tuple[str, ...]
    delivered_subjects: tuple[str, ...]
    senders: tuple[str, ...]
    certain: tuple[str, ...]
    evidence: tuple[str, ...]
    delay: tuple[str, ...]
    complaint: tuple[str, ...]


@cache
def markers() -> Markers:
    """The markers, read once."""
    table = tomllib.loads(resources.files("bounceml.mail").joinpath("markers.toml").read_text("utf-8"))
    table = {**table, **{k: [fold(w) for w in v] for k, v in table.items() if isinstance(v, list)}}
    words = sorted(set(table["reply"]), key=lambda word: (-len(word), word))
    return Markers(
        original=tuple(table["original"]),
        reply=re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, words))})(?!\w)"),
        headings=frozenset(table["headings"]),
        long_headings=tuple(mark for mark in table["headings"] if " " in mark or not mark.isascii()),
        endings=tuple(table["endings"]),
        courtesies=tuple(table["courtesies"]),
        causes=tuple(table["causes"]),
        vague=tuple(table["vague"]),
        hiding=frozenset(table["hiding"]),
        expired=frozenset(table["expired"]),
        auto_reply_subjects=tuple(table["subjects"]["auto_reply"]),
        bounce_subjects=tuple(table["subjects"]["bounce"]),
        delivered_subjects=tuple(table["subjects"]["delivered"]),
        senders=tuple(table["senders"]),
        certain=tuple(table["certain"]),
        evidence=tuple(table["evidence"]),
        delay=tuple(table["delay"]),
        complaint=tuple(table["complaint"]),
    )
