"""The SMTP reply code (RFC 5321, 4.2) and the enhanced status code (RFC 3463) in a text."""

import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

from bounceml.masking import tokens

_ENHANCED = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")
# Codes stand near a reply's beginning.
_WINDOW = 300


@dataclass(frozen=True, slots=True)
class Codes:
    """Reply code ("550") and enhanced status code ("5.1.1") of a text, None where it has none."""

    smtp: str | None = None
    enhanced: str | None = None

    @property
    def first_digit(self) -> str | None:
        """Class of the answer: "2" done, "4" deferred, "5" refused; the reply code's before the enhanced one's."""
        code = self.smtp or self.enhanced
        return code[0] if code else None


@dataclass(frozen=True, slots=True)
class _Words:
    used: frozenset[str]
    introducing: frozenset[str]
    units: frozenset[str]


@cache
def _words() -> _Words:
    table = tomllib.loads(resources.files("bounceml").joinpath("data/codes.toml").read_text("utf-8"))
    return _Words(*(frozenset(table[name].split()) for name in ("used", "introducing", "units")))


def find_codes(text: str) -> Codes:
    """Codes in `text`: the first of each kind that stands where a reply begins.

    >>> find_codes("host mx.example.com said: 550-5.1.1 no such user")
    Codes(smtp='550', enhanced='5.1.1')
    >>> find_codes("limit of 500 messages per hour exceeded")
    Codes(smtp=None, enhanced=None)
    """
    return codes_in(tokens(text))


def codes_in(found: Sequence[str]) -> Codes:
    """Codes among the tokens of a text, as `masking.tokens` gives them."""
    window = found[:_WINDOW]
    smtp = list(_reply_codes(window))
    return Codes(
        # A greeting or acceptance ("220 …") is the reply only where there is no refusal.
        smtp=next((code for code in smtp if code[0] != "2"), smtp[0] if smtp else None),
        enhanced=next((token for token in window if _ENHANCED.fullmatch(token)), None),
    )


def _reply_codes(found: Sequence[str]) -> Iterator[str]:
    words = _words()
    for at, token in enumerate(found):
        if len(token) == 3 and token.isdigit():
            after = found[at + 1] if at + 1 < len(found) else ""
            begins = at == 0 or found[at - 1] in words.introducing or _ENHANCED.fullmatch(after)
            if (begins or token in words.used) and after not in words.units:
                yield token
