"""Running servers one beside another, each in a cell, and keeping what they sent."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from lab.cell import Cell, enter, python_command, run_cell
from lab.errand import add_cases, common_world
from lab.errors import LabError
from lab.lmtp import Refusal
from lab.replies import Case, load_replies, mailbox_cases, round_trips, several_cases
from lab.server import Server, load_server
from lab.tree import installed

# Set-up, submission and the end, beside the waiting.
_BESIDE_S = 180
_WORKERS = 3


@dataclass(frozen=True, slots=True)
class Run:
    """What a server sent in its last run: by errand, the messages in the order in which they came."""

    server: Server
    version: str
    failed: str
    came: dict[str, list[bytes]]
    refused: dict[str, str]
    replied: dict[str, Refusal]


def run_servers(names: Sequence[str], *, cache: Path) -> None:
    """Run the servers, three at a time; one that fails is named on standard error and stops no other."""
    if os.geteuid() != 0:
        raise LabError("the lab needs root, on a machine with Debian's apt-get: it makes namespaces and mounts")
    cache.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(_WORKERS) as pool:
        servers = [load_server(name) for name in names]
        for server in servers:  # one after the other: they share the package cache
            try:
                installed(server, cache=cache)
            except LabError as err:
                _fail(server, str(err), cache=cache)
                continue
            pool.submit(_run, server, cache=cache)


def _run(server: Server, *, cache: Path) -> None:
    out = run_folder(server.name, cache=cache)
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    try:
        done = subprocess.run(
            enter([*python_command(), "cell", server.name, str(out)]),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=server.patience_s + _BESIDE_S,
        )
        (out / "errors.txt").write_text(done.stderr)
        if done.returncode:
            _fail(server, (done.stderr.strip().splitlines() or ["ended without a word"])[-1], cache=cache)
        else:
            print(f"{server.title}: done", file=sys.stderr)
    except subprocess.TimeoutExpired:
        _fail(server, f"not done after {server.patience_s + _BESIDE_S:.0f} s", cache=cache)
    finally:
        shutil.rmtree(out / "tree", ignore_errors=True)  # the mounts in it ended with their namespace


def _fail(server: Server, why: str, *, cache: Path) -> None:
    out = run_folder(server.name, cache=cache)
    out.mkdir(parents=True, exist_ok=True)
    print(f"{server.title}: {why}", file=sys.stderr)
    (out / "run.json").write_text(json.dumps({"failed": why}) + "\n")


async def run_inside(name: str, *, out: Path, cache: Path) -> None:
    """Run one server in the namespaces that this process is in, and write what came to `out`."""
    server = load_server(name)
    layer = installed(server, cache=cache)
    world = common_world(server.host, server.address)
    errands = add_cases(world, cases_for(server))
    cell = Cell(server, layer, root=out / "tree/root", out=out)
    await run_cell(cell, world=world, errands=errands)
    kept = out / "came"
    kept.mkdir()
    for errand, messages in cell.came.items():
        for n, data in enumerate(messages):
            (kept / f"{errand}.{n}.eml").write_bytes(data)
    replied = {recipient: asdict(each) for recipient, each in cell.recorder.refused.items()}
    record = {"version": layer.version, "refused": cell.refused, "replied": replied}
    (out / "run.json").write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n")


def cases_for(server: Server) -> list[Case]:
    """The round trips that a server can make."""
    if server.lmtp:
        return list(mailbox_cases(server.mailboxes))
    replies = load_replies()
    several = several_cases(replies) if server.submission == "smtp" else ()
    return [case for case in (*round_trips(replies), *several) if case.stage in server.stages]


def cases_of(run: Run) -> list[Case]:
    """The round trips of a run, with what a real LMTP server replied in it."""
    found = []
    for case in cases_for(run.server):
        if case.recipient in run.replied:
            said = run.replied[case.recipient]
            reply = replace(case.reply, lines=said.lines)
            case = replace(case, stage=said.stage, reply=reply)
        found.append(case)
    return found


def run_folder(name: str, *, cache: Path) -> Path:
    """Where a server's last run is kept."""
    return cache / "runs" / name


def load_run(name: str, *, cache: Path) -> Run | None:
    """A server's last run, None where it never ran."""
    folder = run_folder(name, cache=cache)
    if not (folder / "run.json").exists():
        return None
    record = json.loads((folder / "run.json").read_text("utf-8"))
    came: dict[str, list[bytes]] = {}
    for path in sorted(
        (folder / "came").glob("*.eml"), key=lambda each: (each.name.split(".")[0], len(each.name), each.name)
    ):
        came.setdefault(path.name.split(".")[0], []).append(path.read_bytes())
    replied = {
        recipient: Refusal(each["stage"], tuple(each["lines"])) for recipient, each in record.get("replied", {}).items()
    }
    return Run(
        load_server(name),
        record.get("version", ""),
        record.get("failed", ""),
        came,
        record.get("refused", {}),
        replied,
    )
