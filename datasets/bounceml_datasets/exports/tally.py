"""Counts of what was found in an export."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bounceml_datasets.exports.domains import Domains
from bounceml_datasets.exports.parts import Part, Scored

_MOST_DOMAINS = 20_000


@dataclass(slots=True)
class Tally:
    """What was found so far: rows, broken rows, and how many rows have each outcome (kind, type, reason, action).

    `domains` counts rows by receiver's domain and type; beyond some ten thousand domains the rarest are left out.
    """

    rows: int = 0
    broken: int = 0
    outcomes: Counter[tuple[str | None, ...]] = field(default_factory=Counter)
    domains: Counter[tuple[str, str | None]] = field(default_factory=Counter)

    def add(self, part: Part, scored: Scored) -> None:
        """Count a part's rows."""
        self.rows += len(part)
        self.broken += len(part.errors)
        counted = np.bincount(scored.index[scored.index >= 0], minlength=len(scored.outcomes))
        for outcome, n in zip(scored.outcomes, counted.tolist(), strict=True):
            if n:
                self.outcomes[outcome[:4]] += n
        if part.domains is not None:
            self._add_domains(part.domains, scored)

    def to_json(self) -> dict[str, Any]:
        """The tally as JSON-ready values."""
        return {
            "rows": self.rows,
            "broken": self.broken,
            "outcomes": [[*k, n] for k, n in self.outcomes.items()],
            "domains": [[*k, n] for k, n in self.domains.items()],
        }

    @classmethod
    def from_json(cls, entry: dict[str, Any]) -> "Tally":
        """A tally from `to_json`."""
        outcomes = Counter({tuple(row[:4]): row[4] for row in entry["outcomes"]})
        domains = Counter({(row[0], row[1]): row[2] for row in entry["domains"]})
        return cls(entry["rows"], entry["broken"], outcomes, domains)

    def summary(self) -> dict[str, Any]:
        """Rows by kind, type, reason, action and receiver's domain, most first."""
        by: dict[str, Counter[str]] = {name: Counter() for name in ("kind", "type", "reason", "action")}
        for outcome, n in self.outcomes.items():
            for counter, value in zip(by.values(), outcome, strict=True):
                if value is not None:
                    counter[value] += n
        domains: dict[str, Counter[str]] = {}
        for (domain, bounce_type), n in self.domains.items():
            domains.setdefault(domain, Counter())[bounce_type or "none"] += n
        busiest = sorted(domains.items(), key=lambda item: -item[1].total())
        return {
            "rows": self.rows,
            "broken": self.broken,
            **{f"by_{name}": dict(counter.most_common()) for name, counter in by.items()},
            "by_domain": {domain: {"rows": counter.total(), **counter} for domain, counter in busiest},
        }

    def _add_domains(self, domains: Domains, scored: Scored) -> None:
        types = list(dict.fromkeys([None, *[outcome[1] for outcome in scored.outcomes]]))
        # The last one is for rows without an answer, whose index is -1.
        type_of = np.array([types.index(outcome[1]) for outcome in scored.outcomes] + [0], np.int64)
        counts = np.bincount(domains.ids * len(types) + type_of[scored.index])
        found = np.flatnonzero(counts)
        for number, n in zip(found.tolist(), counts[found].tolist(), strict=True):
            self.domains[domains.names[number // len(types)], types[number % len(types)]] += n
        if len(self.domains) > 2 * _MOST_DOMAINS:
            self.domains = Counter(dict(self.domains.most_common(_MOST_DOMAINS)))
