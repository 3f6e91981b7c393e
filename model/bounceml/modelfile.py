"""The model file: a JSON header and flat arrays, mapped into memory; nothing in it can run.

Layout, little-endian: 8 bytes magic, 8 bytes header length, 32 bytes SHA-256 of all that follows, the header (UTF-8
JSON), padding to 64 bytes, then fingerprints (uint64, sorted, shape (n_features,)), inverse document frequencies
(float32, shape (n_features,)), weights times idf (float16, shape (n_features, n_classes), columns in the order of
`classes`), and as many bytes as `held_out` says: labelled rows that the model wasn't trained on, to judge it by.
"""

import hashlib
import json
import mmap
import struct
from bisect import bisect_left
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from bounceml.errors import ModelFileError
from bounceml.model_header import check_header
from bounceml.whole_file import write_whole

FORMAT = 1
_MAGIC = b"bounceML"
_PREFIX = struct.Struct("<8sQ32s")
_ALIGNMENT = 64
# The highest byte of a float32 that is neither below zero nor nearly infinite.
_SMALL = bytes(range(0x7F))
# The higher byte of a float16 that is finite: not all bits of its exponent are ones.
_FINITE = bytes(b for b in range(256) if b & 0x7C != 0x7C)


@dataclass(frozen=True, slots=True)
class ModelFile:
    """An opened model file: `header` as written, and the rows of n-grams looked up by fingerprint.

    `held_out` holds labelled rows as in a corpus file, UTF-8, which only those look at who judge the model.
    """

    header: dict[str, Any]
    fingerprints: memoryview
    idf: "memoryview[float]"
    weights: memoryview
    row: struct.Struct
    held_out: memoryview

    def find(self, fingerprint: int) -> int | None:
        """Position of an n-gram's row, None when training never saw it."""
        at = bisect_left(self.fingerprints, fingerprint)
        return at if at < len(self.fingerprints) and self.fingerprints[at] == fingerprint else None

    def weights_at(self, position: int) -> tuple[float, ...]:
        """Weights times idf of one n-gram, one for each class."""
        return self.row.unpack_from(self.weights, position * self.row.size)


def default_model() -> Path:
    """Where the model that ships with bounceml lies."""
    with resources.as_file(resources.files("bounceml").joinpath("data/default.model")) as path:
        return path


def open_model(path: Path) -> ModelFile:
    """Map a model file into memory and check it whole.

    Raises ModelFileError, naming the file, if it is missing, of another format, or not what was written.
    """
    try:
        with path.open("rb") as file:
            data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except OSError as error:
        raise ModelFileError(f"{path}: can't open the model file: {error.strerror or error}") from error
    except ValueError as error:  # an empty file can't be mapped
        raise ModelFileError(f"{path}: the model file is empty") from error
    return read_model(data, path=path)


def read_model(data: memoryview, *, path: Path) -> ModelFile:
    """A model from the bytes of its file, checked whole; raises ModelFileError that names `path`, as `open_model`."""
    if len(data) < _PREFIX.size or bytes(data[:8]) != _MAGIC:
        raise ModelFileError(f"{path}: not a bounceml model file")
    _, header_size, digest = _PREFIX.unpack_from(data)
    if hashlib.sha256(data[_PREFIX.size :]).digest() != digest:
        raise ModelFileError(f"{path}: the model file is damaged (its checksum doesn't agree); train or fetch it again")
    if header_size > len(data) - _PREFIX.size:
        raise ModelFileError(f"{path}: the model file's header is longer than the file")
    header = _header(bytes(data[_PREFIX.size : _PREFIX.size + header_size]), path=path)
    return _arrays(header, data=data, start=_padded(_PREFIX.size + header_size), path=path)


def write_model(
    path: Path, header: dict[str, Any], *, fingerprints: bytes, idf: bytes, weights: bytes, held_out: bytes = b""
) -> None:
    """Write a model file, whole or not at all; raises ModelFileError where it can't be written."""
    if held_out:
        header = header | {"held_out": len(held_out)}
    text = json.dumps(header, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode("utf-8")
    padding = bytes(_padded(_PREFIX.size + len(text)) - _PREFIX.size - len(text))
    body = b"".join((text, padding, fingerprints, idf, weights, held_out))
    head = _PREFIX.pack(_MAGIC, len(text), hashlib.sha256(body).digest())
    write_whole(path, head + body, failure=ModelFileError)


def _padded(size: int) -> int:
    return -(-size // _ALIGNMENT) * _ALIGNMENT


def _header(text: bytes, *, path: Path) -> dict[str, Any]:
    try:
        header = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ModelFileError(f"{path}: the model file's header is not JSON") from error
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        found = repr(header.get("format") if isinstance(header, dict) else None)[:40]
        raise ModelFileError(f"{path}: model format {found}, this bounceml reads {FORMAT}: train again or upgrade")
    try:
        check_header(header)
    except ValueError as error:
        raise ModelFileError(f"{path}: the model file's header {error}: train again") from error
    return header


def _arrays(header: dict[str, Any], *, data: memoryview, start: int, path: Path) -> ModelFile:
    n, row = header["n_features"], struct.Struct(f"<{len(header['classes'])}e")
    sizes = (8 * n, 4 * n, row.size * n, header.get("held_out", 0))
    if n < 0 or start + sum(sizes) != len(data):
        raise ModelFileError(f"{path}: the model file's arrays don't have the size that its header says")
    ends = (start + sizes[0], start + sizes[0] + sizes[1], start + sum(sizes[:3]))
    if bytes(data[ends[0] + 3 : ends[1] : 4]).translate(None, _SMALL) or bytes(
        data[ends[1] + 1 : ends[2] : 2]
    ).translate(None, _FINITE):
        raise ModelFileError(f"{path}: the model file has weights that can't be counted with: train again")
    return ModelFile(
        header=header,
        fingerprints=data[start : ends[0]].cast("Q"),
        idf=data[ends[0] : ends[1]].cast("f"),
        weights=data[ends[1] : ends[2]],
        row=row,
        held_out=data[ends[2] :],
    )
