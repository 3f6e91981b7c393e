"""The header of a model file: what it must hold before anything relies on it. A file that lies is refused."""

import re
from collections.abc import Mapping
from typing import Any

from bounceml.calibration import Calibration, confidence_features
from bounceml.errors import ConfigError
from bounceml.names import is_name
from bounceml.rules import add_steps
from bounceml.taxonomy import Taxonomy

_NEEDED = {
    "version": str,
    "classes": list,
    "n_features": int,
    "bias": list,
    "calibration": dict,
    "rules": list,
    "manifest": dict,
}
_CLASS = re.compile(r"(?:kind:)?[a-z][a-z0-9_]{0,59}")
_MOST_CLASSES = 1000
_MOST_RULES = 10_000
_LONGEST = 1000  # characters of a rule's phrase or pattern
# A model is filed under its version, which therefore must not lead anywhere.
_VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+_-]{0,79}")
_RULE_TEXTS = frozenset({"id", "reason", "pattern"})
_RULE_LISTS = frozenset({"phrases", "smtp", "enhanced"})


def check_header(header: Mapping[str, Any]) -> None:
    """Raise ValueError that says what is wrong with a header, if anything is."""
    for key, kind in _NEEDED.items():
        if not isinstance(header.get(key), kind) or isinstance(header[key], bool):
            raise ValueError(f"lacks {key!r}")
    if not _VERSION.fullmatch(header["version"]):
        raise ValueError("has a version that isn't a name")
    _check_classes(header["classes"])
    _check_numbers(header["bias"], name="bias", n=len(header["classes"]))
    _check_calibration(header["calibration"])
    if len(header["rules"]) > _MOST_RULES:
        raise ValueError(f"has more than {_MOST_RULES} rules")
    _check_rules(header["rules"])
    _check_reasons(header.get("reasons", {}))
    held_out = header.get("held_out", 0)
    if not isinstance(held_out, int) or held_out < 0:
        raise ValueError("has no size as 'held_out'")


def _check_classes(classes: list[Any]) -> None:
    if not 2 <= len(classes) <= _MOST_CLASSES:
        raise ValueError(f"has {len(classes)} classes")
    for name in classes:
        if not isinstance(name, str) or not _CLASS.fullmatch(name):
            raise ValueError(f"has a class {str(name)[:60]!r}, which can't be one")
    if len(set(classes)) < len(classes):
        raise ValueError("has a class twice")


def _check_numbers(values: object, *, name: str, n: int) -> None:
    if not isinstance(values, list) or len(values) != n:
        raise ValueError(f"has not {n} numbers as {name!r}")
    for value in values:
        _check_number(value, name=name)


def _check_number(value: object, *, name: str, least: float = -1e6, most: float = 1e6) -> None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not least <= value <= most:  # type: ignore[operator]  # a number, as was asked before
        raise ValueError(f"has {str(value)[:40]!r} as {name!r}")


def _check_calibration(entry: Mapping[str, Any]) -> None:
    try:
        Calibration.from_json(entry)
    except (TypeError, KeyError) as error:
        raise ValueError("has another calibration than this bounceml knows") from error
    for name, value in entry.items():
        if name == "weights":
            _check_numbers(value, name=name, n=_N_WEIGHTS)
        elif name == "temperature":
            _check_number(value, name=name, least=1e-3)
        elif name in ("intercept", "vote_weight"):
            _check_number(value, name=name)
        else:
            _check_number(value, name=name, least=0, most=1)


def _check_rules(entries: list[Any]) -> None:
    steps = 0
    for entry in entries:
        rule = _rule(entry)
        try:
            steps = add_steps(steps, rule.get("pattern", ""), origin="a rule", masked=True)
        except ConfigError as error:
            raise ValueError(f"has {error}") from error


def _rule(entry: object) -> dict[str, Any]:
    rule = entry.get("rule") if isinstance(entry, dict) else None
    if not isinstance(entry, dict) or not isinstance(rule, dict) or not {"id", "reason"} <= rule.keys():
        raise ValueError("has a rule without id, reason or precision")
    _check_number(entry.get("precision"), name="precision", least=0, most=1)
    for key, value in rule.items():
        texts = value if isinstance(value, list) and key in _RULE_LISTS else [value]
        if key not in _RULE_TEXTS | _RULE_LISTS or not all(_is_text(text) for text in texts):
            raise ValueError(f"has a rule with {str(key)[:40]!r} that can't be read")
    if not (is_name(rule["id"]) and is_name(rule["reason"])):
        raise ValueError("has a rule whose id or reason is no name")
    return rule


def _check_reasons(entries: object) -> None:
    """The user's own reasons, with what the table says of them."""
    if not isinstance(entries, dict) or len(entries) > _MOST_CLASSES:
        raise ValueError("has reasons that can't be read")
    for name, fields in entries.items():
        if not _CLASS.fullmatch(name) or not isinstance(fields, dict) or not all(map(_is_short, fields.values())):
            raise ValueError(f"has a reason {str(name)[:60]!r} that can't be read")
    try:
        Taxonomy(version="", reasons={}).changed(entries, origin="reasons")
    except ConfigError as error:
        raise ValueError(f"has {error}") from error


def _is_short(value: object) -> bool:
    return isinstance(value, str) and len(value) <= _LONGEST


def _is_text(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _LONGEST


_N_WEIGHTS = len(confidence_features([0.5, 0.5], known=1.0, agrees=False, differs=False))
