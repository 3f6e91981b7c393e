"""Replies as senders' servers wrap them: what a model has to see through."""

import random
from collections.abc import Sequence

from bounceml.codes import find_codes
from bounceml_datasets.corpus import Row

# Longer texts, and those of several lines, are notices by themselves; nobody quotes them on a line.
_LONGEST_REPLY = 300


def wrapped(rows: Sequence[Row], *, wrappers: Sequence[str], share: float, seed: int) -> list[str | None]:
    """For each row a wrapped spelling of its text, or None: about `share` (0–1) of what looks like a reply has one.

    The same rows, wrappers and seed give the same spellings, whatever rows stand beside them.
    """
    return [_wrapped(row, wrappers=wrappers, share=share, seed=seed) for row in rows]


def _wrapped(row: Row, *, wrappers: Sequence[str], share: float, seed: int) -> str | None:
    chance = random.Random(f"{seed} {row.text}")
    if "\n" in row.text or len(row.text) > _LONGEST_REPLY or row.kind != "bounce" or chance.random() >= share:
        return None
    codes = find_codes(row.text)
    text = row.text
    # The reply code alone is often all that a wrapper keeps of the codes, and often not even that.
    if codes.enhanced and chance.random() < 0.3:
        text = text.replace(codes.enhanced, "", 1)
    return chance.choice(wrappers).replace("{text}", " ".join(text.split()))
