"""The SMTP reply code (RFC 5321, 4.2) and the enhanced status code (RFC 3463) in a text."""

import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

from bounceml.masking import tokens

_ENHANCED = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")
_REPLY = re.compile(r"[245]\d\d")


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
    smtp = list(_reply_codes(found))
    return Codes(
        # A greeting or acceptance ("220 …") is the reply only where there is no refusal.
        smtp=next((code for code in smtp if code[0] != "2"), smtp[0] if smtp else None),
        enhanced=next((token for token in found if _ENHANCED.fullmatch(token)), None),
    )


def with_codes(found: list[str], *, given: Codes) -> list[str]:
    """Tokens as if the codes that are known from elsewhere stood before the text, where it doesn't say the same.

    What is no code ("n/a", "5.1.1 (bad)") is left out.
    """
    said = codes_in(found)
    before = [
        code
        for code, known, form in ((given.smtp, said.smtp, _REPLY), (given.enhanced, said.enhanced, _ENHANCED))
        if code and code != known and form.fullmatch(code)
    ]
    return before + found


@dataclass(frozen=True, slots=True)
class Role:
    """What a token can be for the codes of a text: a code, or a word that says whether its neighbour is one."""

    is_reply: bool
    is_enhanced: bool
    is_used: bool
    introduces: bool
    is_unit: bool

    def flags(self) -> tuple[bool, ...]:
        """The fields in their order."""
        return self.is_reply, self.is_enhanced, self.is_used, self.introduces, self.is_unit


_NO_ROLE = Role(False, False, False, False, False)


def role_of(token: str) -> Role:
    """The role of a token among codes."""
    words = _words()
    if not (token[0] in "245" or token in words.used or token in words.introducing or token in words.units):
        return _NO_ROLE  # what most tokens have
    return Role(
        is_reply=_REPLY.fullmatch(token) is not None,
        is_enhanced=_ENHANCED.fullmatch(token) is not None,
        is_used=token in words.used,
        introduces=token in words.introducing,
        is_unit=token in words.units,
    )


def _reply_codes(found: Sequence[str]) -> Iterator[str]:
    for at, token in enumerate(found):
        if len(token) == 3 and token.isdigit():
            role, after = role_of(token), role_of(found[at + 1]) if at + 1 < len(found) else None
            begins = at == 0 or role_of(found[at - 1]).introduces or (after is not None and after.is_enhanced)
            if (begins or role.is_used) and not (after is not None and after.is_unit):
                yield token
