"""Texts to the sparse vectors that the regression is fitted on; the same sums that `bounceml.scoring` makes of them."""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array, vstack

from bounceml.features import character_fingerprints, pair_fingerprint, word_fingerprint
from bounceml.masking import tokens

# What is worked out for some texts at a time takes little memory beside what is kept.
_TEXTS_AT_ONCE = 2000


@dataclass(frozen=True, slots=True)
class Grams:
    """Fingerprints of one text's n-grams, by block, repeated ones included."""

    words: tuple[int, ...]
    characters: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Counts:
    """How often texts have each n-gram, by block.

    `fingerprints` are sorted (uint64, shape (n_grams,)), `words` and `characters` of shape (n_texts, n_grams), float32.
    """

    fingerprints: np.ndarray
    words: csr_array
    characters: csr_array

    def __len__(self) -> int:
        return int(self.words.shape[0])

    def part(self, texts: np.ndarray) -> "Counts":
        """Those of some texts, by position."""
        return Counts(self.fingerprints, self.words[texts], self.characters[texts])


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


def count_grams(texts: Iterable[Grams]) -> Counts:
    """Counts of texts' n-grams; they take a tenth of the memory of the n-grams themselves."""
    blocks: tuple[list[np.ndarray], list[np.ndarray]] = [], []
    for text in texts:
        for block, found in zip(blocks, (text.words, text.characters), strict=True):
            block.append(np.array(found, np.uint64))
    fingerprints = _distinct([_distinct(part) for block in blocks for part in _parts(block)])
    words, characters = (_counted(block, fingerprints=fingerprints) for block in blocks)
    return Counts(fingerprints, words, characters)


def _parts(texts: Sequence[np.ndarray]) -> Iterator[Sequence[np.ndarray]]:
    """Some texts at a time."""
    return (texts[start : start + _TEXTS_AT_ONCE] for start in range(0, len(texts), _TEXTS_AT_ONCE))


def _distinct(fingerprints: Sequence[np.ndarray]) -> np.ndarray:
    return np.unique(np.concatenate([np.empty(0, np.uint64), *fingerprints]))


def _counted(texts: Sequence[np.ndarray], *, fingerprints: np.ndarray) -> csr_array:
    found = [np.searchsorted(fingerprints, np.concatenate(part)).astype(np.int32) for part in _parts(texts)]
    columns = np.concatenate([np.empty(0, np.int32), *found])
    ends = np.cumsum([0, *map(len, texts)], dtype=np.int32)
    counts = csr_array((np.ones(len(columns), np.float32), columns, ends), shape=(len(texts), len(fingerprints)))
    counts.sum_duplicates()
    return counts


def build_vocabulary(texts: Counts, *, min_document_frequency: int, max_features: int) -> Vocabulary:
    """N-grams that stand in at least `min_document_frequency` texts, the most frequent `max_features` of them."""
    documents = np.bincount((texts.words + texts.characters).indices, minlength=len(texts.fingerprints))
    often = np.flatnonzero(documents >= min_document_frequency)
    # Of those that are equally frequent, the ones with the lowest fingerprints.
    kept = np.sort(often[np.argsort(-documents[often], kind="stable")][:max_features])
    idf = np.log((1 + len(texts)) / (1 + documents[kept].astype(np.float64))) + 1
    return Vocabulary(texts.fingerprints[kept], idf.astype(np.float32))


def vectorize(texts: Counts, *, vocabulary: Vocabulary) -> csr_array:
    """Matrix of shape (n_texts, n_features), float32: in each block count times idf, scaled as `features` says."""
    at = _columns(texts, vocabulary=vocabulary)
    parts = []
    for start in range(0, max(1, len(texts)), _TEXTS_AT_ONCE):
        blocks = (block[start : start + _TEXTS_AT_ONCE] for block in (texts.words, texts.characters))
        words, characters = (_scaled(block, at=at, vocabulary=vocabulary) for block in blocks)
        parts.append(words + characters)
    whole = vstack(parts, format="csr", dtype=np.float32)
    whole.indices, whole.indptr = (
        whole.indices.astype(np.int32),
        whole.indptr.astype(np.int32),
    )  # liblinear takes no others
    return csr_array(whole)


def _scaled(block: csr_array, *, at: np.ndarray, vocabulary: Vocabulary) -> csr_array:
    """One block, with the column `at` of the vocabulary for each n-gram, -1 where it isn't known."""
    columns = at[block.indices]
    is_known = columns >= 0
    row = np.repeat(np.arange(block.shape[0]), np.diff(block.indptr))[is_known]
    columns, counts = columns[is_known], block.data[is_known]
    idf = vocabulary.idf[columns].astype(np.float64)
    lengths = np.sqrt(np.bincount(row, counts * np.square(idf), minlength=block.shape[0]))
    ends = np.cumsum([0, *np.bincount(row, minlength=block.shape[0])], dtype=np.int32)
    values = (counts * idf / lengths[row]).astype(np.float32)
    return csr_array((values, columns, ends), shape=(block.shape[0], len(vocabulary.fingerprints)))


def known_share(texts: Counts, *, vocabulary: Vocabulary) -> np.ndarray:
    """Share 0–1 of each text's character n-grams that the vocabulary knows, shape (n_texts,)."""
    is_known = (_columns(texts, vocabulary=vocabulary) >= 0).astype(np.float64)
    return np.asarray(texts.characters @ is_known / np.maximum(1, texts.characters.sum(axis=1)))


def _columns(texts: Counts, *, vocabulary: Vocabulary) -> np.ndarray:
    """For each counted n-gram its column in the vocabulary, which isn't empty, or -1; int32, shape (n_grams,)."""
    at = np.minimum(np.searchsorted(vocabulary.fingerprints, texts.fingerprints), len(vocabulary.fingerprints) - 1)
    return np.where(vocabulary.fingerprints[at] == texts.fingerprints, at, -1).astype(np.int32)


def positions(fingerprints: np.ndarray, *, vocabulary: Vocabulary) -> np.ndarray:
    """Columns of the n-grams that the vocabulary, which isn't empty, knows; in their order, repeated ones again."""
    at = np.searchsorted(vocabulary.fingerprints, fingerprints)
    at = np.minimum(at, len(vocabulary.fingerprints) - 1)
    known: np.ndarray = at[vocabulary.fingerprints[at] == fingerprints].astype(np.int32)
    return known
