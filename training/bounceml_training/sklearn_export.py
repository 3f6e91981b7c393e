"""The model as a scikit-learn classifier, for those who want it in a pipeline of theirs."""

from collections.abc import Sequence
from pathlib import Path

import joblib
import numpy as np
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin

from bounceml.decode import repair
from bounceml.errors import ModelFileError
from bounceml.modelfile import ModelFile
from bounceml.whole_file import whole_file
from bounceml_training.vectors import Vocabulary, grams, vectorize


class BounceTextClassifier(ClassifierMixin, BaseEstimator):
    """The regression alone, without rules: texts to class names and temperature-scaled probabilities."""

    def __init__(
        self,
        *,
        classes: Sequence[str],
        vocabulary: Vocabulary,
        coefficients: np.ndarray,
        bias: np.ndarray,
        temperature: float,
    ) -> None:
        self.classes = classes
        self.vocabulary = vocabulary
        self.coefficients = coefficients
        self.bias = bias
        self.temperature = temperature
        self.classes_ = np.array(classes)

    def fit(self, texts: Sequence[str], labels: Sequence[str] | None = None) -> "BounceTextClassifier":
        """Nothing to do: it is trained by `bounceml train`."""
        return self

    def decision_function(self, texts: Sequence[str]) -> np.ndarray:
        """Logits, shape (n_texts, n_classes), columns in the order of `classes_`."""
        matrix = vectorize([grams(repair(text)) for text in texts], vocabulary=self.vocabulary)
        logits: np.ndarray = matrix @ self.coefficients.T + self.bias
        return logits

    def predict_proba(self, texts: Sequence[str]) -> np.ndarray:
        """Probabilities 0–1, shape (n_texts, n_classes), columns in the order of `classes_`."""
        return np.asarray(softmax(self.decision_function(texts) / self.temperature, axis=1))

    def predict(self, texts: Sequence[str]) -> np.ndarray:
        """Names of the likeliest classes, shape (n_texts,)."""
        return np.asarray(self.classes_[self.decision_function(texts).argmax(axis=1)])


def from_model(model: ModelFile) -> BounceTextClassifier:
    """The scikit-learn classifier that answers as the model of a file does."""
    idf = np.array(model.idf)
    weights = np.frombuffer(model.weights, dtype="<f2").reshape(len(idf), -1).astype(np.float32)
    return BounceTextClassifier(
        classes=tuple(model.header["classes"]),
        vocabulary=Vocabulary(np.array(model.fingerprints), idf),
        coefficients=np.ascontiguousarray((weights / idf[:, None]).T),
        bias=np.array(model.header["bias"]),
        temperature=float(model.header["calibration"]["temperature"]),
    )


def export_joblib(model: ModelFile, *, path: Path) -> None:
    """Write the scikit-learn classifier, whole or not at all; raises ModelFileError if it can't be written."""
    with whole_file(path, failure=ModelFileError) as beside:
        joblib.dump(from_model(model), beside, compress=3)
