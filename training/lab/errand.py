"""What a cell is asked to do: messages to send, and the receivers and names that go with them."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from email.message import EmailMessage
from email.policy import SMTPUTF8

from lab.receiver import Script
from lab.replies import RELAY, SENDER_DOMAIN, SINK, Case
from lab.zone import Zone

# One date for all, so that what is recorded doesn't change with the day.
DATE = "Sat, 01 Mar 2025 12:00:00 +0000"
_BODY = "Hello Kim,\n\nthe minutes of our last meeting are on the shelf.\n\nLee\n"


@dataclass(frozen=True, slots=True)
class Errand:
    """A message to be sent; its id stands in the sender's address, to which the bounce goes."""

    id: str
    sender: str
    recipient: str
    data: bytes
    also: tuple[str, ...] = ()  # further recipients


@dataclass(slots=True)
class World:
    """What a server under test finds around it: names, and scripted receivers by their address.

    `by_sender` has the scripts again by the sender's address, for servers that know one relay only.
    """

    zone: Zone = field(default_factory=Zone)
    scripts: dict[str, Script] = field(default_factory=dict)
    by_sender: dict[str, Script] = field(default_factory=dict)


def message(*, sender: str, recipient: str, name: str, size_bytes: int = 0, hops: int = 0) -> bytes:
    """A small message of the lab; `hops` puts as many Received headers before it."""
    mail = EmailMessage()
    for n in range(hops):
        mail["Received"] = f"from hop{n}.example.org by hop{n + 1}.example.org; {DATE}"
    mail["From"] = f"Lee <{sender}>"
    mail["To"] = f"Kim <{recipient}>"
    mail["Subject"] = "Minutes"
    mail["Date"] = DATE
    mail["Message-ID"] = f"<{name}@client.example.com>"
    mail.set_content(_BODY + "The same line again.\n" * (size_bytes // 21))
    return mail.as_bytes(policy=mail.policy if recipient.isascii() else SMTPUTF8.clone(linesep="\n"))


def common_world(host: str, address: str) -> World:
    """The names that all cells have: the sender's domain, whose mail is kept, and the server's own host."""
    world = World()
    world.zone.add_mail(SENDER_DOMAIN, f"mx.{SENDER_DOMAIN}", SINK)
    world.zone.add_host(host, address)
    world.zone.add_host("relay.example.com", RELAY)
    world.zone.add_host("client.example.com", "192.0.2.1")
    world.zone.add("localhost", "A", "127.0.0.1")
    world.zone.add("1.0.0.127.in-addr.arpa", "PTR", "localhost.")
    return world


def add_cases(world: World, cases: Sequence[Case]) -> list[Errand]:
    """Put receivers for the cases into the world; the messages to send them."""
    for case in cases:
        if case.address:
            script = case.script
            if known := world.scripts.get(case.address):
                script = replace(known, by_recipient={**known.by_recipient, **script.by_recipient})
            else:
                world.zone.add_mail(case.domain, case.host, case.address)
            world.scripts[case.address] = world.by_sender[case.sender] = script
    by_id: dict[str, list[Case]] = {}
    for case in cases:
        by_id.setdefault(case.id, []).append(case)
    return [
        Errand(
            first.id,
            first.sender,
            first.recipient,
            message(sender=first.sender, recipient=first.recipient, name=first.id),
            tuple(case.recipient for case in others),
        )
        for first, *others in by_id.values()
    ]
