"""One text against the model, with nothing but the standard library: logits, and how much of the text was known."""

import itertools
import math
from collections.abc import Iterable
from dataclasses import dataclass

from bounceml.features import character_fingerprints, pair_fingerprint, word_fingerprint
from bounceml.modelfile import ModelFile


@dataclass(frozen=True, slots=True)
class Scores:
    """Logits of a text, one for each class of the model, and the share 0–1 of its n-grams that training knew."""

    logits: tuple[float, ...]
    known: float


@dataclass(frozen=True, slots=True)
class Block:
    """Sum of the weights of one block's n-grams, not yet scaled."""

    total: tuple[float, ...]
    squared_length: float
    found: int
    looked_up: int


def score(tokens: list[str], *, model: ModelFile) -> Scores:
    """Logits of masked tokens (RFC 5322 texts through `masking.tokens`), and the share of known character n-grams."""
    words = [word_fingerprint(token) for token in tokens]
    pairs = [pair_fingerprint(a, b) for a, b in itertools.pairwise(words)]
    word_block = block(words + pairs, model=model)
    character_block = block((fp for token in tokens for fp in character_fingerprints(token)), model=model)
    logits = list(model.header["bias"])
    for part in (word_block, character_block):
        if part.squared_length:
            scale = 1 / math.sqrt(part.squared_length)
            logits = [z + scale * w for z, w in zip(logits, part.total, strict=True)]
    return Scores(tuple(logits), character_block.found / max(1, character_block.looked_up))


def block(fingerprints: Iterable[int], *, model: ModelFile) -> Block:
    """Sum of the weights of all n-grams that the model knows, repeated ones counted each time."""
    total = [0.0] * len(model.header["classes"])
    squared_length, found, looked_up = 0.0, 0, 0
    for fingerprint in fingerprints:
        looked_up += 1
        position = model.find(fingerprint)
        if position is None:
            continue
        found += 1
        squared_length += model.idf[position] ** 2
        total = [t + w for t, w in zip(total, model.weights_at(position), strict=True)]
    return Block(tuple(total), squared_length, found, looked_up)
