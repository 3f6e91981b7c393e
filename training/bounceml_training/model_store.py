"""The user's own models in their folder: added, found, promoted, and rolled back."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bounceml.errors import ModelFileError
from bounceml.home import ENDING, Home, is_model_name
from bounceml.modelfile import ModelFile, open_model
from bounceml.paths import is_file, is_there
from bounceml.whole_file import whole_file

_LOCK = "lock"


@dataclass(frozen=True, slots=True)
class Stored:
    """A model of the folder; `error` says why it can't be used, if so."""

    name: str
    path: Path
    is_promoted: bool
    model: ModelFile | None
    error: str | None


def new_path(home: Home, *, version: str) -> Path:
    """Where a model of this version is to be written: none that is there is overwritten.

    Raises ModelFileError where there can be no such folder or file.
    """
    try:
        home.models.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ModelFileError(f"{home.models}: can't make this folder: {error.strerror or error}") from error
    number = 1
    while is_there(path := home.path_of(version if number == 1 else f"{version}-{number}"), failure=ModelFileError):
        number += 1
    return path


def keep(home: Home, *, version: str, write: Callable[[Path], None]) -> Path:
    """Where a model lies that `write` puts into a file of the folder; one that is there already isn't doubled.

    Raises ModelFileError where it can't be written.
    """
    with _alone(home):
        path = new_path(home, version=version)
        fresh = path.with_name(f"{path.name}.fresh")
        write(fresh)
        first = home.path_of(version)
        try:
            if first != path and first.read_bytes() == fresh.read_bytes():
                fresh.unlink()
                os.utime(first)  # it was trained last, again
                return first
            return fresh.replace(path)
        except OSError as error:
            raise ModelFileError(f"{path}: can't write: {error.strerror or error}") from error


def stored_models(home: Home) -> list[Stored]:
    """All models of the folder, by name."""
    history = home.history()
    found = []
    for path in _model_files(home):
        name = path.name.removesuffix(ENDING)
        model, problem = None, None
        try:
            model = open_model(path)
        except ModelFileError as error:
            problem = str(error)
        found.append(Stored(name, path, bool(history) and name == history[-1], model, problem))
    return found


def find_model(home: Home, name: str) -> Path:
    """A model by its name in the folder, by the beginning of it if that tells, or by its path.

    Raises ModelFileError, naming those that there are, for none or several.
    """
    for path in ([home.path_of(name)] if is_model_name(name) else []) + [Path(name)]:
        if is_file(path, failure=ModelFileError):
            return path
    names = [path.name.removesuffix(ENDING) for path in _model_files(home)]
    # The data's hash tells as well as the whole name.
    alike = [each for each in names if each.startswith(name) or each.partition("+")[2].startswith(name)]
    if len(alike) == 1:
        return home.path_of(alike[0])
    problem = "several models begin so" if alike else "no such model"
    there = ", ".join(alike or names) or "none yet; train one first"
    raise ModelFileError(f"{name[:80]}: {problem}: there are {there}")


def newest_model(home: Home) -> Path:
    """The model of the folder that was written last; raises ModelFileError where there is none."""
    models = _model_files(home)
    if not models:
        raise ModelFileError(f"{home.models}: no models yet; train one first")
    try:
        return max(models, key=lambda path: (path.stat().st_mtime_ns, path.name))
    except OSError as error:
        raise ModelFileError(f"{home.models}: can't read this folder: {error.strerror or error}") from error


def adopt(home: Home, model: Path) -> str:
    """The name of a model in the folder; one from elsewhere is copied into it if it isn't there yet.

    Raises ModelFileError where it can't be read or copied.
    """
    if model.parent.resolve() == home.models.resolve() and model.name.endswith(ENDING):
        return model.name.removesuffix(ENDING)
    version = str(open_model(model).header["version"])
    with _alone(home):
        if _is_same(model, home.path_of(version)):
            return version
        path = new_path(home, version=version)
        with whole_file(path, failure=ModelFileError) as beside:
            shutil.copyfile(model, beside)
    return path.name.removesuffix(ENDING)


def promote(home: Home, name: str) -> None:
    """Put a model of the folder in force; raises ModelFileError where that can't be noted."""
    with _alone(home):
        history = home.history()
        if history[-1:] != (name,):
            home.note((*history, name))


def roll_back(home: Home) -> str | None:
    """Put the model in force that was before, and give its name; None for the shipped one.

    Models that have gone are passed over. Raises ModelFileError where no promoted model is in force.
    """
    with _alone(home):
        history = home.history()
        if not history:
            raise ModelFileError("nothing to roll back: the model that ships with bounceml is in force")
        left = history[:-1]
        while left and not is_file(home.path_of(left[-1]), failure=ModelFileError):
            left = left[:-1]
        home.note(left)
    return left[-1] if left else None


def _model_files(home: Home) -> list[Path]:
    """The files of the folder's models, by name; none where there is no folder."""
    try:
        return sorted(path for path in home.models.iterdir() if path.name.endswith(ENDING))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise ModelFileError(f"{home.models}: can't read this folder: {error.strerror or error}") from error


def _is_same(model: Path, there: Path) -> bool:
    """Whether a file of the folder has the bytes of a model."""
    try:
        return is_file(there, failure=ModelFileError) and there.read_bytes() == model.read_bytes()
    except OSError as error:
        raise ModelFileError(f"{there}: can't read it: {error.strerror or error}") from error


@contextmanager
def _alone(home: Home) -> Iterator[None]:
    """Keep other processes from promoting meanwhile, where the system can; it lets go when a process dies."""
    try:
        import fcntl
    except ImportError:  # Windows: the last one to write wins, and nothing is written by halves
        yield
        return
    try:
        home.folder.mkdir(parents=True, exist_ok=True)
        file = (home.folder / _LOCK).open("a")
    except OSError as error:
        raise ModelFileError(f"{home.folder}: can't write: {error.strerror or error}") from error
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
