"""Texts to the sparse vectors that the regression is fitted on; the same sums that `bounceml.scoring` makes of them."""

import itertools
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from bounceml.features import character_fingerprints, pair_fingerprint, word_fingerprint
from bounceml.masking import tokens


@dataclass(frozen=True, slots=True)
class Grams:
    """Fingerprints of one text's n-grams, by block, repeated ones included."""

    words: tuple[int, ...]
    characters: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Known n-grams: sorted `fingerprints` (uint64) and `idf` (float32), both of shape (n_features,)."""

    fingerprints: np.ndarray
    idf: np.ndarray


def grams(text: str) -> Grams:
    """Fingerprints of a text's words, pairs of words, and character n-grams."""
    found = tokens(text)
    words = [word_fingerprint(token) for token in found]
    pairs = [pair_fingerprint(a, b) for a, b in itertools.pairwise(words)]
    return Grams(tuple(words + pairs), tuple(fp for token in found for fp in character_fingerprints(token)))


def build_vocabulary(texts: Sequence[Grams], *, min_document_frequency: int, max_features: int) -> Vocabulary:
    """N-grams that stand in at least `min_document_frequency` texts, the most frequent `max_features` of them."""
    frequency: Counter[int] = Counter()
    for text in texts:
        frequency.update({*text.words, *text.characters})
    kept = [(fp, n) for fp, n in frequency.items() if n >= min_document_frequency]
    kept.sort(key=lambda item: (-item[1], item[0]))
    kept = sorted(kept[:max_features])
    fingerprints = np.array([fp for fp, _ in kept], dtype=np.uint64)
    documents = np.array([n for _, n in kept], dtype=np.float64)
    idf = np.log((1 + len(texts)) / (1 + documents)) + 1
    return Vocabulary(fingerprints, idf.astype(np.float32))


def vectorize(texts: Iterable[Grams], *, vocabulary: Vocabulary) -> csr_array:
    """Matrix of shape (n_texts, n_features), float32: in each block count times idf, scaled as `features` says."""
    columns: list[np.ndarray] = []
    values: list[np.ndarray] = []
    ends = [0]
    for text in texts:
        for block in (text.words, text.characters):
            found = positions(np.array(block, dtype=np.uint64), vocabulary=vocabulary)
            weights = vocabulary.idf[found].astype(np.float64)
            length = np.sqrt(np.square(weights).sum())
            columns.append(found)
            values.append((weights / length if length else weights).astype(np.float32))
        ends.append(ends[-1] + len(columns[-1]) + len(columns[-2]))
    matrix = csr_array(
        (np.concatenate(values), np.concatenate(columns), np.array(ends, dtype=np.int32)),
        shape=(len(ends) - 1, len(vocabulary.fingerprints)),
    )
    matrix.sum_duplicates()
    return matrix


def known_share(texts: Iterable[Grams], *, vocabulary: Vocabulary) -> np.ndarray:
    """Share 0–1 of each text's character n-grams that the vocabulary knows, shape (n_texts,)."""
    return np.array(
        [
            len(positions(np.array(text.characters, dtype=np.uint64), vocabulary=vocabulary))
            / max(1, len(text.characters))
            for text in texts
        ]
    )


def positions(fingerprints: np.ndarray, *, vocabulary: Vocabulary) -> np.ndarray:
    """Columns of the n-grams that the vocabulary, which isn't empty, knows; in their order, repeated ones again."""
    at = np.searchsorted(vocabulary.fingerprints, fingerprints)
    at = np.minimum(at, len(vocabulary.fingerprints) - 1)
    known: np.ndarray = at[vocabulary.fingerprints[at] == fingerprints].astype(np.int32)
    return known
