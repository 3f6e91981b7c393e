"""Labelled rows from what came back: the diagnostic as it was read, and the reason of the fault that was induced."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

from bounceml.mail import read_message
from bounceml.masking import template
from bounceml_datasets.corpus import Row
from lab.errors import LabError
from lab.faults.fault import NOBODY, SPOKEN_BY_SENDER
from lab.faults.running import Came, FaultRun
from lab.faults.source import is_wordless

# Why a row is no data to train on: its words tell no fault, the same words came of faults with other reasons, or the
# sending server cut them off (Exim keeps so many characters of a reply that it remembers from an earlier try).
LeftOut = Literal["", "wordless", "ambiguous", "cut"]
LANG = "en"  # all these servers speak English as Debian installs them


@dataclass(frozen=True, slots=True)
class LabRow:
    """A row: what was read of one recipient in one kind of message, and what had been done to make it so.

    `source` is who speaks and its version, `receiver` and `sender` the servers between which it happened, `recipient`
    whom the message was sent to, and `message` the id of what came back.
    """

    text: str
    reason: str | None
    kind: str
    lang: str
    source: str
    version: str
    fault: str
    how: str
    receiver: str
    sender: str
    recipient: str
    message: str
    topic: str | None = None
    left_out: LeftOut = ""

    def to_json(self) -> str:
        """The row as a line of `rows.jsonl`, without fields that say nothing."""
        fields = asdict(self)
        fields["source"] = f"{fields['source']} {fields.pop('version')}"
        return json.dumps({k: v for k, v in fields.items() if v not in (None, "")}, ensure_ascii=False)

    def to_corpus(self) -> Row:
        """The row as the corpus holds it."""
        return Row(self.text, self.reason, lang=self.lang, source=self.source, topic=self.topic)


def rows_of(runs: Iterable[FaultRun]) -> list[LabRow]:
    """Rows of runs, in their order: each template once for each fault, receiver, sender and kind."""
    found: dict[tuple[str, ...], LabRow] = {}
    for run in runs:
        for came in run.came:
            for row in _rows(came, run=run):
                key = (template(row.text), row.fault, row.receiver, row.sender, row.kind, row.reason or "")
                found.setdefault(key, row)
    return _judged(list(found.values()))


def _rows(came: Came, *, run: FaultRun) -> Iterable[LabRow]:
    fault = came.fault
    for n, data in enumerate(came.messages):
        for report in read_message(data).recipients:
            if report.kind not in ("bounce", "delay", "auto_reply"):
                continue
            source = fault.says
            if source == SPOKEN_BY_SENDER:  # unless it left the refusal to the receiver after all
                source = came.sender if report.smtp_code is None or fault.receiver == NOBODY else fault.receiver
            yield LabRow(
                text=report.diagnostic,
                reason=fault.reason,
                kind=report.kind,
                lang=LANG,
                source=source,
                version=run.versions.get(source, ""),
                fault=fault.name,
                how=fault.how,
                receiver=fault.receiver,
                sender=came.sender,
                recipient=fault.recipient,
                message=f"{came.id}.{n}",
                topic=fault.topic,
                left_out="ambiguous" if fault.unsaid or came.sender in fault.unsaid_by else "",
            )


def _judged(rows: Sequence[LabRow]) -> list[LabRow]:
    texts: dict[tuple[str, str], set[str]] = {}
    for row in rows:
        texts.setdefault((row.receiver, row.fault), set()).add(row.text)
    found = [replace(row, left_out=_left_out(row, others=texts[row.receiver, row.fault])) for row in rows]
    reasons: dict[str, set[str | None]] = {}
    for row in found:
        if not row.left_out:
            reasons.setdefault(template(row.text), set()).add(row.reason)
    return [
        replace(row, left_out="ambiguous") if len(reasons.get(template(row.text), ())) > 1 and not row.left_out else row
        for row in found
    ]


def _left_out(row: LabRow, *, others: set[str]) -> LeftOut:
    if is_wordless(row.text, reason=row.reason):
        return "wordless"
    if any(len(other) > len(row.text) and other.startswith(row.text) for other in others):
        return "cut"
    return row.left_out


def corpus_rows(rows: Iterable[LabRow], *, known: Iterable[Row] = ()) -> list[Row]:
    """Rows to train on: bounces, each template once, and none that `known` has already."""
    seen = {template(row.text) for row in known}
    found = []
    for row in rows:
        masked = template(row.text)
        if row.left_out or row.reason is None or masked in seen:
            continue
        seen.add(masked)
        found.append(row.to_corpus())
    return found


def load_rows(path: Path) -> list[LabRow]:
    """Rows of a `rows.jsonl`; LabError where one isn't in order."""
    rows = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        try:
            entry = json.loads(line)
            source, _, version = entry.pop("source").partition(" ")
            rows.append(LabRow(**{"text": "", "reason": None, **entry, "source": source, "version": version}))
        except (ValueError, TypeError, KeyError) as err:
            raise LabError(f"{path}:{number}: no row of the lab: {err}") from err
    return rows
