"""The mail servers that the lab can run, each a folder: `server.toml`, and `files/` to lay over its tree."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from lab.errors import LabError
from lab.paths import SERVERS
from lab.receiver import STAGES

SUITE = "bookworm"
Submission = Literal["smtp", "command"]


@dataclass(frozen=True, slots=True)
class Server:
    """How one server is installed, set up, started and given messages.

    Commands are lines for `/bin/sh`, run inside the server's own tree, which is of Debian's `suite`. `setup` must end
    with status 0; each of `start` is left running. `submission` says how messages get in: by SMTP to `address`, port
    25, or by `command`, which gets the message on standard input, and sender and recipient as `$1` and `$2`. `address`
    is the server's own, and `listens` says whether it answers there, which is waited for. `patience_s` bounds how long
    its bounces are waited for. `stages` are those at which it can be answered: a server that sends all mail to one
    relay meets the relay's greeting before the relay knows the case. With `lmtp` (`host:port` inside the tree) the
    server hands all mail to that LMTP server by way of the recorder in front of it, and the cases are the `mailboxes`
    there that refuse mail. `note` says why what is missing in the round trips can't be had.
    """

    name: str
    title: str
    folder: Path
    suite: str
    packages: tuple[str, ...]
    install: tuple[str, ...]
    version: str
    address: str
    host: str
    setup: tuple[str, ...]
    start: tuple[str, ...]
    submission: Submission
    command: str
    listens: bool
    patience_s: float
    stages: tuple[str, ...]
    lmtp: str
    mailboxes: tuple[str, ...]
    note: str


def load_server(name: str, *, below: Path = SERVERS) -> Server:
    """The server of a folder below `below`; LabError where there is none, or its file lacks something.

    What a file with `like` doesn't say, and the files to lay over the tree, are those of the server named there.
    """
    table = _table(name, below=below)
    folder = below / table.get("like", name)
    table = {**_table(folder.name, below=below), **table}
    try:
        return Server(
            name=name,
            title=table["title"],
            folder=folder,
            suite=table.get("suite", SUITE),
            packages=tuple(table["packages"]),
            install=tuple(table.get("install", ())),
            version=table["version"],
            address=table.get("address", "192.0.2.10"),
            host=table.get("host", "mail.example.com"),
            setup=tuple(table.get("setup", ())),
            start=tuple(table.get("start", ())),
            submission=table.get("submission", "smtp"),
            command=table.get("command", ""),
            listens=table.get("listens", table.get("submission", "smtp") == "smtp"),
            patience_s=float(table.get("patience_s", 90)),
            stages=tuple(table.get("stages", STAGES)),
            lmtp=table.get("lmtp", ""),
            mailboxes=tuple(table.get("mailboxes", ())),
            note=table.get("note", ""),
        )
    except KeyError as err:
        raise LabError(f"{folder / 'server.toml'}: {err} is missing") from err


def _table(name: str, *, below: Path) -> dict[str, Any]:
    try:
        return tomllib.loads((below / name / "server.toml").read_text("utf-8"))
    except FileNotFoundError as err:
        raise LabError(f"no server {name}: there are {', '.join(server_names(below))}") from err


def server_names(below: Path = SERVERS) -> list[str]:
    """Folders below `below` with a `server.toml`, in the order of the alphabet."""
    return sorted(path.parent.name for path in below.glob("*/server.toml"))
