"""`bounceml evaluate`: how well one or two models answer labelled texts."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from bounceml.classifier import Classifier, load
from bounceml.config import find_config
from bounceml.home import find_home
from bounceml.modelfile import default_model
from bounceml.paths import check_outputs
from bounceml_cli.exits import Exit, complain, json_line, printable
from bounceml_training.evaluation.comparison import Comparison, compare
from bounceml_training.evaluation.held_out_rows import HeldOutRows, read_held_out
from bounceml_training.evaluation.judged import judge
from bounceml_training.evaluation.measures import Evaluation, evaluate
from bounceml_training.evaluation.resampling import Estimate
from bounceml_training.model_store import find_model

BUILTIN = "builtin"
TITLES = {
    "reason_accuracy": "reason right",
    "type_accuracy": "type right",
    "macro_f1": "macro-F1",
    "suppress_precision": "suppress precision",
    "suppress_recall": "suppress recall",
    "ece": "calibration error",
    "coverage_at_90": "sure (confidence ≥ 0.9)",
    "accuracy_at_90": "right where sure",
}
_BLOCKS = {"reason": "by_reason", "language": "by_language", "source": "by_source"}
_SHOWN = {"language": 20, "source": 20}
_CHANGES = 10
_CONFUSIONS = 10
_NAME, _CELL, _TEXT = 26, 24, 76


def run(models: Sequence[str], *, data: Sequence[Path], report: Path | None, json: bool, config: Path | None) -> Exit:
    """Print the figures of each model, and the comparison of two; write the page where one is asked for."""
    config = config or find_config()
    home = find_home()
    paths = [default_model() if name == BUILTIN else find_model(home, name) for name in models]
    check_outputs([report], inputs=[*paths, *data, config])
    classifiers = [load(path, config=config) for path in paths]
    reasons = {name: None for classifier in classifiers for name in classifier.config.taxonomy.reasons}
    held_out = read_held_out(data, reasons=reasons)
    if held_out.builtin:
        complain(
            f"{held_out.builtin} of {len(held_out.rows)} texts stand in bounceml's own training data: "
            "what it knows by heart tells little"
        )
    found = evaluated(models, classifiers=classifiers, held_out=held_out)
    comparison = compared(classifiers, held_out=held_out) if len(models) == 2 else None
    if json:
        entry: dict[str, object] = {
            "models": [
                {"model": name, "version": classifier.version, **asdict(each)}
                for (name, each), classifier in zip(found.items(), classifiers, strict=True)
            ]
        }
        if comparison is not None:
            entry["comparison"] = asdict(comparison) | {"is_worse": comparison.is_worse}
        print(json_line(_without_nan(entry)))
    else:
        print("\n".join(lines(found, comparison=comparison)))
    if report is not None:
        from bounceml_cli.pages.evaluation import evaluation_page
        from bounceml_cli.pages.page import write_page

        write_page(evaluation_page(found, comparison=comparison, data=[path.name for path in data]), report)
        complain(f"{report} written")
    return Exit.DONE


def evaluated(
    models: Sequence[str], *, classifiers: Sequence[Classifier], held_out: HeldOutRows
) -> dict[str, Evaluation]:
    """Figures by the model's name."""
    return {
        name: evaluate(judge(held_out.rows, classifier=classifier), resamples=held_out.resamples)
        for name, classifier in zip(models, classifiers, strict=True)
    }


def compared(classifiers: Sequence[Classifier], *, held_out: HeldOutRows) -> Comparison:
    """The second model against the first."""
    champion, challenger = (judge(held_out.rows, classifier=classifier) for classifier in classifiers)
    return compare(champion, challenger, resamples=held_out.resamples)


def lines(found: dict[str, Evaluation], *, comparison: Comparison | None) -> Iterator[str]:
    """A table for people: figures with their intervals, models side by side."""
    first = next(iter(found.values()))
    yield f"{first.texts:,} texts in {first.groups:,} template groups; brackets hold 95 % intervals"
    yield ""
    yield _line("", [printable(name)[-_CELL:] for name in found])
    for name, title in TITLES.items():
        yield _line(title, [estimate_text(each.figures[name]) for each in found.values()])
    for title, block in _BLOCKS.items():
        names = list(getattr(first, block))
        yield from ("", _line(title, [f"right of {'texts':>5}" for _ in found]))
        for name in names[: _SHOWN.get(title, len(names))]:
            yield _line(printable(name), [_counted(getattr(each, block)[name]) for each in found.values()])
        if len(names) > _SHOWN.get(title, len(names)):
            yield f"… and {len(names) - _SHOWN[title]} more (--json has all)"
    for name, each in found.items():
        wrong = [entry for entry in each.confusion if entry[0] != entry[1]][:_CONFUSIONS]
        if wrong:
            yield from ("", f"most frequent errors of {printable(name)}")
            yield from (f"{n:>6,}  {printable(f'{true} taken for {given}')}" for true, given, n in wrong)
    if comparison is not None:
        yield from ("", *comparison_lines(comparison))


def comparison_lines(comparison: Comparison) -> Iterator[str]:
    """What changes if the second model takes the first one's place."""
    yield f"reason right, second minus first    {_gain(comparison.accuracy_gain)}"
    yield f"addresses rightly given up or kept  {_gain(comparison.suppression_gain)}"
    yield (
        f"only the first right {comparison.only_champion:,}, only the second {comparison.only_challenger:,}; "
        f"McNemar's test p = {comparison.p_value:.2g}"
    )
    if comparison.changes:
        yield from ("", f"changed answers ({len(comparison.changes):,} templates), most frequent first")
    for change in comparison.changes[:_CHANGES]:
        answers = printable(f"{change.champion} → {change.challenger} (true: {change.true})")
        yield f"{change.count:>6,}  {answers}"
        yield f"        {printable(change.text)[:_TEXT]}"


def estimate_text(estimate: Estimate) -> str:
    """A share with its interval, such as "0.912 [0.895–0.927]"."""
    if math.isnan(estimate.value):
        return "–"
    return f"{estimate.value:.3f} [{estimate.low:.3f}–{estimate.high:.3f}]"


def _counted(estimate: Estimate) -> str:
    return f"{estimate.value:.3f} of {estimate.n:,}"


def _gain(estimate: Estimate) -> str:
    return f"{estimate.value:+.3f} [{estimate.low:+.3f} to {estimate.high:+.3f}]"


def _line(title: str, cells: Sequence[str]) -> str:
    return f"{title[:_NAME]:<{_NAME}}" + "".join(f" {cell:>{_CELL}}" for cell in cells)


def _without_nan(value: object) -> object:
    """The same with None for what isn't known: JSON has no NaN."""
    if isinstance(value, dict):
        return {key: _without_nan(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(each) for each in value]
    return None if isinstance(value, float) and math.isnan(value) else value
