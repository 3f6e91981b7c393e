"""What a provider's event asks: one question for each of its recipients."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from bounceml.codes import Codes, find_codes
from bounceml_datasets.exports.columns import Record
from bounceml_datasets.exports.details import Answer, Details, answer_in, scored_from
from bounceml_datasets.exports.domains import Domains
from bounceml_datasets.exports.parts import Part, is_full
from bounceml_datasets.exports.presets import Place, Preset, event_in, value_at
from bounceml_datasets.exports.times import TimeReader

# Columns that a preset adds.
RECIPIENT = "bounce_recipient"
PROVIDER_CLASS = "provider_class"
# Characters that the rows of one event may come to: each recipient's repeats the event.
_MOST_REPEATED = 1 << 24
# Characters of a log's line in which its time stands.
_LINE_HEAD = 40
# Characters of a cell in which a code is looked for.
_CODE_CELL = 200


class _OddError(ValueError):
    """An event that isn't as its provider writes them."""


@dataclass(frozen=True, slots=True)
class Question:
    """What an event says of a recipient; `error` is what is wrong with one that can't be read.

    `time` is as it stands in the event, `answer` what was answered before.
    """

    text: str = ""
    smtp: str | None = None
    status: str | None = None
    recipient: str | None = None
    provider_class: str | None = None
    asked: bool = True
    error: str | None = None
    time: str | None = None
    answer: Answer | None = None


def questions(record: Record, *, preset: Preset, size: int) -> list[Question]:
    """A record's questions, at least one; `size` is its length in characters.

    A record that was scored before stands for one recipient of its event already, and only he is asked about.
    """
    try:
        found = _questions(record, preset=preset, size=size)
    except _OddError as error:
        return [Question(error=f"{preset.name}: {error}")]
    if answer := answer_in(record):
        found = [replace(question, answer=answer) for question in found]
    if RECIPIENT not in record:
        return found
    return [question for question in found if question.recipient == record[RECIPIENT]][:1] or found[:1]


def line_question(line: str, *, preset: Preset) -> Question:
    """The question of a log's line; one that tells of no delivery isn't asked about."""
    assert preset.line is not None
    match = preset.line.match(line)
    if match is None:
        return Question(asked=False)
    said = match.groupdict()
    return Question(
        text=said["text"] or "",
        status=said.get("status"),
        recipient=said["recipient"],
        provider_class=said["event"],
        asked=preset.asks_about(said["event"]),
        time=line[:_LINE_HEAD],
    )


def parts_of(
    found: Iterable[tuple[Any, Sequence[Question], int]], *, preset: Preset, skip: int, clock: TimeReader | None = None
) -> Iterator[Part]:
    """Parts of rows with their questions and size; a row is repeated for each. The first `skip` rows are left out.

    With a clock, parts come with their details.
    """
    rows: list[Any] = []
    asked: list[Question] = []
    read = filled = 0
    for row, its, size in found:
        read += 1
        if read <= skip:
            continue
        rows += [row] * len(its)
        asked += its
        filled += size * len(its)
        if is_full(len(rows), filled):
            yield _part(rows, asked, preset=preset, read=read, clock=clock)
            rows, asked, filled = [], [], 0
    if rows:
        yield _part(rows, asked, preset=preset, read=read, clock=clock)


def _part(rows: list[Any], asked: Sequence[Question], *, preset: Preset, read: int, clock: TimeReader | None) -> Part:
    extra = {PROVIDER_CLASS: [q.provider_class for q in asked]}
    if preset.names_recipients:
        extra = {RECIPIENT: [q.recipient for q in asked], **extra}
    return Part(
        rows=rows,
        texts=[q.text for q in asked],
        smtp=[q.smtp for q in asked],
        status=[q.status for q in asked],
        domains=Domains.of([q.recipient or "" for q in asked]),
        asked=np.array([q.asked for q in asked], np.bool_),
        extra=extra,
        errors={i: q.error for i, q in enumerate(asked) if q.error is not None},
        details=None if clock is None else _details(asked, clock=clock),
        read=read,
    )


def _details(asked: Sequence[Question], *, clock: TimeReader) -> Details:
    answers = [q.answer for q in asked]
    return Details(
        recipients=[q.recipient or "" for q in asked],
        times=clock.minutes([q.time for q in asked]),
        answers=None if not any(answers) else scored_from(answers),
    )


def _questions(record: Record, *, preset: Preset, size: int) -> list[Question]:
    event = event_in(record, preset)
    if not isinstance(event, dict):
        raise _OddError("the event in it can't be read")
    is_asked = preset.asks_about(_text(event, preset.event) or "")
    entries = _recipients(event, preset)
    if entries is None:
        if is_asked:
            raise _OddError("a failure that names no recipient")
        entries = [event]
    if len(entries) * size > _MOST_REPEATED:
        raise _OddError(f"too large for an event with {len(entries)} recipients")
    return [_question(entry, event, preset=preset, asked=is_asked) for entry in entries]


def _recipients(event: Record, preset: Preset) -> list[Any] | None:
    """The entries of an event's recipients, the event itself where it can't have several; None if it has none."""
    if not preset.recipients:
        return [event]
    for place in preset.recipients:
        found = value_at(event, place)
        if isinstance(found, str):
            return [found]
        if found is not None and not isinstance(found, list):
            raise _OddError(f"{'.'.join(place)} is no list")
        if found:
            return found
    return None


def _question(entry: Any, event: Record, *, preset: Preset, asked: bool) -> Question:
    if not isinstance(entry, (str, dict)):
        raise _OddError("a recipient is neither an address nor an entry")
    details = {} if isinstance(entry, str) else entry

    def said(places: Sequence[Place]) -> str | None:
        return _text(details, places) or _text(event, places)

    question = Question(
        text=said(preset.text) or "",
        smtp=_codes(said(preset.smtp)).smtp,
        status=_codes(said(preset.status)).enhanced,
        recipient=entry if isinstance(entry, str) else said(preset.recipient),
        provider_class="/".join(filter(None, (said([place]) for place in preset.provider_class))) or None,
        asked=asked,
        time=_text(event, preset.time),
    )
    if asked and not (question.text or question.smtp or question.status or question.recipient):
        raise _OddError("a failure that says neither why nor of whom")
    return question


def _codes(said: str | None) -> Codes:
    return _codes_of_cell(said[:_CODE_CELL]) if said else Codes()


@lru_cache(4096)
def _codes_of_cell(cell: str) -> Codes:
    return find_codes(cell)


def _text(event: Record, places: Sequence[Place]) -> str | None:
    """The first of some places that holds something, as text."""
    for place in places:
        value = value_at(event, place)
        if isinstance(value, dict) and value.keys() >= {"class", "subject", "detail"}:  # an enhanced code in pieces
            value = f"{value['class']}.{value['subject']}.{value['detail']}"
        if isinstance(value, (dict, list)):
            raise _OddError(f"{'.'.join(place)} is no text")
        if value is not None and value != "":
            return str(value)
    return None
