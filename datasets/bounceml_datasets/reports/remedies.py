"""What a sender can mend (`data/remedies.toml`): told by a failure's reason and what its text names."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import numpy as np

from bounceml.masking import template
from bounceml.notes import blocklist_in, blocklist_marks

# The topic of a text that names a blocklist: which one is counted beside.
BLOCKLIST = "blocklist"
# Reasons whose texts may name one.
_LISTED = frozenset({"sender_reputation", "policy", "spam_content"})
# What stands for a host, address or link in a template: other texts of it may name another blocklist.
_SLOTS = frozenset({"<host>", "<url>"})
# By how many bytes at a place marks are looked for, and how these are hashed to 16 bits.
_GRAM = 4
_MIX, _SHIFT = np.uint32(0x9E3779B1), np.uint32(16)
# Bytes of host names, rare ones first; other bytes are the rarest.
_COMMON = b"qzxjkvw0f3456789y2gb1pu-dhcmlrtn.iosea"


@dataclass(frozen=True, slots=True)
class Link:
    """An official page."""

    title: str
    url: str


@dataclass(frozen=True, slots=True)
class Topic:
    """Something to mend, and how it is told."""

    id: str
    reasons: frozenset[str] = frozenset()
    marks: tuple[str, ...] = ()
    every: tuple[str, ...] = ()
    links: tuple[Link, ...] = ()

    def fits(self, reason: str, padded: str) -> bool:
        """Whether a failure is about this; `padded` is its template with a space on either side."""
        if reason not in self.reasons:
            return False
        # Han is written without spaces.
        has_any = not self.marks or any((f" {mark} " if mark.isascii() else mark) in padded for mark in self.marks)
        return has_any and all(f" {word} " in padded for word in self.every)


@dataclass(frozen=True, slots=True)
class Provider:
    """A receiver that says on its own pages what it wants."""

    id: str
    name: str
    domains: frozenset[str] = frozenset()
    marks: frozenset[str] = frozenset()
    links: tuple[Link, ...] = ()


@dataclass(frozen=True, slots=True)
class ListPage:
    """Where a blocklist is looked up and left; None where no page is known. `closed` is the day it was shut down."""

    url: str | None = None
    closed: str | None = None


@dataclass(frozen=True, slots=True)
class Remedies:
    """All topics in their order, providers by id, and blocklists' pages by name."""

    topics: tuple[Topic, ...]
    providers: Mapping[str, Provider]
    blocklists: Mapping[str, ListPage]
    provider_of_domain: Mapping[str, str]
    provider_of_mark: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Told:
    """What a template tells of its failures: topic, blocklist and provider by the words that stay in it.

    `is_open` says that another text of it may name a blocklist, which has to be looked for in each.
    """

    topic: str | None
    blocklist: str | None
    provider: str | None
    is_open: bool


@cache
def load_remedies() -> Remedies:
    """The shipped file."""
    table = tomllib.loads(resources.files("bounceml_datasets").joinpath("data/remedies.toml").read_text("utf-8"))
    providers = {entry["id"]: _provider(entry) for entry in table["provider"]}
    return Remedies(
        topics=tuple(_topic(entry) for entry in table["topic"]),
        providers=providers,
        blocklists={name: ListPage(**page) for name, page in table["blocklists"].items()},
        provider_of_domain={domain: each.id for each in providers.values() for domain in each.domains},
        provider_of_mark={mark: each.id for each in providers.values() for mark in each.marks},
    )


def tell(masked: str, *, reason: str, remedies: Remedies) -> Told:
    """What a template of failures with this reason tells."""
    padded = f" {masked} "
    topic = next((topic.id for topic in remedies.topics if topic.fits(reason, padded)), None)
    words = masked.split()
    provider = next((remedies.provider_of_mark[word] for word in words if word in remedies.provider_of_mark), None)
    if reason not in _LISTED or topic == "reverse_dns":
        return Told(topic, None, provider, is_open=False)
    named = blocklist_in(masked)
    return Told(
        BLOCKLIST if named else topic,
        named.name if named else None,
        provider,
        is_open=named is None and not _SLOTS.isdisjoint(words),
    )


@cache
def masked_marks() -> tuple[bytes, ...]:
    """Marks of blocklists, in lower case, that masking takes away; those that stand in each other count once."""
    names = [mark for mark in blocklist_marks() if " " not in mark]  # words stay
    spelled = {mark: (mark, f"{mark}.example", f"https://{mark}.example/") for mark in names}
    lost = {mark for mark, ways in spelled.items() if any(blocklist_in(template(way)) is None for way in ways)}
    return tuple(sorted(mark.encode() for mark in lost if not any(each in mark for each in lost - {mark})))


def find_marks(data: np.ndarray) -> list[int]:
    """Where `masked_marks` stand in bytes (uint8) of any case: the place of one byte of each."""
    lower = np.where((data >= 65) & (data <= 90), data | 32, data)
    if len(lower) < _GRAM:
        return []
    n = len(lower) - _GRAM + 1
    grams = lower[:n].astype(np.uint32)
    for place in range(1, _GRAM):
        grams |= lower[place : place + n].astype(np.uint32) << np.uint32(8 * place)
    marks, hashed = _rarest_grams()
    text = lower.tobytes()
    return [
        at
        for at in np.flatnonzero(hashed[(grams * _MIX) >> _SHIFT]).tolist()
        if any(text.startswith(mark, at - place) for place, mark in marks.get(text[at : at + _GRAM], ()) if at >= place)
    ]


@cache
def _rarest_grams() -> tuple[dict[bytes, list[tuple[int, bytes]]], np.ndarray]:
    """What is rarest of each mark, with where it stands there; and for each hash of such bytes whether it is one's."""
    marks: dict[bytes, list[tuple[int, bytes]]] = {}
    for mark in masked_marks():
        grams = [mark[i : i + _GRAM] for i in range(len(mark) - _GRAM + 1)]
        rarest = min(grams, key=lambda gram: sum(_COMMON.find(byte) for byte in gram))
        marks.setdefault(rarest, []).append((grams.index(rarest), mark))
    hashed = np.zeros(1 << 16, bool)
    hashed[(np.array([int.from_bytes(gram, "little") for gram in marks], np.uint32) * _MIX) >> _SHIFT] = True
    return marks, hashed


def _topic(entry: Mapping[str, Any]) -> Topic:
    return Topic(
        id=entry["id"],
        reasons=frozenset(entry["reasons"]),
        marks=tuple(entry.get("marks", ())),
        every=tuple(entry.get("every", ())),
        links=_links(entry),
    )


def _provider(entry: Mapping[str, Any]) -> Provider:
    domains, marks = (frozenset(entry.get(key, ())) for key in ("domains", "marks"))
    return Provider(entry["id"], entry["name"], domains, marks, _links(entry))


def _links(entry: Mapping[str, Any]) -> tuple[Link, ...]:
    return tuple(Link(**link) for link in entry.get("links", ()))
