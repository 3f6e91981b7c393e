"""The replies of `replies.toml`, and a case for each stage at which one is given."""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from lab.errors import LabError
from lab.paths import HERE
from lab.receiver import STAGES, Script, Stage

_NETWORKS = ("198.51.100", "203.0.113")  # RFC 5737: for documentation, so never anybody's
_HOSTS = 250
_KIM = "kim"
_LOCALS = ("ana", "bo", "cy")
_SEVERAL = len(_LOCALS)
SENDER = "lee"
SENDER_DOMAIN = "example.com"
SINK = "192.0.2.2"
RELAY = "192.0.2.3"


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply: its lines as they are sent, the reason that they mean, and the language."""

    id: str
    lines: tuple[str, ...]
    charset: str
    reason: str
    lang: str
    local: str = _KIM

    def text(self, recipient: str) -> tuple[str, ...]:
        """The lines with the recipient filled in."""
        return tuple(line.replace("{recipient}", recipient) for line in self.lines)

    def wire(self, recipient: str) -> bytes:
        """The bytes that are sent."""
        return b"".join(line.encode(self.charset) + b"\r\n" for line in self.text(recipient))


@dataclass(frozen=True, slots=True)
class Case:
    """A message sent to make a bounce: whom to, and the reply that its receiver gives at a stage.

    Each case has a domain and a receiver with an address of its own, so that what a sending server remembers of one
    (connections, failures) doesn't change another. Cases that are one message to `several` recipients share an id.
    """

    id: str
    stage: Stage
    reply: Reply
    address: str
    several: bool = False

    @property
    def domain(self) -> str:
        """The recipient's domain."""
        return f"{self.id}.example.net"

    @property
    def host(self) -> str:
        """The host that takes the domain's mail."""
        return f"mx.{self.domain}"

    @property
    def recipient(self) -> str:
        """Whom the message is sent to."""
        return f"{self.reply.local}@{self.domain}"

    @property
    def sender(self) -> str:
        """Who gets the bounce; it tells the case."""
        return f"{SENDER}-{self.id}@{SENDER_DOMAIN}"

    @property
    def script(self) -> Script:
        """How the case's receiver behaves."""
        wire = self.reply.wire(self.recipient)
        if self.several:
            return Script(self.host, by_recipient={self.recipient: wire})
        return Script(self.host, self.stage, wire)


def mailbox_cases(mailboxes: Sequence[str]) -> tuple[Case, ...]:
    """A case for each mailbox of a real LMTP server; what it replies is known when it has."""
    return tuple(
        Case(f"b{n:02}", "rcpt", Reply(local, (), "utf-8", "", "", local), "") for n, local in enumerate(mailboxes, 1)
    )


def load_replies() -> tuple[Reply, ...]:
    """The replies, in the order of the file."""
    table = tomllib.loads((HERE / "replies.toml").read_text("utf-8"))
    if table.get("format") != 1:
        raise LabError("replies.toml: format 1 is wanted")
    return tuple(
        Reply(
            each["id"],
            tuple(each["lines"]),
            each.get("charset", "ascii"),
            each["reason"],
            each["lang"],
            each.get("local", _KIM),
        )
        for each in table["reply"]
    )


def several_cases(replies: tuple[Reply, ...]) -> tuple[Case, ...]:
    """Messages to three recipients at once, each refused in its own words; a case for each recipient."""
    # One server answers in one charset.
    unicode = [reply for reply in replies if reply.local == _KIM and reply.charset in ("ascii", "utf-8")]
    by_three = [unicode[n::_SEVERAL] for n in range(_SEVERAL)]
    return tuple(
        Case(f"s{n:02}", "rcpt", replace(reply, local=local), f"{_NETWORKS[-1]}.{_HOSTS - n}", several=True)
        for n, three in enumerate(zip(*by_three, strict=False), 1)
        for local, reply in zip(_LOCALS, three, strict=True)
    )


def round_trips(replies: tuple[Reply, ...]) -> tuple[Case, ...]:
    """Every reply at every stage."""
    pairs = [(stage, reply) for stage in STAGES for reply in replies]
    if len(pairs) > _HOSTS * len(_NETWORKS):
        raise LabError(f"{len(pairs)} cases are more than there are addresses for documentation")
    return tuple(
        Case(f"c{n + 1:03}", stage, reply, f"{_NETWORKS[n // _HOSTS]}.{n % _HOSTS + 2}")
        for n, (stage, reply) in enumerate(pairs)
    )
