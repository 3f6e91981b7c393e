"""How well servers are read that the model never met: trained without a group of servers, tested on what they said."""

import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bounceml.classifier import Classifier, load
from bounceml.masking import template
from bounceml.modelfile import default_model, open_model
from bounceml.taxonomy import load_taxonomy
from bounceml_datasets.corpus import Row, load_corpus
from bounceml_training.regression import fit
from bounceml_training.settings import load_settings
from bounceml_training.texts import read_texts
from bounceml_training.trainer import Trained
from lab.faults.rows import LabRow, corpus_rows
from lab.faults.source import groups

# The lab's rows, copied into the corpus when they were made: not what the model knew before.
LAB_PART = "en-lab"
_NICE = 10


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Shares of a group's texts read with the right reason, 0–1.

    `texts` are all different after masking, and `known` of them stand in the corpus with the same words. The models:
    `before` from the corpus alone, `after` with the other groups' rows of the lab too; `before_unseen` and
    `after_unseen` the same without the corpus's rows whose source is of the group.
    """

    group: str
    texts: int
    known: int
    before: float
    after: float
    before_unseen: float
    after_unseen: float


def measure_held_out(rows: Sequence[LabRow]) -> list[HeldOut]:
    """Train and test for each group: a model for all and three for each."""
    os.nice(_NICE)
    corpus = [row for row in load_corpus(reasons=load_taxonomy().reasons) if row.part != LAB_PART]
    known = {template(row.text) for row in corpus}
    before = _trained(corpus)
    found = []
    for group, sources in groups().items():
        texts = corpus_rows(row for row in rows if row.source in sources)
        if not texts:
            continue
        tested = {template(row.text) for row in texts}
        # The same words from another server are no less met.
        others = [row for row in corpus_rows(rows, known=corpus) if template(row.text) not in tested]
        unseen = [row for row in corpus if row.source not in sources]
        result = HeldOut(
            group,
            len(texts),
            sum(template(row.text) in known for row in texts),
            before=_accuracy(before, texts),
            after=_accuracy(_trained([*corpus, *others]), texts),
            before_unseen=_accuracy(_trained(unseen), texts),
            after_unseen=_accuracy(_trained([*unseen, *others]), texts),
        )
        print(as_line(result), flush=True)
        found.append(result)
    return found


def write_held_out(found: Sequence[HeldOut], path: Path) -> None:
    """Write the figures as JSON."""
    path.write_text(json.dumps([asdict(each) for each in found], indent=1) + "\n")


def held_out_table(found: Sequence[HeldOut]) -> str:
    """The figures in Markdown, with the share of all texts in the last line."""
    texts = sum(each.texts for each in found)

    def overall(name: str) -> float:
        return sum(float(getattr(each, name)) * each.texts for each in found) / texts

    known = sum(each.known for each in found)
    shares = [overall(name) for name in ("before", "after", "before_unseen", "after_unseen")]
    return "\n".join(
        [
            "| group | texts | known | before | after | before, group's rows left out | after, group's rows left out |",
            "|---|--:|--:|--:|--:|--:|--:|",
            *(as_line(each) for each in found),
            as_line(HeldOut("all", texts, known, *shares)),
        ]
    )


def as_line(each: HeldOut) -> str:
    """A line of the report's table.

    >>> as_line(HeldOut("Exim", 20, 5, 0.8, 0.85, 0.7, 0.75))
    '| Exim | 20 | 5 | 80.0% | 85.0% | 70.0% | 75.0% |'
    """
    shares = (each.before, each.after, each.before_unseen, each.after_unseen)
    return f"| {each.group} | {each.texts} | {each.known} | " + " | ".join(f"{share:.1%}" for share in shares) + " |"


def _trained(rows: Sequence[Row]) -> Classifier:
    """A model fitted on the rows, which judges by the shipped model's calibration and its rules' precision.

    These come of cross-validation on the corpus, which would take ten times as long and hardly change with some rows.
    """
    settings = load_settings()
    fitted = fit(read_texts(rows, settings=settings).sample(), settings=settings)
    header = open_model(default_model()).header | {
        "classes": list(fitted.classes),
        "n_features": len(fitted.vocabulary.fingerprints),
        "bias": [float(b) for b in fitted.bias],
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "held-out.model"
        Trained(header, fitted, {}).write(path)
        return load(path)


def _accuracy(classifier: Classifier, rows: Sequence[Row]) -> float:
    verdicts = classifier.classify_many(row.text for row in rows)
    right = sum(verdict.reason == row.reason for verdict, row in zip(verdicts, rows, strict=True))
    return round(right / len(rows), 4)
