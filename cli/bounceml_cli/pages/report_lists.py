"""The report's lists: reasons, receivers, what changed, and the most frequent replies."""

from collections import Counter
from typing import Any

from bounceml.decode import repair
from bounceml.masking import template
from bounceml_cli.exits import printable
from bounceml_cli.pages.report_plots import TYPES
from bounceml_cli.pages.words import FAULTS, Words, name_of, width
from bounceml_datasets.reports.changes import CHANCE, Change
from bounceml_datasets.reports.figures import reasons_of, types_of
from bounceml_datasets.reports.frequent import Seen
from bounceml_datasets.reports.periods import Compared, Span
from bounceml_datasets.reports.timeline import Label

# What a page shows of long lists, and characters of a reply.
_RECEIVERS, _REASONS_OF, _CHANGES, _EXAMPLE = 15, 4, 20, 300


def pieces(words: Words, counts: Counter[str], *, table: str) -> list[dict[str, str]]:
    """Types or faults, as pieces of a bar with a legend."""
    order = TYPES if table == "types" else FAULTS
    return [
        {
            "class": name,
            "name": words.texts.name(table, name),
            "counted": words.counted(counts[name]),
            "width": width(counts[name], counts.total()),
        }
        for name in order
        if counts[name]
    ]


def legend(words: Words, counts: Counter[str], *, table: str) -> list[dict[str, str]]:
    """The types or faults that there are, as a legend without numbers."""
    return [{**piece, "counted": ""} for piece in pieces(words, counts, table=table)]


def reasons(words: Words) -> list[dict[str, str]]:
    """Failures by reason, with what to do about each."""
    counts = words.figures.reasons()
    most = max(counts.values(), default=1)
    actions: dict[str, Counter[str]] = {}
    for (action, reason), n in words.figures.actions.items():
        actions.setdefault(reason, Counter())[action] += n
    return [
        {
            "name": words.reason(reason),
            "code": printable(reason),
            "counted": words.counted(n),
            "width": width(n, most),
            "class": words.fault(reason),
            "action": words.texts.listed(
                [words.texts.name("actions", each) for each, _ in actions[reason].most_common()]
            ),
        }
        for reason, n in counts.most_common()
    ]


def receivers(words: Words) -> dict[str, Any] | None:
    """The receivers with the most failures; None where the export names none."""
    by_name, texts = words.figures.receivers, words.texts
    if by_name is None:
        return None
    shown = list(by_name.items())[:_RECEIVERS]
    return {
        "lead": texts.say("receivers_lead", n=texts.number(len(shown)), all=texts.number(len(by_name))),
        "is_cut": words.figures.receivers_dropped,
        "legend": legend(words, words.by_fault(words.figures.reasons()), table="faults"),
        "rows": [_receiver(words, name, labels) for name, labels in shown],
    }


def changed(words: Words, compared: Compared | None) -> dict[str, Any] | None:
    """What changed between two periods; None where there aren't two."""
    if compared is None:
        return None
    texts, before, after = words.texts, compared.before, compared.after
    shown = [change for change in compared.changes if change.is_more_than_chance]
    numbers = {"before": texts.number(before.failures), "after": texts.number(after.failures)}
    return {
        "lead": _compared_what(words, compared),
        "counts": texts.say("changed_counts", **numbers),
        "rows": [_change(words, change) for change in shown[:_CHANGES]],
        "test": texts.say("changed_test", compared=texts.number(len(compared.changes)), chance=texts.share(CHANCE)),
    }


def templates(words: Words) -> dict[str, Any]:
    """The most frequent replies, with an example of each."""
    figures, texts = words.figures, words.texts
    if figures.template_count is None:
        lead = texts.say("templates_many", floor=texts.number(figures.template_floor))
    else:
        lead = texts.say("templates_lead", n=texts.number(figures.template_count))
    return {"lead": lead, "rows": [_reply(words, seen) for seen in figures.templates]}


def _receiver(words: Words, name: str, labels: Counter[Label]) -> dict[str, Any]:
    texts, counts, total = words.texts, reasons_of(labels), labels.total()
    most = [f"{words.reason(reason)} {texts.number(n)}" for reason, n in counts.most_common(_REASONS_OF)]
    return {
        "name": words.receiver(name),
        "counted": words.counted(total),
        "hard": f"{texts.name('types', 'hard')} {texts.share(types_of(labels)['hard'], total)}",
        "pieces": pieces(words, words.by_fault(counts), table="faults"),
        "reasons": texts.listed(most),
    }


def _compared_what(words: Words, compared: Compared) -> str:
    texts, before, after = words.texts, _span(words, compared.before), _span(words, compared.after)
    if compared.source is not None:
        earlier = texts.listed([name_of(compared.source), *before])
        return texts.say("changed_since", before=earlier, after=texts.listed([words.source, *after]))
    if not (before and after):
        return texts.say("changed_order")
    return texts.say("changed_halves", before=before[0], after=after[0])


def _span(words: Words, span: Span) -> list[str]:
    return [] if span.start is None else [words.span(span.start, span.end, step=span.step)]


def _change(words: Words, change: Change) -> dict[str, str]:
    texts = words.texts
    names = {"type": lambda name: texts.name("types", name), "reason": words.reason, "receiver": words.receiver}
    points = f"{100 * (change.share_after - change.share_before):+.1f}"
    return {
        "name": names[change.group](change.name),
        "before": texts.say("share_of", n=texts.number(change.before), share=texts.share(change.share_before)),
        "after": texts.say("share_of", n=texts.number(change.after), share=texts.share(change.share_after)),
        "points": points.replace("-", "−"),
    }


def _reply(words: Words, seen: Seen) -> dict[str, str]:
    texts = words.texts
    text = printable(" ".join([*filter(None, seen.codes), seen.text]))
    return {
        "failures": words.failures(seen.count),
        "type": texts.name("types", seen.type or "undetermined"),
        "type_class": seen.type or "undetermined",
        "reason": words.reason(seen.reason),
        "action": texts.name("actions", seen.action or "review"),
        "sure": texts.sure(seen.confidence),
        "example": _shortened(text) or texts.say("templates_empty"),
        "pattern": _shortened(printable(template(repair(seen.text)))),
    }


def _shortened(text: str) -> str:
    return text if len(text) <= _EXAMPLE else f"{text[:_EXAMPLE]}…"
