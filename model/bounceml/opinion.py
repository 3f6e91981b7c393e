"""What the model and the rules together make of one text."""

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass

from bounceml.calibration import Calibration, confidence_features, log_odds, softmax
from bounceml.rules import Rule
from bounceml.scoring import Scores


@dataclass(frozen=True, slots=True)
class Opinion:
    """Probabilities by class, the best class, and who decided it.

    `probabilities` holds the calibrated confidence at `best`, the others in proportion; they add up to 1.
    `decided_by` is "model", or "rule:<id>" where a rule's vote turned the model's answer.
    """

    best: str
    probabilities: dict[str, float]
    decided_by: str
    rules: tuple[Rule, ...]
    known: float

    @property
    def confidence(self) -> float:
        """Calibrated probability 0–1 that `best` is right."""
        return self.probabilities[self.best]


@dataclass(frozen=True, slots=True)
class Votes:
    """Probabilities after the rules' votes, with what the confidence depends on."""

    best: str
    model_best: str
    probabilities: dict[str, float]
    agrees: bool
    differs: bool


def is_unsure(logits: dict[str, float], *, calibration: Calibration) -> bool:
    """Whether the model is unsure enough of a text for the rules to be asked."""
    return max(softmax(_cooled(logits, calibration))) < calibration.ask_rules_below


def count_votes(logits: dict[str, float], *, reasons: dict[str, float], calibration: Calibration) -> Votes:
    """The model's `logits` by class with the rules' votes added.

    `reasons` gives, for each reason that a matching rule names, the highest precision 0–1 among those rules.
    """
    cooled = _cooled(logits, calibration)
    voted = [
        # A rule that is more often wrong than right has no vote: against its reason would be for all others.
        z + calibration.vote_weight * max(0.0, log_odds(reasons[name])) if name in reasons else z
        for name, z in zip(logits, cooled, strict=True)
    ]
    probabilities = dict(zip(logits, softmax(voted), strict=True))
    best = max(probabilities, key=probabilities.__getitem__)
    return Votes(
        best=best,
        model_best=max(logits, key=logits.__getitem__),
        probabilities=probabilities,
        agrees=best in reasons,
        differs=bool(reasons) and best not in reasons,
    )


def best_by_reason(
    matching: Iterable[Rule], *, precision: Mapping[str, float], classes: Container[str]
) -> dict[str, tuple[float, Rule]]:
    """For each reason that rules name and the model knows, the highest precision 0–1 and the first rule that has it."""
    best: dict[str, tuple[float, Rule]] = {}
    for rule in matching:
        if rule.reason in classes and precision[rule.id] > (best[rule.reason][0] if rule.reason in best else 0.0):
            best[rule.reason] = precision[rule.id], rule
    return best


def form_opinion(
    scores: Scores,
    *,
    logits: dict[str, float],
    matching: tuple[Rule, ...],
    precision: dict[str, float],
    calibration: Calibration,
) -> Opinion:
    """Opinion from the model's `logits` by class and the `matching` rules; `precision` is by rule id, 0–1."""
    strongest = best_by_reason(matching, precision=precision, classes=logits)
    reasons = {reason: value for reason, (value, _) in strongest.items()}
    votes = count_votes(logits, reasons=reasons, calibration=calibration)
    features = confidence_features(
        list(votes.probabilities.values()), known=scores.known, agrees=votes.agrees, differs=votes.differs
    )
    return Opinion(
        best=votes.best,
        probabilities=spread(votes, confidence=calibration.confidence(features)),
        decided_by="model" if votes.best == votes.model_best else f"rule:{strongest[votes.best][1].id}",
        rules=matching,
        known=scores.known,
    )


def _cooled(logits: dict[str, float], calibration: Calibration) -> list[float]:
    return [z / calibration.temperature for z in logits.values()]


def spread(votes: Votes, *, confidence: float) -> dict[str, float]:
    """Probabilities with `confidence` at the best class and the rest in their old proportions."""
    rest = 1 - votes.probabilities[votes.best]
    scale = (1 - confidence) / rest if rest > 0 else 0.0
    return {name: confidence if name == votes.best else p * scale for name, p in votes.probabilities.items()}
