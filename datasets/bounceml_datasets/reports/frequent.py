"""The most frequent templates, in bounded memory."""

import heapq
from dataclasses import dataclass

# Templates that are remembered; beyond them the rarer half is dropped.
MOST_KNOWN = 50_000


@dataclass(slots=True)
class Seen:
    """A template: how often it was seen, the first text with it, and what that was answered."""

    count: int
    text: str
    codes: tuple[str | None, str | None]
    type: str | None
    reason: str | None
    action: str | None
    confidence: float


class Frequent:
    """Counts templates by their fingerprints.

    Where there are too many, the rarer half is dropped. One that comes again may have been dropped before, so its count
    may be too low, by `floor` at most (Manku and Motwani 2002, "Approximate Frequency Counts over Data Streams").
    """

    def __init__(self, *, most: int = MOST_KNOWN) -> None:
        self._most = most
        self._seen: dict[int, Seen] = {}
        self.floor = 0
        self.dropped = False

    def add(self, key: int, n: int, *, seen: Seen | None) -> None:
        """Count a template's rows of one part; without `seen` it must be known."""
        known = self._seen.get(key)
        if known is not None:
            known.count += n
        elif seen is None:  # dropped since somebody asked whether it is known
            self.floor += n
        else:
            self._seen[key] = seen
            if len(self._seen) > self._most:
                self._drop()

    def __contains__(self, key: int) -> bool:
        return key in self._seen

    def __len__(self) -> int:
        return len(self._seen)

    def top(self, n: int) -> list[Seen]:
        """The `n` most frequent templates, the most frequent first, and equally frequent ones by their texts."""
        found = heapq.nsmallest(n, self._seen.items(), key=lambda item: (-item[1].count, item[1].text, item[0]))
        return [seen for _, seen in found]

    def _drop(self) -> None:
        kept = heapq.nlargest(self._most // 2, self._seen.items(), key=lambda item: (item[1].count, item[0]))
        rarest = len(self._seen) - len(kept)
        assert rarest > 0
        dropped = self._seen.keys() - {key for key, _ in kept}
        self.floor += max(self._seen[key].count for key in dropped)
        self.dropped = True
        self._seen = dict(kept)
