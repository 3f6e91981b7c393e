"""Standard streams that stay open, are closed, or can't be written to."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from forked import bound_files

BOUNCEML = [sys.executable, "-m", "bounceml_cli"]
# Seconds in which a command ends that has nothing left to do, on a busy machine too.
SOON = 20
# More than a part, so that one is written while the next is waited for.
ROWS = 25_000


@contextmanager
def begun(arguments: list[str], *, given: bytes = b"", **how: Any) -> Iterator["subprocess.Popen[bytes]"]:
    """A command whose standard input holds `given` and stays open."""
    command = subprocess.Popen([*BOUNCEML, *arguments], stdin=subprocess.PIPE, stderr=subprocess.PIPE, **how)
    assert command.stdin is not None
    feeding = threading.Thread(target=_feed, args=(command.stdin, given))
    feeding.start()
    try:
        yield command
    finally:
        command.kill()
        feeding.join()
        with suppress(BrokenPipeError):
            command.stdin.close()
        command.wait()
        assert command.stderr is not None
        command.stderr.close()


def _feed(pipe: Any, data: bytes) -> None:
    with suppress(BrokenPipeError):  # the command ended before
        pipe.write(data)
        pipe.flush()


def last_line(command: "subprocess.Popen[bytes]") -> str:
    """The last line on standard error of a command that ends soon."""
    command.wait(SOON)
    assert command.stderr is not None
    return command.stderr.read().decode().splitlines()[-1]


def table(*, broken: bool = False) -> bytes:
    row = "7,550 no such user,too,many" if broken else "7,550 no such user"
    return "\n".join(["id,diagnostic", row, *["8,552 mailbox full"] * ROWS, ""]).encode()


def test_a_full_disk_is_said_while_the_input_stays_open(tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    with begun(["score", "-", "-o", str(out)], given=table(), preexec_fn=lambda: bound_files(40)) as command:
        assert last_line(command).startswith(f"bounceml: {out}: can't write: ")
        assert command.returncode == 1


def test_a_broken_row_is_said_while_the_input_stays_open(tmp_path: Path) -> None:
    arguments = ["score", "-", "-o", str(tmp_path / "out.csv"), "--strict"]
    with begun(arguments, given=table(broken=True)) as command:
        assert "line 2: 4 cells" in last_line(command)
        assert command.returncode == 1


def test_a_reader_that_left_ends_the_command_while_the_input_stays_open() -> None:
    reads, writes = os.pipe()
    os.close(reads)
    with begun(["score", "-", "-o", "-"], given=table(), stdout=writes) as command:
        os.close(writes)
        assert "column 'diagnostic'" in last_line(command)
        assert command.returncode == 1


@pytest.mark.parametrize("command", ["score", "report"])
def test_ctrl_c_ends_a_command_that_waits_for_its_input(tmp_path: Path, command: str) -> None:
    with begun([command, "-", "-o", str(tmp_path / "out.csv")], given=table()) as waiting:
        assert waiting.stderr is not None
        assert b"column 'diagnostic'" in waiting.stderr.readline()
        waiting.send_signal(signal.SIGINT)
        waiting.wait(SOON)
        assert waiting.returncode == 130
        assert b"Traceback" not in waiting.stderr.read()


def test_a_named_pipe_that_stays_open_is_waited_for_no_longer_than_needed(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "in.csv")
    arguments = ["score", str(tmp_path / "in.csv"), "-o", str(tmp_path / "out.csv"), "--strict"]
    with begun(arguments) as command, (tmp_path / "in.csv").open("wb") as pipe:
        _feed(pipe, table(broken=True))
        assert "line 2: 4 cells" in last_line(command)
        assert command.returncode == 1
