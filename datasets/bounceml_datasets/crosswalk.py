"""Crosswalks (`data/crosswalks`): which of our labels stands for a name that somebody else uses."""

import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Any

from bounceml.errors import ConfigError
from bounceml.paths import is_there
from bounceml.toml_text import read_toml
from bounceml_datasets.labels import Label, find_label

FORMAT = 1
_FIELDS = frozenset({"format", "aliases", "base", "labels", "source", "vague", "vague_as"})
# What becomes of rows whose label is vague.
LEAVE_OUT, AS_UNKNOWN = "leave_out", "unknown"


@dataclass(frozen=True, slots=True)
class Meaning:
    """What somebody's label means: one of ours, or, where it is `vague`, none or any of the reasons in `among`."""

    label: Label | None
    among: tuple[str, ...] = ()
    vague: bool = False

    def agrees_with(self, name: str) -> bool:
        """Whether a label of ours may be meant; a vague label that names no reasons may mean any."""
        if self.vague:
            return not self.among or name in self.among
        return self.label is None or self.label.name == name


@dataclass(frozen=True, slots=True)
class Crosswalk:
    """Meanings by somebody's labels, which are looked up without regard to case."""

    name: str
    meanings: Mapping[str, Meaning]
    vague_as: str = LEAVE_OUT

    def find(self, label: str) -> Meaning | None:
        """What a label means, None where it isn't listed.

        One in parts ("bounce/recipient/user unknown") that isn't listed as a whole is looked up by its last parts, then
        by its first ones.
        """
        return next((self.meanings[part] for part in _parts(label) if part in self.meanings), None)


def crosswalk_names() -> tuple[str, ...]:
    """Names of the crosswalks that ship with bounceml, aliases included."""
    return tuple(sorted({*_shipped(), *_aliases()}))


def load_crosswalk(name: str, *, reasons: Collection[str]) -> Crosswalk:
    """A crosswalk by its name, or from a TOML file.

    Raises ConfigError, naming file and entry, where it can't be read or names a label that isn't among `reasons` and
    kinds.
    """
    if name in (names := crosswalk_names()):
        return _crosswalk(_file(name), name=name, reasons=reasons)
    path = Path(name)
    if path.suffix.lower() != ".toml" and not is_there(path, failure=ConfigError):
        raise ConfigError(f"no crosswalk {name!r}: use {', '.join(names)}, or a .toml file of your own")
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: can't read the crosswalk: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not a TOML file: {error}") from error
    return _crosswalk(read_toml(text, origin=str(path)), name=str(path), reasons=reasons)


def _crosswalk(table: Mapping[str, Any], *, name: str, reasons: Collection[str]) -> Crosswalk:
    if unknown := set(table) - _FIELDS:
        raise ConfigError(f"{name}: no such entry {min(unknown)!r}; use {', '.join(sorted(_FIELDS))}")
    if table.get("format", FORMAT) != FORMAT:
        raise ConfigError(f"{name}: format {table['format']!r}, this bounceml reads {FORMAT}")
    meanings: dict[str, Meaning] = {}
    if (base := table.get("base")) is not None:
        if base not in crosswalk_names():
            raise ConfigError(f"{name}: base {base!r} is none of {', '.join(crosswalk_names())}")
        meanings |= _crosswalk(_file(base), name=base, reasons=reasons).meanings
    for theirs, ours in _entries(table, "labels", name=name):
        label = find_label(ours, reasons=reasons) if isinstance(ours, str) else None
        if label is None:
            raise ConfigError(f"{name}: labels.{theirs}: {ours!r} is no reason and no kind; add it under [reasons]")
        meanings[_key(theirs)] = Meaning(label)
    for theirs, among in _entries(table, "vague", name=name):
        if not isinstance(among, list) or not all(isinstance(each, str) and each in reasons for each in among):
            raise ConfigError(f"{name}: vague.{theirs}: expected a list of the reasons that it may stand for, or []")
        meanings[_key(theirs)] = Meaning(None, tuple(among), vague=True)
    vague_as = table.get("vague_as", LEAVE_OUT)
    if vague_as not in (LEAVE_OUT, AS_UNKNOWN):
        raise ConfigError(f"{name}: vague_as {vague_as!r} is neither {LEAVE_OUT!r} nor {AS_UNKNOWN!r}")
    return Crosswalk(name, MappingProxyType(meanings), vague_as)


def _entries(table: Mapping[str, Any], field: str, *, name: str) -> Iterator[tuple[str, object]]:
    entries = table.get(field, {})
    if not isinstance(entries, dict):
        raise ConfigError(f"{name}: {field} must be a table [{field}]")
    yield from entries.items()


def _parts(label: str) -> Iterator[str]:
    pieces = _key(label).split("/")
    for at in range(len(pieces)):
        yield "/".join(pieces[at:])
    for at in range(len(pieces) - 1, 0, -1):
        yield "/".join(pieces[:at])


def _key(label: str) -> str:
    """A label as it is looked up; a number may have come through a spreadsheet ("10.0")."""
    key = " ".join(label.casefold().split())
    return key.removesuffix(".0") if key.removesuffix(".0").isdigit() else key


def _file(name: str) -> dict[str, Any]:
    shipped = _shipped()
    return shipped.get(name) or shipped[_aliases()[name]]


@cache
def _shipped() -> dict[str, dict[str, Any]]:
    folder = resources.files("bounceml_datasets").joinpath("data/crosswalks")
    return {
        file.name.removesuffix(".toml"): tomllib.loads(file.read_text("utf-8"))
        for file in folder.iterdir()
        if file.name.endswith(".toml")
    }


def _aliases() -> dict[str, str]:
    return {alias: name for name, table in _shipped().items() for alias in table.get("aliases", ())}
