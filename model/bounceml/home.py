"""Where a user's own models lie, and which of them is in force."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bounceml.errors import ModelFileError
from bounceml.paths import is_file
from bounceml.whole_file import write_whole

ENVIRONMENT_VARIABLE = "BOUNCEML_HOME"
ENDING = ".model"
_FORMAT = 1
_HISTORY = "promoted.json"
# Promotions that are remembered, to go back by.
_REMEMBERED = 20
# Bytes: file systems take 255, and endings come behind.
_LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class Home:
    """A folder of models, with the names of those that were promoted, the one in force last."""

    folder: Path

    @property
    def models(self) -> Path:
        """Where the model files lie."""
        return self.folder / "models"

    def path_of(self, name: str) -> Path:
        """The file of a model, whether or not it is there; raises ModelFileError for what can't be a model's name."""
        _check_name(name)
        return self.models / f"{name}{ENDING}"

    def history(self) -> tuple[str, ...]:
        """Names of promoted models, the one in force last; empty where the shipped model is.

        Raises ModelFileError where the note of them can't be read.
        """
        path = self.folder / _HISTORY
        try:
            entry = json.loads(path.read_text("utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            return ()
        except OSError as error:
            why = f"can't read which model was promoted: {error.strerror or error}"
            raise ModelFileError(
                f"{path}: {why}: set {ENVIRONMENT_VARIABLE} to another folder, or use --model"
            ) from error
        except (ValueError, RecursionError) as error:
            raise _unreadable(path) from error
        names = entry.get("promoted") if isinstance(entry, dict) and entry.get("format") == _FORMAT else None
        if not isinstance(names, list) or not all(isinstance(name, str) and is_model_name(name) for name in names):
            raise _unreadable(path)
        return tuple(names)

    def note(self, history: tuple[str, ...]) -> None:
        """Remember which models were promoted; whole or not at all, so that another process sees the old or the new.

        Raises ModelFileError where it can't be written, or couldn't be read again.
        """
        for name in history:
            _check_name(name)
        entry = {"format": _FORMAT, "promoted": history[-_REMEMBERED:]}
        write_whole(self.folder / _HISTORY, (json.dumps(entry, indent=1) + "\n").encode(), failure=ModelFileError)

    def promoted(self) -> Path | None:
        """The model in force, None where it is the shipped one; raises ModelFileError if it has gone."""
        history = self.history()
        if not history:
            return None
        path = self.path_of(history[-1])
        if not is_file(path, failure=ModelFileError):
            raise ModelFileError(f"{path}: the promoted model has gone: bounceml models rollback, or use --model")
        return path


class NoHomeError(ModelFileError):
    """Nothing says where the user's models are to lie."""


def find_home(environment: Mapping[str, str] = os.environ) -> Home:
    """The folder that BOUNCEML_HOME names, else the user's folder for data of programs on this system.

    Raises NoHomeError for a user who has none, as in some containers.
    """
    if named := environment.get(ENVIRONMENT_VARIABLE):
        return Home(Path(named))
    from platformdirs import user_data_path  # where it is named, this isn't needed

    try:
        folder = user_data_path("bounceml", appauthor=False)
    except RuntimeError:
        folder = None
    if folder is None or not folder.is_absolute():  # older versions of platformdirs give "~" back
        raise NoHomeError(f"this user has no home folder to keep models in: set {ENVIRONMENT_VARIABLE} to one")
    return Home(folder)


def promoted_model() -> Path | None:
    """The user's model in force, None where it is the shipped one; raises ModelFileError if it has gone."""
    try:
        home = find_home()
    except NoHomeError:
        return None
    return home.promoted()


def is_model_name(name: str) -> bool:
    """Whether it names a file of the folder and nothing beside it."""
    is_one = name.isprintable() and name == Path(name).name and not name.startswith(".")
    return is_one and 0 < len(name.encode()) <= _LONGEST_NAME


def _check_name(name: str) -> None:
    if not is_model_name(name):
        raise ModelFileError(f"{name[:80]!r} can't be a model's name: give the file another, such as my-model{ENDING}")


def _unreadable(path: Path) -> ModelFileError:
    return ModelFileError(f"{path}: can't read which model was promoted: remove this file to use the shipped model")
