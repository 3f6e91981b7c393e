"""Names of rules and reasons: they are printed, so nothing in them may steer a terminal."""

import unicodedata

# What a name may hold, as a refusal says it.
ALLOWED = "letters, digits, - _ . and :, at most 80 of them"
_LONGEST = 80


def is_name(text: str) -> bool:
    """Whether `text` can name a rule or a reason; letters of any script can.

    >>> is_name("our-partner"), is_name("ट्विटर:满"), is_name("no spaces"), is_name("\\x1b]0;x")
    (True, True, False, False)
    """
    return 0 < len(text) <= _LONGEST and all(map(_is_allowed, text))


def _is_allowed(character: str) -> bool:
    # Many scripts write vowels as marks above, below or behind the letter.
    return character.isalnum() or character in "-_.:" or unicodedata.category(character) in ("Mn", "Mc")
