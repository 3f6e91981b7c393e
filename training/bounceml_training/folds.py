"""Folds that keep together what is alike: texts of one template group, or a whole language."""

import hashlib
from collections.abc import Iterator, Sequence

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import StratifiedGroupKFold

from bounceml.masking import is_word, tokens
from bounceml_datasets.corpus import Row

# Rows of the similarity matrix worked out at once; some 50 MB.
_CHUNK = 250

Split = tuple[np.ndarray, np.ndarray]


def template_groups(rows: Sequence[Row], *, similarity: float) -> np.ndarray:
    """Group number of each row, shape (n_rows,): one group where words are alike by cosine ≥ `similarity`."""
    words = [[token for token in tokens(row.text) if is_word(token)] for row in rows]
    if not any(words):  # without words nothing is alike
        return np.arange(len(rows))
    vectors = TfidfVectorizer(analyzer=lambda text: text, dtype=np.float32).fit_transform(words)
    links = []
    for start in range(0, len(rows), _CHUNK):
        alike = (vectors[start : start + _CHUNK] @ vectors.T).tocsr()
        near = alike.data >= similarity
        row = np.repeat(np.arange(start, start + alike.shape[0]), np.diff(alike.indptr))
        links.append(np.stack([row[near], alike.indices[near]]))
    pairs = np.concatenate(links, axis=1)
    return _components(pairs, size=len(rows))


def _components(pairs: np.ndarray, *, size: int) -> np.ndarray:
    graph = coo_array((np.ones(pairs.shape[1], dtype=bool), (pairs[0], pairs[1])), shape=(size, size))
    return np.asarray(connected_components(graph, directed=False)[1])


def grouped_folds(labels: Sequence[str], *, groups: np.ndarray, n: int, seed: int) -> Iterator[Split]:
    """Indices to train on and to test on, `n` times; no group is on both sides, and reasons are spread evenly."""
    splitter = StratifiedGroupKFold(n_splits=n, shuffle=True, random_state=seed)
    yield from splitter.split(np.zeros(len(labels)), labels, groups)


def family_folds(rows: Sequence[Row], *, n: int) -> Iterator[Split]:
    """Indices to train on and to test on, `n` times: whole families are left out, as if nobody had met them.

    A family is a language, and among English texts a part that was written independently of the others: left out, it
    shows how well texts in somebody else's words are read. Which fold a family is in goes by a hash of its name, so
    that another one moves none, and with them the calibration.
    """
    families = [row.part if row.lang.startswith("en") else row.lang for row in rows]
    folds = np.array([int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]) % n for name in families], int)
    for fold in range(n):
        train, test = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        if len(train) and len(test):
            yield train, test
