"""Many texts to numbered templates: each distinct template is scored once, however many texts have it."""

import itertools
import re
from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np

from bounceml.decode import mend_chunks, repair
from bounceml.kernel import ASK_CHUNKS, ASK_WHOLE, Engine, library
from bounceml.masking import MAX_CHUNK, MAX_TEXT, chunk_tokens, tokens

# Bounds on what is remembered, some 40 MB: beyond the first all templates are forgotten and learnt again, beyond the
# others everything is.
_MAX_TEMPLATES, _MAX_TOKENS, _MAX_TAUGHT = 60_000, 40_000, 16_000_000
_UNREAD = -9


class Templates(Protocol):
    """Numbers texts by their templates; `ids[starts[i]:ends[i]]` are the numbers of template i's tokens."""

    def number(self, texts: Sequence[bytes]) -> np.ndarray:
        """Numbers of the templates of UTF-8 texts, int64 of shape (n_texts,)."""

    def number_buffer(self, data: np.ndarray, offsets: np.ndarray) -> np.ndarray:
        """The same for texts that lie in one buffer (uint8): text i is `data[offsets[i]:offsets[i + 1]]` (int64)."""

    def put(self, found: Sequence[str]) -> int:
        """Number of the template with these tokens."""

    def tokens(self) -> list[str]:
        """Tokens in the order of their numbers, since the last call; all where it forgot."""

    def arrays(self) -> tuple[np.ndarray, np.ndarray]:
        """Token numbers of all templates one after another (int32), and where each ends in there (int64)."""

    def are_many(self) -> bool:
        """Whether there are so many templates that they should be forgotten."""

    def is_full(self) -> bool:
        """Whether so much else is remembered that everything should be forgotten."""

    def forget_templates(self) -> None:
        """Forget all templates, but not the tokens; numbers of templates begin at 0 again."""

    def forget(self) -> None:
        """Forget everything; all numbers begin at 0 again."""


def new_templates() -> Templates:
    """Templates by the compiled kernel where it was built, else in Python."""
    kernel = library()
    return PythonTemplates() if kernel is None else KernelTemplates(Engine(kernel))


def read_tokens(text: str) -> list[str]:
    """Masked tokens of a text as it came, mended first."""
    return tokens(repair(text[:MAX_TEXT]))


class PythonTemplates:
    """Templates without the kernel."""

    def __init__(self) -> None:
        self._told = 0
        self.forget()

    def number(self, texts: Sequence[bytes]) -> np.ndarray:
        """See `Templates`."""
        return np.array([self._number(text) for text in texts], np.int64)

    def number_buffer(self, data: np.ndarray, offsets: np.ndarray) -> np.ndarray:
        """See `Templates`."""
        whole, ends = data.tobytes(), offsets.tolist()
        return self.number([whole[start:end] for start, end in itertools.pairwise(ends)])

    def put(self, found: Sequence[str]) -> int:
        """See `Templates`."""
        key = tuple(self._token(token) for token in found)
        number = self._templates.setdefault(key, len(self._templates))
        if number == len(self._ends):
            self._ids.extend(key)
            self._ends.append(len(self._ids))
        return number

    def tokens(self) -> list[str]:
        """See `Templates`."""
        new = list(self._tokens)[self._told :]
        self._told = len(self._tokens)
        return new

    def arrays(self) -> tuple[np.ndarray, np.ndarray]:
        """See `Templates`."""
        return np.array(self._ids, np.int32), np.array(self._ends, np.int64)

    def are_many(self) -> bool:
        """See `Templates`."""
        return len(self._texts) > _MAX_TEMPLATES // 2

    def is_full(self) -> bool:
        """See `Templates`."""
        return len(self._tokens) > _MAX_TOKENS

    def forget_templates(self) -> None:
        """See `Templates`."""
        self._texts: dict[bytes, int] = {}
        self._templates: dict[tuple[int, ...], int] = {}
        self._ids: list[int] = []
        self._ends: list[int] = []

    def forget(self) -> None:
        """See `Templates`."""
        self.forget_templates()
        self._tokens: dict[str, int] = {}
        self._told = 0

    def _number(self, text: bytes) -> int:
        if text not in self._texts:
            self._texts[text] = self.put(read_tokens(text.decode("utf-8", "surrogatepass")))
        return self._texts[text]

    def _token(self, token: str) -> int:
        return self._tokens.setdefault(token, len(self._tokens))


class KernelTemplates:
    """Templates by the kernel; Python reads the texts that the kernel hands back."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._told = 0

    def number(self, texts: Sequence[bytes]) -> np.ndarray:
        """See `Templates`."""
        offsets = np.zeros(len(texts) + 1, np.int64)
        np.cumsum([len(text) for text in texts], out=offsets[1:])
        return self.number_buffer(np.frombuffer(b"".join(texts) or b"\0", np.uint8), offsets)

    def number_buffer(self, data: np.ndarray, offsets: np.ndarray) -> np.ndarray:
        """See `Templates`."""
        numbers = np.full(len(offsets) - 1, _UNREAD, np.int64)
        self._engine.read(data, offsets, numbers, which=_UNREAD)
        for i in np.flatnonzero(numbers == ASK_WHOLE).tolist():
            numbers[i] = self.put(read_tokens(_text(data, offsets, i)))
        # What is taught for a few texts mostly serves for the others too, so ask again after each few.
        few = 16
        while len(asked := np.flatnonzero(numbers == ASK_CHUNKS)):
            for i in asked[:few].tolist():
                text = _text(data, offsets, i)
                self._engine.teach(text.encode("utf-8", "surrogatepass"), _chunk_tokens(text))
            self._engine.read(data, offsets, numbers, which=ASK_CHUNKS)
            few *= 4
        return numbers

    def put(self, found: Sequence[str]) -> int:
        """See `Templates`."""
        return self._engine.put(found)

    def tokens(self) -> list[str]:
        """See `Templates`."""
        new = self._engine.tokens(self._told)
        self._told = self._engine.token_bytes()
        return new

    def arrays(self) -> tuple[np.ndarray, np.ndarray]:
        """See `Templates`."""
        return self._engine.templates()

    def are_many(self) -> bool:
        """See `Templates`."""
        return self._engine.sizes()[1] > _MAX_TEMPLATES

    def is_full(self) -> bool:
        """See `Templates`."""
        tokens, _, taught = self._engine.sizes()
        return tokens > _MAX_TOKENS or taught > _MAX_TAUGHT

    def forget_templates(self) -> None:
        """See `Templates`."""
        self._engine.forget_templates()

    def forget(self) -> None:
        """See `Templates`."""
        self._engine.forget()
        self._told = 0


def _text(data: np.ndarray, offsets: np.ndarray, i: int) -> str:
    return data[offsets[i] : offsets[i + 1]].tobytes().decode("utf-8", "surrogatepass")


def _chunk_tokens(text: str) -> Iterator[list[str]]:
    """Tokens of each non-ASCII chunk of a text, mended, in the order of the chunks."""
    chunks = [chunk for chunk in _CHUNK.findall(text) if not chunk.isascii()]
    for chunk in mend_chunks(chunks):
        yield [token for part in chunk.split() for token in chunk_tokens(part[:MAX_CHUNK])]


# White space of ASCII; other white space doesn't part the chunks that are mended together.
_CHUNK = re.compile(r"[^\t-\r\x1c- ]+")
