"""Cells that a spreadsheet shows as they are, and never runs as formulas.

A spreadsheet takes a cell that begins with "=" and the like for a formula, also behind the separators at which it may
cut a line (https://owasp.org/www-community/attacks/CSV_Injection). An apostrophe before it prevents that. One more
apostrophe is put before those that stand there already, so that what was written can always be had back.
"""

import re

# Full-width signs count in some languages' versions.
_SIGNS = "=+\\-@＝＋－＠"
# Line breaks and other control characters at which a cell may be cut or whose rest is read as a cell of its own.
_BEFORE = r"(?:^|[;\t\r\n|])[^\S\r\n]*"
_GUARDED = re.compile(rf"({_BEFORE})('*)(?=[{_SIGNS}])")


def guarded(text: str) -> str:
    """`text` with apostrophes where a formula could begin.

    >>> guarded("=1+1;=2")
    "'=1+1;'=2"
    """
    return _GUARDED.sub(r"\1'\2", text)


def unguarded(text: str) -> str:
    """What `guarded` was made from; a text without guards stays as it is.

    >>> unguarded("'=1+1;'=2"), unguarded("'tis")
    ('=1+1;=2', "'tis")
    """
    return _GUARDED.sub(lambda match: match[1] + match[2][1:], text)
