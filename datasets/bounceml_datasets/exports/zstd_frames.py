"""Files packed by zstd, frame by frame (RFC 8878); one that was cut off is told from one that ends."""

import io
from typing import BinaryIO

import zstandard

# Bytes that are unpacked at once; a few can stand for 128 KiB, so this bounds what they grow to.
_PIECE = 1024


class ZstdFrames(io.RawIOBase):
    """The unpacked bytes; reading raises EOFError where the file ends inside a frame, ZstdError for damage."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._frame: zstandard.ZstdDecompressionObj | None = None
        self._packed = b""
        self._waiting = memoryview(b"")

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # it isn't given anything else
        """Fill `buffer` as far as what was unpacked goes; the number of bytes, 0 at the end."""
        while not self._waiting:
            packed = self._packed or self._file.read(_PIECE)
            if not packed:
                if self._frame is not None:
                    raise EOFError("the packed data ends too early")
                return 0
            frame = self._frame or zstandard.ZstdDecompressor().decompressobj()
            self._waiting = memoryview(frame.decompress(packed))
            self._packed = frame.unused_data if frame.eof else b""
            self._frame = None if frame.eof else frame
        n = min(len(buffer), len(self._waiting))
        buffer[:n], self._waiting = self._waiting[:n], self._waiting[n:]
        return n
