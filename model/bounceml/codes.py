"""The SMTP reply code (RFC 5321, 4.2) and the enhanced status code (RFC 3463) in a text."""

import re
from dataclasses import dataclass

_ENHANCED = re.compile(r"(?<![\w.])([245]\.\d{1,3}\.\d{1,3})(?![\w]|\.\d)")
# A three-digit number is a reply code where a reply begins: at the start, or behind what introduces a reply.
_INTRODUCED = re.compile(
    r"(?:^|[:;#(\[\"'<>=|]|\b(?:said|says|error|code|reply|response|returned|status|smtp|with|was|to))\s{0,3}"
    r"([245]\d\d)(?=$|[\s\-#:,.;)\]\"'>])(?!\.\d|,\d)",
    re.IGNORECASE,
)
# Elsewhere only the codes that servers really use count, and not as an amount ("500 messages").
_ANYWHERE = re.compile(
    r"(?<![\w.,:/-])(421|45[0-5]|47[0-2]|50[0-5]|51[0-3]|52[0-3]|53[0-5]|54[1-6]|55[0-9]|57[0-3])(?=$|[\s\-#:;)\]])"
    r"(?!\s{0,2}(?:[kmg]i?b|bytes|messages?|recipients?|seconds?|minutes?|hours?|days?)\b)",
    re.IGNORECASE,
)
# Codes stand near a reply's beginning; looking no further bounds the time on hostile input.
_WINDOW = 2000


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


def find_codes(text: str) -> Codes:
    """Codes in `text`: the first of each kind that stands where a reply begins.

    >>> find_codes("host mx.example.com said: 550-5.1.1 no such user")
    Codes(smtp='550', enhanced='5.1.1')
    >>> find_codes("limit of 500 messages per hour exceeded")
    Codes(smtp=None, enhanced=None)
    """
    window = text[:_WINDOW]
    enhanced = _ENHANCED.search(window)
    smtp = _introduced(window) or _ANYWHERE.search(window)
    return Codes(smtp=smtp[1] if smtp else None, enhanced=enhanced[1] if enhanced else None)


def _introduced(text: str) -> re.Match[str] | None:
    """The first refusal where a reply begins; a greeting or acceptance ("220 …") only where there is no refusal."""
    found = list(_INTRODUCED.finditer(text))
    return next((match for match in found if match[1][0] != "2"), found[0] if found else None)
