"""Compares what was counted of two exports."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from bounceml.batch import Batches
from bounceml.classifier import Classifier
from bounceml.errors import CorpusError
from bounceml.template_scores import Outcome
from bounceml_datasets.exports.files import STANDARD
from bounceml_training.drift.cells import NO_RECEIVER
from bounceml_training.drift.census import Census, Source, read_census
from bounceml_training.drift.chance import adjusted, correlation, deviations, difference_p, novelty, shared_correlation
from bounceml_training.drift.joined import Joined, join, templates_of, units_of
from bounceml_training.drift.measures import Name, Plan, load_plan
from bounceml_training.drift.result import Change, Drift, ReasonChange, Scope, Side, TextChange

_MOST_TEXTS = 20
_MOST_ONLY_ONCE = 20
# Standard deviations from which a template's change is hardly chance.
_CLEAR = 3.0

Tell = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class _Found:
    """A measure's values and probability, before the number of tests counts."""

    measure: Name
    before: float | None
    after: float | None
    change: float
    p: float


@dataclass(frozen=True, slots=True)
class _Together:
    """How much rows of one template come together, 0–1: by all templates, and by those that are in both exports."""

    rho: float
    shared: float

    @classmethod
    def of(cls, parts: Sequence[Joined], *, labels: Sequence[int]) -> "_Together":
        units = [units_of(part, labels=labels).pair for part in parts]
        templates = [part.pair(templates_of(part)[1]) for part in parts]
        return cls(correlation(units), shared_correlation(templates))


def find_drift(
    before: Source, after: Source, *, classifier: Classifier, note: Callable[[str], None], tell: Tell
) -> Drift:
    """Compare two exports; memory doesn't grow with them. Raises CorpusError where one can't be read.

    `note` is told, in a line each, how they are read, and `tell` how far it is.
    """
    if before.path == after.path == STANDARD:
        raise CorpusError("only one of the two exports can come through a pipe")
    batches = Batches(classifier)
    notes: dict[str, list[str]] = {"before": [], "after": []}
    shares = {"before": 0.0, "after": 0.0}

    def read(source: Source, side: str) -> Census:
        def hear(share: float) -> None:
            shares[side] = share
            tell("reading", sum(shares.values()) / 2)

        return read_census(source, batch=batches.get(), note=notes[side].append, tell=hear)

    with ThreadPoolExecutor(2) as pool:
        futures = [pool.submit(read, source, side) for source, side in ((before, "before"), (after, "after"))]
        first, second = (future.result() for future in futures)
    for source, lines in zip((before, after), notes.values(), strict=True):
        for line in lines:
            note(f"{source.path}: {line}")
    for source, census in ((before, first), (after, second)):
        if not census.counted:
            raise CorpusError(f"{source.path}: nothing to compare: no row says why it failed")
    tell("comparing", 0.0)
    found = compare(first, second, model_version=classifier.version)
    return replace(found, before=replace(found.before, path=before.path), after=replace(found.after, path=after.path))


def compare(before: Census, after: Census, *, model_version: str = "", plan: Plan | None = None) -> Drift:
    """Compare what was counted; both have rows. The sides' paths are left empty."""
    plan = plan or load_plan()
    joined = join(before, after)
    if not all(joined.rows()):
        raise CorpusError("nothing to compare: too few of too many templates were looked at")
    names, labels = _labels(joined.outcomes)
    together = _Together.of([joined], labels=labels)
    counts = [[int(n) for n in column] for column in _receiver_rows(joined)]
    enough = [
        number
        for number, rows in enumerate(zip(*counts, strict=True))
        if number != NO_RECEIVER and min(rows) >= plan.least_rows
    ]
    enough = sorted(enough, key=lambda number: -(counts[0][number] + counts[1][number]))[: plan.most_receivers]
    parts = [joined.at(which) for which in _of_receivers(joined, enough)]
    # At a receiver they come together more than on the whole, where receivers even out.
    at_one = _Together.of(parts, labels=labels)
    found = [
        _measures(part, together=each, names=names, labels=labels, plan=plan)
        for part, each in [(joined, together), *((part, at_one) for part in parts)]
    ]
    parts = [joined, *parts]
    values = adjusted(np.array([each.p for measures, _ in found for each in measures])).tolist()
    scopes = []
    for part, number, (measures, _) in zip(parts, [NO_RECEIVER, *enough], found, strict=True):
        own, values = values[: len(measures)], values[len(measures) :]
        changes = tuple(_judged(each, value, plan=plan) for each, value in zip(measures, own, strict=True))
        scopes.append(Scope(joined.receivers[number], *part.rows(), changes))
    overall, *receivers = scopes
    return Drift(
        before=_side(before),
        after=_side(after),
        model_version=model_version,
        correlation=together.rho,
        receiver_correlation=at_one.rho,
        drawn_of=1 << joined.level,
        overall=overall,
        receivers=tuple(sorted(receivers, key=lambda scope: -_weight(scope))),
        reasons=_judged_reasons(found[0][1], plan=plan),
        texts=_texts(joined, rho=together.rho, names=[names[label] for label in labels], before=before, after=after),
        only_once=_only_once(joined.receivers, counts, plan=plan),
    )


def _labels(outcomes: Sequence[Outcome]) -> tuple[list[str], list[int]]:
    """Names of reasons and kinds, and the number of its own for each outcome."""
    names: dict[str, int] = {}
    labels = [names.setdefault(each.reason or f"kind:{each.kind}", len(names)) for each in outcomes]
    return list(names), labels


def _measures(
    joined: Joined, *, together: _Together, names: Sequence[str], labels: Sequence[int], plan: Plan
) -> tuple[list[_Found], list[ReasonChange]]:
    """The measures of some rows, in the plan's order, and their reasons with unadjusted probabilities."""
    units = units_of(joined, labels=labels)
    before, after = units.pair.before / units.pair.before.sum(), units.pair.after / units.pair.after.sum()
    reasons = []
    for label in np.unique(units.labels).tolist():
        has = (units.labels == label).astype(np.float64)
        p = difference_p(has, pair=units.pair, rho=together.rho)
        reasons.append(ReasonChange(names[label], float(before @ has), float(after @ has), p, 1.0, False))
    new = novelty(joined.pair(templates_of(joined)[1]), rho=together.shared)
    mix = sum(abs(each.after - each.before) for each in reasons) / 2
    found = {
        "new": _Found("new", new.expected, new.share, new.share - new.expected, new.p),
        # Simes (1986): the smallest probability, in view of how many reasons there are.
        "mix": _Found("mix", None, None, mix, float(adjusted(np.array([each.p for each in reasons])).min())),
    }
    means: tuple[tuple[Name, np.ndarray], ...] = (
        ("unseen", units.unseen), ("confidence", units.confidence), ("fallback", units.fallback)
    )  # fmt: skip
    for name, values in means:
        was, now = float(before @ values), float(after @ values)
        found[name] = _Found(name, was, now, now - was, difference_p(values, pair=units.pair, rho=together.rho))
    return [found[measure.id] for measure in plan.measures], reasons


def _judged(found: _Found, value: float, *, plan: Plan) -> Change:
    large = abs(found.change) >= plan.measure(found.measure).least
    moved = large and value <= plan.significant
    return Change(found.measure, found.before, found.after, found.change, found.p, value, moved)


def _judged_reasons(reasons: Sequence[ReasonChange], *, plan: Plan) -> tuple[ReasonChange, ...]:
    values = adjusted(np.array([each.p for each in reasons])).tolist()
    least = plan.measure("mix").least
    judged = [
        replace(each, adjusted=value, moved=value <= plan.significant and abs(each.after - each.before) >= least)
        for each, value in zip(reasons, values, strict=True)
    ]
    return tuple(sorted(judged, key=lambda each: (-abs(each.after - each.before), each.reason)))


def _weight(scope: Scope) -> float:
    """How much of what moved at a receiver is felt: its largest change that moved, by its rows."""
    largest = max((abs(change.change) for change in scope.changes if change.moved), default=0.0)
    return largest * scope.rows_after + (1e-9 * scope.rows_after)


def _receiver_rows(joined: Joined) -> tuple[np.ndarray, np.ndarray]:
    cells, size = joined.cells, len(joined.receivers)
    before, after = (
        np.bincount(cells.receivers, cells.counts * (joined.later == side), minlength=size) for side in (False, True)
    )
    return before, after


def _of_receivers(joined: Joined, numbers: Sequence[int]) -> list[np.ndarray]:
    """Positions of the cells of each of some receivers."""
    order = np.argsort(joined.cells.receivers, kind="stable")
    ordered = joined.cells.receivers[order]
    begins, ends = (np.searchsorted(ordered, numbers, side=side).tolist() for side in ("left", "right"))
    return [order[begin:end] for begin, end in zip(begins, ends, strict=True)]


def _only_once(
    names: Sequence[str], counts: Sequence[Sequence[int]], *, plan: Plan
) -> tuple[tuple[str, int, int], ...]:
    found = [
        (name, before, after)
        for number, (name, before, after) in enumerate(zip(names, *counts, strict=True))
        if number != NO_RECEIVER and min(before, after) == 0 and max(before, after) >= plan.least_rows
    ]
    return tuple(sorted(found, key=lambda each: -(each[1] + each[2]))[:_MOST_ONLY_ONCE])


def _texts(
    joined: Joined, *, rho: float, names: Sequence[str], before: Census, after: Census
) -> tuple[TextChange, ...]:
    """The templates whose share of the rows changed most, less where chance alone makes as much."""
    prints, of = templates_of(joined)
    pair = joined.pair(of)
    change = pair.after / pair.after.sum() - pair.before / pair.before.sum()
    made = []
    beyond_chance = np.minimum(1.0, np.abs(deviations(pair, rho=rho)) / _CLEAR)
    for at in np.argsort(-np.abs(change) * beyond_chance, kind="stable").tolist():
        example = after.examples.get(int(prints[at])) or before.examples.get(int(prints[at]))
        if example is None or not change[at]:
            continue
        its = joined.at(of == at)
        top = int(its.cells.counts.argmax())
        receivers = its.cells.receivers[its.later]
        made.append(
            TextChange(
                text=example.text,
                reason=names[int(its.cells.outcomes[top])],
                confidence=float(its.cells.confidence[top]),
                rows_before=int(pair.before[at]),
                rows_after=int(pair.after[at]),
                change=float(change[at]),
                receivers=len(np.unique(receivers[receivers != NO_RECEIVER])),
            )
        )
        if len(made) == _MOST_TEXTS:
            break
    return tuple(made)


def _side(census: Census) -> Side:
    templates = len(np.unique(census.cells().prints))
    return Side("", census.rows, census.counted, census.broken, census.empty, census.unasked, templates)
