"""Files of messages: single e-mails, mbox files, Maildir folders, folders of e-mails."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from bounceml.errors import MessageError
from bounceml.mail.parts import MAX_BYTES

_SUFFIXES = (".eml", ".txt", ".msg", ".mbox", ".mime", ".mail")
# Bytes of an mbox file that are read at once: a line may never end.
_PIECE = 1 << 16

# Called with a file of a folder that can't be read, and why.
Skipped = Callable[[Path, OSError], None]


def split_file(path: Path, *, skipped: Skipped | None = None) -> Iterator[tuple[str, bytes]]:
    """Messages in a file or folder, each with the name to show: the path, with `#n` in a file of several.

    Folders may be Maildirs (`cur`, `new`) or hold e-mail files. No more of a message is read than is ever looked at.
    Raises MessageError for a folder without messages, OSError for what can't be read; with `skipped`, a folder's file
    that can't be is left out and told to it.
    """
    if path.is_dir():
        for each in message_files(path):
            try:
                yield from split_file(each)
            except OSError as error:
                if skipped is None:
                    raise
                skipped(each, error)
        return
    with path.open("rb", buffering=2 * _PIECE) as file:
        start = file.read(5)
        # An .eml file is one message, whatever lines a returned original in it begins with.
        if start != b"From " or path.suffix.lower() == ".eml":
            yield str(path), start + file.read(MAX_BYTES)
            return
        first: bytes | None = None
        number = 0
        for message in _mbox(start, iter(partial(file.readline, _PIECE), b"")):
            number += 1
            if first is None:
                first = message
                continue
            if number == 2:
                yield f"{path}#1", first
            yield f"{path}#{number}", message
        if number == 1 and first is not None:
            yield str(path), first


def message_files(path: Path) -> list[Path]:
    """The files that `split_file` reads, which are the file itself or those of the folder; raises as it does."""
    if not path.is_dir():
        return [path]
    maildir = [path / name for name in ("cur", "new") if (path / name).is_dir()]
    found = sorted(file for folder in maildir for file in folder.iterdir() if _is_message(file))
    if not maildir:
        found = sorted(file for file in path.iterdir() if file.suffix.lower() in _SUFFIXES and _is_message(file))
    if not found:
        raise MessageError(f"{path}: no messages in this folder: expected a Maildir, or files that end in .eml")
    return found


def _is_message(file: Path) -> bool:
    """Whether it is a file of this folder: who puts a link there may mean any other file on this computer."""
    return file.is_file() and not file.is_symlink()


def _mbox(start: bytes, pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Messages of an mbox file (RFC 4155): a line `From ` behind an empty one begins each. Lines may come in pieces."""
    kept: list[bytes] = [start]
    size = 0
    empty = begins = False
    for piece in pieces:
        if begins and empty and piece.startswith(b"From "):
            yield b"".join(kept)
            kept, size = [], 0
        empty = not piece.strip() and (begins or empty)
        begins = piece.endswith(b"\n")
        size += len(piece)
        if size <= MAX_BYTES:
            kept.append(piece)
    yield b"".join(kept)
