"""From labelled rows to a model file: folds, calibration, the fit on everything."""

import platform
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from bounceml._version import __version__
from bounceml.errors import CorpusError
from bounceml.modelfile import FORMAT, write_model
from bounceml.rules import Rule, RuleSet
from bounceml.taxonomy import Taxonomy, load_taxonomy
from bounceml_datasets.corpus import Row, corpus_hash
from bounceml_datasets.second_look import load_looks
from bounceml_training.calibrate import Precision, answer_rows, calibrate, given_answers, joined
from bounceml_training.held_out import Progress, held_out
from bounceml_training.regression import Fitted, fit
from bounceml_training.scores import Scores, measure
from bounceml_training.settings import Settings, load_settings
from bounceml_training.texts import read_texts

# With fewer rows a class can't be in every fold, nor its confidence be known.
_MIN_ROWS_A_CLASS = 5


@dataclass(frozen=True, slots=True)
class Trained:
    """A trained model: the header of its file, its coefficients, and how it answered held-out texts."""

    header: dict[str, Any]
    fitted: Fitted
    scores: dict[str, Scores]

    def write(self, path: Path, *, held_out: Sequence[Row] = ()) -> None:
        """Write the model file, whole or not at all, with the rows that it is to be judged by."""
        idf = self.fitted.vocabulary.idf
        weights = (self.fitted.coefficients.T * idf[:, None]).astype("<f2")
        write_model(
            path,
            self.header,
            fingerprints=self.fitted.vocabulary.fingerprints.astype("<u8").tobytes(),
            idf=idf.astype("<f4").tobytes(),
            weights=np.ascontiguousarray(weights).tobytes(),
            held_out="".join(f"{row.to_json()}\n" for row in held_out).encode(),
        )


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
    rows: Sequence[Row],
    *,
    rules: RuleSet,
    taxonomy: Taxonomy | None = None,
    settings: Settings | None = None,
    notes: Mapping[str, object] | None = None,
    progress: Progress | None = None,
) -> Trained:
    """Train, calibrate and score a model on labelled rows.

    What `taxonomy` (the default table unless given) says of reasons that aren't built in goes with the model, and so do
    `notes`, into its manifest.

    The same rows, rules, settings and package versions give the same model. Raises CorpusError for rows that no model
    can be trained on.
    """
    settings = settings or load_settings()
    taxonomy = taxonomy or load_taxonomy()
    tell = progress or _silent
    check_rows(rows)
    tell("reading texts", 0.0)
    texts = read_texts(rows, settings=settings)
    classes = tuple(sorted({row.label for row in rows}))
    tell("grouping templates", 0.1)
    answers = held_out(texts, classes=classes, settings=settings, tell=tell)
    tell("calibrating", 0.75)
    answered = answer_rows(answers.parts, rows=texts.rows, classes=classes, rules=rules)
    worn = answer_rows({"worn": answers.worn}, rows=texts.worn_rows, classes=classes, rules=rules)["worn"]
    calibration, precision = calibrate(
        joined([*answered.values()]),
        families=answered.get("families", answered["templates"]),
        worn=worn,
        taxonomy=taxonomy,
        settings=settings,
    )
    scores = {
        f"held_out_{name}": measure(given_answers(part, calibration=calibration, precision=precision))
        for name, part in answered.items()
    }
    tell("fitting on all texts", 0.8)
    fitted = fit(texts.sample(), settings=settings)
    tell("done", 1.0)
    header = {
        "format": FORMAT,
        "version": f"{__version__}+{corpus_hash(rows)[:10]}",
        "classes": list(fitted.classes),
        "n_features": len(fitted.vocabulary.fingerprints),
        "bias": [float(b) for b in fitted.bias],
        "calibration": asdict(calibration),
        "rules": _rules_json(worn.rules, precision=precision),
        "reasons": _own_reasons(classes, taxonomy=taxonomy),
        "manifest": _manifest(rows, settings=settings, scores=scores) | dict(notes or {}),
    }
    return Trained(header, fitted, scores)


def _silent(step: str, share: float) -> None:
    """Progress that nobody watches."""


def _own_reasons(classes: Sequence[str], *, taxonomy: Taxonomy) -> dict[str, dict[str, str]]:
    """What the table says of classes that aren't among the built-in reasons."""
    added = {name: each for name, each in taxonomy.reasons.items() if name in classes}
    return {
        name: {key: value for key, value in asdict(each).items() if key != "name" and value}
        for name, each in added.items()
        if name not in load_taxonomy().reasons
    }


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
        "read_twice": len({row.id for row in rows} & {look.id for look in load_looks()}),
        "corpus_sha256": corpus_hash(rows),
        "settings": asdict(settings),
        "python": ".".join(platform.python_version_tuple()[:2]),
        "packages": {"bounceml": __version__, **{name: version(name) for name in ("numpy", "scipy", "scikit-learn")}},
        "scores": {name: asdict(each) for name, each in scores.items()},
    }
