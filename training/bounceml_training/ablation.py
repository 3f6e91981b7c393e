"""What each part of the model is worth, and how unfamiliar languages are read: `python -m bounceml_training.ablation`.

Everything is measured by cross-validation on the corpus, never on texts kept for examination. It takes half an hour on
two cores and prints the tables of `training/README.md`.
"""

import itertools
import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from bounceml.calibration import Calibration
from bounceml.features import character_fingerprints, pair_fingerprint, word_fingerprint
from bounceml.masking import fold, tokens
from bounceml.modelfile import default_model, open_model
from bounceml.rules import builtin_rules
from bounceml.taxonomy import load_taxonomy
from bounceml_datasets.corpus import Row, load_corpus
from bounceml_training.calibrate import Answered, Precision, answer_rows, given_answers
from bounceml_training.held_out import HeldOut, answer_fold, held_out
from bounceml_training.scores import Answer, measure
from bounceml_training.settings import Settings, load_settings
from bounceml_training.texts import Texts, read_texts
from bounceml_training.vectors import Grams

_CURVE_STEP = 4000
_RAW_WORD = re.compile(r"[\w.@-]+")
_CODE = re.compile(r"[245]\d\d|[245]\.\d{1,3}\.\d{1,3}")


def cut(found: Sequence[str], *, words: bool = True, characters: bool = True) -> Grams:
    """N-grams of tokens, of one block or both."""
    prints = [word_fingerprint(token) for token in found]
    pairs = [pair_fingerprint(a, b) for a, b in itertools.pairwise(prints)]
    return Grams(
        tuple(prints + pairs) if words else (),
        tuple(fp for token in found for fp in character_fingerprints(token)) if characters else (),
    )


# Name in the table, and how a text is cut into n-grams.
FEATURES: Mapping[str, Callable[[str], Grams]] = {
    "words, pairs and characters, masked, with codes (as shipped)": lambda text: cut(tokens(text)),
    "words and pairs only": lambda text: cut(tokens(text), characters=False),
    "characters only": lambda text: cut(tokens(text), words=False),
    "not masked": lambda text: cut(_RAW_WORD.findall(fold(text))[:400]),
    "without codes": lambda text: cut([token for token in tokens(text) if not _CODE.fullmatch(token)]),
}


def feature_table(rows: Sequence[Row], *, settings: Settings) -> Iterator[str]:
    """Accuracy of the regression alone for each way to cut texts, on both kinds of folds, as lines of Markdown."""
    classes = tuple(sorted({row.label for row in rows}))
    yield "| n-grams | unmet templates | unmet languages and parts |"
    yield "|---|---|---|"
    for name, cutter in FEATURES.items():
        texts = read_texts(rows, settings=settings, cut=cutter)
        parts = held_out(texts, classes=classes, settings=settings, tell=_silent).parts
        right = [_accuracy(part, texts=texts, classes=classes) for part in parts.values()]
        yield f"| {name} | {' | '.join(f'{share:.3f}' for share in right)} |"


def decision_table(rows: Sequence[Row], *, settings: Settings) -> Iterator[str]:
    """Accuracy and calibration error of rules, model and both, as lines of Markdown."""
    classes = tuple(sorted({row.label for row in rows}))
    texts = read_texts(rows, settings=settings)
    parts = held_out(texts, classes=classes, settings=settings, tell=_silent).parts
    answered = answer_rows(parts, rows=texts.rows, classes=classes, rules=builtin_rules())
    calibration, precision = shipped_calibration()
    yield "| decided by | unmet templates | unmet languages and parts |"
    yield "|---|---|---|"
    for name, answers in {
        "rules only": [_by_rules(part, precision=precision) for part in answered.values()],
        "model only": [
            given_answers(part, calibration=replace(calibration, ask_rules_below=0.0), precision=precision)
            for part in answered.values()
        ],
        "model with rules (as shipped)": [
            given_answers(part, calibration=calibration, precision=precision) for part in answered.values()
        ],
    }.items():
        yield f"| {name} | {' | '.join(f'{measure(part).accuracy:.3f}' for part in answers)} |"


def language_table(rows: Sequence[Row], *, settings: Settings) -> Iterator[str]:
    """How each language is read by a model that never saw a text in it, as lines of Markdown."""
    classes = tuple(sorted({row.label for row in rows}))
    texts = read_texts(rows, settings=settings)
    languages = np.array([row.lang for row in texts.rows])
    sample = texts.sample()
    names = sorted(set(languages) - {"en"})
    parts = {
        name: answer_fold(
            sample,
            split=(texts.with_wrapped(np.flatnonzero(languages != name)), np.flatnonzero(languages == name)),
            classes=classes,
            settings=settings,
        )
        for name in names
    }
    answered = answer_rows(parts, rows=texts.rows, classes=classes, rules=builtin_rules())
    calibration, precision = shipped_calibration()
    answers = {
        name: given_answers(part, calibration=calibration, precision=precision) for name, part in answered.items()
    }
    yield "| language left out | texts | right | share at 0.9 or more | right there |"
    yield "|---|---|---|---|---|"
    yield _language_line("all", list(itertools.chain(*answers.values())))
    for name, part in answers.items():
        yield _language_line(name, part)


def curve_table(rows: Sequence[Row], *, settings: Settings) -> Iterator[str]:
    """What more rows bring: accuracy of models trained on random parts of the corpus, as lines of Markdown."""
    order = sorted(rows, key=lambda row: row.id)
    random.Random(settings.seed).shuffle(order)
    yield "| rows | unmet templates | unmet languages and parts |"
    yield "|---|---|---|"
    for n in (*range(_CURVE_STEP, len(order), _CURVE_STEP), len(order)):
        part = order[:n]
        classes = tuple(sorted({row.label for row in part}))
        texts = read_texts(part, settings=settings)
        parts = held_out(texts, classes=classes, settings=settings, tell=_silent).parts
        right = [_accuracy(each, texts=texts, classes=classes) for each in parts.values()]
        yield f"| {n:,} | {' | '.join(f'{share:.3f}' for share in right)} |"


def shipped_calibration() -> tuple[Calibration, dict[str, Precision]]:
    """Calibration and rules' precision of the model that ships with bounceml."""
    header = open_model(default_model()).header
    precision = {
        entry["rule"]["id"]: Precision(entry["asked"], entry["right"], entry["precision"]) for entry in header["rules"]
    }
    return Calibration.from_json(header["calibration"]), precision


def _accuracy(part: HeldOut, *, texts: Texts, classes: Sequence[str]) -> float:
    best = part.logits.argmax(axis=1)
    return float(np.mean([classes[b] == texts.rows[i].label for b, i in zip(best, part.texts, strict=True)]))


def _by_rules(answered: Answered, *, precision: Mapping[str, Precision]) -> list[Answer]:
    """What the most precise of the matching rules says of each text."""
    lower = np.array([precision[rule.id].lower for rule in answered.rules])
    voices = np.where(answered.matching, lower, 0.0)
    found = []
    for row, best, sure in zip(answered.rows, voices.argmax(axis=1).tolist(), voices.max(axis=1).tolist(), strict=True):
        found.append(Answer(answered.rules[best].reason if sure else "unknown", row.label, sure, row.lang))
    return found


def _language_line(name: str, answers: Sequence[Answer]) -> str:
    scores = measure(answers)
    return (
        f"| {name} | {scores.texts} | {scores.accuracy:.3f} | {scores.coverage_at_90:.3f} | "
        f"{scores.accuracy_at_90 if scores.coverage_at_90 else float('nan'):.3f} |"
    )


def _silent(step: str, share: float) -> None:
    """Progress that nobody watches."""


def main() -> None:
    """Print all tables."""
    rows, settings = load_corpus(reasons=load_taxonomy().reasons), load_settings()
    for table in (feature_table, decision_table, language_table, curve_table):
        for line in table(rows, settings=settings):
            print(line, flush=True)
        print()


if __name__ == "__main__":
    main()
