"""What the rules say of texts, whether or not the model asks them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bounceml.classifier import Classifier
from bounceml.codes import codes_in
from bounceml.features import word_fingerprint
from bounceml.kernel import library
from bounceml.opinion import best_by_reason
from bounceml.rule_index import RuleIndex
from bounceml.templates import new_templates

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
    templates = new_templates()
    numbers = templates.number([text.encode("utf-8", "replace") for text in texts])
    words = templates.tokens()
    ids, ends = templates.arrays()
    if not len(ends):
        return []
    starts = np.concatenate([[0], ends[:-1]]).astype(np.int64)
    index = RuleIndex(classifier.rules, kernel=library())
    index.learn(words)
    matching = index.matching(
        ids,
        starts,
        ends,
        prints=np.array([word_fingerprint(word) for word in words], np.uint64),
        codes=[
            codes_in([words[i] for i in ids[start:end].tolist()])
            for start, end in zip(starts.tolist(), ends.tolist(), strict=True)
        ],
        which=np.arange(len(ends)),
    )
    opinions: list[RuleOpinion | None] = []
    for row in matching:
        rules = [index.rules[i] for i in np.flatnonzero(row).tolist()]
        best = best_by_reason(rules, precision=classifier.precision, classes=classifier.classes)
        precision, rule = max(best.values(), key=lambda each: each[0], default=(0.0, None))
        is_heard = rule is not None and precision > _LEAST_PRECISION
        opinions.append(RuleOpinion(rule.reason, rule.id, precision) if rule is not None and is_heard else None)
    return [opinions[number] for number in numbers.tolist()]
