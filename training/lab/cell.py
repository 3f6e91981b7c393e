"""One server in namespaces of its own: started, given messages, and what comes back kept.

The process runs as the first of a PID namespace, so that nothing outlives it, in a network namespace that has nothing
but its loopback, on which the networks for documentation lie too (RFC 5737), and in a mount namespace whose mounts end
with it. Port 25 there is nobody else's.
"""

import asyncio
import logging
import re
import shlex
import smtplib
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bounceml.mail import read_message
from lab.errand import Errand, World
from lab.errors import LabError
from lab.lmtp import Recorder, serve_recorder
from lab.receiver import PORT, Envelope, Script, serve_script
from lab.replies import RELAY, SINK
from lab.server import Server
from lab.tree import Layer, mount_commands
from lab.zone import serve_zone

logger = logging.getLogger(__name__)
NAMESERVER = "127.0.0.1"
_NETWORKS = ("192.0.2.1/24", "198.51.100.1/24", "203.0.113.1/24")
_UNREACHABLE = "203.0.113.254"
_TO_CASE = re.compile(r"-([a-z0-9-]{1,60})@")
_MAX_MESSAGES = 3000
_START_S = 30
_SETUP_S = 120
_AT_ONCE = 8


@dataclass(slots=True)
class Cell:
    """A server under test and what has come back so far, by the id of the errand."""

    server: Server
    layer: Layer
    root: Path
    out: Path
    came: dict[str, list[bytes]] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    recorder: Recorder = field(default_factory=Recorder)

    def take(self, envelope: Envelope) -> None:
        """Keep a message that came to the sender's address."""
        if sum(map(len, self.came.values())) >= _MAX_MESSAGES:
            return
        for recipient in envelope.recipients:
            if match := _TO_CASE.search(recipient):
                # As a mailbox would hold it: the envelope sender, which is empty for a bounce, on top.
                data = f"Return-Path: <{envelope.sender}>\n".encode("utf-8", "surrogateescape") + envelope.data
                self.came.setdefault(match[1], []).append(data)


def enter(command: Sequence[str]) -> list[str]:
    """`command` run as the first process in namespaces of its own."""
    return [
        "unshare",
        "--mount",
        "--pid",
        "--fork",
        "--kill-child",
        "--mount-proc",
        "--net",
        "--uts",
        "--ipc",
        *command,
    ]


async def run_cell(cell: Cell, *, world: World, errands: Sequence[Errand]) -> None:
    """Start the server, send the messages, and wait for the bounces, no longer than the server's patience."""
    prepare(cell)
    await serve_zone(world.zone, address=NAMESERVER)
    await serve_script(Script("mx.example.com"), address=SINK, take=cell.take)
    await serve_script(Script("relay.example.com"), address=RELAY, take=cell.take, choose=world.by_sender.get)
    if cell.server.lmtp:
        await serve_recorder(cell.recorder, target=cell.server.lmtp)
    for address, script in world.scripts.items():
        await serve_script(script, address=address)
    await keep_log(cell.root / "dev/log", cell.out / "syslog.txt")
    processes = await start(cell)
    await submit_all(cell, errands=errands)
    await _wait(cell, errands=errands)
    for process in processes:
        if process.returncode is None:
            process.terminate()


def prepare(cell: Cell) -> None:
    """Loopback, host name, and the server's tree with its files; LabError where that fails."""
    upper = cell.root.with_name("upper")
    script = [
        "set -e",
        *mount_commands(
            cell.root, layers=[cell.layer.upper, cell.layer.base], upper=upper / "upper", work=upper / "work"
        ),
    ]
    root = shlex.quote(str(cell.root))
    script += [
        f"hostname {cell.server.host}",
        f"cd {root}",
        *(f"chroot {root} ip address add {network} dev lo" for network in (*_NETWORKS, f"{cell.server.address}/24")),
        f"chroot {root} ip link set lo up",
        f"chroot {root} ip route add unreachable {_UNREACHABLE} table local",
    ]
    cell.root.mkdir(parents=True)
    upper.mkdir()
    script.insert(1, f"mount -t tmpfs -o size=512m tmpfs {shlex.quote(str(upper))}")
    script.insert(2, f"mkdir {upper}/upper {upper}/work")
    done = subprocess.run(["/bin/sh", "-c", "\n".join(script)], capture_output=True, text=True, timeout=_SETUP_S)
    if done.returncode:
        raise LabError(f"{cell.server.title}: namespaces: {done.stderr.strip()}")
    write_files(cell.root, server=cell.server)


def write_files(root: Path, *, server: Server) -> None:
    """Lay the server's files over its tree, and those that tell a host its name and name server."""
    etc = root / "etc"
    for name, text in {
        "resolv.conf": f"nameserver {NAMESERVER}\n",
        "hosts": f"127.0.0.1 localhost\n{server.address} {server.host} {server.host.split('.')[0]}\n",
        "hostname": f"{server.host}\n",
        "mailname": f"{server.host}\n",
    }.items():
        (etc / name).unlink(missing_ok=True)
        (etc / name).write_text(text)
    files = server.folder / "files"
    if files.exists():
        for source in sorted(path for path in files.rglob("*") if path.is_file()):
            target = root / source.relative_to(files)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.unlink(missing_ok=True)
            target.write_bytes(source.read_bytes())
            target.chmod(source.stat().st_mode & 0o777)


async def start(cell: Cell) -> list[asyncio.subprocess.Process]:
    """Set the server up and start it, and wait until it listens."""
    for line in cell.server.setup:
        process = await _shell(cell, line)
        if await asyncio.wait_for(process.wait(), _SETUP_S):
            raise LabError(f"{cell.server.title}: {line!r} failed: {_tail(cell.out / 'output.txt')}")
    running = [await _shell(cell, line) for line in cell.server.start]
    if cell.server.listens:
        for _ in range(_START_S * 5):
            if await asyncio.to_thread(_listens, cell.server.address):
                return running
            await asyncio.sleep(0.2)
        raise LabError(f"{cell.server.title} doesn't listen: {_tail(cell.out / 'output.txt')}")
    return running


async def submit_all(cell: Cell, *, errands: Sequence[Errand]) -> None:
    """Give the server the messages, a few at once; those that it refuses are noted with its words."""
    limit = asyncio.Semaphore(_AT_ONCE)

    async def submit(errand: Errand) -> None:
        async with limit:
            if cell.server.submission == "smtp":
                refused = await asyncio.to_thread(_by_smtp, errand, address=cell.server.address)
            else:
                refused = await _by_command(cell, errand)
            if refused:
                cell.refused[errand.id] = refused

    async with asyncio.TaskGroup() as group:
        for errand in errands:
            group.create_task(submit(errand))


def _by_smtp(errand: Errand, *, address: str) -> str:
    try:
        with smtplib.SMTP(address, PORT, local_hostname="client.example.com", timeout=60) as client:
            client.ehlo()
            options = [] if errand.recipient.isascii() else ["SMTPUTF8"]
            if options and not client.has_extn("smtputf8"):
                return "no SMTPUTF8"
            data = errand.data.replace(b"\n", b"\r\n")
            client.sendmail(errand.sender, [errand.recipient, *errand.also], data, mail_options=options)
    except smtplib.SMTPRecipientsRefused as err:
        return " ".join(f"{code} {text.decode('utf-8', 'replace')}" for code, text in err.recipients.values())
    except (smtplib.SMTPException, OSError) as err:
        return f"{type(err).__name__}: {err}"
    return ""


async def _by_command(cell: Cell, errand: Errand) -> str:
    process = await asyncio.create_subprocess_exec(
        *("chroot", str(cell.root), "/bin/sh", "-c", cell.server.command, "sh", errand.sender, errand.recipient),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    output, _ = await asyncio.wait_for(process.communicate(errand.data), _SETUP_S)
    return output.decode("utf-8", "replace").strip() or f"status {process.returncode}" if process.returncode else ""


async def _wait(cell: Cell, *, errands: Sequence[Errand]) -> None:
    loop = asyncio.get_running_loop()
    until = loop.time() + cell.server.patience_s
    waiting = {errand.id for errand in errands} - set(cell.refused)
    seen: dict[str, int] = {}
    while waiting and loop.time() < until:
        await asyncio.sleep(0.5)
        for case in [case for case in waiting if len(cell.came.get(case, ())) > seen.get(case, 0)]:
            seen[case] = len(cell.came[case])
            if read_message(cell.came[case][-1]).kind != "delay":
                waiting.discard(case)


async def _shell(cell: Cell, line: str) -> asyncio.subprocess.Process:
    with (cell.out / "output.txt").open("ab") as output:
        output.write(f"$ {line}\n".encode())
        output.flush()
        return await asyncio.create_subprocess_exec(
            *("chroot", str(cell.root), "/bin/sh", "-c", line),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )


async def keep_log(path: Path, target: Path) -> None:
    """A system log for the tree: what is written to its /dev/log goes to a file."""
    log = target.open("ab", buffering=0)

    class _Log(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, addr: object) -> None:
            log.write(data.rstrip(b"\0\n") + b"\n")

    receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    receiver.bind(str(path))
    path.chmod(0o666)
    await asyncio.get_running_loop().create_datagram_endpoint(_Log, sock=receiver)


def _listens(address: str) -> bool:
    try:
        with socket.create_connection((address, PORT), timeout=2) as connection:
            # Some greet late, and fall over a client that leaves before, or without reading all.
            connection.settimeout(_START_S)
            return connection.recv(1000).startswith(b"220")
    except OSError:
        return False


def _tail(path: Path) -> str:
    return " | ".join(path.read_text("utf-8", "replace").splitlines()[-6:]) if path.exists() else ""


def python_command() -> list[str]:
    """This Python, running the lab."""
    return [sys.executable, "-m", "lab"]
