"""Paths that users give: what stands there, and whether it may be written to."""

import os
import stat
from collections.abc import Iterable
from pathlib import Path

from bounceml.errors import BounceError, CorpusError

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
}


def is_there(path: Path, *, failure: type[BounceError] = CorpusError) -> bool:
    """Whether anything stands at a path; raises `failure` where that can't be told, as `Path.exists` would a bug."""
    return _found(path, failure=failure) is not None


def is_file(path: Path, *, failure: type[BounceError] = CorpusError) -> bool:
    """Whether a plain file stands at a path; raises `failure` where that can't be told."""
    found = _found(path, failure=failure)
    return found is not None and stat.S_ISREG(found.st_mode)


def is_folder(path: Path, *, failure: type[BounceError] = CorpusError) -> bool:
    """Whether a folder stands at a path; raises `failure` where that can't be told."""
    found = _found(path, failure=failure)
    return found is not None and stat.S_ISDIR(found.st_mode)


def output_file(path: Path, *, failure: type[BounceError] = CorpusError) -> Path:
    """The file that is written when `path` is, there already or not: links are followed.

    Raises `failure` where none can be: for a folder, a device or a pipe, and where there is no folder for it.
    """
    found = _found(path, failure=failure)
    if found is not None and not stat.S_ISREG(found.st_mode):
        kind = _KINDS.get(stat.S_IFMT(found.st_mode), "something else")
        raise failure(f"{path}: can't write: it is {kind} and no plain file: name another output")
    target = Path(os.path.realpath(path))
    if found is None and not is_folder(target.parent, failure=failure):
        raise failure(f"{path}: can't write: there is no folder {path.parent}")
    return target


def check_outputs(outputs: Iterable[Path | None], *, inputs: Iterable[Path | str | None]) -> None:
    """Raise CorpusError for an output that can't be written, is an input too, or is another output too.

    Files are told by what they are, not by how they are named; "-" as an input is standard input.
    """
    read = {_identity(Path("/dev/stdin" if path == "-" else path)) for path in inputs if path is not None} - {None}
    written: set[Path] = set()
    for path in outputs:
        if path is None:
            continue
        target = output_file(path)
        if _identity(target) in read:
            raise CorpusError(f"{path}: is read here and would be written over: name another output")
        if target in written:
            raise CorpusError(f"{path}: two outputs would be written there: name another one")
        written.add(target)


def _identity(path: Path) -> tuple[int, int] | None:
    """What tells a file from every other; None where there is none, which reading it will complain of."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _found(path: Path, *, failure: type[BounceError]) -> os.stat_result | None:
    """What stands at a path, links followed; None for nothing."""
    try:
        return path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise failure(f"{path}: can't look there: {error.strerror or error}") from error
