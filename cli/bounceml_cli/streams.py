"""Standard streams that commands can rely on, also where they are closed or full."""

import io
import os
import select
import sys
from typing import TYPE_CHECKING, TextIO

from bounceml.errors import BounceError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class StreamError(BounceError):
    """Standard output can't be written to."""


def guard_streams() -> None:
    """Have output in UTF-8, and say in one line where it can't be written; what is said beside it may get lost."""
    # In the place of a stream that is closed stands one that can't be used, else the next file that is opened would.
    for number, mode in enumerate((os.O_WRONLY, os.O_RDONLY, os.O_RDONLY)):
        if not _is_open(number):
            os.dup2(os.open(os.devnull, mode), number)
    sys.stdin = sys.stdin or open(0, encoding="utf-8", closefd=False)  # noqa: SIM115  # it stays open
    sys.stdout = _guarded(sys.stdout, _Output, number=1)
    sys.stderr = _guarded(sys.stderr, _Notes, number=2)


class _Output(io.FileIO):
    """Standard output; the first failure to write is raised, what comes then has nowhere to go, not even on closing."""

    _is_lost = False

    def write(self, data: "ReadableBuffer", /) -> int:
        try:
            while not self._is_lost:
                if (n := super().write(data)) is not None:
                    return n
                select.select([], [self], [])  # it doesn't wait by itself
        except OSError as error:
            self._is_lost = True
            if isinstance(error, BrokenPipeError):
                raise
            raise StreamError(f"standard output: can't write: {error.strerror or error}") from error
        return memoryview(data).nbytes


class _Notes(io.FileIO):
    """Standard error; a result is right also where nobody can be told about it."""

    def write(self, data: "ReadableBuffer", /) -> int:
        try:
            return super().write(data) or memoryview(data).nbytes
        except OSError:
            return memoryview(data).nbytes


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def _guarded(stream: TextIO | None, raw: type[io.FileIO], *, number: int) -> TextIO:
    at_once = number == 2
    if stream is not None:
        if not isinstance(stream, io.TextIOWrapper):
            return stream
        if not isinstance(getattr(stream.buffer, "raw", stream.buffer), io.FileIO):  # the console of Windows
            stream.reconfigure(encoding="utf-8", errors="replace")
            return stream
        stream.flush()
        number, at_once = stream.fileno(), stream.line_buffering or stream.write_through
    file = io.BufferedWriter(raw(number, "wb", closefd=False))
    return io.TextIOWrapper(file, encoding="utf-8", errors="replace", line_buffering=at_once)
