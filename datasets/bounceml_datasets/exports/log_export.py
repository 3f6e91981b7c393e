"""Logs of mail servers: one row for each line."""

import itertools
from collections.abc import Iterator
from typing import BinaryIO

from bounceml.errors import CorpusError
from bounceml_datasets.exports.columns import LOOKED_AT, Record
from bounceml_datasets.exports.events import line_question, parts_of
from bounceml_datasets.exports.files import EmptyExportError, decoded
from bounceml_datasets.exports.parts import CELL, Part, ahead
from bounceml_datasets.exports.presets import Preset, detect_log
from bounceml_datasets.exports.times import TimeReader

# Characters of a line; the rest of a longer one becomes lines of its own.
_MAX_LINE = 1 << 16
# Lines looked at to tell whose log it is: deliveries can be rare among what else is logged.
_LINES_LOOKED_AT = 20 * LOOKED_AT


class LogReader:
    """Lines of a log; a preset that isn't given is told by them."""

    def __init__(self, file: BinaryIO, *, name: str, preset: Preset | None) -> None:
        self._text = decoded(file, name=name)
        self._ahead = ahead(self._lines(), most=_LINES_LOOKED_AT, size=len)
        found = preset or detect_log(self._ahead)
        if found is None and not self._ahead:
            raise EmptyExportError(f"{name}: the export is empty")
        if found is None:
            raise CorpusError(f"{name}: no lines of a known mail server's log: name it with --format")
        self.preset: Preset = found
        self.names = ["line"]
        self.sample: list[Record] = []
        self.columns = None
        self.rows: int | None = None

    def parts(self, *, skip: int = 0, clock: TimeReader | None = None) -> Iterator[Part]:
        """See `Reader`."""
        lines = itertools.chain(self._ahead, self._lines())
        found = (([line], [line_question(line, preset=self.preset)], len(line) + CELL) for line in lines)
        return parts_of(found, preset=self.preset, skip=skip, clock=clock)

    def _lines(self) -> Iterator[str]:
        while line := self._text.readline(_MAX_LINE):
            if line := line.rstrip():
                yield line
