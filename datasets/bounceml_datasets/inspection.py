"""What is wrong with labelled rows: repeated texts, contradictory labels, wrong languages, and what is lacking."""

import tomllib
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any, Literal

from bounceml.masking import template
from bounceml_datasets.corpus import Row

Trouble = Literal["duplicate", "conflict", "script", "lacking"]

# Letters of a text from which on its script tells something.
_MIN_LETTERS = 12
# A text in a Latin language may quote a name in another script, but not be written in it.
_FOREIGN = 0.3


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to mend: what kind it is, the row it was found at (None for the corpus as a whole), and its words."""

    trouble: Trouble
    row: Row | None
    message: str

    def __str__(self) -> str:
        where = f"{self.row.part}:{self.row.line}: " if self.row else ""
        return f"{where}{self.trouble}: {self.message}"


def problems(rows: Sequence[Row]) -> list[Problem]:
    """What is wrong with any rows: repeated texts, labels that contradict each other, languages in a wrong script."""
    return [*_repeated(rows), *_wrong_scripts(rows)]


def gaps(rows: Sequence[Row], *, reasons: Collection[str]) -> list[Problem]:
    """What the corpus lacks of what `data/languages.toml` promises: rows of a language, or of a reason in it."""
    table = _languages()
    complete, found = set(table["complete"]), defaultdict[str, set[str | None]](set)
    count = Counter(row.lang for row in rows)
    for row in rows:
        found[row.lang].add(row.reason)
    lacking = []
    for lang in sorted(complete | set(count)):
        least = table["complete_rows" if lang in complete else "least_rows"]
        if count[lang] < least:
            lacking.append(f"{lang} has {count[lang]} rows, fewer than {least}")
        if lang in complete and (missing := [name for name in reasons if name not in found[lang]]):
            lacking.append(f"{lang} has no row of {', '.join(missing)}")
    return [Problem("lacking", None, message) for message in lacking]


def template_key(row: Row) -> str:
    """The row's template, or its text where nothing is left of it: equal for texts that differ only in what varies."""
    return template(row.text) or row.text


def script_of(text: str) -> Counter[str]:
    """Letters of a text by script, named as in Unicode.

    >>> script_of("User неизвестен")
    Counter({'CYRILLIC': 10, 'LATIN': 4})
    """
    return Counter(unicodedata.name(c, "?").split()[0] for c in text if c.isalpha())


def _repeated(rows: Sequence[Row]) -> Iterator[Problem]:
    first: dict[str, Row] = {}
    for row in rows:
        other = first.setdefault(template_key(row), row)
        if other is row:
            continue
        where = f"{other.part}:{other.line}"
        if other.label != row.label:
            yield Problem("conflict", row, f"{row.label} here, {other.label} in {where}: {row.text[:80]!r}")
        else:
            yield Problem("duplicate", row, f"the same text as {where} after masking: {row.text[:80]!r}")


def _wrong_scripts(rows: Sequence[Row]) -> Iterator[Problem]:
    own: dict[str, list[str]] = _languages()["scripts"]
    for row in rows:
        letters = script_of(row.text)
        count = letters.total()
        expected = own.get(row.lang, own.get(row.lang.partition("-")[0], []))
        foreign = count - letters["LATIN"] - sum(letters[name] for name in expected)
        # Latin letters alone are fine: replies are retyped without the language's own, and misread ones look so.
        if count >= _MIN_LETTERS and row.lang not in ("mul", "und") and foreign > _FOREIGN * count:
            most = letters.most_common(1)[0][0].capitalize()
            yield Problem("script", row, f"labelled {row.lang}, but mostly in {most}: {row.text[:80]!r}")


def _languages() -> dict[str, Any]:
    return tomllib.loads(resources.files("bounceml_datasets").joinpath("data/languages.toml").read_text("utf-8"))
