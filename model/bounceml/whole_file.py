"""Files that are written whole or not at all."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bounceml.errors import BounceError, CorpusError


@contextmanager
def whole_file(path: Path, *, failure: type[BounceError] = CorpusError) -> Iterator[Path]:
    """A path beside `path` to write into: put in its place at the end, gone if that isn't reached.

    Killed at any moment, the file is the old one or the new one. A link stays one, and permissions stay. Raises
    `failure`, naming the file, where it can't be written; the old one is then as it was.
    """
    beside: Path | None = None
    try:
        target = path.resolve()
        beside = target.with_name(target.name + ".part")
        yield beside
        if target.exists():
            shutil.copymode(target, beside)
        beside.replace(target)
    except OSError as error:
        raise failure(f"{path}: can't write: {error.strerror or error}") from error
    finally:
        with suppress(OSError):  # it is in its place, or never came to be
            if beside is not None:
                beside.unlink()


def write_whole(path: Path, data: bytes, *, failure: type[BounceError] = CorpusError) -> None:
    """Write a file, whole or not at all, and onto the disk before it takes its place; raises as `whole_file`."""
    with whole_file(path, failure=failure) as beside, beside.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
