"""Single keys from the terminal, without waiting for the end of a line."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

# What a reader gives for keys that have no character, and where the terminal was closed.
ESCAPE, ENTER, BACKSPACE, END = "escape", "enter", "backspace", "end"
_NAMES = {"\x1b": ESCAPE, "\r": ENTER, "\n": ENTER, "\x7f": BACKSPACE, "\b": BACKSPACE, "": END, "\x04": END}
# Seconds in which the rest of an arrow key's sequence comes; a pressed escape key has none.
_SEQUENCE_S = 0.05

# Waits for the next key: its character, or one of the names above; empty for a key that means nothing here.
ReadKey = Callable[[], str]


if sys.platform == "win32":
    import msvcrt

    @contextmanager
    def single_keys() -> Iterator[ReadKey]:
        """A reader of single keys; the console needs no preparation for that."""
        yield _read_key

    def _read_key() -> str:
        key = msvcrt.getwch()
        if key in ("\x00", "\xe0"):  # an arrow or a function key; its code follows
            msvcrt.getwch()
            return ""
        if key == "\x03":
            raise KeyboardInterrupt
        return _NAMES.get(key, key)

else:
    import select
    import termios
    import tty

    @contextmanager
    def single_keys() -> Iterator[ReadKey]:
        """A reader of single keys that aren't shown; the terminal is put back afterwards."""
        terminal = sys.stdin.fileno()
        before = termios.tcgetattr(terminal)
        try:
            # What was typed ahead is kept.
            tty.setcbreak(terminal, termios.TCSADRAIN)
            yield _Reader(terminal).read_key
        finally:
            with suppress(termios.error):  # the terminal has gone
                termios.tcsetattr(terminal, termios.TCSADRAIN, before)

    class _Reader:
        """Keys of a terminal; holds a byte that was read too far."""

        def __init__(self, terminal: int) -> None:
            self._terminal = terminal
            self._held = b""

        def read_key(self) -> str:
            read = self._byte()
            if read == b"\x1b":
                return self._after_escape()
            while not _is_whole(read) and (more := self._byte()):
                read += more
            key = read.decode("utf-8", "replace")
            return _NAMES.get(key, key)

        def _after_escape(self) -> str:
            """The escape key, or a key that sends a sequence (ECMA-48): ESC [ … and a letter, or ESC O and one."""
            if not select.select([self._terminal], [], [], _SEQUENCE_S)[0]:
                return ESCAPE
            first = self._byte()
            if first not in (b"[", b"O"):
                self._held = first
                return ESCAPE
            while (read := self._byte()) and not b"@" <= read <= b"~":
                pass
            return ""

        def _byte(self) -> bytes:
            held, self._held = self._held, b""
            try:
                return held or os.read(self._terminal, 1)
            except OSError:  # the terminal has gone
                return b""

    def _is_whole(read: bytes) -> bool:
        """Whether these are all bytes of a character in UTF-8."""
        first = read[0] if read else 0
        return len(read) >= (1 if first < 0xC0 else 2 if first < 0xE0 else 3 if first < 0xF0 else 4)
