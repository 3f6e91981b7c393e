"""Labelled texts as their files have them, before the labels are looked up."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Labelled:
    """A text with somebody's label; `where` names file and row."""

    text: str
    label: str
    where: str
    lang: str = ""
    source: str = ""
    topic: str = ""


@dataclass(slots=True)
class Reading:
    """What was met in files: rows, and those among them that give no labelled text.

    `unlabelled` have no label yet, `skipped` were looked at and not answered, `broken` can't be read. `crosswalk` is
    the one that the provider's own classes ask for, where they are the labels.
    """

    rows: int = 0
    unlabelled: int = 0
    skipped: int = 0
    broken: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Columns:
    """Columns named by the user; None where they are to be found."""

    text: str | None = None
    label: str | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """A file of labelled texts: `format` is as for exports, None where its name and content tell."""

    path: Path
    columns: Columns = field(default_factory=Columns)
    format: str | None = None
