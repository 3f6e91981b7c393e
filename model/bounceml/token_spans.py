"""Where in a text its tokens stand, for showing what an answer rests on."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from bounceml.masking import MAX_CHUNK, MAX_TOKENS, SLOTS, chunk_parts, fold

_CHUNK = re.compile(r"\S+")


@dataclass(frozen=True, slots=True)
class TokenSpan:
    """A token and the characters `start` to `end` (not included) of the text that it was made of."""

    token: str
    start: int
    end: int


def token_spans(text: str) -> list[TokenSpan]:
    """The tokens of `text` as `masking.tokens` gives them, with where they stand.

    >>> [(span.token, span.start, span.end) for span in token_spans("Boîte kim@example.com")]
    [('boite', 0, 5), ('<addr>', 6, 21)]
    """
    found: list[TokenSpan] = []
    for chunk in _CHUNK.finditer(text):
        for span in _chunk_spans(chunk[0][:MAX_CHUNK], at=chunk.start()):
            if not (found and span.token == found[-1].token and span.token in SLOTS):
                found.append(span)
        if len(found) >= MAX_TOKENS:
            return found[:MAX_TOKENS]
    return found


def _chunk_spans(chunk: str, *, at: int) -> Iterator[TokenSpan]:
    folded = fold(chunk)
    places = _places(chunk, folded=folded)
    for match, tokens in chunk_parts(folded):
        begin = match.start()
        for token in tokens:
            # A slot stands for the whole part; a word in it stands where it is found.
            place = -1 if token in SLOTS else folded.find(token, begin, match.end())
            start, end = match.span() if place < 0 else (place, place + len(token))
            begin = begin if place < 0 else end
            yield TokenSpan(token, at + places[start], at + places[end - 1] + 1)


def _places(chunk: str, *, folded: str) -> list[int]:
    """For each character of the folded chunk the one of `chunk` that it comes from."""
    if len(chunk) == len(folded):
        return list(range(len(chunk)))
    places = [i for i, character in enumerate(chunk) for _ in fold(character)]
    if len(places) == len(folded):
        return places
    # Characters that fold only beside each other (a letter and its accent): as near as shares of the length tell.
    return [min(len(chunk) - 1, i * len(chunk) // len(folded)) for i in range(len(folded))]
