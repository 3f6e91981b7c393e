"""Elements of JSON arrays, read piece by piece."""

import json
import re
from collections.abc import Iterator
from typing import Any, TextIO

_PIECE = 1 << 16
# Characters of an element; one that is longer can't be told from one that never ends.
_MOST = 1 << 24
# How near to the end of what was read an error stands that more of the file may mend: "tru", "\ud8".
_NEAR = 16
_BETWEEN = re.compile(r"[\s,\[\]]*")
_LINE_ENDS = str.maketrans("\r\n", "  ")
_DECODER = json.JSONDecoder()


def elements(text: TextIO, *, start: str) -> Iterator[tuple[str, Any]]:
    """Elements of arrays, each as it is written, on one line; None with a line that can't be read.

    `start` was read from `text` already. Arrays may stand one after another; the elements of nested ones count as well.
    """
    waiting, at, piece = start, 0, _PIECE
    while True:
        at = _end_of_gap(waiting, at)
        found = _element(waiting, at)
        if found is None and len(waiting) - at < _MOST and (more := text.read(piece)):
            waiting, at = waiting[at:] + more, 0
            piece *= 2  # so that a long element isn't tried too often
            continue
        if at == len(waiting):
            return
        value, end = found or (None, _end_of_line(waiting, at))
        yield waiting[at:end].translate(_LINE_ENDS).strip(), value
        at, piece = end, _PIECE


def _element(waiting: str, at: int) -> tuple[Any, int] | None:
    """The element that begins here and its end, None in its place if it is broken; None if more has to be read."""
    try:
        return _DECODER.raw_decode(waiting, at)
    except json.JSONDecodeError as error:
        is_cut = error.pos > len(waiting) - _NEAR or error.msg.startswith("Unterminated")
        return None if is_cut else (None, _end_of_line(waiting, at))
    except (ValueError, RecursionError):  # a number of thousands of digits, or nested as deep
        return None, _end_of_line(waiting, at)


def _end_of_gap(waiting: str, at: int) -> int:
    match = _BETWEEN.match(waiting, at)
    assert match is not None
    return match.end()


def _end_of_line(waiting: str, at: int) -> int:
    return waiting.find("\n", at) + 1 or len(waiting)
