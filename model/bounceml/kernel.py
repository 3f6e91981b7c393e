"""The compiled kernel, where it was built: templates and logits of many texts, from C.

It is a plain shared library without state of its own; `Engine` and `Weights` own what they point to. While C works,
other Python threads go on.
"""

import ctypes
import os
import secrets
import sysconfig
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bounceml.masking import host_words

if TYPE_CHECKING:
    from bounceml.rule_index import Lists, Phrases

ASK_WHOLE, ASK_CHUNKS = -1, -2
NO_TAIL, ASK_TAIL = -1, -2
_POINTER, _INT, _UINT = ctypes.c_void_p, ctypes.c_int64, ctypes.c_uint64
_SIGNATURES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "new": (_POINTER, (ctypes.c_char_p, _INT, _UINT, _UINT)),
    "free": (None, (_POINTER,)),
    "read": (_INT, (_POINTER, _POINTER, _POINTER, _INT, _POINTER, _INT)),
    "teach": (_INT, (_POINTER, ctypes.c_char_p, _INT, ctypes.c_char_p, _INT)),
    "put": (_INT, (_POINTER, ctypes.c_char_p, _INT)),
    "tails": (_INT, (_POINTER, _POINTER, _POINTER, _INT, _POINTER)),
    "token_count": (_INT, (_POINTER,)),
    "template_count": (_INT, (_POINTER,)),
    "taught_size": (_INT, (_POINTER,)),
    "token_text": (_INT, (_POINTER, ctypes.POINTER(_POINTER))),
    "ids": (_POINTER, (_POINTER,)),
    "ends": (_POINTER, (_POINTER,)),
    "forget": (_INT, (_POINTER,)),
    "forget_templates": (_INT, (_POINTER,)),
    "model_new": (_POINTER, (_POINTER, _POINTER, _POINTER, _INT, _INT)),
    "model_free": (None, (_POINTER,)),
    "rows": (None, (_POINTER, _POINTER, _INT, _POINTER)),
    "characters": (None, (_POINTER, _POINTER, _POINTER, _INT, _POINTER)),
    "phrases": (None, (*[_POINTER] * 3, _INT, *[_POINTER] * 9, _INT, _POINTER)),
    "codes": (None, (*[_POINTER] * 3, _INT, *[_POINTER] * 3)),
    "judge": (_INT, (*[_POINTER] * 6, _INT, *[_POINTER] * 3)),
}


@cache
def library() -> ctypes.CDLL | None:
    """The kernel; None where it wasn't built for this machine, or the environment says BOUNCEML_PURE."""
    if os.environ.get("BOUNCEML_PURE"):
        return None
    path = Path(__file__).with_name(f"_kernel{sysconfig.get_config_var('SHLIB_SUFFIX') or '.so'}")
    try:
        loaded = ctypes.CDLL(str(path))
        for name, (result, arguments) in _SIGNATURES.items():
            function = getattr(loaded, f"bounceml_{name}")
            function.restype, function.argtypes = result, arguments
    except (OSError, AttributeError):  # not built, for another machine, or of another version
        return None
    return loaded


class Engine:
    """Texts to numbered templates, in C; the same templates as `masking.tokens` gives. For one thread at a time."""

    def __init__(self, kernel: ctypes.CDLL) -> None:
        self._c = kernel
        words = "\n".join(f"{what}{word}" for word, what in host_words().items()).encode()
        self._at = _made(kernel.bounceml_new(words, len(words), secrets.randbits(64), secrets.randbits(64)))

    def __del__(self) -> None:
        if at := getattr(self, "_at", None):
            self._c.bounceml_free(at)

    def read(self, data: np.ndarray, offsets: np.ndarray, numbers: np.ndarray, *, which: int) -> None:
        """Put the number of each text's template into `numbers` (int64), where that is `which`.

        Text i is `data[offsets[i]:offsets[i + 1]]` (uint8, int64). ASK_WHOLE and ASK_CHUNKS mark texts that Python has
        to read.
        """
        done = self._c.bounceml_read(
            self._at, data.ctypes.data, offsets.ctypes.data, len(numbers), numbers.ctypes.data, which
        )
        check(done)

    def teach(self, text: bytes, tokens: Iterable[Iterable[str]]) -> None:
        """Teach the tokens of each non-ASCII chunk of a text, in the order of the chunks."""
        lines = "\n".join(map(" ".join, tokens)).encode("utf-8", "surrogatepass")
        check(self._c.bounceml_teach(self._at, text, len(text), lines + _BEYOND, len(lines)))

    def put(self, tokens: Iterable[str]) -> int:
        """Number of the template with these tokens."""
        line = " ".join(tokens).encode("utf-8", "surrogatepass")
        return check(self._c.bounceml_put(self._at, line, len(line)))

    def tails(self, data: np.ndarray, offsets: np.ndarray) -> np.ndarray:
        """Numbers of what stands behind the last `@` of each text, ASCII letters folded; int64 of shape (n,).

        NO_TAIL where there is no `@`, ASK_TAIL where Python has to look: more than 255 bytes stand behind it, or a
        line break. Texts as in `read`; the numbers are those of tokens.
        """
        numbers = np.empty(len(offsets) - 1, np.int64)
        at = [array.ctypes.data for array in (data, offsets)]
        check(self._c.bounceml_tails(self._at, *at, len(numbers), numbers.ctypes.data))
        return numbers

    def sizes(self) -> tuple[int, int, int]:
        """How many tokens and templates are numbered, and bytes of what was taught."""
        return tuple(int(getattr(self._c, f"bounceml_{name}")(self._at)) for name in _SIZES)  # type: ignore[return-value]

    def tokens(self, start: int) -> list[str]:
        """Texts of the tokens from number `start` on, where `start` is a byte position that `token_bytes` gave."""
        where = _POINTER()
        size = self._c.bounceml_token_text(self._at, ctypes.byref(where))
        if size == start or not where.value:
            return []
        text = ctypes.string_at(where.value + start, size - start)
        return text.decode("utf-8", "surrogatepass").split("\n")[:-1]

    def token_bytes(self) -> int:
        """Bytes of all tokens' texts."""
        where = _POINTER()
        return int(self._c.bounceml_token_text(self._at, ctypes.byref(where)))

    def templates(self) -> tuple[np.ndarray, np.ndarray]:
        """Token numbers of all templates one after another (int32), and where each ends in there (int64).

        Both are views that hold until the next call of `read`, `put`, `forget` or `forget_templates`.
        """
        n = self._c.bounceml_template_count(self._at)
        if n == 0:
            return np.empty(0, np.int32), np.empty(0, np.int64)
        ends = _view(self._c.bounceml_ends(self._at), n, ctypes.c_int64)
        if ends[-1] == 0:
            return np.empty(0, np.int32), ends
        return _view(self._c.bounceml_ids(self._at), int(ends[-1]), ctypes.c_int32), ends

    def forget_templates(self) -> None:
        """Forget all templates, so that memory stays bounded."""
        check(self._c.bounceml_forget_templates(self._at))

    def forget(self) -> None:
        """Forget all templates and tokens, so that memory stays bounded."""
        check(self._c.bounceml_forget(self._at))


class Weights:
    """A model's weights with a hash table of its n-grams, in C; `at` is where they lie there."""

    def __init__(self, kernel: ctypes.CDLL, *, prints: np.ndarray, idf: np.ndarray, weights: np.ndarray) -> None:
        self._c = kernel
        self.shape = weights.shape
        # Kept here, since C only points to them.
        self._squares = np.square(idf.astype(np.float64))
        self._weights = np.ascontiguousarray(weights, np.float32)
        n, n_classes = weights.shape
        self.at = _made(
            kernel.bounceml_model_new(
                prints.ctypes.data, self._squares.ctypes.data, self._weights.ctypes.data, n, n_classes
            )
        )

    def __del__(self) -> None:
        if at := getattr(self, "at", None):
            self._c.bounceml_model_free(at)

    def rows(self, prints: np.ndarray) -> np.ndarray:
        """Rows (int32) of n-grams among the weights by their fingerprints, -1 for those that the model doesn't know."""
        rows = np.empty(len(prints), np.int32)
        self._c.bounceml_rows(self.at, prints.ctypes.data, len(prints), rows.ctypes.data)
        return rows

    def characters(self, prints: np.ndarray, ends: np.ndarray) -> np.ndarray:
        """What the character n-grams of tokens add: totals, squared length, n-grams found and looked up, side by side.

        `prints[ends[i - 1]:ends[i]]` are the fingerprints (uint64) of token i; shape (n_tokens, n_classes + 3).
        """
        parts = np.zeros((len(ends), self._weights.shape[1] + 3))
        self._c.bounceml_characters(self.at, prints.ctypes.data, ends.ctypes.data, len(ends), parts.ctypes.data)
        return parts


def mark_phrases(
    kernel: ctypes.CDLL,
    ids: np.ndarray,
    starts: np.ndarray,
    ends: np.ndarray,
    *,
    prints: np.ndarray,
    begins: "Lists",
    last: "Lists",
    phrases: "Phrases",
    marks: np.ndarray,
) -> None:
    """Mark in `marks` (uint8, shape (n, n_rules)) which rules' phrases (1) and patterns (2) stand in templates."""
    before = [array.ctypes.data for array in (ids, starts, ends)]
    arrays = (
        prints, begins.values, begins.ends, last.values, last.ends,
        phrases.words, phrases.rule, phrases.inner, phrases.inner_ends,
    )  # fmt: skip
    kernel.bounceml_phrases(
        *before, len(ends), *[array.ctypes.data for array in arrays], marks.shape[1], marks.ctypes.data
    )


# The kernel may read so much beyond a token.
_BEYOND = bytes(8)
_SIZES = ("token_count", "template_count", "taught_size")


def _view(at: int, n: int, kind: Any) -> np.ndarray:
    return np.ctypeslib.as_array(ctypes.cast(at, ctypes.POINTER(kind)), shape=(n,))


def _made(at: int | None) -> int:
    if not at:
        raise MemoryError("no memory for the kernel's tables")
    return at


def check(result: int) -> int:
    """What the kernel gave back; raises MemoryError where that says that memory ran out."""
    if result < 0:
        raise MemoryError("no memory for the kernel's tables")
    return result
