"""What the rules say of texts, whether or not the model asks them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bounceml.classifier import Classifier
from bounceml.opinion import best_by_reason
from bounceml_training.rule_matches import rule_matches

# A rule that is more often wrong than right says nothing.
_LEAST_PRECISION = 0.5


@dataclass(frozen=True, slots=True)
class RuleOpinion:
    """What the most precise of the matching rules says: a reason, its id, and how often it is right, 0–1."""

    reason: str
    id: str
    precision: float


def rule_opinions(texts: Sequence[str], *, classifier: Classifier) -> list[RuleOpinion | None]:
    """Opinions on texts, in their order; None where no rule that is worth hearing matches."""
    rules = classifier.rules.rules
    opinions: list[RuleOpinion | None] = []
    for row in rule_matches(texts, rules=classifier.rules):
        matching = [rules[i] for i in np.flatnonzero(row).tolist()]
        best = best_by_reason(matching, precision=classifier.precision, classes=classifier.classes)
        precision, rule = max(best.values(), key=lambda each: each[0], default=(0.0, None))
        is_heard = rule is not None and precision > _LEAST_PRECISION
        opinions.append(RuleOpinion(rule.reason, rule.id, precision) if rule is not None and is_heard else None)
    return opinions
