"""Files that are written whole or not at all."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bounceml.errors import BounceError


@contextmanager
def whole_file(path: Path, *, failure: type[BounceError]) -> Iterator[Path]:
    """A path beside `path` to write into: put in its place at the end, gone if that isn't reached.

    Killed half-way, the old file is as it was. Raises `failure`, naming the file, where it can't be written.
    """
    beside = path.with_name(path.name + ".part")
    try:
        yield beside
        beside.replace(path)
    except OSError as error:
        raise failure(f"{path}: can't write: {error.strerror or error}") from error
    finally:
        with suppress(OSError):  # it is in its place, or never came to be
            beside.unlink()
