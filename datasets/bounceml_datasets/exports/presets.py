"""Providers' exports (`data/presets.toml`): how each is told by its fields, and where it says what."""

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Literal

from bounceml_datasets.exports.columns import Record

# Keys from the outside in: ("bounce", "bounceType") is what JSON has at event["bounce"]["bounceType"].
Place = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Preset:
    """How to read one provider's export.

    Where several places are given, the first that holds something counts; `provider_class` joins all that do. Places
    of a recipient are looked for in his entry of the list in `recipients`, then in the event.
    """

    name: str
    source: str
    format: Literal["jsonl", "csv", "log"]
    fields: tuple[tuple[Place, ...], ...] = ()
    inside: tuple[Place, ...] = ()
    event: tuple[Place, ...] = ()
    asked: frozenset[str] = frozenset()
    unasked: frozenset[str] = frozenset()
    recipients: tuple[Place, ...] = ()
    recipient: tuple[Place, ...] = ()
    text: tuple[Place, ...] = ()
    smtp: tuple[Place, ...] = ()
    status: tuple[Place, ...] = ()
    time: tuple[Place, ...] = ()
    provider_class: tuple[Place, ...] = ()
    line: re.Pattern[str] | None = None

    @property
    def names_recipients(self) -> bool:
        """Whether an input row may be about several recipients, or has no column for its one."""
        return bool(self.recipients) or self.format == "log"

    def asks_about(self, event: str) -> bool:
        """Whether an event of this name is a failure; without a list of those, all are but the ones listed as not."""
        return event in self.asked or (not self.asked and event not in self.unasked)


@cache
def presets() -> Mapping[str, Preset]:
    """All presets by name."""
    file = resources.files("bounceml_datasets").joinpath("data/presets.toml")
    return {entry["name"]: _preset(entry) for entry in tomllib.loads(file.read_text("utf-8"))["preset"]}


def detect(records: Sequence[Record]) -> Preset | None:
    """The preset whose fields most of the records have; None where there is none."""
    found = {
        preset: sum(_has_fields(record, preset) for record in records) for preset in presets().values() if preset.fields
    }
    best = max(found, key=lambda preset: found[preset])
    return best if found[best] * 2 > len(records) else None


def detect_log(lines: Sequence[str]) -> Preset | None:
    """The preset that reads the most of a log's lines; None where none reads any."""
    found = {
        preset: sum(preset.line.match(line) is not None for line in lines)
        for preset in presets().values()
        if preset.line
    }
    best = max(found, key=lambda preset: found[preset])
    return best if found[best] else None


def event_in(record: Record, preset: Preset) -> Any:
    """The event of a record: in its wrapper, also if that holds it as JSON text, or the record itself."""
    for place in preset.inside:
        held = value_at(record, place)
        if isinstance(held, dict):
            return held
        if isinstance(held, str) and held.lstrip().startswith("{"):
            try:
                return json.loads(held)
            except (ValueError, RecursionError):
                return None
    return record


def value_at(value: Any, place: Place) -> Any:
    """What stands at a place of a record; None where nothing does. A number is a position in a list.

    >>> value_at({"smtp_events": [{"diag": "421"}, {"diag": "451"}]}, ("smtp_events", "-1", "diag"))
    '451'
    """
    for key in place:
        if isinstance(value, dict):
            value = value.get(key)
        elif isinstance(value, list) and value and key in {"0", "-1"}:
            value = value[int(key)]
        else:
            return None
    return value


def _has_fields(record: Record, preset: Preset) -> bool:
    event = event_in(record, preset)
    return isinstance(event, dict) and any(all(_is_there(event, place) for place in all_of) for all_of in preset.fields)


def _is_there(event: Record, place: Place) -> bool:
    parent = value_at(event, place[:-1])
    return isinstance(parent, dict) and place[-1] in parent


def _preset(entry: Mapping[str, Any]) -> Preset:
    values = {key: _VALUES.get(key, _places)(value) for key, value in entry.items()}
    return Preset(**values)


def _place(path: str) -> Place:
    return tuple(path.split("."))


def _places(paths: Sequence[str]) -> tuple[Place, ...]:
    return tuple(map(_place, paths))


_VALUES: Mapping[str, Any] = {
    "name": str,
    "source": str,
    "format": str,
    "fields": lambda alternatives: tuple(map(_places, alternatives)),
    "asked": frozenset,
    "unasked": frozenset,
    "line": re.compile,
}
