"""Why the model answered so: what each n-gram added. Exact, since the model is linear in them."""

import itertools
import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from bounceml.classifier import USER_RULE, Classifier
from bounceml.codes import Codes, codes_in, with_codes
from bounceml.decode import repair
from bounceml.features import character_fingerprints, character_places, pair_fingerprint, word_fingerprint
from bounceml.highlights import Highlight, highlights
from bounceml.masking import MAX_TEXT
from bounceml.opinion import Opinion
from bounceml.rules import Rule
from bounceml.scoring import block
from bounceml.token_spans import TokenSpan, token_spans
from bounceml.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Contribution:
    """What a token (or two neighbours) with its character n-grams added to the logits.

    `logit` is what it added to the answer beyond its mean over all classes, `lead` what it added to the answer beyond
    what it added to the runner-up: what it spoke for, the runner-up lacked.
    """

    gram: str
    logit: float
    lead: float


@dataclass(frozen=True, slots=True)
class FiredRule:
    """A rule that matches the text.

    `precision` is its measured share right, 0–1, of the texts that the model was unsure of; None for a user's rule.
    `asked` says whether the model was unsure enough for the rule to vote, or it is a user's own, which comes first.
    """

    id: str
    reason: str
    precision: float | None
    asked: bool


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a text is answered as it is.

    `text` is the text as it was read, `best` and `runner_up` are classes with the probabilities that the answer gives
    them, `known` is the share 0–1 of the text's character n-grams that training knew. `contributions` are the largest
    first, and with `bias` they add up to the logit of the answer beyond the mean over all classes. `highlights` are the
    same sums by place in the text.
    """

    text: str
    best: str
    confidence: float
    runner_up: str | None
    runner_up_probability: float
    decided_by: str
    known: float
    bias: float
    contributions: tuple[Contribution, ...]
    highlights: tuple[Highlight, ...]
    rules: tuple[FiredRule, ...]

    def lacking(self) -> tuple[Contribution, ...]:
        """What the runner-up lacked: what spoke more for the answer than for it, the most first."""
        return tuple(sorted((c for c in self.contributions if c.lead > 0), key=lambda c: -c.lead))


def explain(
    classifier: Classifier,
    text: str,
    *,
    smtp_code: str | None = None,
    enhanced_code: str | None = None,
    bounce: bool = False,
) -> Explanation:
    """Explain the answer to a bare reply or diagnostic, with the codes that are known from elsewhere.

    With `bounce` the text is known to be a bounce's, so that it has a reason.
    """
    text = repair(text[:MAX_TEXT])
    spans = token_spans(text)
    tokens = with_codes([span.token for span in spans], given=Codes(smtp_code, enhanced_code))
    codes = codes_in(tokens)
    opinion = classifier.opinion(tokens, codes=codes, bounce=bounce)
    own = classifier.config.rules.first(text, codes=codes)
    best, decided_by = (own.reason, f"{USER_RULE}{own.id}") if own else (opinion.best, opinion.decided_by)
    others = {name: p for name, p in opinion.probabilities.items() if name != best}
    runner_up = max(others, key=others.__getitem__) if others else None
    parts = list(_parts(classifier, tokens, best=best, runner_up=runner_up))
    # Codes from elsewhere stand in front and have no place in the text.
    placed: list[TokenSpan | None] = [*[None] * (len(tokens) - len(spans)), *spans]
    return Explanation(
        text=text,
        best=best,
        confidence=opinion.probabilities.get(best, 0.0),
        runner_up=runner_up,
        runner_up_probability=others[runner_up] if runner_up else 0.0,
        decided_by=decided_by,
        known=opinion.known,
        bias=_beyond_mean(classifier.model.header["bias"], at=_column(classifier, best)),
        contributions=_contributions(parts),
        highlights=highlights(text, [(part.places(placed), part.logit) for part in parts]),
        rules=tuple(_fired(classifier, tokens, codes=codes, own=own, opinion=opinion)),
    )


def explain_verdict(classifier: Classifier, verdict: Verdict) -> Explanation:
    """Explain a verdict of this classifier."""
    return explain(
        classifier,
        verdict.diagnostic,
        smtp_code=verdict.smtp_code,
        enhanced_code=verdict.enhanced_code,
        bounce=verdict.kind in ("bounce", "delay") and (verdict.file or verdict.recipient) is not None,
    )


@dataclass(frozen=True, slots=True)
class _Part:
    """One n-gram's weight: of a token (`second` None), of it and the next, or of some of its characters."""

    gram: str
    first: int
    second: int | None
    logit: float
    lead: float
    characters: tuple[int, int] | None = None

    def places(self, placed: list[TokenSpan | None]) -> list[tuple[int, int]]:
        """Where it stands in the text: pairs of first character and the one behind the last."""
        spans = [placed[i] for i in (self.first, self.second) if i is not None]
        found = [(span.start, span.end) for span in spans if span is not None]
        if self.characters and found:
            (start, end), (begin, behind) = found[0], self.characters
            # A folded token may be longer or shorter than what it was made of.
            first = min(end - 1, start + begin)
            return [(first, max(first + 1, min(end, start + behind)))]
        return found


def _parts(classifier: Classifier, tokens: list[str], *, best: str, runner_up: str | None) -> Iterator[_Part]:
    words = [word_fingerprint(token) for token in tokens]
    of_words = [(token, i, None, fp, None) for i, (token, fp) in enumerate(zip(tokens, words, strict=True))]
    of_pairs = [
        (f"{tokens[i]} {tokens[i + 1]}", i, i + 1, pair_fingerprint(a, b), None)
        for i, (a, b) in enumerate(itertools.pairwise(words))
    ]
    of_characters = [
        (token, i, None, fp, span)
        for i, token in enumerate(tokens)
        for fp, span in zip(character_fingerprints(token), character_places(token), strict=True)
    ]
    at, other = _column(classifier, best), _column(classifier, runner_up)
    for grams in ([*of_words, *of_pairs], of_characters):
        found = [(gram, block([gram[3]], model=classifier.model)) for gram in grams]
        length = math.sqrt(sum(each.squared_length for _, each in found))
        for (gram, first, second, _, span), each in found:
            if each.squared_length and at is not None:
                logit = _beyond_mean(each.total, at=at) / length
                lead = 0.0 if other is None else (each.total[at] - each.total[other]) / length
                yield _Part(gram, first, second, logit, lead, span)


def _column(classifier: Classifier, name: str | None) -> int | None:
    return classifier.classes.index(name) if name in classifier.classes else None


def _beyond_mean(totals: list[float] | tuple[float, ...], *, at: int | None) -> float:
    return 0.0 if at is None else totals[at] - sum(totals) / len(totals)


def _contributions(parts: list[_Part]) -> tuple[Contribution, ...]:
    """What each token and pair added in all; its character n-grams count with the token."""
    logits, leads = defaultdict[str, float](float), defaultdict[str, float](float)
    for part in parts:
        logits[part.gram] += part.logit
        leads[part.gram] += part.lead
    found = [Contribution(gram, logit, leads[gram]) for gram, logit in logits.items()]
    return tuple(sorted(found, key=lambda c: -abs(c.logit)))


def _fired(
    classifier: Classifier, tokens: list[str], *, codes: Codes, own: Rule | None, opinion: Opinion
) -> Iterator[FiredRule]:
    if own:
        yield FiredRule(own.id, own.reason, None, True)
    asked = {rule.id for rule in opinion.rules}
    for rule in classifier.rules.matching_line(" ".join(tokens), codes=codes):
        yield FiredRule(rule.id, rule.reason, classifier.precision[rule.id], rule.id in asked)
