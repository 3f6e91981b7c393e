"""`bounceml score`: an export with the verdicts beside."""

from itertools import chain
from pathlib import Path

from bounceml.classifier import Classifier, load
from bounceml.config import find_config
from bounceml.verdict import Verdict
from bounceml_cli.exits import Exit, complain
from bounceml_datasets.exports import ERROR, Columns, Record, find_columns, read_export, sample_of, write_export

_ADDED = ("kind", "type", "reason", "confidence", "action", "decided_by")
_REMEMBERED = 50_000


def run(export: Path, *, output: Path, text_column: str | None, model: Path | None, config: Path | None) -> Exit:
    """Score every row; rows that can't be read are kept with what is wrong in `bounce_error`, and counted."""
    classifier = load(model, config=config or find_config())
    broken = rows = 0
    with read_export(export) as records, write_export(output) as writer:
        sample = sample_of(records)
        readable = [record for record in sample if ERROR not in record]
        columns = find_columns(readable, text=text_column)
        complain(f"{export}: replies are read from the column {columns.text!r}")
        # A CSV has one set of columns for all rows, so the one for errors must be known from the first.
        remembered: dict[tuple[str, str | None, str | None], Record] = {}
        for record in chain(sample, records):
            rows += 1
            broken += ERROR in record
            writer.write(_scored(record, columns=columns, classifier=classifier, remembered=remembered))
    if broken:
        complain(f"{export}: {broken} of {rows} rows can't be read; see {ERROR} in {output}")
    return Exit.FAILED if broken else Exit.DONE


def _scored(
    record: Record,
    *,
    columns: Columns,
    classifier: Classifier,
    remembered: dict[tuple[str, str | None, str | None], Record],
) -> Record:
    text = record.get(columns.text)
    key = (str(text or ""), _code(record, columns.smtp), _code(record, columns.status))
    if key not in remembered:
        if len(remembered) >= _REMEMBERED:
            remembered.clear()
        remembered[key] = _answer(classifier.classify(key[0], smtp_code=key[1], enhanced_code=key[2]))
    answer = remembered[key] if ERROR not in record else dict.fromkeys(remembered[key])
    return {**{k: v for k, v in record.items() if k != ERROR}, **answer, ERROR: record.get(ERROR)}


def _answer(verdict: Verdict) -> Record:
    values = verdict.to_dict()
    return {f"bounce_{name}": values[name] for name in _ADDED}


def _code(record: Record, column: str | None) -> str | None:
    value = record.get(column) if column else None
    return str(value).strip() or None if value is not None else None
