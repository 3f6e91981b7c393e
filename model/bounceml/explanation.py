"""Why the model answered so: what each token and pair of tokens added. Exact, since the model is linear."""

import math
from collections import defaultdict
from dataclasses import dataclass

from bounceml.classifier import Classifier
from bounceml.codes import codes_in
from bounceml.decode import repair
from bounceml.features import character_fingerprints, pair_fingerprint, word_fingerprint
from bounceml.masking import tokens
from bounceml.scoring import Block, block


@dataclass(frozen=True, slots=True)
class Contribution:
    """What a token (or two neighbours) added to the logit of the answer, beyond its mean over all classes."""

    gram: str
    logit: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """The answer's class, who decided, what spoke for and against it (largest first), and the rules that matched."""

    best: str
    decided_by: str
    known: float
    contributions: tuple[Contribution, ...]
    rules: tuple[str, ...]


def explain(classifier: Classifier, text: str) -> Explanation:
    """Explain the answer to a bare reply or diagnostic; the contributions and the bias add up to the logit."""
    found = tokens(repair(text))
    opinion = classifier.opinion(found, codes=codes_in(found))
    at = classifier.classes.index(opinion.best) if opinion.best in classifier.classes else None
    contributions = [] if at is None else _contributions(classifier, found, at=at)
    return Explanation(
        best=opinion.best,
        decided_by=opinion.decided_by,
        known=opinion.known,
        contributions=tuple(sorted(contributions, key=lambda c: -abs(c.logit))),
        rules=tuple(rule.id for rule in opinion.rules),
    )


def _contributions(classifier: Classifier, found: list[str], *, at: int) -> list[Contribution]:
    model = classifier.model
    words = [word_fingerprint(token) for token in found]
    word_parts = [(token, block([fp], model=model)) for token, fp in zip(found, words, strict=True)]
    word_parts += [
        (f"{a} {b}", block([pair_fingerprint(x, y)], model=model))
        for (a, x), (b, y) in zip(
            zip(found, words, strict=True), list(zip(found, words, strict=True))[1:], strict=False
        )
    ]
    character_parts = [(token, block(character_fingerprints(token), model=model)) for token in found]
    total: dict[str, float] = defaultdict(float)
    for parts in (word_parts, character_parts):
        length = math.sqrt(sum(part.squared_length for _, part in parts))
        for gram, part in parts:
            if part.squared_length:
                total[gram] += _beyond_mean(part, at=at) / length
    return [Contribution(gram, logit) for gram, logit in total.items()]


def _beyond_mean(part: Block, *, at: int) -> float:
    return part.total[at] - sum(part.total) / len(part.total)
