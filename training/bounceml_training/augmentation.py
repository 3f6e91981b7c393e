"""Texts made harder: replies as senders' servers wrap them, and texts that lack words."""

import random
from collections.abc import Sequence
from dataclasses import replace

from bounceml.codes import find_codes
from bounceml_datasets.corpus import Row

# Longer texts, and those of several lines, are notices by themselves; nobody quotes them on a line.
_LONGEST_REPLY = 300
# A text of fewer words than this, in a script without spaces, loses characters instead.
_FEWEST_WORDS = 4


def wrapped(rows: Sequence[Row], *, wrappers: Sequence[str], share: float, seed: int) -> list[str | None]:
    """For each row a wrapped spelling of its text, or None: about `share` (0–1) of what looks like a reply has one.

    The same rows, wrappers and seed give the same spellings, whatever rows stand beside them.
    """
    return [_wrapped(row, wrappers=wrappers, share=share, seed=seed) for row in rows]


def worn(rows: Sequence[Row], *, share: float, seed: int) -> list[Row]:
    """The same rows with texts that lack about `share` (0–1) of their words, or of their characters without spaces.

    A stand-in for wording further from ours than our own texts are from each other (Tomani et al. 2021, Post-hoc
    Uncertainty Calibration for Domain Drift Scenarios). At least one word stays.
    """
    return [replace(row, text=_worn(row.text, share=share, seed=seed)) for row in rows]


def _worn(text: str, *, share: float, seed: int) -> str:
    chance = random.Random(f"{seed} worn {text}")
    pieces, between = text.split(), " "
    if len(pieces) < _FEWEST_WORDS and not text.isascii():
        pieces, between = list(text), ""
    return between.join(piece for piece in pieces if chance.random() >= share) or chance.choice(pieces)


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
