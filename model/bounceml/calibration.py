"""Logits to calibrated probabilities: temperature, rule votes, and how sure the answer is."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

# Probabilities are kept this far from 0 and 1, so that their log-odds stay finite.
EDGE = 1e-6


@dataclass(frozen=True, slots=True)
class Calibration:
    """Fitted on folds that keep a template's texts together; kept in the model file.

    `temperature` divides the logits. Rules are asked where the best probability is below `ask_rules_below`, and a
    matching rule adds `vote_weight` times the log-odds of its precision to its class. The confidence is logistic in
    the features of `confidence_features`, with `weights` and `intercept`. Below `answer_from` the answer is unknown.
    An address is given up only where the reasons to do so have at least the probability `suppress_from` together.
    """

    temperature: float
    ask_rules_below: float
    vote_weight: float
    weights: tuple[float, ...]
    intercept: float
    answer_from: float
    suppress_from: float = 0.0

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> "Calibration":
        """From the header of a model file; raises TypeError or KeyError on anything else."""
        return cls(**{**entry, "weights": tuple(entry["weights"])})

    def confidence(self, features: Sequence[float]) -> float:
        """Probability 0–1 that the best answer is right, from `confidence_features`."""
        return logistic(self.intercept + sum(w * x for w, x in zip(self.weights, features, strict=True)))


def softmax(logits: Sequence[float]) -> list[float]:
    """Probabilities of logits; they add up to 1."""
    top = max(logits)
    powers = [math.exp(z - top) for z in logits]
    total = sum(powers)
    return [p / total for p in powers]


def logistic(z: float) -> float:
    """1 / (1 + exp(-z)), without overflow."""
    return 1 / (1 + math.exp(-z)) if z >= 0 else math.exp(z) / (1 + math.exp(z))


def log_odds(p: float) -> float:
    """Log-odds of a probability, finite at 0 and 1."""
    p = min(max(p, EDGE), 1 - EDGE)
    return math.log(p / (1 - p))


def confidence_features(probabilities: Sequence[float], *, known: float, agrees: bool, differs: bool) -> list[float]:
    """What the confidence depends on.

    `probabilities` after the votes; `known` is the share 0–1 of n-grams that training saw; `agrees` and `differs` say
    that rules were asked and one named the best class, or only others.
    """
    first, second = sorted(probabilities, reverse=True)[:2]
    unseen = 1 - known
    return [
        log_odds(first),
        math.log(max(first, EDGE)) - math.log(max(second, EDGE)),
        unseen,
        unseen * log_odds(first),
        float(agrees),
        float(differs),
    ]
