"""What comparing two exports gives."""

from dataclasses import asdict, dataclass
from typing import Any

from bounceml_training.drift.measures import Name

# Significant ones, of shares and probabilities.
_DIGITS = 6


@dataclass(frozen=True, slots=True)
class Change:
    """One measure before and after, 0–1.

    `p` is the probability 0–1 of such a change by chance alone, `adjusted` the same in view of how many were looked at.
    `moved` says that it is more than chance and large enough to matter. Of new templates `before` is what chance makes
    new; a mix has no value of its own, and None there.
    """

    measure: Name
    before: float | None
    after: float | None
    change: float
    p: float
    adjusted: float
    moved: bool


@dataclass(frozen=True, slots=True)
class Scope:
    """All rows, or those of one receiver's domain; `name` is empty for all."""

    name: str
    rows_before: int
    rows_after: int
    changes: tuple[Change, ...]

    @property
    def moved(self) -> bool:
        """Whether anything here moved."""
        return any(change.moved for change in self.changes)


@dataclass(frozen=True, slots=True)
class ReasonChange:
    """Shares 0–1 of the rows with one reason (or `kind:` and a kind)."""

    reason: str
    before: float
    after: float
    p: float
    adjusted: float
    moved: bool


@dataclass(frozen=True, slots=True)
class TextChange:
    """A template whose share of the rows changed, by an example; counts are of rows, `receivers` of those after."""

    text: str
    reason: str
    confidence: float
    rows_before: int
    rows_after: int
    change: float
    receivers: int


@dataclass(frozen=True, slots=True)
class Side:
    """What was read of one export."""

    path: str
    rows: int
    counted: int
    broken: int
    empty: int
    unasked: int
    templates: int


@dataclass(frozen=True, slots=True)
class Drift:
    """Whether two exports differ by more than chance, and in what.

    `correlation` is how much rows of one template come together (0–1), `receiver_correlation` the same at a receiver,
    and of `drawn_of` templates one was looked at.
    `only_once` are receivers with enough rows that are in one of the exports only, and their rows before and after.
    `receivers` come in the order of what moved most.
    """

    before: Side
    after: Side
    model_version: str
    correlation: float
    receiver_correlation: float
    drawn_of: int
    overall: Scope
    receivers: tuple[Scope, ...]
    reasons: tuple[ReasonChange, ...]
    texts: tuple[TextChange, ...]
    only_once: tuple[tuple[str, int, int], ...]

    @property
    def drifted(self) -> bool:
        """Whether anything moved, overall or at a receiver."""
        return self.overall.moved or any(scope.moved for scope in self.receivers)

    def to_json(self) -> dict[str, Any]:
        """The result as JSON-ready values."""
        found: dict[str, Any] = {"drifted": self.drifted, **_rounded(asdict(self))}
        found["only_once"] = [
            {"name": name, "rows_before": before, "rows_after": after} for name, before, after in self.only_once
        ]
        return found


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(each) for each in value]
    return float(f"{value:.{_DIGITS}g}") if isinstance(value, float) else value
