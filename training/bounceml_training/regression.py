"""The logistic regression, on one part of the texts or on all of them.

Each class is fitted against all others: on parts and languages that were left out whole this was right one time in a
hundred more often than one multinomial fit, and it takes half the time (`training/README.md`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from joblib import Parallel, delayed
from scipy.sparse import csr_array
from sklearn.linear_model import LogisticRegression

from bounceml_training.settings import Settings
from bounceml_training.vectors import Counts, Vocabulary, build_vocabulary, vectorize

# With fewer texts than this, starting processes takes longer than the fit.
_SMALL = 3000


@dataclass(frozen=True, slots=True)
class Sample:
    """Texts to fit on: counted n-grams, class names and weights, each of length n_texts."""

    grams: Counts
    labels: Sequence[str]
    weights: np.ndarray

    def part(self, indices: np.ndarray) -> "Sample":
        """The sample of these texts alone."""
        return Sample(self.grams.part(indices), [self.labels[i] for i in indices], self.weights[indices])


@dataclass(frozen=True, slots=True)
class Fitted:
    """A vocabulary with its coefficients (float32, shape (n_classes, n_features)) and biases (shape (n_classes,))."""

    vocabulary: Vocabulary
    classes: tuple[str, ...]
    coefficients: np.ndarray
    bias: np.ndarray

    def logits(self, texts: Counts) -> np.ndarray:
        """Logits of texts, shape (n_texts, n_classes), columns in the order of `classes`."""
        matrix = vectorize(texts, vocabulary=self.vocabulary)
        logits: np.ndarray = matrix @ self.coefficients.T + self.bias
        return logits


def fit(sample: Sample, *, settings: Settings) -> Fitted:
    """Fit the regression on a sample; raises ValueError where it has fewer than two classes."""
    vocabulary = build_vocabulary(
        sample.grams,
        min_document_frequency=settings.min_document_frequency,
        max_features=settings.max_features,
    )
    matrix = vectorize(sample.grams, vocabulary=vocabulary).astype(np.float64)  # what liblinear takes
    labels = np.array(sample.labels)
    classes = tuple(sorted(set(sample.labels)))
    if len(classes) < 2:
        raise ValueError(f"all texts are {classes}: nothing to tell apart")
    # Processes, not threads: liblinear keeps the state of its random numbers in one place for all threads.
    machines = Parallel(n_jobs=-1 if matrix.shape[0] > _SMALL else 1)(
        delayed(_fit_one)(matrix, labels == name, weights=sample.weights, settings=settings) for name in classes
    )
    return Fitted(
        vocabulary,
        classes,
        np.vstack([each.coef_ for each in machines]).astype(np.float32),
        np.concatenate([each.intercept_ for each in machines]),
    )


def _fit_one(matrix: csr_array, members: np.ndarray, *, weights: np.ndarray, settings: Settings) -> LogisticRegression:
    """One class against all others, by dual coordinate descent (Yu, Huang and Lin 2011)."""
    regression = LogisticRegression(
        C=settings.C, solver="liblinear", dual=True, tol=settings.tolerance, random_state=settings.seed
    )
    return regression.fit(matrix, members, sample_weight=weights)
