"""Labelled texts from files: tables and JSON of any origin, sheets, providers' exports, annotation tools' exports."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np

from bounceml.errors import CorpusError
from bounceml_datasets.corpus import KIND_PREFIX
from bounceml_datasets.exports.columns import LOOKED_AT, as_text
from bounceml_datasets.exports.events import PROVIDER_CLASS
from bounceml_datasets.exports.files import kind_of, open_input
from bounceml_datasets.exports.json_export import objects_in
from bounceml_datasets.exports.opening import open_reader
from bounceml_datasets.exports.parts import Part, Reader, records_of
from bounceml_datasets.exports.texts import codes_at, text_at, with_given_codes
from bounceml_datasets.imports.annotations import Tool, facts_of, labels_of, one_label, tool_of
from bounceml_datasets.imports.labelled import Labelled, Reading, Source
from bounceml_datasets.labelling.cells import unguarded
from bounceml_datasets.labelling.sheet import SKIPPED

# Names by which tables call the label, the likeliest first.
LABEL_COLUMNS = ("label", "reason", "category", "class", "choice", "sentiment")
_TEXT_COLUMN = "text"
# Characters of a text, as in the corpus; the model looks no further.
_MAX_TEXT = 20_000


def read_labelled(source: Source, *, reading: Reading) -> Iterator[Labelled]:
    """Texts of a file that have a label, in their order; what has none is counted in `reading`.

    Raises CorpusError, naming the file, where it can't be read or has no column of texts or labels.
    """
    name = str(source.path)
    if kind_of(name, format=source.format).format == "jsonl" and (tool := _tool(source)):
        yield from _annotated(source, tool=tool, reading=reading)
    else:
        yield from _table(source, reading=reading)


def provider_of(source: Source) -> str | None:
    """The provider whose own classes are the labels of a file, None where the labels are somebody else's."""
    name = str(source.path)
    if kind_of(name, format=source.format).format == "jsonl" and _tool(source):
        return None
    with open_reader(name, format=source.format, text_column=_text_column(source)) as reader:
        is_named = source.columns.label is None and _label_column(reader, source) is None
        return reader.preset.name if reader.preset is not None and is_named else None


def _tool(source: Source) -> Tool | None:
    with open_input(str(source.path), compression=kind_of(str(source.path), format=source.format).compression) as file:
        found = islice(objects_in(file, name=str(source.path)), LOOKED_AT)
        return tool_of([record for _, record, _ in found if record is not None])


def _annotated(source: Source, *, tool: Tool, reading: Reading) -> Iterator[Labelled]:
    name = str(source.path)
    with open_input(name, compression=kind_of(name, format=source.format).compression) as file:
        for number, (_, record, error) in enumerate(objects_in(file, name=name), 1):
            reading.rows += 1
            facts = {} if record is None else facts_of(record, tool=tool)
            text = as_text(facts.get(source.columns.text or _TEXT_COLUMN)).strip()
            if record is None or not text:
                reading.broken.append(f"{name}: {error or f'task {number}: no text'}")
                continue
            labels = labels_of(record, tool=tool)
            if not labels:
                reading.unlabelled += 1
            elif None in labels and len(set(labels)) == 1:
                reading.skipped += 1
            for label in dict.fromkeys(label for label in labels if label is not None):
                yield _labelled(text, label, where=f"{name}:{number}", facts=facts)


def _table(source: Source, *, reading: Reading) -> Iterator[Labelled]:
    name = str(source.path)
    with open_reader(name, format=source.format, text_column=_text_column(source)) as reader:
        label_column = _label_column(reader, source)
        if label_column is None and reader.preset is None and PROVIDER_CLASS not in reader.names:
            columns = ", ".join(map(repr, reader.names))
            raise CorpusError(f"{name}: no column with labels: name it with --label-column; there are {columns}")
        for part in reader.parts():
            yield from _rows(part, reader=reader, label_column=label_column, name=name, reading=reading)


def _text_column(source: Source) -> str | None:
    """The column of texts: the one named, or the one that is called so, whatever else looks like one."""
    if source.columns.text is not None:
        return source.columns.text
    try:
        with open_reader(str(source.path), format=source.format, text_column=_TEXT_COLUMN) as reader:
            return reader.columns.text if reader.columns is not None else None
    except CorpusError:  # there is none, or the file can't be read, which the next to open it will say
        return None


def _label_column(reader: Reader, source: Source) -> str | None:
    """The column with the labels; None where a provider's own classes have to serve."""
    if source.columns.label is not None:
        if source.columns.label not in reader.names:
            columns = ", ".join(map(repr, reader.names))
            raise CorpusError(f"{source.path}: no column {source.columns.label!r}; there are {columns}")
        return source.columns.label
    # In a provider's events the other names mean something else.
    names = LABEL_COLUMNS if reader.preset is None else LABEL_COLUMNS[:1]
    text = reader.columns.text if reader.columns is not None else None
    return next((name for name in names if name in reader.names and name != text), None)


def _rows(part: Part, *, reader: Reader, label_column: str | None, name: str, reading: Reading) -> Iterator[Labelled]:
    asked: Iterable[Any] = np.ones(len(part), bool) if part.asked is None else part.asked
    classes: Sequence[Any] = part.extra.get(PROVIDER_CLASS, [None] * len(part))
    rows = zip(records_of(part, reader.names), asked, classes, strict=True)
    for i, (record, is_asked, provider_class) in enumerate(rows):
        reading.rows += 1
        where = f"{name}:{reading.rows}"
        if i in part.errors:
            reading.broken.append(f"{name}: {part.errors[i]}")
            continue
        label = _label(record, column=label_column, provider_class=provider_class)
        text = with_given_codes(unguarded(text_at(part, i)).strip(), codes=codes_at(part, i)).strip()
        if not label or not is_asked or not text:
            reading.unlabelled += 1
        elif label == SKIPPED:
            reading.skipped += 1
        else:
            yield _labelled(text, label, where=where, facts=record)


def _label(record: Mapping[str, Any], *, column: str | None, provider_class: object) -> str:
    if column is None:
        return one_label(provider_class or record.get(PROVIDER_CLASS))
    label = unguarded(one_label(record.get(column)))
    kind = one_label(record.get("kind"))
    # Rows of a corpus that are no bounces have a kind instead of a reason.
    return label or (f"{KIND_PREFIX}{kind}" if kind and kind != "bounce" else "")


def _labelled(text: str, label: str, *, where: str, facts: Mapping[str, Any]) -> Labelled:
    lang, source, topic = (unguarded(as_text(facts.get(key))).strip() for key in ("lang", "source", "topic"))
    return Labelled(text[:_MAX_TEXT], label, where, lang=lang, source=source, topic=topic)
