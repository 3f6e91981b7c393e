"""Files that are written whole or not at all."""

import os
import shutil
from contextlib import suppress
from pathlib import Path

from bounceml.errors import CorpusError


def write_whole(path: Path, data: bytes) -> None:
    """Write beside and rename: killed at any moment, the file is the old one or the new one.

    Raises CorpusError naming the file where it can't be written; the old one is then as it was.
    """
    try:
        target = path.resolve()
        beside = target.with_name(target.name + ".part")
        try:
            _write(beside, data)
            if target.exists():
                shutil.copymode(target, beside)
            beside.replace(target)
        except BaseException:
            with suppress(OSError):  # what went wrong before is what counts
                beside.unlink()
            raise
    except OSError as error:
        raise CorpusError(f"{path}: can't write: {error.strerror or error}") from error


def _write(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
