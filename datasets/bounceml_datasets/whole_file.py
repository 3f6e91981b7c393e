"""Files that are written whole or not at all."""

import os
import shutil
from pathlib import Path

from bounceml.errors import CorpusError


def write_whole(path: Path, data: bytes) -> None:
    """Write beside and rename: killed at any moment, the file is the old one or the new one.

    Raises CorpusError naming the file where it can't be written; the old one is then as it was.
    """
    target = path.resolve()
    beside = target.with_name(target.name + ".part")
    try:
        with beside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            shutil.copymode(target, beside)
        beside.replace(target)
    except OSError as error:
        raise CorpusError(f"{path}: can't write: {error.strerror or error}") from error
    finally:
        beside.unlink(missing_ok=True)
