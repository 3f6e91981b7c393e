"""Single keys from the terminal, without waiting for the end of a line."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

# What `read_key` gives for keys that have no character, and where the terminal was closed.
ESCAPE, ENTER, BACKSPACE, END = "escape", "enter", "backspace", "end"
_NAMES = {"\x1b": ESCAPE, "\r": ENTER, "\n": ENTER, "\x7f": BACKSPACE, "\b": BACKSPACE, "": END, "\x04": END}
# Seconds in which the rest of an arrow key's sequence comes; a pressed escape key has none.
_SEQUENCE_S = 0.05


if sys.platform == "win32":
    import msvcrt

    @contextmanager
    def single_keys() -> Iterator[None]:
        """While this holds, keys come one by one; the console needs no preparation for that."""
        yield

    def read_key() -> str:
        """The next key: its character, or one of the names of this module."""
        key = msvcrt.getwch()
        if key in ("\x00", "\xe0"):  # an arrow or a function key; its code follows
            msvcrt.getwch()
            return ESCAPE
        if key == "\x03":
            raise KeyboardInterrupt
        return _NAMES.get(key, key)

else:
    import select
    import termios
    import tty

    @contextmanager
    def single_keys() -> Iterator[None]:
        """While this holds, keys come one by one and aren't shown; the terminal is put back afterwards."""
        terminal = sys.stdin.fileno()
        before = termios.tcgetattr(terminal)
        try:
            # What was typed ahead is kept.
            tty.setcbreak(terminal, termios.TCSADRAIN)
            yield
        finally:
            termios.tcsetattr(terminal, termios.TCSADRAIN, before)

    def read_key() -> str:
        """The next key: its character, or one of the names of this module."""
        terminal = sys.stdin.fileno()
        read = os.read(terminal, 1)
        if read == b"\x1b":
            while select.select([terminal], [], [], _SEQUENCE_S)[0] and os.read(terminal, 1):
                pass
            return ESCAPE
        while not _is_whole(read) and (more := os.read(terminal, 1)):
            read += more
        key = read.decode("utf-8", "replace")
        return _NAMES.get(key, key)

    def _is_whole(read: bytes) -> bool:
        """Whether these are all bytes of a character in UTF-8."""
        first = read[0] if read else 0
        return len(read) >= (1 if first < 0xC0 else 2 if first < 0xE0 else 3 if first < 0xF0 else 4)
