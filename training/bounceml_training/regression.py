"""The multinomial logistic regression, on one part of the texts or on all of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array
from sklearn.linear_model import LogisticRegression

from bounceml_training.settings import Settings
from bounceml_training.vectors import Grams, Vocabulary, build_vocabulary, vectorize


@dataclass(frozen=True, slots=True)
class Sample:
    """Texts to fit on: n-grams, class names and weights, each of length n_texts."""

    grams: Sequence[Grams]
    labels: Sequence[str]
    weights: np.ndarray

    def part(self, indices: np.ndarray) -> "Sample":
        """The sample of these texts alone."""
        return Sample([self.grams[i] for i in indices], [self.labels[i] for i in indices], self.weights[indices])


@dataclass(frozen=True, slots=True)
class Fitted:
    """A vocabulary with its coefficients (float32, shape (n_classes, n_features)) and biases (shape (n_classes,))."""

    vocabulary: Vocabulary
    classes: tuple[str, ...]
    coefficients: np.ndarray
    bias: np.ndarray

    def logits(self, texts: Sequence[Grams]) -> np.ndarray:
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
    matrix: csr_array = vectorize(sample.grams, vocabulary=vocabulary)
    regression = LogisticRegression(C=settings.C, max_iter=settings.max_iterations, tol=1e-3)
    regression.fit(matrix, sample.labels, sample_weight=sample.weights)
    coefficients, bias = regression.coef_, regression.intercept_
    if len(regression.classes_) == 2:  # scikit-learn keeps one row for two classes
        coefficients, bias = np.vstack([-coefficients, coefficients]) / 2, np.concatenate([-bias, bias]) / 2
    return Fitted(vocabulary, tuple(regression.classes_), coefficients.astype(np.float32), bias)
