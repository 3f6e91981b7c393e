"""Standard streams that stay open, are closed, or can't be written to."""

import json
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


def run(
    arguments: str, *, redirected: str = "", folder: Path, **environment: str
) -> "subprocess.CompletedProcess[str]":
    """A command with its streams redirected as a shell does it; `FULL` is a file that takes no more bytes."""
    full = folder / "full"
    full.write_text("no more fits")
    script = f'"$PYTHON" -m bounceml_cli {arguments} {redirected.replace("FULL", str(full))}'
    return subprocess.run(
        ["/bin/sh", "-c", script],
        cwd=folder,
        env=os.environ | {"PYTHON": sys.executable} | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=3 * SOON,
        check=False,
        preexec_fn=lambda: bound_files(12) if "FULL" in redirected else None,
    )


@pytest.mark.parametrize("arguments", ["predict --text no", "explain --text no", "models list", "--help", "--version"])
@pytest.mark.parametrize(("redirected", "why"), [(">>FULL", "File too large"), (">&-", "Bad file descriptor")])
def test_output_that_cannot_be_written_is_said(tmp_path: Path, arguments: str, redirected: str, why: str) -> None:
    done = run(arguments, redirected=redirected, folder=tmp_path)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == f"bounceml: standard output: can't write: {why}"
    assert "Traceback" not in done.stderr


def test_scored_rows_that_cannot_be_written_are_said(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("id,diagnostic\n1,550 no such user\n")
    for redirected in (">>FULL", ">&-"):
        done = run("score in.csv -o -", redirected=redirected, folder=tmp_path)
        assert done.returncode == 1
        assert done.stderr.splitlines()[-1].startswith("bounceml: standard output: can't write: ")


def test_a_reader_that_has_seen_enough_is_no_failure_to_tell_of(tmp_path: Path) -> None:
    many = " ".join(["--text no"] * 2000)
    done = run(f"predict {many}", redirected="| head -n 1", folder=tmp_path)
    assert len(done.stdout.splitlines()) == 1
    assert done.stderr == ""


@pytest.mark.parametrize("arguments", ["predict -", "score - -o out.csv", "report - -o out.html"])
def test_a_closed_standard_input_is_said(tmp_path: Path, arguments: str) -> None:
    done = run(arguments, redirected="<&-", folder=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("bounceml: -: can't read ")
    assert len(done.stderr.splitlines()) == 1
    assert not list(tmp_path.glob("out.*"))


@pytest.mark.parametrize("redirected", ["2>&-", "2>>FULL", "<&- >&- 2>&-"])
def test_a_result_is_right_where_nobody_can_be_told_about_it(tmp_path: Path, redirected: str) -> None:
    (tmp_path / "in.csv").write_text("id,diagnostic\n1,550 no such user\n")
    done = run("predict --text 'no such user'", redirected=redirected.replace(">&- ", ""), folder=tmp_path)
    assert (done.returncode, done.stdout.split("\t")[2]) == (0, "user_unknown")
    if "FULL" not in redirected:
        assert run("score in.csv -o out.csv", redirected=redirected, folder=tmp_path).returncode == 0
        assert "user_unknown" in (tmp_path / "out.csv").read_text()
    assert run("predict --nonsense", redirected=redirected, folder=tmp_path).returncode == 2


def test_half_a_character_in_an_address_goes_into_the_summary_as_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text('{"email": "a@ex\\ud800.com", "diagnostic": "550 no such user"}\n')
    done = run("score in.jsonl -o out.csv --summary out.json", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert list(json.loads((tmp_path / "out.json").read_text("utf-8"))["by_domain"]) == ["ex?.com"]


@pytest.mark.parametrize("charset", ["utf-8", "gb18030"])
@pytest.mark.parametrize("coerced", ["0", "1"])
def test_a_text_on_the_command_line_is_read_whatever_the_language(tmp_path: Path, charset: str, coerced: str) -> None:
    done = subprocess.run(
        [*BOUNCEML, "predict", "--text", "552 邮箱空间不足，请稍后再试".encode(charset)],
        env=os.environ
        | {"LC_ALL": "C", "PYTHONUTF8": coerced, "PYTHONCOERCECLOCALE": coerced, "PYTHONIOENCODING": "ascii:strict"},
        capture_output=True,
        timeout=SOON,
        check=True,
    )
    assert done.stdout.decode().split("\t")[2::3] == ["mailbox_full", "552 邮箱空间不足，请稍后再试\n"]
