"""Imports files of labelled texts into a corpus file; what stands there already is never changed."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from bounceml.errors import CorpusError
from bounceml.paths import check_outputs, is_there
from bounceml.taxonomy import load_taxonomy
from bounceml.whole_file import write_whole
from bounceml_datasets.corpus import Row, is_language, load_corpus
from bounceml_datasets.crosswalk import Crosswalk, crosswalk_names, load_crosswalk
from bounceml_datasets.imports.labelled import Labelled, Reading, Source
from bounceml_datasets.imports.merging import Conflict, Defaults, Merged, merge
from bounceml_datasets.imports.reading import provider_of, read_labelled
from bounceml_datasets.inspection import template_key


@dataclass(frozen=True, slots=True)
class Job:
    """What to import, and where to. `crosswalk` is a name or a TOML file; None takes our own names, or a provider's."""

    sources: tuple[Source, ...]
    output: Path
    crosswalk: str | None = None
    defaults: Defaults = field(default_factory=Defaults)
    append: bool = False


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of the rows that were read.

    `added` went into the output. `present` were there already, with the same label; `conflicts` are templates with
    several labels, also against the output, and none of them was added. `known` of the added ones are in the built-in
    data with the same label, `against_builtin` with another one.
    """

    reading: Reading
    added: tuple[Row, ...]
    merged: int
    present: int
    conflicts: tuple[Conflict, ...]
    unmapped: Counter[str]
    vague: Counter[str]
    as_unknown: int
    known: int
    against_builtin: tuple[Conflict, ...]


def import_labelled(job: Job, *, reasons: Collection[str], note: Callable[[str], None]) -> Imported:
    """Read labelled texts, merge them, and write those that are new.

    Nothing is written where no row was added. Raises CorpusError where a file can't be read, or the output can't be
    written or is there already without `append`, and ConfigError for a crosswalk that can't be used. `note` is told
    which crosswalk is used.
    """
    old = _old_rows(job, reasons=reasons)
    if not is_language(job.defaults.lang):
        raise CorpusError(f"lang {job.defaults.lang!r} is no language tag such as de, pt-BR or zh-Hans")
    reading = Reading()
    crosswalk = _crosswalk(job, reasons=reasons, note=note)
    found = merge(_texts(job, reading=reading), crosswalk=crosswalk, reasons=reasons, defaults=job.defaults)
    present = _leave_out_old(found, old=old, output=job.output)
    added = tuple(found.rows.values())
    known, against = _beside_builtin(found)
    if added:
        before = job.output.read_bytes() if old else b""
        if before and not before.endswith(b"\n"):
            before += b"\n"
        write_whole(job.output, before + "".join(f"{row.to_json()}\n" for row in added).encode("utf-8", "replace"))
    return Imported(
        reading=reading,
        added=added,
        merged=found.merged,
        present=present,
        conflicts=tuple(found.conflicts),
        unmapped=found.unmapped,
        vague=found.vague,
        as_unknown=found.as_unknown,
        known=known,
        against_builtin=against,
    )


def _old_rows(job: Job, *, reasons: Collection[str]) -> tuple[Row, ...]:
    if job.output.suffix.lower() != ".jsonl":
        raise CorpusError(f"{job.output}: a corpus file's name ends in .jsonl")
    check_outputs([job.output], inputs=[*(source.path for source in job.sources), job.crosswalk])
    if not is_there(job.output):
        return ()
    if not job.append:
        raise CorpusError(f"{job.output}: is there already: --append adds what is new to it")
    return load_corpus([job.output], reasons=reasons) if job.output.stat().st_size else ()


def _crosswalk(job: Job, *, reasons: Collection[str], note: Callable[[str], None]) -> Crosswalk | None:
    if job.crosswalk is not None:
        return load_crosswalk(job.crosswalk, reasons=reasons)
    providers = {provider_of(source) for source in job.sources} - {None}
    if not providers:
        return None
    names = sorted(str(provider) for provider in providers)
    if len(names) > 1 or names[0] not in crosswalk_names():
        raise CorpusError(f"the labels are classes of {' and '.join(names)}: name a crosswalk with --labels")
    note(f"labels are read by the crosswalk {names[0]!r}")
    return load_crosswalk(names[0], reasons=reasons)


def _texts(job: Job, *, reading: Reading) -> Iterator[Labelled]:
    for source in job.sources:
        yield from read_labelled(source, reading=reading)


def _leave_out_old(found: Merged, *, old: tuple[Row, ...], output: Path) -> int:
    """Take out what the output has already; the number of rows that it has with the same label."""
    present = 0
    for row in old:
        key = template_key(row)
        new = found.rows.pop(key, None)
        if new is None:
            continue
        if new.label == row.label:
            present += 1
        else:
            found.conflicts.append(_conflict(new, found.places[key], old=row, at=f"{output}:{row.line}"))
    return present


def _beside_builtin(found: Merged) -> tuple[int, tuple[Conflict, ...]]:
    known, against = 0, []
    builtin = _builtin_rows() if found.rows else {}
    for key, new in found.rows.items():
        row = builtin.get(key)
        if row is not None and new.label == row.label:
            known += 1
        elif row is not None:
            at = f"the built-in {row.part}:{row.line}"
            against.append(_conflict(new, found.places[key], old=row, at=at))
    return known, tuple(against)


@cache
def _builtin_rows() -> Mapping[str, Row]:
    """The built-in rows by template; they have none but the built-in reasons."""
    return {template_key(row): row for row in load_corpus(reasons=load_taxonomy().reasons)}


def _conflict(new: Row, where: str, *, old: Row, at: str) -> Conflict:
    return Conflict(new.text, ((new.label, where), (old.label, at)))
