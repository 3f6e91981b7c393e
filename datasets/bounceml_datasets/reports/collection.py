"""Collects the figures of an export: read ahead, digested in threads, put together in order."""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from threading import Event

import numpy as np

from bounceml.classifier import Classifier
from bounceml.errors import CorpusError
from bounceml_datasets.exports.details import is_scored
from bounceml_datasets.exports.files import STANDARD, EmptyExportError
from bounceml_datasets.exports.flow import worked
from bounceml_datasets.exports.opening import open_reader
from bounceml_datasets.exports.parts import Part, Reader
from bounceml_datasets.exports.times import TimeReader, is_day_first
from bounceml_datasets.reports.addresses import DropList
from bounceml_datasets.reports.digest import SURE_STEPS, Digest, Digester, Steps
from bounceml_datasets.reports.figures import Drops, Figures, Reading
from bounceml_datasets.reports.frequent import Frequent
from bounceml_datasets.reports.remedies import load_remedies
from bounceml_datasets.reports.timeline import ROW_STEPS, Label, Timeline

# Receivers that are remembered; beyond them the rarest are left out.
MOST_RECEIVERS = 20_000
# Templates that are shown at most.
MOST_TEMPLATES = 20

# Called after each part with the rows read and the number of all, None where only reading tells.
Tell = Callable[[int, int | None], None]


@dataclass(frozen=True, slots=True)
class ReportJob:
    """An export to report on ("-": standard input), and how to read it.

    Addresses to give up that a page can't hold go to the file `beside`; without one they are only counted.
    """

    source: str
    text_column: str | None = None
    format: str | None = None
    rescore: bool = False
    beside: Path | None = None


def collect(
    job: ReportJob, *, classifier: Classifier, tell: Tell, note: Callable[[str], None], workers: int | None = None
) -> Figures:
    """The figures of an export; raises CorpusError where it can't be read.

    `note` is told, in a line each, what the user should know at the start.
    """
    with ExitStack() as stack:
        stop = Event()
        opened = open_reader(job.source, format=job.format, text_column=job.text_column, stop=stop)
        try:
            reader = stack.enter_context(opened)
        except EmptyExportError as error:
            note(str(error).removeprefix(f"{job.source}: "))
            return _Collector(job, reading=Reading()).figures(model_version=classifier.version)
        clock, month_first = _clock(job, reader)
        reading = _reading(job, reader, month_first=month_first)
        _tell_reading(reading, job=job, note=note)
        collector = _Collector(job, reading=reading)
        stack.callback(collector.drops.give_up)
        digester = Digester(
            classifier,
            remedies=load_remedies(),
            steps=collector.steps,
            frequent=collector.frequent,
            rescore=job.rescore,
        )
        parts = _numbered(reader.parts(clock=clock))
        digests = worked(parts, digester.digest, workers=workers or os.cpu_count() or 1, stop=stop)
        for _, digest in stack.enter_context(digests):
            collector.add(digest)
            tell(collector.rows, reader.rows)
        return collector.figures(model_version=classifier.version)


class _Collector:
    """Puts digests together."""

    def __init__(self, job: ReportJob, *, reading: Reading) -> None:
        self._job = job
        self._reading = reading
        self._by_time = Timeline()
        self._by_row = Timeline(ROW_STEPS)
        self.steps = Steps(minutes=self._by_time.grid, rows=self._by_row.grid)
        self.frequent = Frequent()
        self.drops = DropList(job.beside)
        self.rows = 0
        self._broken = self._unasked = self._timeless = 0
        self._kinds: Counter[str] = Counter()
        self._labels: Counter[Label] = Counter()
        self._actions: Counter[tuple[str, str]] = Counter()
        self._sure = np.zeros(SURE_STEPS, np.int64)
        self._receivers: Counter[tuple[str, Label]] = Counter()
        self._receivers_dropped = False
        self._topics: Counter[tuple[str, str | None]] = Counter()
        self._blocklists: Counter[str] = Counter()
        self._has_receivers = False

    def add(self, digest: Digest) -> None:
        """Take a part's digest."""
        self.rows += digest.rows
        self._broken += digest.broken
        self._unasked += digest.unasked
        for (kind, bounce_type, reason, action, _), n in digest.outcomes.items():
            self._kinds[kind or "other"] += n
            if reason is not None:
                self._labels[bounce_type, reason] += n
                self._actions[action or "review", reason] += n
        self._sure += digest.sure
        self._timeless += digest.timeless
        if digest.labels:
            self._by_time.add(digest.labels, digest.receivers, by_day=digest.only_days)
        if digest.by_row:
            self._by_row.add(*digest.by_row, by_day=False)
        self._has_receivers |= digest.has_receivers
        self._receivers.update(digest.by_receiver)
        if len(self._receivers) > 4 * MOST_RECEIVERS:
            self._drop_receivers()
        for key, n, seen in digest.templates:
            self.frequent.add(key, n, seen=seen)
        self._topics.update(digest.topics)
        self._blocklists.update(digest.blocklists)
        self.drops.add(digest.drops)
        self.drops.odd += digest.odd_recipients

    def figures(self, *, model_version: str) -> Figures:
        """All that was collected."""
        timeline = self._by_time if self._by_time.labels else self._by_row
        period = timeline.period()
        return Figures(
            source=self._job.source,
            reading=self._reading,
            rows=self.rows,
            broken=self._broken,
            unasked=self._unasked,
            kinds=self._kinds,
            labels=self._labels,
            actions=self._actions,
            sure=self._sure,
            receivers=self._by_receiver() if self._has_receivers else None,
            receivers_dropped=self._receivers_dropped,
            period=period,
            halves=timeline.halves(),
            by_time=timeline is self._by_time,
            timeless=self._timeless,
            templates=self.frequent.top(MOST_TEMPLATES),
            template_floor=self.frequent.floor,
            template_count=None if self.frequent.dropped else len(self.frequent),
            topics=+self._topics,
            blocklists=self._blocklists,
            drops=self._dropped() if self._has_receivers else None,
            model_version=model_version,
        )

    def _dropped(self) -> Drops:
        drops = self.drops
        beside = drops.finish()
        return Drops(drops.count, drops.inside, beside, drops.odd, drops.is_uncertain)

    def _by_receiver(self) -> dict[str, Counter[Label]]:
        found: dict[str, Counter[Label]] = {}
        for (name, label), n in self._receivers.items():
            found.setdefault(name, Counter())[label] += n
        return dict(sorted(found.items(), key=lambda item: (-item[1].total(), item[0])))

    def _drop_receivers(self) -> None:
        by_name = self._by_receiver()
        if len(by_name) <= MOST_RECEIVERS:
            return
        self._receivers_dropped = True
        kept = list(by_name)[: MOST_RECEIVERS // 2]
        self._receivers = Counter({(name, label): n for name in kept for label, n in by_name[name].items()})


def _numbered(parts: Iterator[Part]) -> Iterator[tuple[int, Part]]:
    """Parts with the number of their first row."""
    rows = 0
    for part in parts:
        yield rows, part
        rows += len(part)


def _clock(job: ReportJob, reader: Reader) -> tuple[TimeReader, bool]:
    """What reads the times, and whether it takes months first where the first rows leave that open."""
    newest = date.today()
    if job.source != STANDARD:
        try:
            newest = date.fromtimestamp(Path(job.source).stat().st_mtime)
        except OSError as error:
            raise CorpusError(f"{job.source}: can't read the export: {error.strerror or error}") from error
    column = reader.columns.time if reader.columns else None
    cells = [record.get(column) for record in reader.sample] if column else []
    day_first = is_day_first(cells)
    clock = TimeReader(newest=newest, day_first=bool(day_first))
    return clock, day_first is None and TimeReader(newest=newest, day_first=True).minutes(cells).tolist() != (
        clock.minutes(cells).tolist()
    )


def _reading(job: ReportJob, reader: Reader, *, month_first: bool) -> Reading:
    columns = reader.columns
    scored = not job.rescore and is_scored(key for record in reader.sample[:1] for key in record)
    return Reading(
        preset=reader.preset.name if reader.preset else None,
        text=columns.text if columns else None,
        recipient=columns.recipient if columns else None,
        time=columns.time if columns else None,
        scored=scored,
        month_first=month_first,
    )


def _tell_reading(reading: Reading, *, job: ReportJob, note: Callable[[str], None]) -> None:
    if reading.preset is not None:
        note(f"{'preset' if job.format == reading.preset else 'detected preset'} {reading.preset!r}")
    else:
        note(f"replies are read from the column {reading.text!r}")
        note(f"times are read from the column {reading.time!r}" if reading.time else "no column with times found")
    if reading.scored:
        note("it was scored before; its answers are taken (--rescore asks again)")
