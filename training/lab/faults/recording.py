"""What the lab leaves in the repository: labelled rows, a corpus file of them, and some of the messages themselves."""

import json
import re
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

from bounceml.taxonomy import load_taxonomy
from bounceml_datasets.corpus import load_corpus
from lab.faults.held_out import LAB_PART
from lab.faults.payload import carries_payload
from lab.faults.rows import LabRow, corpus_rows
from lab.faults.running import FaultRun
from lab.paths import REPOSITORY

FOLDER = REPOSITORY / "datasets" / "lab"
# Returned originals of messages that were too large say nothing.
_MAX_SAMPLE_BYTES = 12_000
# Of servers that nobody answered, which all say much the same.
_SAMPLED_OF_NOBODY = frozenset({"NXDOMAIN", "null MX", "connection time-out", "time-out in the dialogue", "mail loop"})
_UNSAFE = re.compile(r"[^a-z0-9-]+")


def record(rows: Sequence[LabRow], runs: Iterable[FaultRun], *, folder: Path = FOLDER) -> None:
    """Write `rows.jsonl`, the corpus file and the sample of messages, in place of what was there."""
    folder.mkdir(parents=True, exist_ok=True)
    _write_lines(folder / "rows.jsonl", [row.to_json() for row in rows])
    known = [row for row in load_corpus(reasons=load_taxonomy().reasons) if row.part != LAB_PART]
    _write_lines(folder / f"{LAB_PART}.jsonl", [row.to_json() for row in corpus_rows(rows, known=known)])
    messages = folder / "messages"
    shutil.rmtree(messages, ignore_errors=True)
    messages.mkdir()
    data = {
        (came.fault.receiver, f"{came.id}.{n}"): content
        for run in runs
        for came in run.came
        for n, content in enumerate(came.messages)
    }
    expected = {}
    for row in _sample(rows, data=data):
        name = _UNSAFE.sub("-", f"{row.receiver}-{row.message}".lower())
        (messages / f"{name}.eml").write_bytes(data[row.receiver, row.message])
        expected[name] = {
            "kind": row.kind,
            "recipient": row.recipient,
            "diagnostic": row.text,
            "reason": row.reason,
            "fault": row.fault,
        }
    (folder / "messages.json").write_text(json.dumps(expected, indent=1, ensure_ascii=False, sort_keys=True) + "\n")


def _sample(rows: Sequence[LabRow], *, data: dict[tuple[str, str], bytes]) -> list[LabRow]:
    """The first message fit to be shown for each fault, receiver and kind; of nobody, for each sender."""
    found: dict[tuple[str, ...], LabRow] = {}
    for row in rows:
        content = data[row.receiver, row.message]
        if row.left_out or carries_payload(content) or len(content) > _MAX_SAMPLE_BYTES:
            continue
        if row.receiver == "nobody":
            if row.fault in _SAMPLED_OF_NOBODY:
                found.setdefault((row.fault, row.sender, row.kind), row)
        else:
            found.setdefault((row.fault, row.receiver, row.kind), row)
    return list(found.values())


def _write_lines(path: Path, lines: Sequence[str]) -> None:
    path.write_text("".join(f"{line}\n" for line in lines), "utf-8")
