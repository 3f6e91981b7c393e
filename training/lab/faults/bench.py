"""A receiver that refuses and servers that send to it, in namespaces of their own, and the mail that comes back."""

import asyncio
import shlex
import socket
import subprocess
from collections.abc import Sequence, Set
from dataclasses import dataclass

from bounceml.mail import read_message
from lab.cell import NAMESERVER, Cell, keep_log, start, submit_all, write_files
from lab.errand import Errand, World, common_world
from lab.errors import LabError
from lab.faults.fault import Fault
from lab.faults.payload import fault_message
from lab.receiver import PORT, Script, serve_script
from lab.replies import RELAY, SENDER, SINK
from lab.tree import mount_commands
from lab.zone import serve_zone

_NETWORKS = ("192.0.2.1/24", "198.51.100.1/24", "203.0.113.1/24")
_UNREACHABLE = "203.0.113.254"
_SETUP_S = 60
# Addresses from which `senders/` greet for senders below these domains; those without a name are left out here.
_WAYS = {
    "listed.example.com": ("192.0.2.68", "192.0.2.78"),
    "fast.example.com": ("192.0.2.69", "192.0.2.79"),
    "many.example.com": ("192.0.2.70", "192.0.2.80"),
    "rapid.example.com": ("192.0.2.71", "192.0.2.81"),
}


@dataclass(frozen=True, slots=True)
class Sent:
    """A message that was sent to meet a fault, and through which server."""

    errand: Errand
    fault: Fault
    sender: str


async def run_bench(receiver: Cell | None, senders: Sequence[Cell], *, faults: Sequence[Fault]) -> list[Sent]:
    """Start the servers, send every message through every sender, and wait for what comes back.

    What came is in the cell of the first sender, by the id of the errand, and what a sender refused in its own.
    """
    cells = [*([receiver] if receiver else []), *senders]
    # Scripted receivers' addresses stay off the interface: servers that look there would take them for their own.
    _prepare(cells, addresses={fault.address for fault in faults} - {""} if receiver else set())
    sent = [each for cell in senders for each in _sent(cell, faults)]
    world = _furnished(cells, sent=sent)
    await serve_zone(world.zone, address=NAMESERVER)
    await serve_script(Script("mx.example.com"), address=SINK, take=senders[0].take)
    await serve_script(Script("relay.example.com"), address=RELAY, choose=world.by_sender.get)
    for address, script in world.scripts.items():
        await serve_script(script, address=address)
    deaf = [_deaf_sockets(fault.address) for fault in faults if fault.deaf]
    processes = []
    for cell in cells:
        await keep_log(cell.root / "dev/log", cell.out / f"{cell.server.name}.log")
        processes += await start(cell)
    await asyncio.gather(
        *(
            submit_all(cell, errands=[each.errand for each in sent if each.sender == cell.server.name])
            for cell in senders
        )
    )
    await _wait(senders, sent=sent)
    for process in processes:
        if process.returncode is None:
            process.terminate()
    for held in deaf:
        for each in held:
            each.close()
    return sent


def _sent(cell: Cell, faults: Sequence[Fault]) -> list[Sent]:
    """The messages that a sender is given; their ids tell fault and sender."""
    found = []
    for fault in faults:
        for n in range(fault.times):
            name = f"{fault.id}-{n}-{cell.server.name}"
            sender = f"{SENDER}-{name}@{fault.sender_domain}"
            errand = Errand(name, sender, fault.recipient, fault_message(fault, sender=sender, name=name))
            found.append(Sent(errand, fault, cell.server.name))
    return found


def _furnished(cells: Sequence[Cell], *, sent: Sequence[Sent]) -> World:
    """The names and scripted receivers that the faults need."""
    first = cells[-1].server
    world = common_world(first.host, first.address)
    for cell in cells[:-1]:
        world.zone.add_host(cell.server.host, cell.server.address)
    for name, addresses in _WAYS.items():
        for address in addresses:
            world.zone.add_host(f"out{address.rpartition('.')[2]}.{name}", address)
    known: dict[str, Fault] = {}
    for each in sent:
        fault = each.fault
        if fault.script:
            world.by_sender[each.errand.sender] = fault.script
        if known.setdefault(fault.id, fault) is not fault:
            continue
        for line in fault.records:
            name, kind, *value = line.split(maxsplit=2)
            world.zone.add(name, kind, *value)
        if fault.failure:
            world.zone.failures[fault.fails] = fault.failure
        # Senders below example.com have mail servers, so that their domains exist.
        if fault.sender_domain.endswith(".example.com") and (fault.sender_domain, "MX") not in world.zone.records:
            world.zone.add(fault.sender_domain, "MX", "10 mx.example.com.")
        if fault.script:
            world.scripts[fault.address] = fault.script
        if fault.address and (fault.domain, "MX") not in world.zone.records:
            host = f"mx.{fault.domain}"
            world.zone.add_mail(fault.domain, host, fault.address)
    return world


def _prepare(cells: Sequence[Cell], *, addresses: Set[str]) -> None:
    """Trees, loopback and host name; LabError where that fails. Servers listen on `addresses` and their own."""
    for cell in cells:
        upper = cell.root.with_name("upper")
        cell.root.mkdir(parents=True)
        upper.mkdir()
        layers = [cell.layer.upper, cell.layer.base]
        _shell(
            [
                f"mount -t tmpfs -o size=768m tmpfs {shlex.quote(str(upper))}",
                f"mkdir {upper}/upper {upper}/work",
                *mount_commands(cell.root, layers=layers, upper=upper / "upper", work=upper / "work"),
            ],
            what=cell.server.title,
        )
        write_files(cell.root, server=cell.server)
    root = shlex.quote(str(cells[0].root))
    own = {f"{address}/32" for address in addresses | {cell.server.address for cell in cells}}
    _shell(
        [
            f"hostname {cells[0].server.host}",
            *(f"chroot {root} ip address add {each} dev lo" for each in [*_NETWORKS, *sorted(own)]),
            f"chroot {root} ip link set lo up",
            f"chroot {root} ip route add unreachable {_UNREACHABLE} table local",
        ],
        what="network",
    )


def _shell(lines: Sequence[str], *, what: str) -> None:
    command = ["/bin/sh", "-c", "\n".join(["set -e", *lines])]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_SETUP_S)
    if done.returncode:
        raise LabError(f"{what}: namespaces: {done.stderr.strip()}")


def _deaf_sockets(address: str) -> list[socket.socket]:
    """A port whose queue of connections is full: the kernel drops what else asks, so that the asking times out."""
    listening = socket.create_server((address, PORT), backlog=0)
    waiting = []
    for _ in range(2):
        each = socket.socket()
        each.setblocking(False)
        each.connect_ex((address, PORT))
        waiting.append(each)
    return [listening, *waiting]


async def _wait(senders: Sequence[Cell], *, sent: Sequence[Sent]) -> None:
    """Until for each fault and sender something final came, or the first sender's patience is over."""
    loop = asyncio.get_running_loop()
    until = loop.time() + senders[0].server.patience_s
    came = senders[0].came
    refused = {name for cell in senders for name in cell.refused}
    waiting = {(each.fault.id, each.sender) for each in sent if each.errand.id not in refused}
    seen: dict[str, int] = {}
    while waiting and loop.time() < until:
        await asyncio.sleep(0.5)
        for each in sent:
            messages = came.get(each.errand.id, [])
            if len(messages) > seen.get(each.errand.id, 0):
                seen[each.errand.id] = len(messages)
                if read_message(messages[-1]).kind != "delay":
                    waiting.discard((each.fault.id, each.sender))
