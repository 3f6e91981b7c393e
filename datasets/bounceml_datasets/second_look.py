"""Second looks: labels that somebody who hadn't written a row gave it, without seeing the first."""

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from bounceml.errors import CorpusError

_FIELDS = ("id", "lang", "first", "second")


@dataclass(frozen=True, slots=True)
class Look:
    """Two readings of one text, which `id` names (`Row.id`): the writer's label, and what the second look said.

    `second` is a label, or two with a slash between them where both seemed fair, the likelier one first.
    """

    id: str
    lang: str
    first: str
    second: str

    @property
    def readings(self) -> tuple[str, ...]:
        """The labels that the second look found fair, the likeliest first."""
        return tuple(self.second.split("/"))


@dataclass(frozen=True, slots=True)
class Agreement:
    """Rows that two people read: how many of them `agreed` on, and where the second found the first label `fair`."""

    rows: int
    agreed: int
    fair: int


def load_looks(file: Path | None = None) -> tuple[Look, ...]:
    """Second looks from a file, by default those at the corpus that ships with bounceml.

    Raises CorpusError, naming file and line, if it can't be read.
    """
    if file is None:
        with resources.as_file(resources.files("bounceml_datasets").joinpath("data/second_look.csv")) as path:
            return load_looks(path)
    looks = []
    try:
        with file.open(encoding="utf-8", newline="") as lines:
            reader = csv.DictReader(lines)
            for entry in reader:
                if set(entry) != set(_FIELDS) or not all(entry.values()):
                    raise CorpusError(f"{file}:{reader.line_num}: expected the columns {', '.join(_FIELDS)}")
                looks.append(Look(**entry))
    except OSError as error:
        raise CorpusError(f"{file}: can't read the second looks: {error.strerror or error}") from error
    return tuple(looks)


def agreement(looks: Sequence[Look]) -> dict[str, Agreement]:
    """How often the looks agreed, by language."""
    rows = Counter(look.lang for look in looks)
    agreed = Counter(look.lang for look in looks if look.first == look.readings[0])
    fair = Counter(look.lang for look in looks if look.first in look.readings)
    return {lang: Agreement(n, agreed[lang], fair[lang]) for lang, n in rows.items()}
