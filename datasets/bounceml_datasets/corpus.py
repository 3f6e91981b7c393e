"""Labelled bounce texts: what a row is, and how files of them are read."""

import csv
import hashlib
import json
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from difflib import get_close_matches
from importlib import resources
from pathlib import Path
from typing import get_args

from bounceml.errors import CorpusError
from bounceml.taxonomy import Kind

# Of a CSV cell; texts beyond are no diagnostics, and a broken quote must not swallow the file.
_MAX_TEXT = 20_000
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[A-Z][a-z]{3})?(?:-[A-Z]{2})?|mul|und")
_FIELDS = frozenset({"text", "reason", "kind", "lang", "source", "topic"})
_NO_BOUNCE: tuple[str, ...] = tuple(k for k in get_args(Kind) if k not in ("bounce", "delay"))
KIND_PREFIX = "kind:"


@dataclass(frozen=True, slots=True)
class Row:
    """One labelled text.

    `reason` is None where `kind` says that the text is no bounce. `lang` is a BCP 47 tag, `source` the provider, server
    or filter that answers so, `topic` a narrower subject than the reason where a boundary was drawn. `part` names the
    file that it stands in, without its ending, and `line` the line there: files were written independently of each
    other, so texts of one are alike in style. `weight` says how much it counts in training; it isn't in the files.
    """

    text: str
    reason: str | None
    kind: str = "bounce"
    lang: str = "und"
    source: str = "generic"
    topic: str | None = None
    part: str = ""
    line: int = 0
    weight: float = 1.0

    @property
    def label(self) -> str:
        """Class that the model learns: the reason, or `kind:` and the kind of what is no bounce."""
        return self.reason or f"{KIND_PREFIX}{self.kind}"

    @property
    def id(self) -> str:
        """Twelve hexadecimal digits by which files beside the corpus name the row's text."""
        return hashlib.sha256(self.text.encode("utf-8")).hexdigest()[:12]

    def to_json(self) -> str:
        """The row as a line of a corpus file, without fields that say nothing."""
        fields = {k: v for k, v in asdict(self).items() if v is not None and (k, v) != ("kind", "bounce")}
        del fields["part"], fields["line"], fields["weight"]
        return json.dumps(fields, ensure_ascii=False)


def builtin_files() -> tuple[Path, ...]:
    """Files of the corpus that ships with bounceml, in the order of their names."""
    folder = resources.files("bounceml_datasets").joinpath("data")
    with resources.as_file(folder) as path:
        return tuple(sorted(path.glob("*.jsonl")))


def load_corpus(files: Iterable[Path] | None = None, *, reasons: Collection[str]) -> tuple[Row, ...]:
    """Rows of corpus files, the built-in ones by default: .jsonl, or .csv with `text,reason` and other fields.

    Raises CorpusError, naming file and line, for a file that can't be read or a row that isn't in order; its reason has
    to be among `reasons`.
    """
    rows: list[Row] = []
    for file in builtin_files() if files is None else files:
        found = list(_rows(file, reasons=reasons))
        if not found:
            raise CorpusError(f"{file}: no labelled rows: the file is empty")
        rows += found
    if not rows:
        raise CorpusError("no labelled rows: no file was given")
    return tuple(rows)


def parse_corpus(content: str, *, name: str, reasons: Collection[str]) -> tuple[Row, ...]:
    """Rows from the text of a corpus file, one JSON object a line; raises CorpusError as `load_corpus`."""
    return tuple(_checked_rows(_json_entries(content, file=Path(name)), file=Path(name), reasons=reasons))


def is_language(tag: str) -> bool:
    """Whether a row may have this as its language.

    >>> is_language("pt-BR"), is_language("Portuguese")
    (True, False)
    """
    return _LANGUAGE.fullmatch(tag) is not None


def corpus_hash(rows: Iterable[Row]) -> str:
    """SHA-256 of rows in any order, as 64 hexadecimal digits."""
    digest = hashlib.sha256()
    for line in sorted(row.to_json() for row in rows):
        digest.update(line.encode("utf-8") + b"\n")
    return digest.hexdigest()


def _rows(file: Path, *, reasons: Collection[str]) -> Iterator[Row]:
    try:
        content = file.read_text("utf-8-sig")
    except OSError as error:
        raise CorpusError(f"{file}: can't read the labelled data: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise CorpusError(f"{file}: not UTF-8: save the file as UTF-8 (in Excel: CSV UTF-8)") from error
    entries = _csv_entries(content, file=file) if file.suffix.lower() == ".csv" else _json_entries(content, file=file)
    yield from _checked_rows(entries, file=file, reasons=reasons)


def _checked_rows(
    entries: Iterable[tuple[int, dict[str, object]]], *, file: Path, reasons: Collection[str]
) -> Iterator[Row]:
    for line, entry in entries:
        yield replace(_row(entry, where=f"{file}:{line}", reasons=reasons), part=file.stem, line=line)


def _json_entries(content: str, *, file: Path) -> Iterator[tuple[int, dict[str, object]]]:
    for number, line in enumerate(content.split("\n"), 1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise CorpusError(f"{file}:{number}: not JSON: {error}") from error
        if not isinstance(entry, dict):
            raise CorpusError(f'{file}:{number}: expected an object such as {{"text": "…", "reason": "…"}}')
        yield number, entry


def _csv_entries(content: str, *, file: Path) -> Iterator[tuple[int, dict[str, object]]]:
    reader = csv.DictReader(content.splitlines(keepends=True))
    try:
        if not reader.fieldnames or not {"text", "reason"} <= set(reader.fieldnames):
            raise CorpusError(f"{file}:1: the first line must name the columns text and reason")
        for entry in reader:
            yield reader.line_num, {k: v for k, v in entry.items() if k in _FIELDS and v}
    except csv.Error as error:
        raise CorpusError(f"{file}:{reader.line_num or 1}: not CSV: {error}") from error


def _row(entry: dict[str, object], *, where: str, reasons: Collection[str]) -> Row:
    if unknown := set(entry) - _FIELDS:
        raise CorpusError(f"{where}: no such field {min(unknown)!r}; use {', '.join(sorted(_FIELDS))}")
    fields: dict[str, str] = {}
    for key, value in entry.items():
        if value is None and key in ("reason", "topic"):
            continue
        if not isinstance(value, str):
            raise CorpusError(f"{where}: {key} must be a text")
        # Half of a character, as JSON can have it, can be neither hashed nor written.
        fields[key] = value.encode("utf-8", "replace").decode("utf-8")
    text, kind, reason = fields.get("text", ""), fields.get("kind", "bounce"), fields.get("reason")
    if not text.strip():
        raise CorpusError(f"{where}: the text is empty")
    if len(text) > _MAX_TEXT:
        raise CorpusError(f"{where}: the text has {len(text)} characters, more than {_MAX_TEXT}: cut it")
    if kind != "bounce" and kind not in _NO_BOUNCE:
        raise CorpusError(f"{where}: no such kind {kind!r}; use bounce, {', '.join(_NO_BOUNCE)}")
    if (kind == "bounce") is (reason is None):
        raise CorpusError(f"{where}: a bounce needs a reason, and what is no bounce has none")
    if reason is not None and reason not in reasons:
        near = get_close_matches(reason, reasons, 1)
        hint = f"did you mean {near[0]!r}? Else " if near else ""
        raise CorpusError(
            f"{where}: no such reason {reason!r}; {hint}use {', '.join(reasons)}, "
            "or add it under [reasons] in bounceml.toml"
        )
    lang = fields.get("lang", "und")
    if not is_language(lang):
        raise CorpusError(f"{where}: lang {lang!r} is no language tag such as de, pt-BR or zh-Hans")
    return Row(text, reason, kind, lang, fields.get("source", "generic"), fields.get("topic"))
