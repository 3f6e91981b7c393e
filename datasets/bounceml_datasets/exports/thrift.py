"""Thrift's compact protocol, as Parquet writes what it says about a file: read and written whole, unknown fields too.

See https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, SET, MAP, STRUCT, UUID = range(1, 14)
# Parquet nests less than ten deep.
_MAX_DEPTH = 32


@dataclass(slots=True)
class Struct:
    """A structure: by number of the field, its type and value. Doubles and UUIDs are kept as bytes."""

    fields: "dict[int, tuple[int, Value]]" = field(default_factory=dict)

    def number(self, at: int) -> int | None:
        """An integer field, None where there is none."""
        value = self.fields.get(at, (0, None))[1]
        return value if isinstance(value, int) else None

    def data(self, at: int) -> bytes:
        """A binary field, empty where there is none."""
        value = self.fields.get(at, (0, None))[1]
        return value if isinstance(value, bytes) else b""

    def structs(self, at: int) -> "list[Struct]":
        """The structures in a list field, none where there is none."""
        value = self.fields.get(at, (0, None))[1]
        return [each for each in value.values if isinstance(each, Struct)] if isinstance(value, Listed) else []


@dataclass(slots=True)
class Listed:
    """A list or set: type and values of its elements."""

    kind: int
    values: "list[Value]"


@dataclass(slots=True)
class Mapped:
    """A map: types of keys and values, and the pairs."""

    kinds: tuple[int, int]
    pairs: "list[tuple[Value, Value]]"


Value = bool | int | bytes | Struct | Listed | Mapped


def structs(values: list[Struct]) -> tuple[int, Listed]:
    """A field with a list of structures."""
    return LIST, Listed(STRUCT, list(values))


def read(data: bytes) -> Struct:
    """A structure from its bytes; raises ValueError where they are none."""
    return read_first(data)[0]


def read_first(data: bytes) -> tuple[Struct, int]:
    """A structure from its bytes, and how many they are, where others follow; raises ValueError where they are none."""
    reader = _Reader(data)
    try:
        return reader.struct(0), reader.at
    except IndexError as error:
        raise ValueError("ends in the middle") from error


def write(struct: Struct) -> bytes:
    """The bytes of a structure."""
    out = bytearray()
    _put_struct(out, struct)
    return bytes(out)


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self.at = 0

    def struct(self, depth: int) -> Struct:
        found, last = Struct(), 0
        while head := self._byte():
            last = last + (head >> 4) if head >> 4 else self._signed()
            kind = head & 15
            # A flag's value is its type.
            value = kind == TRUE if kind in (TRUE, FALSE) else self._value(kind, depth + 1)
            found.fields[last] = kind, value
        return found

    def _value(self, kind: int, depth: int) -> Value:
        if depth > _MAX_DEPTH:
            raise ValueError("nested too deep")
        if kind in (TRUE, FALSE):
            return self._byte() == TRUE
        if kind == BYTE:
            return self._byte()
        if kind in (I16, I32, I64):
            return self._signed()
        if kind in (DOUBLE, UUID, BINARY):
            return self._bytes(8 if kind == DOUBLE else 16 if kind == UUID else self._unsigned())
        if kind in (LIST, SET):
            head = self._byte()
            return Listed(head & 15, [self._value(head & 15, depth + 1) for _ in self._count(head >> 4)])
        if kind == MAP:
            if not (size := self._unsigned()):
                return Mapped((0, 0), [])
            kinds = self._byte()
            key, of = kinds >> 4, kinds & 15
            pairs = [(self._value(key, depth + 1), self._value(of, depth + 1)) for _ in self._checked(size)]
            return Mapped((key, of), pairs)
        if kind == STRUCT:
            return self.struct(depth + 1)
        raise ValueError(f"no such type: {kind}")

    def _count(self, short: int) -> Iterator[int]:
        return self._checked(short if short < 15 else self._unsigned())

    def _checked(self, size: int) -> Iterator[int]:
        if size > len(self._data) - self.at:  # each element takes a byte at least
            raise ValueError("ends in the middle")
        return iter(range(size))

    def _bytes(self, size: int) -> bytes:
        self._checked(size)
        self.at += size
        return self._data[self.at - size : self.at]

    def _byte(self) -> int:
        self.at += 1
        return self._data[self.at - 1]

    def _unsigned(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value
            if shift > 63:
                raise ValueError("a number without end")

    def _signed(self) -> int:
        value = self._unsigned()
        return value >> 1 ^ -(value & 1)


def _put_struct(out: bytearray, struct: Struct) -> None:
    last = 0
    for at, (kind, value) in sorted(struct.fields.items()):
        if kind in (TRUE, FALSE):
            kind = TRUE if value else FALSE
        if 0 < at - last < 16:
            out.append((at - last) << 4 | kind)
        else:
            out.append(kind)
            _put_signed(out, at)
        if kind not in (TRUE, FALSE):
            _put(out, kind, value)
        last = at
    out.append(0)


def _put(out: bytearray, kind: int, value: Value) -> None:
    if isinstance(value, Struct):
        _put_struct(out, value)
    elif isinstance(value, Listed):
        size = len(value.values)
        out.append(min(size, 15) << 4 | value.kind)
        if size >= 15:
            _put_unsigned(out, size)
        for each in value.values:
            _put(out, value.kind, each)
    elif isinstance(value, Mapped):
        _put_unsigned(out, len(value.pairs))
        if value.pairs:
            out.append(value.kinds[0] << 4 | value.kinds[1])
        for key, of in value.pairs:
            _put(out, value.kinds[0], key)
            _put(out, value.kinds[1], of)
    elif isinstance(value, bytes):
        if kind == BINARY:
            _put_unsigned(out, len(value))
        out += value
    elif kind in (TRUE, FALSE):
        out.append(TRUE if value else FALSE)
    elif kind == BYTE:
        out.append(value)
    else:
        _put_signed(out, value)


def _put_signed(out: bytearray, value: int) -> None:
    _put_unsigned(out, value << 1 if value >= 0 else (-value << 1) - 1)


def _put_unsigned(out: bytearray, value: int) -> None:
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
