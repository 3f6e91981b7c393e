"""Labelled texts to rows of a corpus: labels looked up, texts of one template merged, contradictions left out."""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace

from bounceml.classifier import UNKNOWN
from bounceml_datasets.corpus import Row, is_language
from bounceml_datasets.crosswalk import AS_UNKNOWN, Crosswalk
from bounceml_datasets.imports.labelled import Labelled
from bounceml_datasets.inspection import template_key
from bounceml_datasets.labels import Label, find_label

UNDETERMINED = "und"
GENERIC = "generic"


@dataclass(frozen=True, slots=True)
class Conflict:
    """Texts of one template with different labels: the first text, and each label with the place where it stands."""

    text: str
    labels: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        said = ", ".join(f"{label} in {where}" for label, where in self.labels)
        return f"{said}: {self.text[:80]!r}"


@dataclass(slots=True)
class Merged:
    """Rows by their template, the places where they were met first, and what else was met on the way.

    `merged` texts had the template and the label of another one. `unmapped` and `vague` count labels that nobody knows
    and labels that say too little; rows with those are in `as_unknown` where the crosswalk wants them, else left out.
    """

    rows: dict[str, Row] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    conflicts: list[Conflict] = field(default_factory=list)
    merged: int = 0
    unmapped: Counter[str] = field(default_factory=Counter)
    vague: Counter[str] = field(default_factory=Counter)
    as_unknown: int = 0


@dataclass(frozen=True, slots=True)
class Defaults:
    """What rows have that say nothing of it themselves."""

    lang: str = UNDETERMINED
    source: str = GENERIC


def merge(
    texts: Iterable[Labelled], *, crosswalk: Crosswalk | None, reasons: Collection[str], defaults: Defaults
) -> Merged:
    """Rows of labelled texts; a template keeps its first text. Labels that a crosswalk doesn't list may be our own."""
    found = Merged()
    labels: dict[str, dict[str, str]] = {}
    for text in texts:
        label = _look_up(text.label, crosswalk=crosswalk, reasons=reasons, found=found)
        if label is None:
            continue
        row = _row(text, label, defaults=defaults)
        key = template_key(row)
        said = labels.setdefault(key, {})
        if row.label in said:
            found.merged += 1
            found.rows[key] = _joined(found.rows[key], row)
        said.setdefault(row.label, text.where)
        found.rows.setdefault(key, row)
        found.places.setdefault(key, text.where)
    for key, said in labels.items():
        if len(said) > 1:
            found.conflicts.append(Conflict(found.rows.pop(key).text, tuple(said.items())))
    return found


def _look_up(name: str, *, crosswalk: Crosswalk | None, reasons: Collection[str], found: Merged) -> Label | None:
    meaning = crosswalk.find(name) if crosswalk is not None else None
    if meaning is None:
        label = find_label(name, reasons=reasons)
        if label is None:
            found.unmapped[name] += 1
        return label
    if not meaning.vague:
        return meaning.label
    found.vague[name] += 1
    if crosswalk is None or crosswalk.vague_as != AS_UNKNOWN:
        return None
    found.as_unknown += 1
    return Label(UNKNOWN)


def _row(text: Labelled, label: Label, *, defaults: Defaults) -> Row:
    return Row(
        text=text.text,
        reason=label.reason,
        kind=label.kind,
        lang=text.lang if is_language(text.lang) else defaults.lang,
        source=text.source or defaults.source,
        topic=text.topic or None,
    )


def _joined(first: Row, other: Row) -> Row:
    """The first row, with what only the other one says."""
    return replace(
        first,
        lang=other.lang if first.lang == UNDETERMINED else first.lang,
        source=other.source if first.source == GENERIC else first.source,
        topic=first.topic or other.topic,
    )
