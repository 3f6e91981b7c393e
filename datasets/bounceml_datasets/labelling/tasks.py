"""Texts to label as other tools import them, with the model's answer as the prediction.

Label Studio: https://labelstud.io/guide/predictions; Prodigy: https://prodi.gy/docs/api-interfaces#choice.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any
from xml.sax.saxutils import quoteattr

from bounceml_datasets.labelling.item import Item

# Names in Label Studio's labelling interface: the choice, and the text that it belongs to.
CHOICE, TEXT = "label", "text"


def label_studio_tasks(items: Iterable[Item], *, model_version: str) -> bytes:
    """A JSON file of tasks; each has the best answer as its prediction."""
    tasks = [{"data": _facts(item), "predictions": _predictions(item, model_version=model_version)} for item in items]
    return (json.dumps(tasks, ensure_ascii=False, indent=1) + "\n").encode("utf-8", "replace")


def label_studio_interface(names: Sequence[str]) -> str:
    """The labelling interface for these tasks, to be pasted into the project's settings."""
    choices = "\n".join(f"    <Choice value={quoteattr(name)}/>" for name in names)
    return (
        f'<View>\n  <Text name="{TEXT}" value="${TEXT}"/>\n'
        '  <Header value="$count times, from $domains domains; the provider says: $provider_class"/>\n'
        f'  <Choices name="{CHOICE}" toName="{TEXT}" choice="single" required="true">\n'
        f"{choices}\n  </Choices>\n</View>\n"
    )


def prodigy_tasks(items: Iterable[Item], *, names: Sequence[str]) -> bytes:
    """Lines of JSON for Prodigy's choice interface; the best answer is chosen already."""
    options = [{"id": name, "text": name} for name in names]
    lines = []
    for item in items:
        facts = _facts(item)
        text = facts.pop(TEXT)
        task = {"text": text, "options": options, "accept": [a.label for a in item.answers[:1]], "meta": facts}
        lines.append(json.dumps(task, ensure_ascii=False) + "\n")
    return "".join(lines).encode("utf-8", "replace")


def _facts(item: Item) -> dict[str, Any]:
    """What is known of a text; what isn't is the empty text, so that an interface may name any field."""
    facts = {name: "" if value is None else value for name, value in asdict(item).items()}
    facts["answers"] = ", ".join(f"{answer.label} {answer.confidence:.2f}" for answer in item.answers)
    return facts


def _predictions(item: Item, *, model_version: str) -> list[dict[str, Any]]:
    return [
        {
            "model_version": model_version,
            "score": round(answer.confidence, 4),
            "result": [
                {"from_name": CHOICE, "to_name": TEXT, "type": "choices", "value": {"choices": [answer.label]}},
            ],
        }
        for answer in item.answers[:1]
    ]
