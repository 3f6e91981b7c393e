"""Temperature, rules' precision, rule votes and confidence, fitted on held-out answers."""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression

from bounceml.calibration import Calibration, confidence_features
from bounceml.codes import find_codes
from bounceml.decode import repair
from bounceml.opinion import Votes, count_votes, is_unsure, spread
from bounceml.rules import Rule, RuleSet
from bounceml.taxonomy import load_taxonomy
from bounceml_datasets.corpus import Row
from bounceml_training.held_out import HeldOut
from bounceml_training.scores import Answer
from bounceml_training.settings import Settings

# One-sided 90 % of the normal distribution: a rule seen rarely counts for what it surely is.
_Z = 1.2816
# Rules vote where the model is unsure, so their precision is measured where it is less sure than this.
_UNSURE = 0.9


@dataclass(frozen=True, slots=True)
class Answered:
    """One held-out text: the model's logits by class, its known share 0–1, its true label, the rules that match it."""

    logits: dict[str, float]
    known: float
    label: str
    matching: tuple[Rule, ...]
    lang: str = "und"
    source: str = "generic"
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Precision:
    """How often a rule was right: of `asked` weighted texts, `right`; `lower` is the lower bound of its precision."""

    asked: float
    right: float
    lower: float


class _GivenLogits(ClassifierMixin, BaseEstimator):
    """A classifier whose decision function is its input, so that scikit-learn calibrates logits that we have."""

    def fit(self, logits: np.ndarray, labels: np.ndarray) -> "_GivenLogits":
        self.classes_ = np.unique(labels)
        self.n_features_in_ = logits.shape[1]
        return self

    def decision_function(self, logits: np.ndarray) -> np.ndarray:
        return logits

    def predict(self, logits: np.ndarray) -> np.ndarray:
        return np.asarray(self.classes_[logits.argmax(axis=1)])


def answer_rows(
    parts: Mapping[str, HeldOut], *, rows: Sequence[Row], classes: Sequence[str], rules: RuleSet
) -> dict[str, list[Answered]]:
    """Held-out answers by the name of their folds, with the labels of the rows and the rules that match them.

    Texts of unmet servers and languages count as much as unmet texts of those that we know.
    """
    matching = [tuple(rule for rule in _matching(row, rules=rules) if rule.reason in classes) for row in rows]
    return {
        name: [
            Answered(
                dict(zip(classes, map(float, logits), strict=True)),
                float(known),
                rows[i].label,
                matching[i],
                rows[i].lang,
                rows[i].source,
            )
            for i, logits, known in zip(part.texts, part.logits, part.known, strict=True)
        ]
        for name, part in parts.items()
    }


def given_answers(
    answered: Sequence[Answered], *, calibration: Calibration, precision: Mapping[str, Precision]
) -> list[Answer]:
    """What the calibrated model with its rules would have answered, beside the truth."""
    found = []
    for each in answered:
        votes = vote(each, precision=precision, calibration=calibration)
        confidence = calibration.confidence(features(each, votes=votes))
        found.append(Answer(votes.best, each.label, confidence, each.lang, each.source))
    return found


def _matching(row: Row, *, rules: RuleSet) -> Iterator[Rule]:
    text = repair(row.text)
    return rules.matching(text, codes=find_codes(text))


def calibrate(
    answered: Sequence[Answered], *, worn: Sequence[Answered], rules: Sequence[Rule], settings: Settings
) -> tuple[Calibration, dict[str, Precision]]:
    """Calibration, and each rule's precision by id, from held-out answers.

    How sure to be is learnt from the answers to the `worn` texts too, which are less familiar than our own.
    """
    start = Calibration(
        temperature=_temperature([*answered, *worn]),
        ask_rules_below=_UNSURE,
        vote_weight=0.0,
        weights=(),
        intercept=0.0,
        answer_from=settings.answer_from,
    )
    precision = _precision(answered, rules=rules, calibration=start)
    choices = [
        replace(start, ask_rules_below=below, vote_weight=weight)
        for below in settings.ask_rules_below
        for weight in settings.vote_weight
    ]
    best = min(choices, key=lambda choice: _loss(answered, precision=precision, calibration=choice))
    sure = _fit_confidence([*answered, *worn], precision=precision, calibration=best)
    threshold = _suppress_from(answered, precision=precision, calibration=sure, settings=settings)
    return replace(sure, suppress_from=threshold), precision


def vote(each: Answered, *, precision: Mapping[str, Precision], calibration: Calibration) -> Votes:
    """The answer to a held-out text with the rules' votes, as the classifier counts them."""
    reasons: dict[str, float] = {}
    if is_unsure(each.logits, calibration=calibration):
        for rule in each.matching:
            reasons[rule.reason] = max(reasons.get(rule.reason, 0.0), precision[rule.id].lower)
    return count_votes(each.logits, reasons=reasons, calibration=calibration)


def features(each: Answered, *, votes: Votes) -> list[float]:
    """What the confidence in a held-out answer depends on."""
    return confidence_features(
        list(votes.probabilities.values()), known=each.known, agrees=votes.agrees, differs=votes.differs
    )


def wilson_lower(right: float, *, asked: float) -> float:
    """Lower bound of a share (one-sided 90 %; Wilson 1927), 0 where nothing was asked.

    >>> round(wilson_lower(9, asked=10), 2)
    0.71
    """
    if asked <= 0:
        return 0.0
    p, spread = right / asked, _Z * _Z / asked
    return max(0.0, (p + spread / 2 - math.sqrt(spread * (p * (1 - p) + spread / 4))) / (1 + spread))


def _temperature(answered: Sequence[Answered]) -> float:
    """Temperature by which to divide logits, from scikit-learn's own temperature scaling (Guo et al. 2017)."""
    names = sorted({each.label for each in answered})
    logits = np.array([[each.logits[name] for name in names] for each in answered])
    labels = np.array([names.index(each.label) for each in answered])
    given = FrozenEstimator(_GivenLogits().fit(logits, labels))
    calibrated = CalibratedClassifierCV(given, method="temperature", ensemble=False)
    calibrated.fit(logits, labels)
    return 1 / float(calibrated.calibrated_classifiers_[0].calibrators[0].beta_)


def _precision(
    answered: Sequence[Answered], *, rules: Sequence[Rule], calibration: Calibration
) -> dict[str, Precision]:
    """Each rule's precision on texts that the model is unsure of; its own examples stand for a rule that met none."""
    asked: dict[str, float] = defaultdict(float)
    right: dict[str, float] = defaultdict(float)
    for each in answered:
        if is_unsure(each.logits, calibration=calibration):
            for rule in each.matching:
                asked[rule.id] += each.weight
                right[rule.id] += each.weight * (rule.reason == each.label)
    return {
        rule.id: Precision(
            asked[rule.id],
            right[rule.id],
            wilson_lower(right[rule.id] + len(rule.examples), asked=asked[rule.id] + len(rule.examples)),
        )
        for rule in rules
    }


def _loss(answered: Sequence[Answered], *, precision: Mapping[str, Precision], calibration: Calibration) -> float:
    """Weighted log-loss of the answers with the votes."""
    return sum(
        -each.weight
        * math.log(max(1e-9, vote(each, precision=precision, calibration=calibration).probabilities[each.label]))
        for each in answered
    )


def _fit_confidence(
    answered: Sequence[Answered], *, precision: Mapping[str, Precision], calibration: Calibration
) -> Calibration:
    votes = [vote(each, precision=precision, calibration=calibration) for each in answered]
    right = [v.best == each.label for each, v in zip(answered, votes, strict=True)]
    matrix = np.array([features(each, votes=v) for each, v in zip(answered, votes, strict=True)])
    if len(set(right)) < 2:  # all right or all wrong: nothing to fit, so the probability itself has to do
        return replace(calibration, weights=(1.0, *[0.0] * (matrix.shape[1] - 1)))
    weights = np.array([each.weight for each in answered])
    regression = LogisticRegression(C=1.0, max_iter=1000).fit(matrix, right, sample_weight=weights)
    return replace(
        calibration,
        weights=tuple(float(w) for w in regression.coef_[0]),
        intercept=float(regression.intercept_[0]),
    )


def _suppress_from(
    answered: Sequence[Answered], *, precision: Mapping[str, Precision], calibration: Calibration, settings: Settings
) -> float:
    """The least probability from which on addresses are given up as precisely as the settings ask, 0–1."""
    dead = {name for name, reason in load_taxonomy().reasons.items() if reason.action == "suppress"}
    found: list[tuple[float, bool, float]] = []
    for each in answered:
        votes = vote(each, precision=precision, calibration=calibration)
        if votes.best in dead:
            confidence = calibration.confidence(features(each, votes=votes))
            share = sum(p for name, p in spread(votes, confidence=confidence).items() if name in dead)
            found.append((share, each.label in dead, each.weight))
    threshold, asked, right = 1.0, 0.0, 0.0
    for share, is_dead, weight in sorted(found, reverse=True):
        asked += weight
        right += weight * is_dead
        if right >= asked * settings.suppress_precision:
            threshold = share
    return round(threshold, 4)
