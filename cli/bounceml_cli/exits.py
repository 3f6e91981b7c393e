"""Exit statuses, and how errors reach them."""

import sys
from enum import IntEnum


class Exit(IntEnum):
    """Exit statuses of the command line; 2 is given by Typer."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    DRIFTED = 3


def complain(message: object) -> None:
    """One line on standard error; control characters of a stranger's text can't reach the terminal."""
    print(f"bounceml: {printable(str(message))}", file=sys.stderr)


def printable(text: str) -> str:
    """`text` on one line without what could steer a terminal or reorder what it shows.

    >>> printable("550 \\x1b[31mno\\r\\nmore")
    '550 ?[31mno more'
    """
    spaced = " ".join(text.split())
    return spaced if spaced.isprintable() else "".join(c if c.isprintable() else "?" for c in spaced)
