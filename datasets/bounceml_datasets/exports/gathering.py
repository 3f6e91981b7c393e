"""The templates of an export with how often each came, in memory that doesn't grow with the export."""

import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

import numpy as np

from bounceml.codes import Codes, with_codes
from bounceml.templates import Templates, new_templates
from bounceml_datasets.exports.domains import Domains
from bounceml_datasets.exports.events import PROVIDER_CLASS
from bounceml_datasets.exports.parts import Buffer, Part
from bounceml_datasets.exports.texts import column_of, example_of, text_at

# Templates that are remembered; beyond them the rarer half is dropped. A year of a large sender's bounces has fewer.
MAX_TEMPLATES = 50_000
# Different classes of the provider that are counted for a template.
_MAX_CLASSES = 8
# Pairs of a template and a domain, 8 bytes each; beyond them domains are no longer counted.
_MAX_PAIRS = 4_000_000
_NO_TOKENS = -1
# Templates with their codes that are found again without a look at their words.
_MAX_KEYS = 200_000

# A template before it is looked up: its number, and the codes that stand in columns of their own.
_Key = tuple[int, str | None, str | None]


@dataclass(slots=True)
class _Entry:
    number: int
    text: bytes
    missed: int
    seen: int = 0
    classes: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Gathered:
    """One template: an example with its codes, how often it came at least, and from how many receivers' domains.

    `domains` is None where the export has no recipients. `classes` are the provider's own, most frequent first.
    """

    text: str
    count: int
    domains: int | None
    classes: tuple[tuple[str, int], ...]


class Gatherer:
    """Counts templates, part after part.

    Where there are too many, those that came least are dropped. A template that comes again may have been dropped
    before, so its count is what was seen since; what came more than `floor` times is surely there (Metwally et al.
    2005, "Efficient Computation of Frequent and Top-k Elements in Data Streams").
    """

    def __init__(self, *, most: int = MAX_TEMPLATES) -> None:
        self._most = most
        self._templates: Templates = new_templates()
        self._words: list[str] = []
        self._entries: dict[bytes, _Entry] = {}
        self._of_key: dict[_Key, _Entry | None] = {}
        self._pairs = np.empty(0, np.uint64)
        self._numbered = 0
        self._has_domains = False
        self.floor = 0
        self.rows = 0
        self.broken = 0
        # Rows that say nothing, and rows that aren't failures.
        self.empty = 0
        self.unasked = 0

    def add(self, part: Part, *, names: Sequence[str]) -> None:
        """Count a part's rows; `names` are the export's columns."""
        self.rows += len(part)
        self.broken += len(part.errors)
        kept = np.ones(len(part), bool) if part.asked is None else part.asked.copy()
        kept[list(part.errors)] = False
        self.unasked += len(part) - len(part.errors) - int(kept.sum())
        rows = np.flatnonzero(kept)
        if not len(rows):
            return
        of_row, entries = self._look_up(part, rows)
        for entry, n in zip(entries, np.bincount(of_row, minlength=len(entries)).tolist(), strict=True):
            if entry is None:
                self.empty += n
            else:
                entry.seen += n
        classes = _classes(part, names)
        if classes is not None:
            _count_classes(Counter(zip(of_row.tolist(), [classes[i] for i in rows.tolist()], strict=True)), entries)
        if part.domains is not None:
            self._has_domains = True
            self._count_domains(part.domains, rows=rows, of_row=of_row, entries=entries)
        if len(self._entries) > self._most:
            self._drop()

    def gathered(self) -> list[Gathered]:
        """The templates, the most frequent first."""
        owners, counts = np.unique(self._pairs >> np.uint64(32), return_counts=True)
        domains = dict(zip(owners.tolist(), counts.tolist(), strict=True))
        found = sorted(self._entries.values(), key=lambda entry: (-entry.seen, entry.number))
        return [
            Gathered(
                text=entry.text.decode("utf-8", "replace"),
                count=entry.seen,
                domains=domains.get(entry.number, 0) if self._has_domains else None,
                classes=tuple(entry.classes.most_common()),
            )
            for entry in found
        ]

    def _look_up(self, part: Part, rows: np.ndarray) -> tuple[np.ndarray, list[_Entry | None]]:
        """Entries of these rows' templates, None for those without a token, and for each row the position of its."""
        if self._templates.is_full():
            self._templates.forget()
            self._words, self._of_key = [], {}
        if len(self._of_key) > _MAX_KEYS:
            self._of_key = {}
        numbers = _numbers(self._templates, part.texts)[rows]
        keys: list[_Key]
        if part.smtp is None and part.status is None:
            values, first, of_row = np.unique(numbers, return_index=True, return_inverse=True)
            keys = [(number, None, None) for number in values.tolist()]
        else:
            smtp, status = (_picked(column, rows) for column in (part.smtp, part.status))
            found: dict[_Key, int] = {}
            every = zip(numbers.tolist(), smtp, status, strict=True)
            of_row = np.array([found.setdefault(key, len(found)) for key in every], np.int64)
            keys = list(found)
            first = np.unique(of_row, return_index=True)[1]
        self._words += self._templates.tokens()
        new = [(key, int(rows[i])) for key, i in zip(keys, first.tolist(), strict=True) if key not in self._of_key]
        self._learn(new, part=part)
        return of_row, [self._of_key[key] for key in keys]

    def _learn(self, new: Sequence[tuple[_Key, int]], *, part: Part) -> None:
        """Find or make the entries of keys that are met for the first time, each with a row that has it."""
        if not new:
            return
        ids, ends = self._templates.arrays()
        for key, row in new:
            number, smtp, status = key
            start = int(ends[number - 1]) if number else 0
            words = [self._words[i] for i in ids[start : ends[number]].tolist()]
            if smtp or status:
                words = with_codes(words, given=Codes(smtp, status))
            if not words:
                self._of_key[key] = None
                continue
            digest = blake2b(" ".join(words).encode("utf-8", "surrogatepass"), digest_size=16).digest()
            if digest not in self._entries:
                text = example_of(text_at(part, row), codes=Codes(smtp, status))
                self._entries[digest] = _Entry(self._numbered, text.encode("utf-8", "replace"), missed=self.floor)
                self._numbered += 1
            self._of_key[key] = self._entries[digest]

    def _count_domains(
        self, domains: Domains, *, rows: np.ndarray, of_row: np.ndarray, entries: Sequence[_Entry | None]
    ) -> None:
        if len(self._pairs) >= _MAX_PAIRS:
            return
        prints = np.array([zlib.crc32(name.encode("utf-8", "replace")) for name in domains.names], np.uint64)
        has_one = np.array([bool(name) for name in domains.names], bool)
        owners = np.array([_NO_TOKENS if entry is None else entry.number for entry in entries], np.int64)[of_row]
        ids = domains.ids[rows]
        counted = has_one[ids] & (owners != _NO_TOKENS)
        pairs = np.unique((owners[counted].astype(np.uint64) << np.uint64(32)) | prints[ids[counted]])
        at = np.searchsorted(self._pairs, pairs)
        known = at < len(self._pairs)
        known[known] = self._pairs[at[known]] == pairs[known]
        self._pairs = np.sort(np.concatenate([self._pairs, pairs[~known]]), kind="stable")

    def _drop(self) -> None:
        """Keep the half of the templates that may have come most often."""
        ranked = sorted(self._entries.items(), key=lambda item: -(item[1].seen + item[1].missed))
        kept, dropped = ranked[: self._most // 2], ranked[self._most // 2 :]
        self.floor = max(self.floor, dropped[0][1].seen + dropped[0][1].missed)
        self._entries = dict(kept)
        self._of_key = {}
        owners = np.sort(np.array([entry.number for entry in self._entries.values()], np.uint64))
        self._pairs = self._pairs[np.isin(self._pairs >> np.uint64(32), owners)]


def _classes(part: Part, names: Sequence[str]) -> Sequence[object] | None:
    """The provider's own classes: as the preset read them, or as scoring left them in a column."""
    if PROVIDER_CLASS in part.extra:
        return part.extra[PROVIDER_CLASS]
    return column_of(part, PROVIDER_CLASS, names=names) if PROVIDER_CLASS in names else None


def _count_classes(counts: Counter[tuple[int, object]], entries: Sequence[_Entry | None]) -> None:
    for (at, name), n in counts.items():
        entry = entries[at]
        if entry is not None and name and (str(name) in entry.classes or len(entry.classes) < _MAX_CLASSES):
            entry.classes[str(name)] += n


def _picked(column: Sequence[str | None] | None, rows: np.ndarray) -> Sequence[str | None]:
    return [None] * len(rows) if column is None else [column[i] for i in rows.tolist()]


def _numbers(templates: Templates, texts: Sequence[str] | Buffer) -> np.ndarray:
    if isinstance(texts, Buffer):
        return templates.number_buffer(texts.data, texts.offsets)
    return templates.number([text.encode("utf-8", "surrogatepass") for text in texts])
