"""Tokens to n-gram fingerprints: the features of the model, the same for one text, batches and training.

A text's vector is a sum over its tokens, in two blocks that are scaled to unit length each: words (single tokens and
pairs) and characters (n-grams inside each token). The squared length of a block is the sum over its tokens, so that
every token's share can be worked out once and added up, however large the batch.
"""

import hashlib
import re
from functools import lru_cache

from bounceml.masking import DENSE, is_word

# Words of an alphabet are cut with their borders; runs without spaces, and Korean syllables, in shorter pieces.
_LETTER_GRAMS = (3, 4)
_DENSE_GRAMS = (1, 2, 3)
_DENSE = re.compile(f"[{DENSE}\uac00-\ud7a3]")
_PAIR = 0x9E3779B97F4A7C15
_MASK = (1 << 64) - 1


def fingerprint(gram: str) -> int:
    """64-bit fingerprint of an n-gram; all bytes count, so that long words don't collide."""
    return int.from_bytes(hashlib.blake2b(gram.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


def pair_fingerprint(first: int, second: int) -> int:
    """Fingerprint of two neighbouring tokens, from theirs; the order counts."""
    return (first * _PAIR + (second ^ (second >> 29))) & _MASK


@lru_cache(maxsize=1 << 16)
def word_fingerprint(token: str) -> int:
    """Fingerprint of a whole token."""
    return fingerprint(token)


@lru_cache(maxsize=1 << 16)
def character_fingerprints(token: str) -> tuple[int, ...]:
    """Fingerprints of the character n-grams of a token, repeated ones included; none for slots and codes."""
    return tuple(fingerprint("\x00" + gram) for gram in character_grams(token))


def character_grams(token: str) -> list[str]:
    """Character n-grams of a token.

    >>> character_grams("full")
    [' fu', 'ful', 'ull', 'll ', ' ful', 'full', 'ull ']
    >>> character_grams("已满")
    ['已', '满', '已满']
    """
    padded = token if is_dense(token) else f" {token} "
    return [padded[start:end] for start, end in _cuts(token, padded=padded)]


def character_places(token: str) -> list[tuple[int, int] | None]:
    """Where each of a token's character n-grams stands in it, as (start, end) pairs; None for the whole token.

    In scripts without spaces a token is a run of words, and its n-grams tell them apart; else a token is the word.

    >>> character_places("已满")
    [(0, 1), (1, 2), (0, 2)]
    """
    if is_dense(token):
        return [*_cuts(token, padded=token)]
    return [None] * len(_cuts(token, padded=f" {token} "))


def is_dense(token: str) -> bool:
    """Whether a token is a run of a script without spaces, or Korean, which is cut in shorter pieces."""
    return _DENSE.match(token) is not None


def _cuts(token: str, *, padded: str) -> list[tuple[int, int]]:
    if not is_word(token):
        return []
    sizes = _DENSE_GRAMS if is_dense(token) else _LETTER_GRAMS
    return [(i, i + n) for n in sizes for i in range(len(padded) - n + 1)]
