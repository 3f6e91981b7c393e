"""A user's own labelled rows: some held out to judge the model by, the others beside the built-in ones."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from bounceml.masking import template
from bounceml_datasets.corpus import Row


def hold_out(rows: Sequence[Row], *, share: float) -> tuple[list[Row], list[Row]]:
    """Rows to train on and rows to judge by: of each label about `share` (0–1) of the templates, none of few.

    Which ones are held out goes by a hash of the template, so that a text that was held out once is held out again when
    more rows come: a later model is then judged by texts that no earlier one was trained on.
    """
    by_label: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        by_label[row.label].add(template(row.text))
    held: set[tuple[str, str]] = set()
    for label, templates in by_label.items():
        most = int(len(templates) * share)
        lowest = sorted(templates, key=_place)[:most]
        held |= {(label, each) for each in lowest if _place(each) < 2 * share}
    is_held = [(row.label, template(row.text)) in held for row in rows]
    return (
        [row for row, out in zip(rows, is_held, strict=True) if not out],
        [row for row, out in zip(rows, is_held, strict=True) if out],
    )


def beside(own: Sequence[Row], *, builtin: Sequence[Row], weight: float) -> tuple[list[Row], int]:
    """Own rows, each counting `weight` times, with the built-in ones; and how many of these gave way.

    A built-in row gives way where an own one of the same template has another label: the user knows better what a
    server of theirs means.
    """
    labels: dict[str, set[str]] = defaultdict(set)
    for row in own:
        labels[template(row.text)].add(row.label)
    kept = [row for row in builtin if labels.get(template(row.text), {row.label}) == {row.label}]
    return [*kept, *(replace(row, weight=weight) for row in own)], len(builtin) - len(kept)


def _place(text: str) -> float:
    """A number 0–1 that is the same for the same template for ever."""
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "replace")).digest()[:6], "big") / (1 << 48)
