"""Figures on held-out answers: how often right, how sure, for each reason and language."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

_BINS = 10
_SURE = 0.9
# Sources with fewer texts than this are left out: their shares would be chance.
_SOURCE_TEXTS = 25


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer beside the truth; `confidence` is the probability 0–1 that the answer is right."""

    given: str
    true: str
    confidence: float
    lang: str
    source: str = "generic"


@dataclass(frozen=True, slots=True)
class Scores:
    """Figures on answers, all shares 0–1: `ece` is the expected calibration error over ten bins of equal mass.

    `calibration` holds for each of these bins the mean confidence and the share that was right, `risk_coverage` shares
    of the answers, surest first, with how many of them were wrong.
    """

    texts: int
    accuracy: float
    macro_f1: float
    ece: float
    coverage_at_90: float
    accuracy_at_90: float
    by_reason: dict[str, float]
    by_language: dict[str, float]
    by_source: dict[str, float]
    calibration: list[tuple[float, float]]
    risk_coverage: list[tuple[float, float]]


def measure(answers: Sequence[Answer]) -> Scores:
    """Scores of answers; raises ValueError without any."""
    if not answers:
        raise ValueError("no answers to score")
    right = np.array([a.given == a.true for a in answers])
    confidence = np.array([a.confidence for a in answers])
    sure = confidence >= _SURE
    sources = Counter(a.source for a in answers)
    return Scores(
        texts=len(answers),
        accuracy=_rounded(right.mean()),
        macro_f1=_rounded(np.mean([_f1(answers, label) for label in sorted({a.true for a in answers})])),
        ece=_rounded(calibration_error(confidence, right=right)),
        coverage_at_90=_rounded(sure.mean()),
        accuracy_at_90=_rounded(right[sure].mean()) if sure.any() else 0.0,
        by_reason=_shares((a.true, a.given == a.true) for a in answers),
        by_language=_shares((a.lang, a.given == a.true) for a in answers),
        by_source=_shares((a.source, a.given == a.true) for a in answers if sources[a.source] >= _SOURCE_TEXTS),
        calibration=[(_rounded(confidence[part].mean()), _rounded(right[part].mean())) for part in bins_of(confidence)],
        risk_coverage=_risk_coverage(confidence, right=right),
    )


def calibration_error(confidence: np.ndarray, *, right: np.ndarray) -> float:
    """Expected calibration error 0–1 over ten bins of equal mass; both arrays have shape (n,)."""
    apart = [abs(confidence[part].sum() - right[part].sum()) for part in bins_of(confidence)]
    return float(sum(apart) / len(confidence))


def bins_of(confidence: np.ndarray) -> list[np.ndarray]:
    """Positions of the answers in ten bins of equal mass, the least sure first; no bin is empty."""
    return [part for part in np.array_split(np.argsort(confidence, kind="stable"), _BINS) if len(part)]


def _risk_coverage(confidence: np.ndarray, *, right: np.ndarray) -> list[tuple[float, float]]:
    surest = right[np.argsort(-confidence, kind="stable")]
    shares = np.arange(1, _BINS + 1) / _BINS
    return [(_rounded(share), _rounded(1 - surest[: max(1, round(share * len(surest)))].mean())) for share in shares]


def _f1(answers: Sequence[Answer], label: str) -> float:
    both = sum(a.given == label == a.true for a in answers)
    either = sum((a.given == label) + (a.true == label) for a in answers)
    return 2 * both / either


def _shares(pairs: Iterable[tuple[str, bool]]) -> dict[str, float]:
    seen: dict[str, list[bool]] = {}
    for name, right in pairs:
        seen.setdefault(name, []).append(right)
    return {name: _rounded(np.mean(rights)) for name, rights in sorted(seen.items())}


def _rounded(value: float | np.floating) -> float:
    return round(float(value), 4)
