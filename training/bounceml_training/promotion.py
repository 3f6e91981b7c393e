"""Whether a model may take the present one's place: not where it does worse by more than its interval."""

from dataclasses import dataclass

from bounceml.classifier import Classifier
from bounceml.taxonomy import load_taxonomy
from bounceml_datasets.corpus import load_corpus, parse_corpus
from bounceml_training.evaluation.comparison import Comparison, compare
from bounceml_training.evaluation.held_out_rows import HeldOutRows
from bounceml_training.evaluation.judged import judge

# Of bounceml's own rows, which are so many that a handful of answers is more than chance, this share has to be lost:
# each training sets anew from which probability on addresses are given up, which alone moves a hundredth.
_LEAST_LOSS = 0.02


@dataclass(frozen=True, slots=True)
class Check:
    """The challenger against the model in force on some rows: which ones, how many, and how they compare.

    `is_passed` says whether the challenger may be promoted as far as these rows are concerned.
    """

    rows: str
    texts: int
    comparison: Comparison
    is_passed: bool


def check_promotion(challenger: Classifier, *, champion: Classifier) -> list[Check]:
    """Compare on the rows that were held out when the challenger was trained, and on bounceml's own.

    Both models may know bounceml's own texts by heart, so doing worse there means that something was unlearnt; a model
    that was trained without them isn't asked about them. Raises CorpusError where the held-out rows can't be read.
    """
    reasons = challenger.config.taxonomy.reasons
    parts: dict[str, tuple[HeldOutRows, float]] = {}
    held_out = bytes(challenger.model.held_out).decode("utf-8", "replace")
    if rows := parse_corpus(held_out, name="held-out rows", reasons=reasons):
        parts["its held-out rows"] = HeldOutRows(rows), 0.0
    if challenger.model.header["manifest"].get("base") != "none":
        parts["bounceml's own rows"] = HeldOutRows(load_corpus(reasons=load_taxonomy().reasons)), _LEAST_LOSS
    found = []
    for name, (part, least) in parts.items():
        answers = [judge(part.rows, classifier=classifier) for classifier in (champion, challenger)]
        comparison = compare(*answers, resamples=part.resamples)
        found.append(Check(name, len(part.rows), comparison, not comparison.is_worse_by(least)))
    return found
