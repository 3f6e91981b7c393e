"""From labelled rows to a model file: folds, calibration, the fit on everything."""

import platform
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from joblib import Parallel, delayed

from bounceml._version import __version__
from bounceml.calibration import Calibration
from bounceml.codes import find_codes
from bounceml.decode import repair
from bounceml.errors import CorpusError
from bounceml.modelfile import FORMAT, write_model
from bounceml.rules import Rule, RuleSet
from bounceml_datasets.corpus import Row, corpus_hash
from bounceml_training.augmentation import wrapped
from bounceml_training.calibrate import Answered, Precision, calibrate, features, vote
from bounceml_training.folds import family_folds, grouped_folds, template_groups
from bounceml_training.held_out import HeldOut, answer_fold, joined
from bounceml_training.regression import Fitted, Sample, fit
from bounceml_training.scores import Answer, Scores, measure
from bounceml_training.settings import Settings, load_settings, load_wrappers
from bounceml_training.vectors import Grams, grams

# Called with what is being done and the share 0–1 of the work that is done.
Progress = Callable[[str, float], None]

# With fewer rows a class can't be in every fold, nor its confidence be known.
_MIN_ROWS_A_CLASS = 5
# Texts of unmet servers and languages count as much in calibration as unmet texts of those that we know.
_FAMILY_WEIGHT = 1.0


@dataclass(frozen=True, slots=True)
class Trained:
    """A trained model: the header of its file, its coefficients, and how it answered held-out texts."""

    header: dict[str, Any]
    fitted: Fitted
    scores: dict[str, Scores]

    def write(self, path: Path) -> None:
        """Write the model file, whole or not at all."""
        idf = self.fitted.vocabulary.idf
        weights = (self.fitted.coefficients.T * idf[:, None]).astype("<f2")
        write_model(
            path,
            self.header,
            fingerprints=self.fitted.vocabulary.fingerprints.astype("<u8").tobytes(),
            idf=idf.astype("<f4").tobytes(),
            weights=np.ascontiguousarray(weights).tobytes(),
        )


@dataclass(frozen=True, slots=True)
class _Texts:
    """Rows with their n-grams, plain and as senders' servers wrap them."""

    rows: Sequence[Row]
    plain: Sequence[Grams]
    wrapped: Sequence[Grams | None]

    def sample(self) -> Sample:
        """All of them to fit on: plain texts first, in the order of the rows, then the wrapped ones."""
        extra = [i for i, each in enumerate(self.wrapped) if each is not None]
        grams_ = [*self.plain, *(each for each in self.wrapped if each is not None)]
        labels = [row.label for row in self.rows]
        return Sample(grams_, labels + [labels[i] for i in extra], np.ones(len(grams_)))

    def with_wrapped(self, rows: np.ndarray) -> np.ndarray:
        """Positions in the sample of these rows' texts, wrapped ones included."""
        extra = [i for i, each in enumerate(self.wrapped) if each is not None]
        at = {row: len(self.rows) + k for k, row in enumerate(extra)}
        return np.concatenate([rows, np.array([at[i] for i in rows if i in at], dtype=int)]).astype(int)


def check_rows(rows: Sequence[Row]) -> None:
    """Refuse rows that no model can be trained on; raises CorpusError that says what to add."""
    counts = Counter(row.label for row in rows)
    if len(counts) < 2:
        raise CorpusError(f"all rows are {next(iter(counts))!r}: a model needs at least two reasons to tell apart")
    few = {label: n for label, n in counts.items() if n < _MIN_ROWS_A_CLASS}
    if few:
        listed = ", ".join(f"{label} ({n})" for label, n in sorted(few.items()))
        raise CorpusError(f"too few rows of {listed}: each needs at least {_MIN_ROWS_A_CLASS}; label more of them")


def train(
    rows: Sequence[Row], *, rules: RuleSet, settings: Settings | None = None, progress: Progress | None = None
) -> Trained:
    """Train, calibrate and score a model on labelled rows.

    The same rows, rules, settings and package versions give the same model. Raises CorpusError for rows that no model
    can be trained on.
    """
    settings = settings or load_settings()
    tell = progress or _silent
    check_rows(rows)
    rows = _ordered(rows)
    tell("reading texts", 0.0)
    texts = _read(rows, settings=settings)
    sample = texts.sample()
    classes = tuple(sorted({row.label for row in rows}))
    tell("grouping templates", 0.1)
    answers = _held_out(texts, sample=sample, classes=classes, settings=settings, tell=tell)
    tell("calibrating", 0.75)
    answered: dict[str, list[_HeldOutRow]] = {"templates": [], "families": []}
    answered |= _answered(answers, texts=texts, classes=classes, rules=rules)
    known_rules = [rule for rule in rules.rules if rule.reason in classes]
    calibration, precision = calibrate(
        [each.answered for part in answered.values() for each in part], rules=known_rules, settings=settings
    )
    scores = {
        "held_out_templates": measure(_answers(answered["templates"], calibration=calibration, precision=precision)),
    }
    if answered["families"]:
        scores["held_out_families"] = measure(
            _answers(answered["families"], calibration=calibration, precision=precision)
        )
    tell("fitting on all texts", 0.8)
    fitted = fit(sample, settings=settings)
    tell("done", 1.0)
    header = {
        "format": FORMAT,
        "version": f"{__version__}+{corpus_hash(rows)[:10]}",
        "classes": list(fitted.classes),
        "n_features": len(fitted.vocabulary.fingerprints),
        "bias": [float(b) for b in fitted.bias],
        "calibration": asdict(calibration),
        "rules": _rules_json(known_rules, precision=precision),
        "manifest": _manifest(rows, settings=settings, scores=scores),
    }
    return Trained(header, fitted, scores)


@dataclass(frozen=True, slots=True)
class _HeldOutRow:
    """A held-out answer with the row that it answers."""

    answered: Answered
    row: Row


def all_texts(rows: Sequence[Row], *, settings: Settings) -> Sample:
    """What the model is fitted on: the rows' texts, plain and as senders' servers wrap them."""
    return _read(_ordered(rows), settings=settings).sample()


def _ordered(rows: Sequence[Row]) -> list[Row]:
    """Rows in an order of their own, so that the order of files and lines doesn't matter."""
    return sorted(rows, key=lambda row: (row.lang, row.label, row.text))


def _silent(step: str, share: float) -> None:
    """Progress that nobody watches."""


def _read(rows: Sequence[Row], *, settings: Settings) -> _Texts:
    spellings = wrapped(rows, wrappers=load_wrappers(), share=settings.wrapped_share, seed=settings.seed)
    return _Texts(
        rows, [grams(repair(row.text)) for row in rows], [None if text is None else grams(text) for text in spellings]
    )


def _held_out(
    texts: _Texts, *, sample: Sample, classes: tuple[str, ...], settings: Settings, tell: Progress
) -> dict[str, HeldOut]:
    """Held-out answers by template group and by language, folds side by side on the machine's cores."""
    groups = template_groups(texts.rows, similarity=settings.similarity)
    labels = [row.label for row in texts.rows]
    splits = [
        ("templates", split)
        for split in grouped_folds(labels, groups=groups, n=settings.grouped_folds, seed=settings.seed)
    ] + [("families", split) for split in family_folds(texts.rows, n=settings.family_folds)]
    jobs = (
        delayed(answer_fold)(sample, split=(texts.with_wrapped(train), test), classes=classes, settings=settings)
        for _, (train, test) in splits
    )
    parts: dict[str, list[HeldOut]] = {"templates": [], "families": []}
    done = Parallel(n_jobs=-1, return_as="generator", prefer="threads")(jobs)
    for number, (part, (name, _)) in enumerate(zip(done, splits, strict=True), 1):
        parts[name].append(part)
        tell(f"held-out fold {number} of {len(splits)}", 0.15 + 0.6 * number / len(splits))
    return {name: joined(each) for name, each in parts.items() if each}


def _answered(
    answers: dict[str, HeldOut], *, texts: _Texts, classes: tuple[str, ...], rules: RuleSet
) -> dict[str, list[_HeldOutRow]]:
    weight = {"templates": 1.0, "families": _FAMILY_WEIGHT}
    matching = [_matching(row, rules=rules) for row in texts.rows]
    return {
        name: [
            _HeldOutRow(
                Answered(
                    dict(zip(classes, map(float, logits), strict=True)),
                    float(known),
                    texts.rows[i].label,
                    tuple(rule for rule in matching[i] if rule.reason in classes),
                    weight[name],
                ),
                texts.rows[i],
            )
            for i, logits, known in zip(part.texts, part.logits, part.known, strict=True)
        ]
        for name, part in answers.items()
    }


def _matching(row: Row, *, rules: RuleSet) -> tuple[Rule, ...]:
    text = repair(row.text)
    return tuple(rules.matching(text, codes=find_codes(text)))


def _answers(rows: Sequence[_HeldOutRow], *, calibration: Calibration, precision: dict[str, Precision]) -> list[Answer]:
    found = []
    for each in rows:
        votes = vote(each.answered, precision=precision, calibration=calibration)
        confidence = calibration.confidence(features(each.answered, votes=votes))
        found.append(Answer(votes.best, each.row.label, confidence, each.row.lang))
    return found


def _rules_json(rules: Sequence[Rule], *, precision: dict[str, Precision]) -> list[dict[str, Any]]:
    return [
        {
            "rule": entry,
            "precision": round(precision[entry["id"]].lower, 4),
            "asked": precision[entry["id"]].asked,
            "right": precision[entry["id"]].right,
        }
        for entry in RuleSet(tuple(rules)).to_json()
    ]


def _manifest(rows: Sequence[Row], *, settings: Settings, scores: dict[str, Scores]) -> dict[str, Any]:
    return {
        "rows": len(rows),
        "corpus_sha256": corpus_hash(rows),
        "settings": asdict(settings),
        "python": ".".join(platform.python_version_tuple()[:2]),
        "packages": {"bounceml": __version__, **{name: version(name) for name in ("numpy", "scipy", "scikit-learn")}},
        "scores": {name: asdict(each) for name, each in scores.items()},
    }
