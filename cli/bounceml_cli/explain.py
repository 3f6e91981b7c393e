"""`bounceml explain`: why an answer is what it is."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bounceml.classifier import Classifier, load
from bounceml.config import find_config
from bounceml.errors import MessageError
from bounceml.explanation import Explanation, explain, explain_verdict
from bounceml.mail import message_files
from bounceml.paths import check_outputs
from bounceml.verdict import Verdict
from bounceml_cli.exits import Exit, complain, json_line, printable
from bounceml_cli.predict import verdicts_on
from bounceml_datasets.corpus import Row, load_corpus
from bounceml_datasets.nearest import Near, nearest

_NEAREST = 3
_SHOWN_GRAMS = 8
_MAX_TEXT = 200


@dataclass(frozen=True, slots=True)
class Explained:
    """A verdict with its explanation, None where the form of the message decided, and the labelled texts nearest to it.

    `of_runner_up` is the nearest text of the second reason, `its_words` what speaks for that reason there.
    """

    verdict: Verdict
    explanation: Explanation | None
    near: Sequence[Near] = ()
    of_runner_up: Near | None = None
    its_words: tuple[str, ...] = ()


def run(
    files: Sequence[str],
    *,
    texts: Sequence[str],
    data: Sequence[Path],
    json: bool,
    html: Path | None,
    model: Path | None,
    config: Path | None,
) -> Exit:
    """Print why each verdict is what it is; a file that can't be read is named, the rest explained."""
    config = config or find_config()
    if html is not None:
        check_outputs([html], inputs=[*_read(files), *data, model, config])
    classifier = load(model, config=config)
    reasons = classifier.config.taxonomy.reasons
    rows = [*load_corpus(reasons=reasons), *(load_corpus(data, reasons=reasons) if data else ())]
    failed: list[str] = []
    found = [
        explained(verdict, classifier=classifier, rows=rows)
        for verdict in verdicts_on(classifier, files=files, texts=texts, failed=failed)
    ]
    if html is not None:
        from bounceml_cli.pages.explanation import explanation_page
        from bounceml_cli.pages.page import write_page

        write_page(explanation_page(found), html)
        complain(f"{html} written")
    if json:
        for each in found:
            print(json_line(each.verdict.to_dict() | {"explanation": _entry(each)}))
    elif sys.stdout.isatty():
        from bounceml_cli.explain_terminal import show

        show(found)
    else:
        for each in found:
            print("\n".join(lines(each)))
    return Exit.FAILED if failed else Exit.DONE


def _read(files: Sequence[str]) -> Iterator[Path | str]:
    """What is read where these are named; for those that can't be read, that is told later."""
    for name in files:
        with suppress(OSError, MessageError):
            yield from [name] if name == "-" else message_files(Path(name))


def explained(verdict: Verdict, *, classifier: Classifier, rows: Sequence[Row]) -> Explained:
    """Why a verdict is what it is, beside labelled rows."""
    if verdict.decided_by == "message":
        return Explained(verdict, None)
    found = explain_verdict(classifier, verdict)
    near = nearest(found.text, rows, model=classifier.model, most=_NEAREST)
    second = [row for row in rows if row.label == found.runner_up]
    of_second = nearest(found.text, second, model=classifier.model, most=1)
    if not of_second:
        return Explained(verdict, found, near)
    there = explain(classifier, of_second[0].row.text)
    said = {each.gram for each in found.contributions}
    words = [each.gram for each in there.contributions if each.logit > 0 and each.gram not in said]
    its_words = tuple(words[:_SHOWN_GRAMS]) if there.best == found.runner_up else ()
    return Explained(verdict, found, near, of_second[0], its_words)


def lines(each: Explained) -> Iterator[str]:
    """An explanation as lines of text, what spoke for the answer in [brackets] and strongly so in [[double]] ones."""
    verdict, found = each.verdict, each.explanation
    yield headline(verdict)
    if found is None:
        yield "  told by the form of the message, not by its words"
        return
    yield f"  {''.join(f'{opening}{text}{closing}' for text, opening, closing in _bracketed(found))}"
    yield from (f"  {title}: {text}" for title, text in facts(each))


def headline(verdict: Verdict) -> str:
    """The answer on one line."""
    about = verdict.recipient or verdict.file or ""
    what = f"{verdict.type or '-'} {verdict.reason or verdict.kind}, {int(verdict.confidence * 100)}% sure"
    parts = (about, f"{what}, {verdict.action or '-'}, by {verdict.decided_by}")
    return ": ".join(printable(part) for part in parts if part)


def facts(each: Explained) -> Iterator[tuple[str, str]]:
    """What an explanation says beside the highlighted text, as titles and texts that are safe to print."""
    found = each.explanation
    if found is None:
        return
    speaking = [c for c in found.contributions if c.logit > 0][:_SHOWN_GRAMS]
    against = [c for c in found.contributions if c.logit < 0][:_SHOWN_GRAMS]
    yield "speaks for it", _weights([(c.gram, c.logit) for c in speaking]) or "no word that the model knows"
    if against:
        yield "speaks against it", _weights([(c.gram, c.logit) for c in against])
    yield "known", f"{found.known:.0%} of the letters' n-grams"
    for rule in found.rules:
        yield f"rule {printable(rule.id)}", _rule(printable(rule.reason), precision=rule.precision, asked=rule.asked)
    if found.runner_up:
        yield "runner-up", f"{printable(found.runner_up)}, {found.runner_up_probability:.1%}"
        if lacking := found.lacking()[:_SHOWN_GRAMS]:
            yield "what it lacked", _weights([(c.gram, c.lead) for c in lacking])
    if each.of_runner_up:
        there = f", where these speak for it: {', '.join(map(printable, each.its_words))}" if each.its_words else ""
        yield f"nearest {printable(found.runner_up or '')}", f"{_quoted(each.of_runner_up)}{there}"
    for near in each.near:
        yield "labelled text", f"{printable(near.row.label)}: {_quoted(near)}"


def _bracketed(found: Explanation) -> Iterator[tuple[str, str, str]]:
    for text, level in pieces(found):
        yield printable_piece(text), "[" * max(0, level), "]" * max(0, level)


def pieces(found: Explanation) -> Iterator[tuple[str, int]]:
    """The text cut at its highlights, each piece with its level (see `bounceml.highlights.Highlight`)."""
    at = 0
    for span in found.highlights:
        if span.start > at:
            yield found.text[at : span.start], 0
        yield found.text[span.start : span.end], span.level
        at = span.end
    if at < len(found.text):
        yield found.text[at:], 0


def printable_piece(text: str) -> str:
    """`printable` for a piece of a line, whose blanks at the ends stay."""
    inner = printable(text)
    if not inner:
        return " " if text else ""
    return f"{' ' if text[0].isspace() else ''}{inner}{' ' if text[-1].isspace() else ''}"


def _weights(grams: Sequence[tuple[str, float]]) -> str:
    return ", ".join(f"{printable(gram)} {weight:+.2f}" for gram, weight in grams)


def _rule(reason: str, *, precision: float | None, asked: bool) -> str:
    if precision is None:
        return f"{reason}; your own, which comes before the model"
    heard = "voted" if asked else "not asked, since the model is sure"
    return f"{reason}, right in {precision:.0%} at least of the texts that the model is unsure of; {heard}"


def _quoted(near: Near) -> str:
    text = printable(near.row.text)
    shown = text if len(text) <= _MAX_TEXT else f"{text[:_MAX_TEXT]}…"
    return f"“{shown}” ({near.row.lang}, {printable(near.row.source)}, {near.similarity:.0%} alike)"


def _entry(each: Explained) -> dict[str, object] | None:
    found = each.explanation
    if found is None:
        return None
    return {
        "text": found.text,
        "bias": round(found.bias, 4),
        "known": round(found.known, 4),
        "highlights": [
            {"start": span.start, "end": span.end, "weight": round(span.weight, 4), "level": span.level}
            for span in found.highlights
        ],
        "contributions": [
            {"gram": c.gram, "logit": round(c.logit, 4), "lead": round(c.lead, 4)} for c in found.contributions
        ],
        "rules": [
            {"id": rule.id, "reason": rule.reason, "precision": rule.precision, "asked": rule.asked}
            for rule in found.rules
        ],
        "runner_up": found.runner_up
        and {"reason": found.runner_up, "probability": round(found.runner_up_probability, 4)},
        "nearest": [_near(near) for near in each.near],
        "nearest_of_runner_up": _near(each.of_runner_up) if each.of_runner_up else None,
    }


def _near(near: Near) -> dict[str, object]:
    row = near.row
    return {
        "text": row.text,
        "label": row.label,
        "lang": row.lang,
        "source": row.source,
        "similarity": round(near.similarity, 4),
    }
