"""A recorder between a mail server and an LMTP server (RFC 2033): what was said of each recipient, word for word."""

import asyncio
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from lab.receiver import Stage

ADDRESS = "192.0.2.4"
PORT = 24
_CHUNK = 1 << 16
_PATH = re.compile(rb"<([^<>]*)>")


@dataclass(frozen=True, slots=True)
class Refusal:
    """The lines of a reply of class 4 or 5, and the stage at which it came."""

    stage: Stage
    lines: tuple[str, ...]


@dataclass(slots=True)
class Recorder:
    """The last refusal of each recipient, by its address."""

    refused: dict[str, Refusal] = field(default_factory=dict)

    def read(self, said: bytes, answered: bytes) -> None:
        """Take down a dialogue that is over, by what either side sent; what broke off in the middle is left out."""
        replies = deque(_replies(answered))
        commands = deque(said.split(b"\r\n"))
        accepted: list[str] = []
        try:
            replies.popleft()  # the greeting
            while commands and (line := commands.popleft()):
                verb, reply = line[:4].upper(), replies.popleft()
                if verb == b"RCPT":
                    recipient = _path(line)
                    self._note(recipient, "rcpt", reply)
                    accepted += [recipient] if reply[0].startswith("2") else []
                elif verb == b"DATA" and reply[0].startswith("3"):
                    while commands.popleft() != b".":
                        pass
                    for recipient in accepted:
                        self._note(recipient, "end", replies.popleft())
                    accepted = []
                elif verb in (b"RSET", b"LHLO"):
                    accepted = []
        except IndexError:
            return

    def _note(self, recipient: str, stage: Stage, reply: tuple[str, ...]) -> None:
        if reply[0][:1] in ("4", "5"):
            self.refused[recipient] = Refusal(stage, reply)


def _replies(data: bytes) -> Iterator[tuple[str, ...]]:
    lines: list[str] = []
    for line in data.decode("utf-8", "surrogateescape").split("\r\n"):
        lines.append(line)
        if line[:3].isdigit() and line[3:4] != "-":
            yield tuple(lines)
            lines = []


def _path(line: bytes) -> str:
    match = _PATH.search(line)
    return match[1].decode("utf-8", "surrogateescape") if match else ""


async def serve_recorder(recorder: Recorder, *, target: str) -> asyncio.Server:
    """Listen for LMTP, pass everything on to `target` (`host:port`), and take down what was said."""
    host, _, port = target.rpartition(":")

    async def copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter, kept: bytearray) -> None:
        try:
            while data := await source.read(_CHUNK):
                kept += data
                sink.write(data)
                await sink.drain()
        except ConnectionError:
            return
        finally:
            sink.close()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        said, answered = bytearray(), bytearray()
        try:
            inner_reader, inner_writer = await asyncio.open_connection(host, int(port))
        except OSError:
            writer.close()
            return
        await asyncio.gather(copy(reader, inner_writer, said), copy(inner_reader, writer, answered))
        recorder.read(bytes(said), bytes(answered))

    return await asyncio.start_server(talk, ADDRESS, PORT)
