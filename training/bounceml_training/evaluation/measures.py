"""Figures on a model's answers to held-out texts, with intervals."""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from bounceml_training.evaluation.judged import Judged
from bounceml_training.evaluation.resampling import Estimate, Resamples
from bounceml_training.scores import bins_of

SURE = 0.9


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Figures by name, all shares 0–1 with 95 % intervals; `ece` is the expected calibration error over ten bins.

    `by_reason` has the share that was right by true label, with `f1` beside; `confusion` how often each label was taken
    for another, or for itself, most frequent first. `calibration` holds for each bin of equal mass the mean confidence
    and the share that was right, `risk_coverage` shares of the texts, surest first, with the share of them that is
    wrong.
    """

    texts: int
    groups: int
    figures: dict[str, Estimate]
    by_reason: dict[str, Estimate]
    f1: dict[str, float]
    by_language: dict[str, Estimate]
    by_source: dict[str, Estimate]
    confusion: list[tuple[str, str, int]]
    calibration: list[tuple[float, float]]
    risk_coverage: list[tuple[float, float]]


def evaluate(judged: Judged, *, resamples: Resamples) -> Evaluation:
    """Figures on answers; `resamples` of the same rows give the intervals."""
    right, sure = judged.right, judged.confidence >= SURE
    every = np.ones(len(right), bool)
    dead, gives_up = judged.is_dead, judged.gives_up
    labels = sorted(set(judged.true.tolist()))
    figures = {
        "reason_accuracy": resamples.share(right, every),
        "type_accuracy": resamples.share(judged.true_types == judged.types, every),
        "macro_f1": resamples.estimate(_f1_sums(judged, labels), _macro_f1),
        "suppress_precision": resamples.share(dead, gives_up),
        "suppress_recall": resamples.share(gives_up, dead),
        "ece": resamples.estimate(_bin_sums(judged), _ece),
        "coverage_at_90": resamples.share(sure, every),
        "accuracy_at_90": resamples.share(right, sure),
    }
    confusion = Counter(zip(judged.true.tolist(), judged.given.tolist(), strict=True))
    return Evaluation(
        texts=len(right),
        groups=resamples.n_groups,
        figures=figures,
        by_reason=_by(judged.true, right=right, resamples=resamples),
        f1=dict(zip(labels, _f1(_f1_sums(judged, labels).sum(axis=0, keepdims=True))[0].tolist(), strict=True)),
        by_language=_by(np.array([row.lang for row in judged.rows], object), right=right, resamples=resamples),
        by_source=_by(np.array([row.source for row in judged.rows], object), right=right, resamples=resamples),
        confusion=[(true, given, n) for (true, given), n in sorted(confusion.items(), key=lambda it: (-it[1], it[0]))],
        calibration=[
            (float(judged.confidence[part].mean()), float(right[part].mean())) for part in bins_of(judged.confidence)
        ],
        risk_coverage=_risk_coverage(judged.confidence, right=right),
    )


def _by(names: np.ndarray, *, right: np.ndarray, resamples: Resamples) -> dict[str, Estimate]:
    """Share that was right by name, the most frequent name first."""
    found = [name for name, _ in sorted(Counter(names.tolist()).items(), key=lambda item: (-item[1], item[0]))]
    members = np.column_stack([names == name for name in found])
    return dict(zip(found, resamples.shares(right[:, None] & members, members), strict=True))


def _f1_sums(judged: Judged, labels: list[str]) -> np.ndarray:
    """For each row and label: whether it is both given and true, and how often it is either; (n_rows, 2 n_labels)."""
    true = np.column_stack([judged.true == label for label in labels])
    given = np.column_stack([judged.given == label for label in labels])
    return np.concatenate([true & given, true.astype(float) + given], axis=1).astype(np.float64)


def _f1(sums: np.ndarray) -> np.ndarray:
    """F1 by label, NaN where a label is neither true nor given; (n_draws, n_labels)."""
    both, either = np.split(sums, 2, axis=1)
    return np.asarray(np.where(either > 0, 2 * both / np.where(either > 0, either, 1), np.nan))


def _macro_f1(sums: np.ndarray) -> np.ndarray:
    return np.asarray(np.nanmean(_f1(sums), axis=1))


def _bin_sums(judged: Judged) -> np.ndarray:
    """Confidence minus right in the column of the row's bin, and a column of ones; (n_rows, n_bins + 1)."""
    bins = bins_of(judged.confidence)
    sums = np.zeros((len(judged.right), len(bins) + 1))
    sums[:, -1] = 1
    for number, part in enumerate(bins):
        sums[part, number] = judged.confidence[part] - judged.right[part]
    return sums


def _ece(sums: np.ndarray) -> np.ndarray:
    return np.asarray(np.abs(sums[:, :-1]).sum(axis=1) / sums[:, -1])


def _risk_coverage(confidence: np.ndarray, *, right: np.ndarray) -> list[tuple[float, float]]:
    """At most a hundred points of the curve."""
    surest = right[np.argsort(-confidence, kind="stable")]
    wrong = np.cumsum(~surest) / np.arange(1, len(surest) + 1)
    at = np.unique(np.linspace(0, len(surest) - 1, 100).round().astype(int))
    return [((i + 1) / len(surest), float(wrong[i])) for i in at.tolist()]
