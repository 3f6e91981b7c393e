"""What a part of an export adds to a report: its rows counted, so that little is left to be put together."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from bounceml.batch import Batch, Batches, text_buffer
from bounceml.classifier import Classifier
from bounceml.features import fingerprint
from bounceml.notes import blocklist_in
from bounceml.taxonomy import Taxonomy
from bounceml_datasets.exports.parts import Buffer, Part, Scored
from bounceml_datasets.exports.scoring import scored_columns
from bounceml_datasets.exports.times import MISSING
from bounceml_datasets.reports.addresses import Drop, address_in
from bounceml_datasets.reports.frequent import Frequent, Seen
from bounceml_datasets.reports.remedies import BLOCKLIST, Remedies, Told, find_marks, tell
from bounceml_datasets.reports.timeline import DAY, Label

# Steps of the histogram of confidences.
SURE_STEPS = 20
# Bytes of a text that are kept as an example.
_MAX_EXAMPLE = 600
# Bytes in which a blocklist's host is looked for.
_MAX_LOOKED_AT = 1000
# Templates whose remedies are remembered.
_MAX_TOLD = 100_000
# Up to so many possible keys are counted in an array, else by sorting them.
_FEW_KEYS = 1 << 18
# What is to be mended by the sender.
_MENDABLE = frozenset({"sender", "content"})

# Kind, type, reason, action and rule or model.
Outcome = tuple[str | None, ...]


@dataclass(slots=True)
class Digest:
    """Counts of a part's rows; `moments` say which step of the timeline each count belongs to, by its beginning."""

    rows: int
    broken: int
    unasked: int
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    sure: np.ndarray = field(default_factory=lambda: np.zeros(SURE_STEPS, np.int64))
    labels: list[tuple[int, Label, int]] = field(default_factory=list)
    receivers: list[tuple[int, str, int]] = field(default_factory=list)
    by_receiver: Counter[tuple[str, Label]] = field(default_factory=Counter)
    by_row: tuple[list[tuple[int, Label, int]], list[tuple[int, str, int]]] | None = None
    timeless: int = 0
    only_days: bool = True
    templates: list[tuple[int, int, Seen | None]] = field(default_factory=list)
    topics: Counter[tuple[str, str | None]] = field(default_factory=Counter)
    blocklists: Counter[str] = field(default_factory=Counter)
    drops: list[Drop] = field(default_factory=list)
    odd_recipients: int = 0
    has_receivers: bool = False
    has_times: bool = False


@dataclass(frozen=True, slots=True)
class Steps:
    """How long a step is for now: in minutes, and in rows."""

    minutes: Callable[[], tuple[int, int]]
    rows: Callable[[], tuple[int, int]]


class Digester:
    """Makes digests, in several threads at once; answers of an earlier scoring are taken where there are any."""

    def __init__(
        self, classifier: Classifier, *, remedies: Remedies, steps: Steps, frequent: Frequent, rescore: bool
    ) -> None:
        self._batches = Batches(classifier)
        self._taxonomy: Taxonomy = classifier.config.taxonomy
        self._remedies = remedies
        self._steps = steps
        # Only asked what it knows already.
        self._frequent = frequent
        self._rescore = rescore
        self._told: dict[int, Told] = {}

    def digest(self, numbered: tuple[int, Part]) -> Digest:
        """The digest of a part whose first row has this number."""
        start, part = numbered
        assert part.details is not None
        work = _Work(part, self._batches.get(), earlier=None if self._rescore else part.details.answers)
        found = Digest(len(part), len(part.errors), work.unasked)
        for at, n in _counts(work.scored.index[work.scored.index >= 0]):
            found.outcomes[work.scored.outcomes[at]] += n
        if len(work.rows):
            self._count_sure(work, found)
            self._count_receivers(work, found)
            self._count_time(work, found, start=start)
            self._count_templates(work, found)
            self._collect_drops(work, found)
        found.has_receivers = part.domains is not None
        found.has_times = part.details.times is not None
        return found

    def _count_sure(self, work: "_Work", found: Digest) -> None:
        steps = np.minimum((work.scored.confidence[work.rows] * SURE_STEPS).astype(np.int64), SURE_STEPS - 1)
        found.sure += np.bincount(np.maximum(steps, 0), minlength=SURE_STEPS)

    def _count_receivers(self, work: "_Work", found: Digest) -> None:
        domains = work.part.domains
        if domains is None:
            return
        width = len(work.labels)
        for key, n in _counts(domains.ids[work.rows] * width + work.label):
            found.by_receiver[domains.names[key // width], work.labels[key % width]] += n

    def _count_time(self, work: "_Work", found: Digest, *, start: int) -> None:
        """Count labels and receivers by time, or by order where no row of the part says when."""
        details = work.part.details
        times = None if details is None or details.times is None else details.times[work.rows]
        if times is None or (times == MISSING).all():
            found.timeless = len(work.rows)
            step, origin = self._steps.rows()
            found.by_row = self._by_step(work, start + work.rows, np.ones(len(work.rows), bool), step, origin)
            return
        told = times != MISSING
        found.timeless = len(told) - int(told.sum())
        found.only_days = not (times[told] % DAY).any()
        step, origin = self._steps.minutes()
        found.labels, found.receivers = self._by_step(work, times, told, step, origin)

    def _by_step(
        self, work: "_Work", moments: np.ndarray, told: np.ndarray, step: int, origin: int
    ) -> tuple[list[tuple[int, Label, int]], list[tuple[int, str, int]]]:
        steps = (moments[told] - origin) // step
        first = int(steps.min())
        offset, width = steps - first, len(work.labels)
        labels = [
            ((key // width + first) * step + origin, work.labels[key % width], n)
            for key, n in _counts(offset * width + work.label[told])
        ]
        domains = work.part.domains
        if domains is None:
            return labels, []
        width = len(domains.names)
        return labels, [
            ((key // width + first) * step + origin, domains.names[key % width], n)
            for key, n in _counts(offset * width + domains.ids[work.rows][told])
        ]

    def _count_templates(self, work: "_Work", found: Digest) -> None:
        numbers = work.templates[work.rows]
        prints = work.batch.fingerprints(numbers)
        reasons = work.label
        # Texts of one template may have several reasons: by codes, or by rules of the user.
        keys = prints ^ (np.array([hash_of(label) for label in work.labels], np.uint64)[reasons])
        distinct, first, group, counts = np.unique(keys, return_index=True, return_inverse=True, return_counts=True)
        rows = work.rows[first]
        told: list[Told | None] = []
        for key, row, at, n in zip(distinct.tolist(), rows.tolist(), first.tolist(), counts.tolist(), strict=True):
            found.templates.append((key, n, None if key in self._frequent else self._seen(work, row, n)))
            told.append(self._tell(work, key, number=int(numbers[at]), reason=work.labels[reasons[at]][1]))
        if any(told):
            self._count_topics(work, found, told=told, group=group)

    def _seen(self, work: "_Work", row: int, n: int) -> Seen:
        _, bounce_type, reason, action, _ = work.scored.outcomes[work.scored.index[row]]
        part = work.part
        codes = (part.smtp[row] if part.smtp else None, part.status[row] if part.status else None)
        text = work.text(row, most=_MAX_EXAMPLE).decode("utf-8", "replace")
        return Seen(n, text, codes, bounce_type, reason, action, float(work.scored.confidence[row]))

    def _tell(self, work: "_Work", key: int, *, number: int, reason: str | None) -> Told | None:
        if reason is None or self._taxonomy[reason].fault not in _MENDABLE:
            return None
        if (known := self._told.get(key)) is None:
            known = tell(work.batch.template(number), reason=reason, remedies=self._remedies)
            if len(self._told) >= _MAX_TOLD:
                self._told.clear()
            self._told[key] = known
        return known

    def _count_topics(self, work: "_Work", found: Digest, *, told: list[Told | None], group: np.ndarray) -> None:
        domains = work.part.domains
        providers = self._remedies.provider_of_domain
        own = [None] if domains is None else [providers.get(name) for name in domains.names]
        ids = np.zeros(len(group), np.int64) if domains is None else domains.ids[work.rows]
        mendable = np.array([each is not None for each in told])[group]
        width = len(own)
        for key, n in _counts(group[mendable] * width + ids[mendable]):
            each = told[key // width]
            assert each is not None
            if each.topic is not None:
                found.topics[each.topic, own[key % width] or each.provider] += n
            if each.blocklist is not None:
                found.blocklists[each.blocklist] += n
        is_open = np.array([each is not None and each.is_open for each in told])
        asked = np.flatnonzero(is_open[group])
        for at in asked[work.naming_lists(work.rows[asked])].tolist():
            named = blocklist_in(work.text(int(work.rows[at]), most=_MAX_LOOKED_AT).decode("utf-8", "replace"))
            each = told[group[at]]
            if named is None or each is None:
                continue
            provider = own[ids[at]] or each.provider
            if each.topic is not None:
                found.topics[each.topic, provider] -= 1
            found.topics[BLOCKLIST, provider] += 1
            found.blocklists[named.name] += 1

    def _collect_drops(self, work: "_Work", found: Digest) -> None:
        recipients = work.part.details.recipients if work.part.details else None
        if recipients is None:
            return
        given_up = np.array([outcome[3] == "suppress" for outcome in work.scored.outcomes], bool)
        met: set[str] = set()
        for row in work.rows[given_up[work.scored.index[work.rows]]].tolist():
            cell = _cell(recipients, row)
            if cell in met:
                continue
            met.add(cell)
            if (address := address_in(cell)) is None:
                found.odd_recipients += 1
                continue
            reason = work.scored.outcomes[work.scored.index[row]][2] or ""
            found.drops.append(Drop(address, reason, float(work.scored.confidence[row])))


class _Work:
    """A part with its answers, as arrays of its failures: `rows` are their positions, `label` numbers of `labels`."""

    def __init__(self, part: Part, batch: Batch, *, earlier: Scored | None) -> None:
        self.part = part
        self.batch = batch
        texts = part.texts
        self._data, self._offsets = (texts.data, texts.offsets) if isinstance(texts, Buffer) else text_buffer(texts)
        if earlier is None:
            answers = batch.answer_buffer(self._data, self._offsets, smtp=part.smtp, enhanced=part.status)
            self.scored = scored_columns(answers, part=part)
            self.templates = answers.templates
        else:
            self.scored = earlier
            self.templates = batch.number_buffer(self._data, self._offsets, smtp=part.smtp, enhanced=part.status)
        of_outcome = [_label(outcome) for outcome in self.scored.outcomes]
        self.labels: list[Label] = list(dict.fromkeys(label for label in of_outcome if label is not None))
        number: Mapping[Label | None, int] = {label: i for i, label in enumerate(self.labels)}
        # The last one is for rows without an answer, whose index is -1.
        numbers = np.array([number.get(label, -1) for label in of_outcome] + [-1], np.int64)[self.scored.index]
        self.rows = np.flatnonzero(numbers >= 0)
        self.label = numbers[self.rows]
        self.unasked = int((self.scored.index < 0).sum()) - len(part.errors)

    def text(self, row: int, *, most: int) -> bytes:
        """The beginning of a row's text."""
        start, end = int(self._offsets[row]), int(self._offsets[row + 1])
        return bytes(self._data[start : min(end, start + most)])

    def naming_lists(self, rows: np.ndarray) -> np.ndarray:
        """Which of these rows' texts name a blocklist by a host; their positions among the rows."""
        if not len(rows):
            return rows
        starts = self._offsets[rows]
        sizes = np.minimum(self._offsets[rows + 1] - starts, _MAX_LOOKED_AT)
        ends = np.cumsum(sizes)
        at = np.arange(int(ends[-1])) + np.repeat(starts - (ends - sizes), sizes)
        found = np.array(find_marks(self._data[at]), np.int64)
        return np.unique(np.searchsorted(ends, found, side="right"))


def hash_of(label: Label) -> int:
    """A number (uint64) for a label's reason, the same in every run."""
    return fingerprint(label[1] or "")


def _label(outcome: Outcome) -> Label | None:
    """Type and reason of a failure; None of what is none."""
    return (outcome[1], outcome[2]) if outcome[2] is not None else None


def _counts(keys: np.ndarray) -> list[tuple[int, int]]:
    """Each of the keys, which aren't negative, with how often it stands there."""
    if len(keys) and int(keys.max()) < _FEW_KEYS:
        n = np.bincount(keys)
        distinct = np.flatnonzero(n)
        n = n[distinct]
    else:
        distinct, n = np.unique(keys, return_counts=True)
    return list(zip(distinct.tolist(), n.tolist(), strict=True))


def _cell(cells: object, row: int) -> str:
    if isinstance(cells, Buffer):
        start, end = int(cells.offsets[row]), int(cells.offsets[row + 1])
        return bytes(cells.data[start:end]).decode("utf-8", "replace")
    assert isinstance(cells, (list, tuple))
    return str(cells[row])
