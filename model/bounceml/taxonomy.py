"""The reasons with their faults, types and actions, as `data/taxonomy.toml` and a user's own table say."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any, Literal, cast, get_args

from bounceml.errors import ConfigError
from bounceml.names import ALLOWED, is_name

Kind = Literal["bounce", "delay", "delivered", "auto_reply", "complaint", "other"]
BounceType = Literal["hard", "soft", "undetermined"]
Fault = Literal["recipient", "sender", "content", "network", "unknown"]
Action = Literal["suppress", "retry", "review", "fix_sender", "fix_content"]
SeenAs = Literal["hard", "soft", "refusal", "code"]

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason: whose fault it is, how it is seen, what to do, and what it means in a line."""

    name: str
    fault: Fault
    seen_as: SeenAs
    action: Action
    means: str
    zh: str = ""


@dataclass(frozen=True, slots=True)
class Taxonomy:
    """All reasons by name, in the order of the file, with the version of the table."""

    version: str
    reasons: Mapping[str, Reason]

    def __getitem__(self, name: str) -> Reason:
        """The reason of this name; one that no table knows is by code, and to be reviewed."""
        return self.reasons.get(name) or Reason(name=name, fault="unknown", seen_as="code", action="review", means="")

    def type_of(self, reason: str, *, code_class: str | None) -> BounceType:
        """Hard or soft for `reason`, given the first digit of the reply or enhanced code ("2", "4", "5" or None)."""
        seen_as = self[reason].seen_as
        if seen_as == "hard" or seen_as == "soft":
            return seen_as
        if seen_as == "refusal":
            return "soft" if code_class == "4" else "hard"
        return {"4": "soft", "5": "hard"}.get(code_class or "", "undetermined")  # type: ignore[return-value]  # literals

    def with_missing(self, entries: Mapping[str, Any], *, origin: str) -> "Taxonomy":
        """This table with those `entries` (reason name to fields) that it lacks; raises ConfigError as `changed`."""
        lacking = {name: fields for name, fields in entries.items() if name not in self.reasons}
        return self.changed(lacking, origin=origin) if lacking else self

    def changed(self, changes: Mapping[str, Any], *, origin: str) -> "Taxonomy":
        """This table with `changes` (reason name to fields) applied; unknown names add a reason.

        Raises ConfigError, naming `origin` and the entry, for a field or value that doesn't exist.
        """
        reasons = dict(self.reasons)
        for name, fields in changes.items():
            if name == "every":
                for each in reasons:
                    reasons[each] = _reason(each, fields, origin=origin, base=reasons[each])
            else:
                reasons[name] = _reason(name, fields, origin=origin, base=reasons.get(name))
        return replace(self, reasons=MappingProxyType(reasons))


@cache
def _file() -> dict[str, Any]:
    return tomllib.loads(resources.files("bounceml").joinpath("data/taxonomy.toml").read_text("utf-8"))


def load_taxonomy(table: str = "default") -> Taxonomy:
    """The built-in table: `default`, `rfc` (type by code alone) or `address` (hard only when the address is dead).

    Raises ConfigError when there is no such table.
    """
    data = _file()
    empty = Taxonomy(version=data["version"], reasons=MappingProxyType({}))
    default = empty.changed(data["reasons"], origin="taxonomy.toml")
    if table == "default":
        return default
    if table not in data["tables"]:
        names = ", ".join(["default", *data["tables"]])
        raise ConfigError(f"there is no table {table!r}: choose one of {names}")
    return default.changed(data["tables"][table], origin="taxonomy.toml")


def _reason(name: str, fields: object, *, origin: str, base: Reason | None) -> Reason:
    if not is_name(name):
        raise ConfigError(f"{origin}: reasons: {name[:80]!r} can't be a name: use {ALLOWED}")
    if not isinstance(fields, dict):
        raise ConfigError(f"{origin}: reasons.{name}: expected a table such as {{ action = 'review' }}")
    allowed = {"fault": get_args(Fault), "seen_as": get_args(SeenAs), "action": get_args(Action)}
    for key, value in fields.items():
        if key not in {*allowed, "means", "zh"}:
            raise ConfigError(
                f"{origin}: reasons.{name}: no such field {key!r}; use seen_as, action, fault, means or zh"
            )
        if key in allowed and value not in allowed[key]:
            raise ConfigError(f"{origin}: reasons.{name}.{key}: {value!r} is none of {', '.join(allowed[key])}")
        if not isinstance(value, str):
            raise ConfigError(f"{origin}: reasons.{name}.{key}: expected a text")
    start = base or Taxonomy(version="", reasons={})[name]
    return replace(start, **cast("dict[str, Any]", fields))
