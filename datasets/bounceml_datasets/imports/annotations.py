"""Labels in the exports of annotation tools.

Label Studio: https://labelstud.io/guide/export#Label-Studio-JSON-format-of-annotated-tasks (JSON; its JSON-MIN and CSV
are tables). Prodigy: https://prodi.gy/docs/api-interfaces#choice and the lines that `prodigy db-out` writes.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

Tool = Literal["label-studio", "prodigy"]
_ANSWERS = ("accept", "reject", "ignore")


def tool_of(records: Sequence[Mapping[str, Any]]) -> Tool | None:
    """The tool that records come from, told by their keys; None for a plain table."""
    if any(isinstance(r.get("data"), dict) and ("annotations" in r or "predictions" in r) for r in records):
        return "label-studio"
    if any(r.get("answer") in _ANSWERS or isinstance(r.get("options"), list) for r in records):
        return "prodigy"
    return None


def facts_of(record: Mapping[str, Any], *, tool: Tool | None) -> Mapping[str, Any]:
    """Where a record has its text and what else is known of it."""
    if tool == "label-studio":
        data = record.get("data")
        return data if isinstance(data, dict) else {}
    meta = record.get("meta")
    return {**meta, **record} if tool == "prodigy" and isinstance(meta, dict) else record


def labels_of(record: Mapping[str, Any], *, tool: Tool) -> list[str | None]:
    """Labels that people gave; None for a person who looked at it and gave none. Predictions don't count."""
    return list(_studio_labels(record) if tool == "label-studio" else _prodigy_labels(record))


def one_label(value: object) -> str:
    """The label in a cell, which may hold it as a choice or a list of one; empty where there isn't exactly one."""
    if isinstance(value, dict):
        return one_label(value.get("choices"))
    if isinstance(value, list):
        return one_label(value[0]) if len(value) == 1 else ""
    return "" if value is None or isinstance(value, bool) else str(value).strip()


def _studio_labels(record: Mapping[str, Any]) -> Iterator[str | None]:
    annotations = record.get("annotations")
    for annotation in annotations if isinstance(annotations, list) else []:
        if not isinstance(annotation, dict):
            continue
        results = annotation.get("result")
        found = [
            one_label(result["value"])
            for result in (results if isinstance(results, list) else [])
            if isinstance(result, dict) and result.get("type") == "choices" and isinstance(result.get("value"), dict)
        ]
        yield found[0] or None if len(found) == 1 and not annotation.get("was_cancelled") else None


def _prodigy_labels(record: Mapping[str, Any]) -> Iterator[str | None]:
    answer = record.get("answer")
    if answer == "accept":
        # A choice has a list, of which one has to be accepted; a binary question asks about one label.
        chosen = record["accept"] if "accept" in record else record.get("label")
        yield one_label(chosen) or None
    elif answer is not None:
        yield None
