"""Changes to JSON values and arrays that bytes choose: what is well formed and still not what anybody would write."""

import json
from collections.abc import Iterator
from typing import Any

# Characters of texts, and values in place of others, that nobody expects there.
_LONG = 3000
_ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 0.5, -0.0, 1e308, float("nan"), float("inf"), 2**31, 2**63, 2**64, 10**400,
    "", " ", "\0", "\ud800", "\u202e\x1b[31m", "550", "5.1.1", "a@b", "@", "NaN", "1e999", "{", "[", "x" * _LONG,
    "2026-01-02T03:04:05Z", "99999999999", [], [[]], [None], ["a", 1], {}, {"": {}}, {"a": [{}]}, [[[[[[]]]]]],
)  # fmt: skip
_MOST_CHANGES = 6


class Choices:
    """Bytes as a row of choices; where they end, every choice is the first."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def __bool__(self) -> bool:
        return self._at < len(self._data)

    def below(self, n: int) -> int:
        """A number from 0 to n - 1."""
        chosen = int.from_bytes(self.take(1 if n <= 256 else 2), "little")
        return chosen % n

    def take(self, n: int) -> bytes:
        """The next n bytes, fewer at the end."""
        taken = self._data[self._at : self._at + n]
        self._at += n
        return taken

    def odd(self) -> Any:
        """A value that nobody expects, or a text of the next bytes."""
        number = self.below(len(_ODD) + 4)
        # A copy: what is put into it later must not be there the next time.
        return json.loads(json.dumps(_ODD[number])) if number < len(_ODD) else self.text()

    def text(self) -> str:
        """A text of the next bytes."""
        return self.take(self.below(40)).decode("utf-8", "surrogateescape")


def altered(value: Any, choices: Choices) -> Any:
    """`value` with some of what it holds replaced, taken out, doubled, wrapped or renamed; it is changed itself."""
    for _ in range(_MOST_CHANGES):
        if not choices:
            break
        places = list(_places(value))
        if not places:
            return choices.odd()
        holder, key = places[choices.below(len(places))]
        _change(holder, key, choices)
    return value


def _change(holder: Any, key: Any, choices: Choices) -> None:
    how = choices.below(8)
    if how == 0:
        del holder[key]
    elif how == 1:
        holder[key] = [holder[key]]
    elif how == 2:
        holder[key] = {"a": holder[key]}
    elif how == 3 and isinstance(holder, dict):
        holder[choices.text()] = holder[key]
    elif how == 4 and isinstance(holder, list):
        holder.append(holder[key])
    elif how == 5 and isinstance(holder[key], str):
        holder[key] = choices.text() + holder[key]
    else:
        holder[key] = choices.odd()


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Each place in a value: what holds it, and the key or position there."""
    waiting = [value]
    while waiting:
        held = waiting.pop()
        keys = list(held) if isinstance(held, dict) else range(len(held)) if isinstance(held, list) else ()
        for key in keys:
            yield held, key
            waiting.append(held[key])
