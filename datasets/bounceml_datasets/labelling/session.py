"""How far somebody has got with a sheet: every answer is saved before the next question is asked."""

from dataclasses import dataclass

from bounceml_datasets.labelling.item import Item
from bounceml_datasets.labelling.sheet import SKIPPED, Sheet


@dataclass(frozen=True, slots=True)
class Progress:
    """Rows of a sheet: all, labelled, and skipped ones."""

    rows: int
    labelled: int
    skipped: int


class Session:
    """Goes through the rows without a label; where all have one or were skipped, through the skipped ones."""

    def __init__(self, sheet: Sheet) -> None:
        self._sheet = sheet
        labels = [sheet.label(row) for row in range(len(sheet))]
        self._queue = [row for row, label in enumerate(labels) if not label]
        if not self._queue:
            self._queue = [row for row, label in enumerate(labels) if label == SKIPPED]
        self._at = 0

    @property
    def item(self) -> Item | None:
        """The text that is asked about; None where all were."""
        return self._sheet.item(self._queue[self._at]) if self._at < len(self._queue) else None

    @property
    def progress(self) -> Progress:
        """How much is done."""
        labels = [self._sheet.label(row) for row in range(len(self._sheet))]
        skipped = labels.count(SKIPPED)
        return Progress(len(labels), len(labels) - labels.count("") - skipped, skipped)

    def answer(self, label: str) -> None:
        """Label the text that is asked about and go on; raises CorpusError where it can't be saved."""
        self._sheet.write_label(self._queue[self._at], label)
        self._at += 1

    def skip(self) -> None:
        """Go on without a label; it is asked about again when all others are done."""
        self.answer(SKIPPED)

    def undo(self) -> bool:
        """Take the last answer back, also one from before this session; False where there is none."""
        if self._at == 0:
            end = self._queue[0] if self._queue else len(self._sheet)
            before = [row for row in range(end) if self._sheet.label(row)]
            if not before:
                return False
            self._queue.insert(0, before[-1])
        else:
            self._at -= 1
        self._sheet.write_label(self._queue[self._at], "")
        return True
