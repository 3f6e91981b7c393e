"""What a page says, by language, and how it writes numbers and days."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import resources
from typing import Any

from bounceml.taxonomy import Taxonomy
from bounceml_cli.language import Language

_DAY_S = 86_400
# Shares below this are told as "less than": they would be written as nothing.
_LEAST = 0.001


@dataclass(frozen=True, slots=True)
class Texts:
    """A page's texts in one language, as its file has them."""

    language: Language
    tables: Mapping[str, Any]

    def say(self, name: str, /, **values: object) -> str:
        """A text with its values filled in."""
        return str(self.tables["text"][name]).format(**values)

    def name(self, table: str, key: str) -> str:
        """A word from one of the tables; what it lacks, as a user's own, is told as it is."""
        return str(self.tables[table].get(key, key))

    def reason(self, reason: str, *, taxonomy: Taxonomy) -> str:
        """A reason in words."""
        return (taxonomy[reason].zh if self.language is Language.zh else "") or reason.replace("_", " ")

    def number(self, n: int) -> str:
        """A whole number, with commas between thousands as both languages write it."""
        return f"{n:,}"

    def share(self, part: float, whole: float = 1) -> str:
        """A share in per cent."""
        share = part / whole if whole else 0.0
        if 0 < share < _LEAST:
            return "<" + self._percent(_LEAST)
        # All but a few isn't all.
        return self._percent(min(share, 1 - _LEAST) if share < 1 else share)

    def sure(self, confidence: float) -> str:
        """A confidence (0–1), rounded down: 99.97 % sure is not certain."""
        return self._percent(min(int(confidence * 1000), 999) / 1000)

    def counted(self, n: int, whole: int) -> str:
        """A count with its share."""
        return self.say("share_of", n=self.number(n), share=self.share(n, whole))

    def moment(self, minutes: int, *, step: int) -> str:
        """A day, or a minute where steps are shorter than a day; both since 1970 in minutes."""
        at = datetime.fromtimestamp(minutes * 60, UTC)
        form = self.tables["formats"]["moment" if step * 60 < _DAY_S else "date"]
        month = self.tables["formats"]["months"][at.month - 1]
        return str(form).format(
            year=at.year, month=at.month, month_name=month, day=at.day, hour=at.hour, minute=at.minute
        )

    def listed(self, words: "list[str]") -> str:
        """Words one after another."""
        return str(self.tables["formats"]["list"]).join(words)

    def _percent(self, share: float) -> str:
        return str(self.tables["formats"]["percent"]).format(number=f"{100 * share:.1f}".removesuffix(".0"))


def load_texts(page: str, language: Language) -> Texts:
    """The texts of a page in a language."""
    file = resources.files("bounceml_cli.pages").joinpath(f"{page}.{language}.toml")
    return Texts(language, tomllib.loads(file.read_text("utf-8")))
