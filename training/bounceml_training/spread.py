"""A few of many texts, worth the most and unlike each other: greedy maximal marginal relevance.

Carbonell and Goldstein 1998, "The Use of MMR"; here the worth is multiplied by one minus the cosine to the nearest text
that was taken, so that there is no weight between the two to be set.
"""

from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_array

from bounceml.decode import repair
from bounceml_training.vectors import build_vocabulary, grams, vectorize

# What is left of the worth of a text that says the same as one that was taken: it comes last, but it comes.
_LEAST = 0.01
# More than some thousand texts have.
_MOST_GRAMS = 5_000_000


def spread(texts: Sequence[str], *, worth: np.ndarray, most: int) -> list[int]:
    """Positions of at most `most` texts, the most worthwhile first; `worth` has shape (n_texts,), none negative.

    Texts are compared by the model's own n-grams, weighted by how rare they are among these texts rather than in the
    training data: of a language that the model doesn't know it has no n-grams to compare by.
    """
    vectors = _vectors(texts)
    unlike = np.ones(len(texts))
    is_left = np.ones(len(texts), bool)
    # One taken text at a time, unpacked, against all: some 100 n-grams of each are looked at.
    taken = np.zeros(vectors.shape[1], np.float32)
    chosen: list[int] = []
    for _ in range(min(most, len(texts))):
        best = int(np.where(is_left, worth * np.maximum(unlike, _LEAST), -1.0).argmax())
        chosen.append(best)
        is_left[best] = False
        part = slice(vectors.indptr[best], vectors.indptr[best + 1])
        taken[vectors.indices[part]] = vectors.data[part]
        unlike = np.minimum(unlike, 1 - vectors @ taken)
        taken[vectors.indices[part]] = 0
    return chosen


def _vectors(texts: Sequence[str]) -> csr_array:
    """Vectors of unit length, shape (n_texts, n_grams), float32."""
    every = [grams(repair(text)) for text in texts]
    vocabulary = build_vocabulary(every, min_document_frequency=1, max_features=_MOST_GRAMS)
    if not len(vocabulary.fingerprints):
        return csr_array((len(texts), 1), dtype=np.float32)
    vectors = vectorize(every, vocabulary=vocabulary)
    lengths = np.sqrt(vectors.multiply(vectors).sum(axis=1))
    vectors.data /= np.repeat(np.where(lengths > 0, lengths, 1), np.diff(vectors.indptr)).astype(np.float32)
    return vectors
