"""Whether a model may take the present one's place: not where it does worse by more than its interval."""

from dataclasses import dataclass

from bounceml.classifier import Classifier
from bounceml.taxonomy import load_taxonomy
from bounceml_datasets.corpus import load_corpus, parse_corpus
from bounceml_training.evaluation.comparison import Comparison, compare
from bounceml_training.evaluation.held_out_rows import HeldOutRows
from bounceml_training.evaluation.judged import judge


@dataclass(frozen=True, slots=True)
class Check:
    """The challenger against the model in force on some rows: which ones, how many, and how they compare."""

    rows: str
    texts: int
    comparison: Comparison


def check_promotion(challenger: Classifier, *, champion: Classifier) -> list[Check]:
    """Compare on the rows that were held out when the challenger was trained, and on bounceml's own.

    Both models may know bounceml's own texts by heart, so doing worse there means that something was unlearnt; a model
    that was trained without them isn't asked about them. Raises CorpusError where the held-out rows can't be read.
    """
    reasons = challenger.config.taxonomy.reasons
    parts: dict[str, HeldOutRows] = {}
    if held_out := bytes(challenger.model.held_out).decode("utf-8", "replace"):
        parts["its held-out rows"] = HeldOutRows(parse_corpus(held_out, name="held-out rows", reasons=reasons))
    if challenger.model.header["manifest"].get("base") != "none":
        parts["bounceml's own rows"] = HeldOutRows(load_corpus(reasons=load_taxonomy().reasons))
    found = []
    for name, part in parts.items():
        answers = [judge(part.rows, classifier=classifier) for classifier in (champion, challenger)]
        found.append(Check(name, len(part.rows), compare(*answers, resamples=part.resamples)))
    return found
