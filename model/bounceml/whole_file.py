"""Files that are written whole or not at all, beside what was there before, by one process at a time."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType

from bounceml.errors import BounceError, CorpusError
from bounceml.paths import output_file

_ENDING = ".part"
# Names of scratch files that nobody goes on with: the file's own, this, and what tells processes apart.
_MARK = ".bounceml-"
# What reads neither a link for the file that it leads to, nor Windows' line ends for ours.
_PLAIN = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


@contextmanager
def whole_file(path: Path, *, failure: type[BounceError] = CorpusError) -> Iterator[Path]:
    """A path beside `path` to write into: put in its place at the end, gone if that isn't reached.

    Killed at any moment, the file is the old one or the new one; of several processes that write it, the last one wins.
    A link stays one, and permissions stay. Raises `failure`, naming the file, where it can't be written; the old one is
    then as it was.
    """
    try:
        with fresh_beside(path, failure=failure) as beside:
            yield beside.path
            beside.put_in_place()
    except OSError as error:
        raise failure(f"{path}: can't write: {error.strerror or error}") from error


def write_whole(path: Path, data: bytes, *, failure: type[BounceError] = CorpusError) -> None:
    """Write a file, whole or not at all, and onto the disk before it takes its place; raises as `whole_file`."""
    with whole_file(path, failure=failure) as beside, beside.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


class Beside:
    """A file to write into, beside the one whose place it takes; locked for this process until it is closed."""

    def __init__(self, path: Path, *, target: Path, lock: int | None, is_kept: bool) -> None:
        self.path = path
        self._target = target
        self._lock = lock
        self._is_kept = is_kept

    def __enter__(self) -> "Beside":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def put_in_place(self) -> None:
        """Make it the file, with the permissions of the one before; raises OSError where that can't be."""
        if (mode := _mode(self._target)) is not None:
            self.path.chmod(mode)
        self.path.replace(self._target)
        self._is_kept = True

    def close(self) -> None:
        """Let go of it; what isn't in its place goes, unless it is to be gone on with."""
        if not self._is_kept:
            with suppress(OSError):  # its folder may have become one that nothing can be removed from
                self.path.unlink()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
        self._is_kept = True


def fresh_beside(path: Path, *, failure: type[BounceError] = CorpusError) -> Beside:
    """An empty file beside `path` under a name of its own; raises `failure`, or OSError, where there can be none.

    What processes that were killed left there is removed.
    """
    target = output_file(path, failure=failure)
    _remove_strays(target)
    while True:
        beside = target.with_name(f"{target.name}{_MARK}{os.urandom(6).hex()}{_ENDING}")
        file = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_EXCL | _PLAIN, 0o666)
        if _locked(file) is not False and _is_at(file, beside):
            break
        os.close(file)  # who removes strays was here before the lock was
    return _made(beside, target=target, file=file, is_kept=False)


def part_path(target: Path) -> Path:
    """Where `part_beside` writes."""
    return target.with_name(target.name + _ENDING)


def part_beside(path: Path, *, failure: type[BounceError] = CorpusError) -> Beside:
    """A file beside `path` that another process can go on with, with what is in it; raises as `fresh_beside`.

    Also raises `failure` where another process is writing it.
    """
    target = output_file(path, failure=failure)
    beside = part_path(target)
    output_file(beside, failure=failure)
    file = os.open(beside, os.O_RDWR | os.O_CREAT | _PLAIN, 0o666)
    # Whoever had it may have put it in its place between opening and locking.
    if _locked(file) is False or not _is_at(file, beside):
        os.close(file)
        raise failure(f"{path}: another process is writing it: wait for that one, or name another output")
    return _made(beside, target=target, file=file, is_kept=True)


def _made(beside: Path, *, target: Path, file: int, is_kept: bool) -> Beside:
    """The file in the hands of this process, and readable to nobody who may not read the one before."""
    lock: int | None = file
    if os.name == "nt":  # what is open can't be put in a place there
        os.close(file)
        lock = None
    made = Beside(beside, target=target, lock=lock, is_kept=is_kept)
    try:
        if (mode := _mode(target)) is not None:
            beside.chmod(mode | 0o600)
    except OSError:
        made.close()
        raise
    return made


def _mode(path: Path) -> int | None:
    """Permissions of a file; None where there is none."""
    try:
        return path.stat().st_mode & 0o7777
    except FileNotFoundError:
        return None


def _locked(file: int) -> bool | None:
    """Lock a file until it is closed: False where another process has, None where the system knows no locks."""
    try:
        import fcntl
    except ImportError:  # Windows
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # some file systems of networks
        return None
    return True


def _is_at(file: int, path: Path) -> bool:
    """Whether an open file is the one that stands at a path."""
    try:
        return os.path.samestat(os.fstat(file), path.stat())
    except FileNotFoundError:
        return False


def _remove_strays(target: Path) -> None:
    """Remove the scratch files of a file that no living process has locked."""
    strays: list[Path] = []
    start = target.name + _MARK
    with suppress(OSError), os.scandir(target.parent) as entries:  # a folder may be written to and not be listed
        strays = [Path(entry) for entry in entries if entry.name.startswith(start) and entry.name.endswith(_ENDING)]
    for stray in strays:
        with suppress(OSError):  # another process was quicker, or may do what this one may not
            file = os.open(stray, os.O_RDWR | _PLAIN)
            try:
                if _locked(file):
                    stray.unlink()
            finally:
                os.close(file)
