"""Faults that the lab induces, each an entry of a `faults.toml`: what is done, and the reason that it gives."""

import tomllib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bounceml.taxonomy import load_taxonomy
from lab.errors import LabError
from lab.paths import HERE
from lab.receiver import Script
from lab.zone import Failure

RECEIVERS = HERE / "faults" / "receivers"
# Where no server answers, or none is asked: the words are the sending server's own.
NOBODY = "nobody"
SPOKEN_BY_SENDER = "sender"


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault, induced at one receiver.

    `name` is the fault as the table of the report names it, `reason` what a message that meets it is refused for, None
    where the answer is no bounce (`kind`). `says` is who speaks, as the corpus names its sources,
    or `sender`: the sending server itself. `recipient` is written to;
    its domain's mail goes to `address`, unless `records` (lines `NAME KIND VALUE`) say otherwise. `sender_domain` also
    decides from which address and by what name the senders greet, see `senders/`. `times` messages are sent at once.
    `payload` is a string that scanners take for spam or a virus by agreement, `attachment` the name of an empty
    attachment. `failure` is of the name server for the
    domain `fails`, the recipient's unless it names another, `script` how a receiver on `address` behaves where there is
    no server, and on a `deaf` one connections time out. With `unsaid` the words are known to be those of a commoner
    fault, or of any; through the senders in `unsaid_by` only theirs are.
    """

    id: str
    name: str
    receiver: str
    how: str
    reason: str | None
    kind: str
    says: str
    topic: str | None
    recipient: str
    address: str
    sender_domain: str
    times: int
    size_bytes: int
    hops: int
    payload: str
    attachment: str
    headers: tuple[str, ...]
    records: tuple[str, ...]
    failure: Failure | None
    fails: str
    script: Script | None
    deaf: bool
    unsaid: bool
    unsaid_by: frozenset[str]

    @property
    def domain(self) -> str:
        """The recipient's domain."""
        return self.recipient.rpartition("@")[2]


def load_faults(receiver: str) -> tuple[Fault, ...]:
    """The faults of a receiver, in the order of its file; LabError for an entry that isn't in order.

    Those of a file with `like` are the ones of the receiver named there, in another version that speaks as it does.
    """
    file = RECEIVERS / receiver / "faults.toml"
    try:
        table = tomllib.loads(file.read_text("utf-8"))
    except FileNotFoundError as err:
        raise LabError(f"no receiver {receiver}: there are {', '.join(receiver_names())}") from err
    if table.get("format") != 1:
        raise LabError(f"{file}: format 1 is wanted")
    if "like" in table:
        return tuple(replace(fault, receiver=receiver) for fault in load_faults(table["like"]))
    defaults = table.get("defaults", {})
    faults = tuple(_fault(defaults | entry, receiver=receiver, file=file) for entry in table["fault"])
    if repeated := {fault.id for fault in faults if sum(fault.id == other.id for other in faults) > 1}:
        raise LabError(f"{file}: {min(repeated)} stands there twice")
    return faults


def sending_servers() -> list[str]:
    """The servers that send where nobody receives, as `nobody/faults.toml` lists them."""
    return list(tomllib.loads((RECEIVERS / NOBODY / "faults.toml").read_text("utf-8"))["servers"])


def receiver_names() -> list[str]:
    """Folders below `receivers/` with a `faults.toml`, in the order of the alphabet."""
    return sorted(path.parent.name for path in RECEIVERS.glob("*/faults.toml"))


def _fault(entry: dict[str, Any], *, receiver: str, file: Path) -> Fault:
    try:
        fault = Fault(
            id=entry["id"],
            name=entry["fault"],
            receiver=receiver,
            how=entry["how"],
            reason=entry.get("reason"),
            kind=entry.get("kind", "bounce"),
            says=entry.get("says", SPOKEN_BY_SENDER if receiver == NOBODY else receiver),
            topic=entry.get("topic"),
            recipient=entry["recipient"],
            address=entry.get("address", ""),
            sender_domain=entry.get("sender_domain", "example.com"),
            times=entry.get("times", 1),
            size_bytes=entry.get("size_bytes", 0),
            hops=entry.get("hops", 0),
            payload=entry.get("payload", ""),
            attachment=entry.get("attachment", ""),
            headers=tuple(entry.get("headers", ())),
            records=tuple(entry.get("records", ())),
            failure=entry.get("failure"),
            fails=entry.get("fails", entry["recipient"].rpartition("@")[2]),
            script=_script(entry["script"]) if "script" in entry else None,
            deaf=entry.get("deaf", False),
            unsaid=entry.get("unsaid", False),
            unsaid_by=frozenset(entry.get("unsaid_by", ())),
        )
    except KeyError as err:
        raise LabError(f"{file}: {entry.get('id')}: {err} is missing") from err
    if fault.reason is None and fault.kind == "bounce":
        raise LabError(f"{file}: {fault.id}: a bounce needs a reason")
    if fault.reason is not None and fault.reason not in load_taxonomy().reasons:
        raise LabError(f"{file}: {fault.id}: no such reason {fault.reason!r}")
    return fault


def _script(entry: dict[str, Any]) -> Script:
    script = Script(entry.get("host", "mx.example.net"), silent_at=entry.get("silent_at"), drop_at=entry.get("drop_at"))
    return replace(script, extensions=tuple(entry["extensions"])) if "extensions" in entry else script
