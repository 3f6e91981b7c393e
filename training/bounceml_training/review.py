"""Which texts of an export to label, by what a label would teach."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from bounceml.batch import Batch
from bounceml.classifier import USER_RULE, Classifier
from bounceml.codes import codes_in
from bounceml.decode import repair
from bounceml.masking import tokens
from bounceml.template_scores import Outcome
from bounceml_datasets.crosswalk import Crosswalk, Meaning, crosswalk_names, load_crosswalk
from bounceml_datasets.exports.gathering import Gathered, Gatherer
from bounceml_datasets.exports.opening import open_reader
from bounceml_datasets.labelling.item import Answer, Item
from bounceml_datasets.labels import short_name
from bounceml_training.languages import builtin_languages
from bounceml_training.rule_opinions import RuleOpinion, rule_opinions
from bounceml_training.spread import spread

# Templates among which the page is spread, the most worthwhile ones; comparing all with all would take minutes.
CANDIDATES = 4000
# Confidence above which the model isn't believed where somebody says otherwise: on texts that nobody here wrote, it is
# right in 88 to 96 % of those that it is surest of (README, "How good it is").
_MOST_TRUST = 0.95
# How often a provider's class is taken to be right: a choice, not a measurement; many go by the code alone.
_PROVIDER_PRECISION = 0.8
_ANSWERS = 3

# Called with what is being done and the share 0–1 of it, 0 where nobody knows.
Tell = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Job:
    """An export to choose from: as for scoring, and how many templates are wanted at most."""

    source: str
    most: int
    text_column: str | None = None
    format: str | None = None


@dataclass(frozen=True, slots=True)
class Review:
    """The chosen templates, the best to label first, and what was met in the export.

    `floor`: a template that came more often than this was surely looked at. `by_user_rules` templates were left out
    because the user's own rules decide them.
    """

    items: tuple[Item, ...]
    rows: int
    broken: int
    empty: int
    unasked: int
    templates: int
    floor: int
    by_user_rules: int


@dataclass(frozen=True, slots=True)
class _Case:
    """A template with what is said of it."""

    found: Gathered
    outcome: Outcome
    confidence: float
    rule: RuleOpinion | None
    meaning: Meaning | None

    @property
    def answer(self) -> str:
        """The model's answer as a class: the reason, or `kind:` and the kind."""
        return self.outcome.reason or f"kind:{self.outcome.kind}"

    def worth(self) -> float:
        """What a label would teach: how doubtful the answer is, times the logarithm of how often the template came."""
        trust = self.confidence
        if self.rule is not None and self.rule.reason != self.answer:
            trust = _contradicted(trust, precision=self.rule.precision)
        if self.meaning is not None and not self.meaning.agrees_with(self.answer):
            trust = _contradicted(trust, precision=_PROVIDER_PRECISION)
        return (1 - trust) * math.log2(1 + self.found.count)


def _contradicted(trust: float, *, precision: float) -> float:
    """What is left of the trust 0–1 in an answer where another witness says otherwise, who is right with `precision`.

    >>> round(_contradicted(0.6, precision=0.8), 2)
    0.27
    """
    trust = min(trust, _MOST_TRUST)
    for_it, against = trust * (1 - precision), (1 - trust) * precision
    return for_it / (for_it + against)


def review_export(job: Job, *, classifier: Classifier, note: Callable[[str], None], tell: Tell) -> Review:
    """Choose templates to label; memory doesn't grow with the export. Raises CorpusError where it can't be read.

    `note` is told, in a line each, how the export is read.
    """
    gatherer = Gatherer()
    with open_reader(job.source, format=job.format, text_column=job.text_column) as reader:
        if reader.preset is not None:
            note(f"{'preset' if job.format == reader.preset.name else 'detected preset'} {reader.preset.name!r}")
        elif reader.columns is not None:
            note(f"replies are read from the column {reader.columns.text!r}")
        for part in reader.parts():
            gatherer.add(part, names=reader.names)
            tell("reading", min(1.0, gatherer.rows / reader.rows) if reader.rows else 0.0)
        provider = reader.preset.name if reader.preset is not None else ""
    found = gatherer.gathered()
    crosswalk = None
    if provider in crosswalk_names():
        crosswalk = load_crosswalk(provider, reasons=classifier.config.taxonomy.reasons)
    tell("answering", 0.0)
    cases = _cases(found, classifier=classifier, crosswalk=crosswalk)
    asked = [case for case in cases if not case.outcome.decided_by.startswith(USER_RULE)]
    tell("choosing", 0.5)
    chosen = _chosen(asked, most=job.most)
    return Review(
        items=_items(chosen, classifier=classifier),
        rows=gatherer.rows,
        broken=gatherer.broken,
        empty=gatherer.empty,
        unasked=gatherer.unasked,
        templates=len(cases),
        floor=gatherer.floor,
        by_user_rules=len(cases) - len(asked),
    )


def _cases(found: Sequence[Gathered], *, classifier: Classifier, crosswalk: Crosswalk | None) -> list[_Case]:
    texts = [each.text for each in found]
    answers = Batch(classifier).answer(texts)
    meanings = [_meaning(each, crosswalk=crosswalk) for each in found]
    return [
        _Case(each, answers.outcomes[at], confidence, rule, meaning)
        for each, at, confidence, rule, meaning in zip(
            found,
            answers.index.tolist(),
            answers.confidence.tolist(),
            rule_opinions(texts, classifier=classifier),
            meanings,
            strict=True,
        )
    ]


def _meaning(found: Gathered, *, crosswalk: Crosswalk | None) -> Meaning | None:
    """What the provider says most often of a template."""
    return crosswalk.find(found.classes[0][0]) if crosswalk is not None and found.classes else None


def _chosen(cases: Sequence[_Case], *, most: int) -> list[_Case]:
    worth = np.array([case.worth() for case in cases])
    # Stable, so that of equals those come first that came more often.
    first = np.argsort(-worth, kind="stable")[: max(CANDIDATES, most)].tolist()
    order = spread([cases[i].found.text for i in first], worth=worth[first], most=most)
    return [cases[first[i]] for i in order]


def _items(cases: Sequence[_Case], *, classifier: Classifier) -> tuple[Item, ...]:
    if not cases:
        return ()
    reasons = classifier.config.taxonomy.reasons
    languages = builtin_languages()
    items = []
    for case in cases:
        found = tokens(repair(case.found.text))
        opinion = classifier.opinion(found, codes=codes_in(found))
        likeliest = sorted(opinion.probabilities.items(), key=lambda item: -item[1])[:_ANSWERS]
        meant = case.meaning.label.name if case.meaning is not None and case.meaning.label is not None else ""
        items.append(
            Item(
                text=case.found.text,
                count=case.found.count,
                domains=case.found.domains,
                lang=languages.tell(case.found.text),
                answers=tuple(Answer(short_name(name, reasons=reasons), p) for name, p in likeliest),
                rule_reason=case.rule.reason if case.rule else "",
                rule=case.rule.id if case.rule else "",
                provider_class=_classes(case.found.classes),
                provider_reason=short_name(meant, reasons=reasons),
            )
        )
    return tuple(items)


def _classes(classes: Sequence[tuple[str, int]]) -> str:
    """The provider's classes of a template in a cell; with counts where there are several."""
    if len(classes) == 1:
        return classes[0][0]
    return ", ".join(f"{name} ({n})" for name, n in classes)
