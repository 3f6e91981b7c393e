"""The labelled texts that are nearest to a text, as the model sees texts."""

import heapq
import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bounceml.decode import repair
from bounceml.features import character_fingerprints, is_dense, pair_fingerprint, word_fingerprint
from bounceml.masking import fold, tokens
from bounceml.modelfile import ModelFile
from bounceml_datasets.corpus import Row

# Texts that share the rarest words with the text are compared by all n-grams; more would take seconds.
_COMPARED = 400
_PIECES = 40
_DENSE_PIECE = 2


@dataclass(frozen=True, slots=True)
class Near:
    """A labelled row and its cosine to the text, 0–1: the mean of those of the model's two blocks of n-grams."""

    row: Row
    similarity: float


def nearest(text: str, rows: Sequence[Row], *, model: ModelFile, most: int) -> list[Near]:
    """At most `most` rows that are nearest to `text`, the nearest first; none of those that share no word with it."""
    found = tokens(repair(text))
    if not found:
        return []
    own = _vector(found, model=model)
    shared = ((_cosine(own, _vector(tokens(repair(row.text)), model=model)), row) for row in _sharing(found, rows))
    best = heapq.nlargest(most, ((each, -i, row) for i, (each, row) in enumerate(shared) if each > 0))
    return [Near(row, min(1.0, similarity)) for similarity, _, row in best]


def _sharing(found: Sequence[str], rows: Sequence[Row]) -> list[Row]:
    """The rows that share the most with the text's tokens, rare pieces counting more."""
    pieces = list(dict.fromkeys(piece for token in found for piece in _pieces(token)))[:_PIECES]
    folded = [fold(row.text) for row in rows]
    worth = defaultdict[int, float](float)
    for piece in pieces:
        holding = [i for i, line in enumerate(folded) if piece in line]
        for i in holding:
            worth[i] += math.log(1 + len(rows) / len(holding))
    return [rows[i] for i in heapq.nlargest(_COMPARED, worth, key=lambda i: (worth[i], -i))]


def _pieces(token: str) -> Iterable[str]:
    """What of a token is looked for in other texts: the word, or pieces of a run in a script without spaces."""
    if token.startswith("<"):
        return ()
    if not is_dense(token):
        return (token,)
    return (token[i : i + _DENSE_PIECE] for i in range(max(1, len(token) - _DENSE_PIECE + 1)))


def _vector(found: Sequence[str], *, model: ModelFile) -> tuple[dict[int, float], dict[int, float]]:
    """Weights of the known n-grams by fingerprint, each block of unit length."""
    words = [word_fingerprint(token) for token in found]
    pairs = [pair_fingerprint(a, b) for a, b in itertools.pairwise(words)]
    characters = (fp for token in found for fp in character_fingerprints(token))
    return _scaled(words + pairs, model=model), _scaled(characters, model=model)


def _scaled(fingerprints: Iterable[int], *, model: ModelFile) -> dict[int, float]:
    weights = {fp: n * model.idf[at] for fp, n in Counter(fingerprints).items() if (at := model.find(fp)) is not None}
    length = math.sqrt(sum(weight * weight for weight in weights.values()))
    return {fp: weight / length for fp, weight in weights.items()} if length else {}


def _cosine(one: tuple[dict[int, float], ...], other: tuple[dict[int, float], ...]) -> float:
    return sum(sum(w * b.get(fp, 0.0) for fp, w in a.items()) for a, b in zip(one, other, strict=True)) / 2
