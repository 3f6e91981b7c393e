"""The receivers' domains of rows, numbered."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bounceml.kernel import ASK_TAIL, Engine, library
from bounceml_datasets.exports.columns import domain_of

# Spellings that are remembered from part to part; beyond them everything is forgotten and numbered again.
_MAX_KNOWN = 20_000


@dataclass(frozen=True, slots=True)
class Domains:
    """Receivers' domains of rows: row i has `names[ids[i]]`; ids has shape (n,)."""

    names: Sequence[str]
    ids: np.ndarray

    @classmethod
    def of(cls, addresses: Sequence[str]) -> "Domains":
        """The domains of addresses."""
        found: dict[str, int] = {}
        ids = [found.setdefault(domain_of(address), len(found)) for address in addresses]
        return cls(list(found), np.array(ids, np.int64))


class DomainReader:
    """Domains of addresses that lie in buffers; a spelling met before costs a look into a table."""

    def __init__(self) -> None:
        kernel = library()
        self._engine = None if kernel is None else Engine(kernel)
        self._names: dict[str, int] = {}
        # By number of the spelling, the number of its domain.
        self._ids: list[int] = []
        self._told = 0

    def read(self, data: np.ndarray, offsets: np.ndarray) -> Domains:
        """What `Domains.of` finds in texts: text i is `data[offsets[i]:offsets[i + 1]]` (uint8, int64)."""
        if self._engine is None:
            return Domains.of([_text(data, offsets, i) for i in range(len(offsets) - 1)])
        if len(self._ids) > _MAX_KNOWN:
            self._engine.forget()
            self._names, self._ids, self._told = {}, [], 0
        tails = self._engine.tails(data, offsets)
        for spelled in self._engine.tokens(self._told):
            self._ids.append(self._number(f"@{spelled}"))
        self._told = self._engine.token_bytes()
        ids = np.array([*self._ids, self._number("")], np.int64)[np.maximum(tails, -1)]  # NO_TAIL takes the last
        for i in np.flatnonzero(tails == ASK_TAIL).tolist():
            ids[i] = self._number(_text(data, offsets, i))
        return Domains(list(self._names), ids)

    def _number(self, address: str) -> int:
        return self._names.setdefault(domain_of(address), len(self._names))


def _text(data: np.ndarray, offsets: np.ndarray, i: int) -> str:
    return data[offsets[i] : offsets[i + 1]].tobytes().decode("utf-8", "surrogatepass")
