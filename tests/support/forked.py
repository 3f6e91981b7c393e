"""Commands in processes that begin with everything imported: they start in milliseconds, and can be hindered or killed.

A helper process imports bounceml once, and forks for each command. Only for systems that fork.
"""

import atexit
import ctypes
import fcntl
import json
import os
import pty
import resource
import signal
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

# What commands import when they need it.
_MODULES = (
    "bounceml_cli.main", "bounceml_cli.data", "bounceml_cli.drift", "bounceml_cli.evaluate", "bounceml_cli.export",
    "bounceml_cli.import_data", "bounceml_cli.label", "bounceml_cli.models", "bounceml_cli.predict",
    "bounceml_cli.report", "bounceml_cli.review", "bounceml_cli.score", "bounceml_cli.train",
    "bounceml_cli.pages.report", "bounceml_cli.pages.drift", "bounceml_cli.pages.evaluation",
    "bounceml_datasets.exports.parquet_export", "bounceml_training.sklearn_export", "jinja2", "zstandard",
)  # fmt: skip
# Of Python's audit events, those that change what lies on the disk.
_CHANGES = frozenset({"open", "os.rename", "os.remove", "os.truncate", "os.mkdir", "os.chmod", "shutil.copyfile"})
_CAPABILITIES = 0x20080522  # linux/capability.h: _LINUX_CAPABILITY_VERSION_3
_DAC_OVERRIDE, _DAC_READ_SEARCH = 1, 2
_READY = "ready\n"


@dataclass(frozen=True, slots=True)
class Hindrance:
    """What keeps a command from going on as usual.

    `room` is how many bytes a file may get. `without_override` has root heed permissions. `dies_at` kills it in front
    of its so-manieth change to the disk, `kill_after` after so many seconds, with all that it started.
    """

    room: int | None = None
    without_override: bool = False
    dies_at: int | None = None
    kill_after: float | None = None


NONE = Hindrance()


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended: its exit status, or minus the signal that ended it, and what it said."""

    returncode: int
    stdout: str
    stderr: str
    seconds: float


@dataclass(slots=True)
class Commands:
    """Runs `bounceml` commands, one after the other."""

    _helper: "subprocess.Popen[str]"

    def run(
        self,
        arguments: Sequence[str],
        *,
        folder: Path,
        environment: Mapping[str, str] | None = None,
        hindered: Hindrance = NONE,
        terminal: str | None = None,
    ) -> Done:
        """Run a command in `folder`, in a terminal if the path of one is given."""
        # Pipes, so that no bound on files is one on what it says.
        pipes = [_Pipe(), _Pipe()]
        order = {
            "arguments": list(arguments), "folder": str(folder), "environment": dict(environment or {}),
            "room": hindered.room, "without_override": hindered.without_override, "dies_at": hindered.dies_at,
            "out": pipes[0].path, "err": pipes[1].path, "terminal": terminal,
        }  # fmt: skip
        started = time.perf_counter()
        pid = int(self._ask(order))
        for pipe in pipes:
            pipe.start()
        if hindered.kill_after is not None:
            time.sleep(hindered.kill_after)
            os.killpg(pid, signal.SIGKILL)
        status = int(self._ask("wait"))
        took = time.perf_counter() - started
        return Done(os.waitstatus_to_exitcode(status), pipes[0].said(), pipes[1].said(), took)

    def _ask(self, order: object) -> str:
        assert self._helper.stdin is not None
        assert self._helper.stdout is not None
        self._helper.stdin.write(json.dumps(order) + "\n")
        self._helper.stdin.flush()
        answer = self._helper.stdout.readline()
        assert answer, "the helper process has gone"
        return answer


@cache
def commands() -> Commands:
    """Commands; the helper process lives as long as this one."""
    helper = subprocess.Popen(
        [sys.executable, __file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env=os.environ | {"LOKY_MAX_CPU_COUNT": "1"},  # processes of joblib's own take seconds to start
    )
    atexit.register(_end, helper)
    assert helper.stdout is not None
    assert helper.stdout.readline() == _READY
    return Commands(helper)


def _end(helper: "subprocess.Popen[str]") -> None:
    helper.kill()
    helper.communicate()


def in_terminal(forked: Commands, arguments: list[str], *, folder: Path, keys: str, how: Hindrance) -> tuple[Done, str]:
    """A command in a terminal of its own, where keys were pressed ahead; how it ended, and what it showed."""
    ours, its = pty.openpty()
    shown: list[bytes] = []

    def look() -> None:
        while True:
            try:
                shown.append(os.read(ours, 1 << 16))
            except OSError:  # the terminal was closed
                return

    looking = threading.Thread(target=look)
    try:
        os.write(ours, keys.encode())
        looking.start()
        done = forked.run(arguments, folder=folder, terminal=os.ttyname(its), hindered=how)
    finally:
        os.close(its)
        looking.join()
        os.close(ours)
    return done, b"".join(shown).decode("utf-8", "replace")


class _Pipe:
    """What another process writes into it, read until that ends."""

    def __init__(self) -> None:
        self._reads, self._writes = os.pipe()
        self._said = b""
        self._reader = threading.Thread(target=self._read)

    @property
    def path(self) -> str:
        """Where the other process opens it."""
        return f"/proc/{os.getpid()}/fd/{self._writes}"

    def start(self) -> None:
        """Read; the other process has opened it."""
        os.close(self._writes)
        self._reader.start()

    def said(self) -> str:
        """All that came, when the other process has ended."""
        self._reader.join()
        return self._said.decode("utf-8", "replace")

    def _read(self) -> None:
        with open(self._reads, "rb") as file:
            self._said = file.read()


def _serve(orders: Iterable[str]) -> None:
    for name in _MODULES:
        __import__(name)
    print(_READY, end="", flush=True)
    pid = 0
    for line in orders:
        order = json.loads(line)
        if order == "wait":
            _, status = os.waitpid(pid, 0)
            print(status, flush=True)
            continue
        ready, told = os.pipe()
        pid = os.fork()
        if pid == 0:
            _become(order, told=told)
        os.close(told)
        os.read(ready, 1)  # it has a process group of its own now
        os.close(ready)
        print(pid, flush=True)


def _become(order: Mapping[str, Any], *, told: int) -> None:
    """Run the command in this process, which ends with it."""
    os.setsid()
    if order["terminal"]:
        terminal = os.open(order["terminal"], os.O_RDWR)
        fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
        files = [terminal] * 3
    else:
        files = [os.open(os.devnull, os.O_RDONLY), *(os.open(order[name], os.O_WRONLY) for name in ("out", "err"))]
    for number, file in enumerate(files):
        os.dup2(file, number)
    # As a new process has them: those of the helper know what they were before.
    sys.stdin, sys.stdout, sys.stderr = (
        open(number, mode, encoding="utf-8", closefd=False)  # noqa: SIM115  # they stay open
        for number, mode in ((0, "r"), (1, "w"), (2, "w"))
    )
    os.chdir(order["folder"])
    os.environ.update(order["environment"])
    if order["room"] is not None:
        bound_files(order["room"])
    if order["without_override"]:
        _give_up_override()
    if order["dies_at"] is not None:
        _die_at(order["dies_at"])
    sys.argv = ["bounceml", *order["arguments"]]
    from bounceml_cli.main import main

    os.write(told, b"!")
    os.close(told)
    status = 0
    try:
        main()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    except BaseException:
        sys.excepthook(*sys.exc_info())
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def bound_files(room: int) -> None:
    """Let files of this process get no more than `room` bytes, as on a disk that is full."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))


def _die_at(change: int) -> None:
    left = [change]

    def seen(event: str, arguments: tuple[Any, ...]) -> None:
        is_change = event in _CHANGES and (event != "open" or arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
        if is_change:
            left[0] -= 1
            if left[0] < 0:
                os.killpg(0, signal.SIGKILL)

    sys.addaudithook(seen)


def _give_up_override() -> None:
    """Have root heed the permissions of files, as others do."""
    libc = ctypes.CDLL(None)
    head, sets = (ctypes.c_uint32 * 2)(_CAPABILITIES, 0), (ctypes.c_uint32 * 6)()
    if libc.capget(head, sets) == 0:
        sets[0] &= ~(1 << _DAC_OVERRIDE | 1 << _DAC_READ_SEARCH)  # what is in force
        assert libc.capset(head, sets) == 0


if __name__ == "__main__":
    _serve(sys.stdin)
