"""Scores exports: read in parts, answered, written beside the file that will hold the result, and put in its place."""

import os
import sys
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Event
from typing import IO, Any

import numpy as np

from bounceml.batch import Answers, Batches
from bounceml.classifier import Classifier
from bounceml.errors import CorpusError
from bounceml.paths import check_outputs, is_file, is_there, output_file
from bounceml.whole_file import Beside, part_beside, part_path
from bounceml_datasets.exports.files import STANDARD, FileKind, kind_of
from bounceml_datasets.exports.flow import worked
from bounceml_datasets.exports.opening import make_writer, open_reader
from bounceml_datasets.exports.parquet_footer import NotJoinableError
from bounceml_datasets.exports.parts import Buffer, Part, Reader, Scored, Writer
from bounceml_datasets.exports.progress import Progress, note_files, note_progress, noted_progress
from bounceml_datasets.exports.tally import Tally

_DIGITS = 4  # of the confidence, as in `Verdict.to_dict`


@dataclass(frozen=True, slots=True)
class Job:
    """An export to score: where from, where to ("-" for the standard streams), and how."""

    source: str
    output: str
    text_column: str | None = None
    format: str | None = None
    resume: bool = False
    strict: bool = False
    excel: bool = False


# Called after each part with the tally and the share 0–1 that is done (None where nobody knows).
Tell = Callable[[Tally, Reader], None]


def score_export(
    job: Job, *, classifier: Classifier, tell: Tell, note: Callable[[str], None], workers: int | None = None
) -> Tally:
    """Score an export; raises CorpusError where it can't be read or written, or, if strict, for a broken row.

    `note` is told, in a line each, what the user should know at the start.

    The output is written beside and renamed at the end, by one process at a time. Cut off half-way, it can be continued
    with `resume`, except for Parquet, which is begun anew.
    """
    if job.resume and not _is_the_same_later(job.source):
        raise CorpusError(f"{job.source}: --resume needs a file: of a pipe nobody can tell whether it brings the same")
    check_outputs(scratch_files(job.output), inputs=[job.source])
    score = partial(_score, job, classifier=classifier, tell=tell, note=note, workers=workers or os.cpu_count() or 1)
    try:
        return score(anew=False)
    except NotJoinableError as why:
        note(str(why))
        return score(anew=True)


def _score(
    job: Job, *, classifier: Classifier, tell: Tell, note: Callable[[str], None], workers: int, anew: bool
) -> Tally:
    with ExitStack() as stack:
        stop = Event()
        reader = stack.enter_context(open_reader(job.source, format=job.format, text_column=job.text_column, stop=stop))
        target = stack.enter_context(_Target(job, classifier=classifier, reader=reader, anew=anew))
        if reader.preset is not None:
            note(f"{'preset' if job.format == reader.preset.name else 'detected preset'} {reader.preset.name!r}")
        elif reader.columns is not None:
            note(f"replies are read from the column {reader.columns.text!r}")
        if job.resume:
            note(f"going on behind row {target.read}" if target.read else "nothing to go on with: beginning anew")
        tally = target.tally
        answer = partial(_answer, batches=Batches(classifier))
        parts = reader.parts(skip=target.read)
        for part, scored in stack.enter_context(worked(parts, answer, workers=workers, stop=stop)):
            if job.strict and part.errors:
                raise CorpusError(f"{job.source}: {next(iter(part.errors.values()))}")
            target.writer.write(part, scored)
            tally.add(part, scored)
            target.mark(part)
            tell(tally, reader)
        target.finish()
    return tally


def scratch_files(output: str) -> tuple[Path, ...]:
    """What is written on the way to an output; raises CorpusError where that can't be written."""
    if output == STANDARD:
        return ()
    beside = part_path(output_file(Path(output)))
    return beside, *note_files(beside)


def _is_the_same_later(source: str) -> bool:
    """Whether a source can be read again; one that isn't there is complained of where it is read."""
    return source != STANDARD and (is_file(Path(source)) or not is_there(Path(source)))


class _Target:
    """The file that is being written, with how far it got."""

    def __init__(self, job: Job, *, classifier: Classifier, reader: Reader, anew: bool) -> None:
        self._path = Path(job.output)
        self._piped = job.output == STANDARD
        self._job = job
        # What goes into a pipe has the format of what it was made from.
        same = kind_of(job.source, format=job.format or ("csv" if job.source == STANDARD else None)).written
        self._kind: FileKind = kind_of(job.output, format=same if self._piped else None)
        if self._kind.written != self._kind.format:
            raise CorpusError(f"{job.output}: {self._kind.format} can't be written: use csv, tsv, jsonl or parquet")
        if job.excel and self._kind.format not in {"csv", "tsv"}:
            raise CorpusError(f"{job.output}: --excel is for CSV and TSV")
        self._reader, self._anew = reader, anew
        self._is_text = self._kind.format != "parquet"
        self._made_from = self._made_of(classifier)
        self._beside: Beside | None = None
        self._file: IO[bytes] | None = None
        self.read = 0
        self.tally = Tally()
        self.writer: Writer

    def __enter__(self) -> "_Target":
        try:
            self._open()
        except OSError as error:
            raise CorpusError(f"{self._path}: can't write: {error.strerror or error}") from error
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if self._file is not None and not self._piped:
            with suppress(OSError):  # what couldn't be written before can't be now, and was told
                self._file.close()
        if self._beside is not None:
            self._beside.close()
        if isinstance(error, OSError) and not isinstance(error, BrokenPipeError):
            raise CorpusError(f"{self._path}: can't write: {error.strerror or error}") from error

    def mark(self, part: Part) -> None:
        """Note that all up to this part is written, so that it needn't be done again."""
        if self._beside is None or not self._is_text:
            return
        size = self.writer.flush()
        note_progress(self._beside.path, Progress(self._made_from, part.read, size, self.tally))

    def finish(self) -> None:
        """Put the finished file in its place."""
        self.writer.close()
        if self._beside is None:
            return
        if self._file is not None:
            self._file.close()
        self._beside.put_in_place()
        note, _ = note_files(self._beside.path)
        note.unlink(missing_ok=True)

    def _open(self) -> None:
        if self._piped:
            if not self._is_text:
                raise CorpusError("Parquet can't be written to a pipe: name a file with --output")
            self._file = sys.stdout.buffer
        else:
            self._beside = part_beside(self._path)
            if self._is_text:
                size = self._continue(self._beside.path) if self._job.resume else 0
                self._file = self._beside.path.open("r+b")
                self._file.truncate(size)
                self._file.seek(size)
        self.writer = make_writer(
            self._kind,
            reader=self._reader,
            path=self._beside.path if self._beside else self._path,
            file=self._file,
            head=self.read == 0,
            excel=self._job.excel,
            anew=self._anew,
        )

    def _continue(self, beside: Path) -> int:
        """Bytes of the unfinished file that count, 0 where there is nothing to go on with."""
        found = noted_progress(beside)
        if found is None or found.made_from != self._made_from or beside.stat().st_size < found.size:
            return 0
        self.tally, self.read = found.tally, found.read
        return found.size

    def _made_of(self, classifier: Classifier) -> list[Any]:
        """What a half-written file must have been made from to be continued."""
        stat = None if self._job.source == STANDARD else Path(self._job.source).stat()
        return [
            stat and [stat.st_size, stat.st_mtime_ns],
            classifier.version,
            classifier.config.sha256,
            self._job.text_column,
            self._job.format,
            self._job.excel,
        ]


def _answer(part: Part, *, batches: Batches) -> Scored:
    batch, texts = batches.get(), part.texts
    if isinstance(texts, Buffer):
        answers = batch.answer_buffer(texts.data, texts.offsets, smtp=part.smtp, enhanced=part.status)
    else:
        answers = batch.answer(texts, smtp=part.smtp, enhanced=part.status)
    return scored_columns(answers, part=part)


def scored_columns(answers: Answers, *, part: Part) -> Scored:
    """Answers as columns; rows that weren't asked about, or can't be read, have none."""
    outcomes = [(o.kind, o.type, o.reason, o.action, o.decided_by) for o in answers.outcomes]
    index = answers.index.astype(np.int32)
    if part.asked is not None:
        index[~part.asked] = -1
    if part.errors:
        index[list(part.errors)] = -1
    return Scored(outcomes, index, np.round(answers.confidence, _DIGITS))
