"""A scripted SMTP server: takes mail, or answers one stage of the dialogue with a given reply, byte for byte."""

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

PORT = 25
Stage = Literal["connect", "helo", "mail", "rcpt", "data", "end"]
STAGES: tuple[Stage, ...] = get_args(Stage)
_MAX_LINE = 1 << 20
_IDLE_S = 120
_LEAVE_S = 3
_PATH = re.compile(rb"<([^<>]*)>")


@dataclass(frozen=True, slots=True)
class Script:
    """How a receiver behaves.

    `reply` (lines as they go over the wire, with CRLF) answers `stage`; without one the message is taken. `silent_at`
    is a stage that gets no answer at all, `drop_at` one at which the connection is closed without a word. Recipients in
    `by_recipient` are refused with a reply of their own.
    """

    host: str
    stage: Stage | None = None
    reply: bytes = b""
    silent_at: Stage | None = None
    drop_at: Stage | None = None
    by_recipient: Mapping[str, bytes] = field(default_factory=dict)
    extensions: tuple[str, ...] = ("PIPELINING", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES", "SIZE 10485760")


@dataclass(frozen=True, slots=True)
class Envelope:
    """A message taken: from whom, for whom, and its bytes as they came, dots unstuffed and line ends as LF."""

    sender: str
    recipients: tuple[str, ...]
    data: bytes


Take = Callable[[Envelope], None]
Choose = Callable[[str], Script | None]


class _HangUpError(Exception):
    """The dialogue is over."""


@dataclass(slots=True)
class _Dialogue:
    script: Script
    take: Take | None
    choose: Choose | None
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    sender: str = ""
    recipients: tuple[str, ...] = ()

    async def run(self) -> None:
        await self.say("connect", f"220 {self.script.host} ESMTP\r\n".encode())
        while True:
            line = await self.line()
            verb = line[:4].upper()
            if verb in (b"EHLO", b"HELO"):
                await self.say("helo", self._greeting(verb))
            elif verb == b"MAIL":
                self.sender, self.recipients = _path(line), ()
                if self.choose is not None and (chosen := self.choose(self.sender)):
                    self.script = chosen
                await self.say("mail", b"250 2.1.0 Ok\r\n")
            elif verb == b"RCPT":
                if own := self.script.by_recipient.get(_path(line)):
                    await self.send(own)
                elif await self.say("rcpt", b"250 2.1.5 Ok\r\n"):
                    self.recipients += (_path(line),)
            elif verb == b"DATA":
                await self.data()
            elif verb == b"QUIT":
                await self.send(b"221 2.0.0 Bye\r\n")
                raise _HangUpError
            elif verb == b"RSET":
                self.recipients = ()
                await self.send(b"250 2.0.0 Ok\r\n")
            elif verb == b"NOOP":
                await self.send(b"250 2.0.0 Ok\r\n")
            else:
                await self.send(b"502 5.5.2 Command not recognized\r\n")

    async def data(self) -> None:
        if not self.recipients:
            await self.send(b"503 5.5.1 No valid recipients\r\n")
            return
        if not await self.say("data", b"354 Go ahead\r\n"):
            return
        lines: list[bytes] = []
        while (line := await self.line()) != b".":
            lines.append(line[1:] if line.startswith(b".") else line)
        if await self.say("end", b"250 2.0.0 Ok: queued\r\n") and self.take is not None:
            self.take(Envelope(self.sender, self.recipients, b"\n".join([*lines, b""])))

    def _greeting(self, verb: bytes) -> bytes:
        lines = [self.script.host, *(self.script.extensions if verb == b"EHLO" else ())]
        return "".join(f"250{'-' if n < len(lines) else ' '}{text}\r\n" for n, text in enumerate(lines, 1)).encode()

    async def say(self, stage: Stage, usual: bytes) -> bool:
        """Answer a stage, as scripted or as usual; whether it was as usual."""
        if self.script.silent_at == stage:
            await asyncio.sleep(_IDLE_S)
            raise _HangUpError
        if self.script.drop_at == stage:
            raise _HangUpError
        if self.script.stage != stage:
            await self.send(usual)
            return True
        await self.send(self.script.reply)
        if stage == "connect" or self.script.reply.startswith(b"421"):
            await self._leave()
            raise _HangUpError
        return False

    async def _leave(self) -> None:
        """End the dialogue so that the reply is read first: closing over unread commands would reset the connection."""
        self.writer.write_eof()
        try:
            async with asyncio.timeout(_LEAVE_S):
                while await self.reader.read(4096):
                    pass
        except TimeoutError:
            return

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def line(self) -> bytes:
        line = await asyncio.wait_for(self.reader.readline(), _IDLE_S)
        if not line:
            raise _HangUpError
        return line.rstrip(b"\r\n")


def _path(line: bytes) -> str:
    match = _PATH.search(line)
    return match[1].decode("utf-8", "surrogateescape") if match else ""


async def serve_script(
    script: Script, *, address: str, take: Take | None = None, choose: Choose | None = None
) -> asyncio.Server:
    """Listen on `address` and follow the script; messages that get through go to `take`.

    `choose` may give another script from a message's sender on: a relay that takes mail for all has one address.
    """

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await _Dialogue(script, take, choose, reader, writer).run()
        except (_HangUpError, ConnectionError, TimeoutError, asyncio.LimitOverrunError, ValueError):
            pass  # the other side may do what it likes; what counts is the bounce
        except asyncio.CancelledError:
            return  # the cell ends; asyncio's streams of Python 3.11 would log each open connection as an error
        finally:
            writer.close()

    return await asyncio.start_server(talk, address, PORT, limit=_MAX_LINE)
