"""Files that may keep their reader waiting for ever: pipes and terminals."""

import io
import select
import sys
from threading import Event

# Milliseconds after which it is looked whether anybody still waits.
_LOOK_MS = 100


class StoppedError(Exception):
    """Nobody waits any more for what is being read."""


class PipeInput(io.RawIOBase):
    """Bytes of a file; reading raises StoppedError soon after `stop` is set, also where none come (not on Windows)."""

    def __init__(self, file: io.FileIO, *, stop: Event | None) -> None:
        self._file = file
        self._stop = stop

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # it isn't given anything else
        """Fill `buffer`, with less only at the end; the number of bytes, 0 at the end."""
        filled = 0
        while filled < len(buffer):
            self._wait()
            n = self._file.readinto(buffer[filled:])
            if n == 0:
                break
            filled += n or 0  # None where something else has read what was there
        return filled

    def _wait(self) -> None:
        if sys.platform == "win32":
            return
        waiting = select.poll()
        waiting.register(self._file, select.POLLIN)
        while not waiting.poll(_LOOK_MS):
            if self._stop is not None and self._stop.is_set():
                raise StoppedError
