"""What the model and the rules together make of many texts: the same as `opinion`, by numpy."""

from dataclasses import dataclass

import numpy as np

from bounceml.calibration import EDGE, Calibration


@dataclass(frozen=True, slots=True)
class ManyVotes:
    """Probabilities after the rules' votes, shape (n_texts, n_classes), with what the confidence depends on.

    The others have shape (n_texts,): columns of the `best` classes, whether the votes `turned` the model's answer, and
    as in `confidence_features`.
    """

    probabilities: np.ndarray
    best: np.ndarray
    turned: np.ndarray
    agrees: np.ndarray
    differs: np.ndarray

    def features(self, known: np.ndarray) -> np.ndarray:
        """What `confidence_features` gives for each text, shape (n_texts, n_weights); `known` has shape (n_texts,)."""
        second, first = np.partition(self.probabilities, -2, axis=1)[:, -2:].T
        odds, unseen = _log_odds(first), 1 - known
        margin = np.log(np.maximum(first, EDGE)) - np.log(np.maximum(second, EDGE))
        return np.column_stack([odds, margin, unseen, unseen * odds, self.agrees, self.differs]).astype(np.float64)

    def spread(self, confidence: np.ndarray) -> np.ndarray:
        """Probabilities with the confidences at the best classes and the rest in their old proportions."""
        rows = np.arange(len(self.best))
        rest = 1 - self.probabilities[rows, self.best]
        found = self.probabilities * np.where(rest > 0, (1 - confidence) / np.where(rest > 0, rest, 1), 0.0)[:, None]
        found[rows, self.best] = confidence
        return np.asarray(found)


def are_unsure(logits: np.ndarray, *, calibration: Calibration) -> np.ndarray:
    """Whether the model is unsure enough of each text for the rules to be asked, shape (n_texts,)."""
    return np.asarray(softmax_of(logits / calibration.temperature).max(axis=1) < calibration.ask_rules_below)


def count_all_votes(logits: np.ndarray, *, precision: np.ndarray, calibration: Calibration) -> ManyVotes:
    """The model's logits with the rules' votes added; both arrays have shape (n_texts, n_classes).

    `precision` is the highest, 0–1, among the rules that match a text and name a class, NaN where none does.
    """
    votes = np.where(np.isnan(precision), 0.0, votes_for(precision, calibration=calibration))
    probabilities = softmax_of(logits / calibration.temperature + votes)
    best = probabilities.argmax(axis=1)
    agrees = ~np.isnan(precision[np.arange(len(best)), best])
    return ManyVotes(
        probabilities=probabilities,
        best=best,
        turned=best != logits.argmax(axis=1),
        agrees=agrees,
        differs=~np.isnan(precision).all(axis=1) & ~agrees,
    )


def votes_for(precision: np.ndarray, *, calibration: Calibration) -> np.ndarray:
    """What rules of these precisions 0–1 add to the logits of their classes."""
    # A rule that is more often wrong than right has no vote: against its reason would be for all others.
    return np.asarray(calibration.vote_weight * np.maximum(0.0, _log_odds(precision)))


def confidences(features: np.ndarray, *, calibration: Calibration) -> np.ndarray:
    """Probabilities 0–1 that the best answers are right, from `ManyVotes.features`; shape (n_texts,)."""
    # Column by column: a library's product may add in another order on another machine.
    z = calibration.intercept + sum(w * x for w, x in zip(calibration.weights, features.T, strict=True))
    return np.asarray(1 / (1 + np.exp(-np.clip(z, -700, 700))))


def softmax_of(logits: np.ndarray) -> np.ndarray:
    """Probabilities of logits, both of shape (n_texts, n_classes)."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def _log_odds(p: np.ndarray) -> np.ndarray:
    p = np.clip(p, EDGE, 1 - EDGE)
    return np.asarray(np.log(p / (1 - p)))
