"""Who speaks: packages as sources of rows, and phrases that tell no fault."""

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from typing import Any

from lab.errors import LabError
from lab.paths import HERE


@dataclass(frozen=True, slots=True)
class _Wordless:
    patterns: tuple[str, ...]
    except_for: frozenset[str]


@cache
def _packages() -> dict[str, str]:
    return dict(_table()["packages"])


@cache
def _wordless() -> tuple[_Wordless, ...]:
    return tuple(_Wordless(tuple(e["patterns"]), frozenset(e["except_for"])) for e in _table()["wordless"])


@cache
def groups() -> dict[str, frozenset[str]]:
    """Sources that are left out of training together, by what the group is called."""
    return {name: frozenset(sources) for name, sources in _table()["groups"].items()}


def _table() -> dict[str, Any]:
    table = tomllib.loads((HERE / "faults" / "sources.toml").read_text("utf-8"))
    if table.get("format") != 1:
        raise LabError("sources.toml: format 1 is wanted")
    return table


def source_of(package: str) -> str:
    """The source that rows of a Debian package get."""
    return _packages().get(package, package)


def is_wordless(text: str, *, reason: str | None) -> bool:
    """Whether a text is nothing but the sending server's own phrases, or of a receiver that wasn't up."""
    return not text.strip() or any(
        reason not in each.except_for and any(re.search(pattern, text) for pattern in each.patterns)
        for each in _wordless()
    )
