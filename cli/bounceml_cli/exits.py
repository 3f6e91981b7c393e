"""Exit statuses, and how errors reach them."""

import json
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


def json_line(value: object) -> str:
    """`value` as JSON on one line, readable in any language; what could steer a terminal is escaped.

    >>> json_line({"a": "满\x9b31m"})
    '{"a": "满\\\\u009b31m"}'
    """
    line = json.dumps(value, ensure_ascii=False)
    return line if line.isprintable() else "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in line)


def printable(text: str) -> str:
    """`text` on one line without what could steer a terminal or reorder what it shows.

    >>> printable("550 \\x1b[31mno\\r\\nmore")
    '550 ?[31mno more'
    """
    spaced = " ".join(text.split())
    return spaced if spaced.isprintable() else "".join(c if c.isprintable() else "?" for c in spaced)
