"""Files of exports: their format, compression and character set, by name and by their first bytes."""

import codecs
import gzip
import io
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from types import ModuleType
from typing import IO, BinaryIO, Literal, TextIO, cast

from bounceml.errors import CorpusError
from bounceml_datasets.exports.pipes import PipeInput
from bounceml_datasets.exports.presets import Preset, presets


class EmptyExportError(CorpusError):
    """An export that holds nothing, not even names of columns."""


Format = Literal["csv", "tsv", "jsonl", "parquet", "xlsx", "log"]
Compression = Literal["gz", "zst"]
STANDARD = "-"
_FORMATS: dict[str, Format] = {
    ".csv": "csv", ".txt": "csv", ".tsv": "tsv", ".tab": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl",
    ".parquet": "parquet", ".pq": "parquet", ".xlsx": "xlsx",
    ".log": "log",
}  # fmt: skip
_COMPRESSIONS: dict[str, Compression] = {".gz": "gz", ".zst": "zst", ".zstd": "zst"}
# By which a character set is told; enough for one that isn't ASCII to show itself.
_LOOKED_AT = 1 << 16
# Characters of a line; one that is longer can't be told from one that never ends.
_MAX_LINE = 1 << 24
# What reading raises, also in the middle of packed data that isn't in order.
_DAMAGE = (OSError, EOFError, zlib.error)


# What can only be read, and what is written for it where nothing else is asked for.
_ONLY_READ: dict[Format, Format] = {"xlsx": "csv", "log": "csv"}


@dataclass(frozen=True, slots=True)
class FileKind:
    """How a file is written, and the provider's preset if one was named."""

    format: Format
    compression: Compression | None = None
    preset: Preset | None = None

    @property
    def written(self) -> Format:
        """The format for writing what was read from such a file."""
        return _ONLY_READ.get(self.format, self.format)


def kind_of(name: str, *, format: str | None = None) -> FileKind:  # noqa: A002  # the option's name
    """Format and compression by a file's endings; `format` names it, or a provider, where the name doesn't tell.

    Raises CorpusError for a name that doesn't tell.
    """
    path = Path(name)
    compression = _COMPRESSIONS.get(path.suffix.lower())
    inner = path.with_suffix("") if compression else path
    preset = presets().get(format or "")
    by_name = _FORMATS.get(inner.suffix.lower())
    if preset is not None:
        # An ending tells how a provider's events are written; a log is a log, whatever it is called.
        is_told = preset.format != "log" and by_name not in {None, "log"} and inner.suffix.lower() != ".txt"
        return FileKind(cast("Format", by_name) if is_told else preset.format, compression, preset)
    found = format or by_name
    known = ", ".join(dict.fromkeys(_FORMATS.values()))
    if found is None:
        raise CorpusError(f"{name}: don't know what is in it: name it with --format ({known}, {', '.join(presets())})")
    if found not in _FORMATS.values():
        raise CorpusError(f"no format {found!r}: use {known}, or a provider's: {', '.join(presets())}")
    return FileKind(cast("Format", found), compression)


@contextmanager
def open_input(name: str, *, compression: Compression | None, stop: Event | None = None) -> Iterator[BinaryIO]:
    """Bytes of a file, or of standard input for "-", decompressed; raises CorpusError naming the file.

    Once `stop` is set, who waits in another thread for a pipe's bytes gets StoppedError.
    """
    damage = _DAMAGE if compression != "zst" else (*_DAMAGE, _zstandard().ZstdError)
    try:
        if name == STANDARD:
            yield _decompressed(_standard_input(stop), compression)
            return
        with Path(name).open("rb", buffering=0) as file:
            yield _decompressed(io.BufferedReader(PipeInput(file, stop=stop)), compression)
    except BrokenPipeError:  # of what is written meanwhile
        raise
    except damage as error:
        reason = getattr(error, "strerror", None) or error
        raise CorpusError(f"{name}: can't read the export: {reason}") from error


def decoded(file: BinaryIO, *, name: str) -> io.TextIOWrapper:
    """A text file in UTF-8, UTF-16 with its mark, or GB18030, told by its beginning; wrong bytes become U+FFFD.

    Raises CorpusError for what is no text.
    """
    buffered = io.BufferedReader(cast("io.RawIOBase", file), _LOOKED_AT * 2)
    start = buffered.peek(_LOOKED_AT)[:_LOOKED_AT]
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        charset = "utf-16"
    elif b"\0" in start:
        raise CorpusError(f"{name}: not a text file: name its format with --format")
    else:
        charset = next((each for each in ("utf-8-sig", "gb18030") if _reads(start, each)), "utf-8-sig")
    return io.TextIOWrapper(buffered, encoding=charset, errors="replace", newline="")


def lines_of(text: TextIO, *, name: str) -> Iterator[str]:
    """Lines with their ends; raises CorpusError for one that is so long that it may never end."""
    while line := text.readline(_MAX_LINE):
        if len(line) == _MAX_LINE and line[-1] not in "\r\n":
            raise CorpusError(f"{name}: a line is longer than {_MAX_LINE:,} characters: name the format with --format")
        yield line


def _standard_input(stop: Event | None) -> BinaryIO:
    """Standard input without its buffer: whoever waits there holds a lock that the program's end would wait for."""
    file = sys.stdin.buffer
    raw = file.raw if isinstance(file, io.BufferedReader) else None
    return io.BufferedReader(PipeInput(raw, stop=stop)) if isinstance(raw, io.FileIO) else file


def _reads(start: bytes, charset: str) -> bool:
    try:
        codecs.getincrementaldecoder(charset)().decode(start)
    except UnicodeDecodeError:
        return False
    return True


def _decompressed(file: BinaryIO, compression: Compression | None) -> BinaryIO:
    if compression == "gz":
        return cast("BinaryIO", gzip.open(file, "rb"))
    if compression == "zst":
        from bounceml_datasets.exports.zstd_frames import ZstdFrames  # zstandard is there, as was asked before

        return cast("BinaryIO", ZstdFrames(file))
    return file


class Sink:
    """A file that grows by pieces, each whole by itself also where it is compressed: it can be cut after one."""

    def __init__(self, file: IO[bytes], *, compression: Compression | None) -> None:
        self._file = file
        self._pack = _PACKERS[compression]
        self._waiting: list[bytes] = []
        self._size = 0

    def write(self, data: bytes) -> None:
        """Take data; it reaches the file when there is enough of it."""
        self._waiting.append(data)
        self._size += len(data)
        if self._size >= 1 << 20:
            self.flush()

    def flush(self) -> int:
        """Write what waits, as a piece; the size of the file in bytes."""
        if self._waiting:
            self._file.write(self._pack(b"".join(self._waiting)))
            self._waiting, self._size = [], 0
        self._file.flush()
        return self._file.tell() if self._file.seekable() else 0


def _gzip(data: bytes) -> bytes:
    return gzip.compress(data, compresslevel=6, mtime=0)


def _zstd(data: bytes) -> bytes:
    return bytes(_zstandard().ZstdCompressor().compress(data))


def _zstandard() -> ModuleType:
    try:
        import zstandard
    except ImportError as error:
        raise CorpusError("zstd files need the package zstandard: pip install 'bounceml[exports]'") from error
    return zstandard


_PACKERS: dict[Compression | None, Callable[[bytes], bytes]] = {None: bytes, "gz": _gzip, "zst": _zstd}
