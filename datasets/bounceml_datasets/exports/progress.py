"""How far a file that is being written has got, noted beside it so that it can be gone on with."""

import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bounceml_datasets.exports.tally import Tally


@dataclass(frozen=True, slots=True)
class Progress:
    """What a file was made from, how many records were read for it, how many of its bytes count, and what was found."""

    made_from: list[Any]
    read: int
    size: int
    tally: Tally


def note_files(beside: Path) -> tuple[Path, Path]:
    """Where it is noted how far a file has got, and where the next note is written."""
    return beside.with_name(f"{beside.name}.json"), beside.with_name(f"{beside.name}.json.new")


def note_progress(beside: Path, progress: Progress) -> None:
    """Note how far a file has got, for those who may read it; raises OSError where that can't be written."""
    entry = {"made_from": progress.made_from, "read": progress.read, "size": progress.size}
    text = json.dumps({**entry, "tally": progress.tally.to_json()})
    note, fresh = note_files(beside)
    with fresh.open("w", encoding="utf-8") as file:
        shutil.copymode(beside, fresh)
        file.write(json.dumps({"sha256": _digest(text), "progress": text}))
    fresh.replace(note)


def noted_progress(beside: Path) -> Progress | None:
    """How far a file has got; None where that isn't noted, or the note isn't as it was written."""
    note, _ = note_files(beside)
    try:
        entry = json.loads(note.read_text("utf-8"))
        if entry["sha256"] != _digest(entry["progress"]):
            return None
        found = json.loads(entry["progress"])
        return Progress(found["made_from"], found["read"], found["size"], Tally.from_json(found["tally"]))
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
