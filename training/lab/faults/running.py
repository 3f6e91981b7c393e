"""Running receivers, two at a time, and keeping what came back."""

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from lab.cell import Cell, enter, python_command
from lab.errors import LabError
from lab.faults.bench import run_bench
from lab.faults.fault import NOBODY, RECEIVERS, Fault, load_faults, sending_servers
from lab.faults.source import source_of
from lab.paths import HERE
from lab.server import Server, load_server, server_names
from lab.tree import installed

SENDERS = HERE / "faults" / "senders"
_WORKERS = 2
# Set-up, submission and the end, beside the waiting.
_BESIDE_S = 240


@dataclass(frozen=True, slots=True)
class Came:
    """What came of a fault: through which sender, and the messages in the order in which they came."""

    fault: Fault
    sender: str
    id: str
    refused: str
    messages: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class FaultRun:
    """The last run of a receiver; `versions` by package."""

    name: str
    versions: dict[str, str]
    failed: str
    came: tuple[Came, ...]


def run_names(receivers: Sequence[str]) -> list[str]:
    """What is run for receivers: one run each, and for nobody one for each server that sends."""
    runs = []
    for receiver in receivers:
        runs += [f"{NOBODY}-{name}" for name in sending_servers()] if receiver == NOBODY else [receiver]
    return runs


def servers_of(run: str) -> tuple[Server | None, list[Server]]:
    """The server that receives, None for nobody, and those that send."""
    if run.startswith(f"{NOBODY}-"):
        return None, [load_server(run.removeprefix(f"{NOBODY}-"))]
    receiver = load_server(run, below=RECEIVERS)
    senders = [load_server(name, below=SENDERS) for name in server_names(SENDERS)]
    # A name of its own for the layer: `servers/` may have the same server with other packages.
    return replace(receiver, name=f"receiver-{run}"), senders


def run_receivers(receivers: Sequence[str], *, cache: Path) -> None:
    """Run the receivers, two at a time; one that fails is named on standard error and stops no other."""
    with ThreadPoolExecutor(_WORKERS) as pool:
        for run in run_names(receivers):
            receiver, senders = servers_of(run)
            try:
                for server in [*senders, *([receiver] if receiver else [])]:
                    installed(server, cache=cache)
            except LabError as err:
                _fail(run, str(err), cache=cache)
                continue
            pool.submit(_run, run, patience_s=senders[0].patience_s, cache=cache)


async def run_inside(run: str, *, out: Path, cache: Path) -> None:
    """Run one receiver in the namespaces that this process is in, and write what came to `out`."""
    receiver, senders = servers_of(run)
    cells = {
        server.name: Cell(server, installed(server, cache=cache), root=out / f"tree-{server.name}/root", out=out)
        for server in [*([receiver] if receiver else []), *senders]
    }
    faults = load_faults(NOBODY if receiver is None else run)
    sent = await run_bench(
        cells[receiver.name] if receiver else None, [cells[server.name] for server in senders], faults=faults
    )
    kept = out / "came"
    kept.mkdir()
    came = cells[senders[0].name].came
    for each in sent:
        for n, data in enumerate(came.get(each.errand.id, [])):
            (kept / f"{each.errand.id}.{n}.eml").write_bytes(data)
    record = {
        "versions": _versions([*cells.values()], receiver=receiver),
        "sent": [
            {
                "id": each.errand.id,
                "fault": each.fault.id,
                "sender": each.sender,
                "refused": cells[each.sender].refused.get(each.errand.id, ""),
            }
            for each in sent
        ],
    }
    (out / "run.json").write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n")


def load_run(run: str, *, cache: Path) -> FaultRun | None:
    """What came in the last run, None where there was none."""
    folder = run_folder(run, cache=cache)
    if not (folder / "run.json").exists():
        return None
    record = json.loads((folder / "run.json").read_text("utf-8"))
    receiver, _ = servers_of(run)
    faults = load_faults(NOBODY if receiver is None else run)
    known = {fault.id: fault for fault in faults}
    came = [
        Came(known[sent["fault"]], sent["sender"], sent["id"], sent["refused"], _messages(folder / "came", sent["id"]))
        for sent in record.get("sent", [])
        if sent["fault"] in known
    ]
    return FaultRun(run, record.get("versions", {}), record.get("failed", ""), tuple(came))


def run_folder(run: str, *, cache: Path) -> Path:
    """Where a receiver's last run is kept."""
    return cache / "faults" / run


def _messages(folder: Path, name: str) -> tuple[bytes, ...]:
    files = sorted(folder.glob(f"{name}.*.eml"), key=lambda path: (len(path.name), path.name))
    return tuple(path.read_bytes() for path in files)


def _versions(cells: Sequence[Cell], *, receiver: Server | None) -> dict[str, str]:
    """Versions by who speaks: a sender's one, and the receiver's packages, which its `server.toml` prints as pairs."""
    found: dict[str, str] = {}
    for cell in cells:
        words = cell.layer.version.split()
        if receiver is not None and cell.server.name == receiver.name:
            found |= {source_of(package): version for package, version in zip(words[::2], words[1::2], strict=True)}
        else:
            found[cell.server.name] = cell.layer.version
    return found


def _run(run: str, *, patience_s: float, cache: Path) -> None:
    out = run_folder(run, cache=cache)
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    try:
        done = subprocess.run(
            enter([*python_command(), "fault-cell", run, str(out)]),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=patience_s + _BESIDE_S,
        )
        (out / "errors.txt").write_text(done.stderr)
        if done.returncode:
            _fail(run, (done.stderr.strip().splitlines() or ["ended without a word"])[-1], cache=cache)
        else:
            print(f"{run}: done", file=sys.stderr)
    except subprocess.TimeoutExpired:
        _fail(run, f"not done after {patience_s + _BESIDE_S:.0f} s", cache=cache)
    finally:
        for tree in out.glob("tree-*"):  # the mounts in it ended with their namespace
            shutil.rmtree(tree, ignore_errors=True)


def _fail(run: str, why: str, *, cache: Path) -> None:
    out = run_folder(run, cache=cache)
    out.mkdir(parents=True, exist_ok=True)
    print(f"{run}: {why}", file=sys.stderr)
    (out / "run.json").write_text(json.dumps({"failed": why}) + "\n")
