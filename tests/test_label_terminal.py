"""The labeller in a real pseudo-terminal: single keys, undo, resume."""

import csv
import io
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pexpect
import pytest

from bounceml.taxonomy import load_taxonomy
from bounceml_datasets.labelling.item import Answer, Item
from bounceml_datasets.labelling.sheet import SKIPPED, sheet_bytes
from bounceml_datasets.labels import label_names

ANSWERS = (Answer("policy", 0.5), Answer("mailbox_full", 0.25), Answer("auto_reply", 0.125))
NAMES = label_names(load_taxonomy().reasons)
ROWS = 30
Start = Callable[..., "pexpect.spawn[str]"]


@pytest.fixture
def sheet(tmp_path: Path) -> Path:
    items = [Item(f"text number {i}.", count=1000 + i, domains=2, lang="en", answers=ANSWERS) for i in range(ROWS)]
    path = tmp_path / "to-label.csv"
    path.write_bytes(sheet_bytes(items))
    return path


@pytest.fixture
def start(sheet: Path) -> Iterator[Start]:
    started: list[pexpect.spawn[str]] = []

    def begin(*more: str, rows: int = 50) -> "pexpect.spawn[str]":
        arguments = ["-m", "bounceml_cli", "label", str(sheet), *more]
        # The environment as Python sees it: readline, which pytest loads, puts the size of another terminal beside.
        env = {name: value for name, value in os.environ.items() if name not in ("LINES", "COLUMNS")}
        started.append(
            pexpect.spawn(
                sys.executable, arguments, encoding="utf-8", timeout=20, dimensions=(rows, 100), env=cast("Any", env)
            )
        )
        return started[-1]

    yield begin
    for child in started:
        child.close(force=True)


def labels(path: Path) -> list[str]:
    return [row["label"] for row in csv.DictReader(io.StringIO(path.read_text("utf-8-sig"), newline=""))]


def leave(child: "pexpect.spawn[str]") -> str:
    child.send("q")
    child.expect(pexpect.EOF)
    child.wait()
    assert child.exitstatus == 0
    return child.before or ""


def test_a_card_shows_the_text_its_counts_and_the_top_three(start: Start) -> None:
    child = start()
    child.expect("0 of 30 labelled")
    child.expect("1,000 times · 2 domains · en")
    child.expect("text number 0")
    for line in ("1.*policy.*50%", "2.*mailbox_full.*25%.*over quota", "3.*auto_reply.*12%"):
        child.expect(line)
    assert "0 of 30 labelled, 0 skipped" in leave(child)


def test_one_key_accepts_skips_chooses_and_undoes(start: Start, sheet: Path) -> None:
    child = start()
    child.expect("text number 0")
    child.send("2")
    child.expect("text number 1")
    child.send("s")
    child.expect("text number 2")
    child.send("l")
    child.expect(r"b\x1b.*mailbox_disabled")
    child.expect("delivered .*no bounce")
    child.send("b")
    child.expect("text number 3")
    child.send("1")
    child.expect("text number 4")
    child.send("u")
    child.expect("text number 3")
    assert "2 of 30 labelled, 1 skipped" in leave(child)
    assert labels(sheet)[:4] == ["mailbox_full", SKIPPED, "mailbox_disabled", ""]


def test_escape_and_arrows_leave_the_list_and_other_keys_do_nothing(start: Start, sheet: Path) -> None:
    child = start()
    child.expect("text number 0")
    for key in ("x", "9", "é", "邮", "\x1b[A", "\x1b[15~", "\x1bOP"):
        child.send(key)
    child.send("l")
    child.expect("a-z choose")
    child.send("\x1b")
    child.expect("1-3 accept")
    child.send("3")
    child.expect("text number 1")
    leave(child)
    assert labels(sheet)[:2] == ["auto_reply", ""]


def test_it_goes_on_where_it_stopped_and_undo_reaches_back(start: Start, sheet: Path) -> None:
    child = start()
    child.expect("text number 0")
    child.send("12")
    child.expect("text number 2")
    leave(child)
    child = start()
    child.expect("2 of 30 labelled")
    child.expect("text number 2")
    child.send("u")
    child.expect("text number 1")
    child.send("3")
    child.expect("text number 2")
    child.sendcontrol("c")
    child.expect("2 of 30 labelled, 0 skipped")
    child.expect(pexpect.EOF)
    assert labels(sheet)[:3] == ["policy", "auto_reply", ""]


def test_the_end_can_be_undone(start: Start, sheet: Path) -> None:
    child = start()
    child.expect("text number 0")
    child.send("1" * ROWS)
    child.expect("All rows are done")
    child.send("u")
    child.expect("text number 29")
    child.send("2")
    child.expect("All rows are done")
    leave(child)
    assert labels(sheet) == ["policy"] * 29 + ["mailbox_full"]


def test_the_users_own_reasons_are_offered_on_a_second_page(start: Start, sheet: Path, tmp_path: Path) -> None:
    own = "".join(f"[reasons.own_{i}]\naction = 'review'\nmeans = 'number {i}'\n" for i in range(9))
    (tmp_path / "own.toml").write_text(own)
    child = start("--config", str(tmp_path / "own.toml"))
    child.expect("text number 0")
    child.send("l")
    child.expect("own_0 .*number 0")
    child.expect("space more")
    child.send(" ")
    child.expect(r"a\x1b.*own_7")
    child.expect(r"d\x1b.*delivered")
    child.send("a")
    child.expect("text number 1")
    leave(child)
    assert labels(sheet)[0] == [*list(NAMES)[:19], *(f"own_{i}" for i in range(9)), "auto_reply"][26]


def test_a_strangers_text_cannot_steer_the_terminal(start: Start, sheet: Path) -> None:
    text = "550 \x1b[2J\x1b]0;owned\x07 [bold red]markup[/] \u202egnp.exe"
    sheet.write_bytes(sheet_bytes([Item(text, provider_class="\x1b[31mred", rule="\x07", rule_reason="x\x1b")]))
    child = start()
    child.expect("q quit")
    shown = child.before or ""
    assert "\x1b]0;" not in shown
    assert "\x07" not in shown
    assert "\u202e" not in shown
    assert "[bold red]markup[/]" in shown
    leave(child)


def test_the_terminal_is_put_back(start: Start, sheet: Path) -> None:
    label = f'"{sys.executable}" -m bounceml_cli label "{sheet}"'
    script = f'before=$(stty -g); {label}; [ "$before" = "$(stty -g)" ] && echo same'
    child = pexpect.spawn("/bin/sh", ["-c", script], encoding="utf-8", timeout=20)
    child.expect("text number 0")
    child.send("q")
    child.expect("same")
    child.close()


def test_without_a_terminal_it_says_so(sheet: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bounceml_cli", "label", str(sheet)], input=b"1q", capture_output=True, check=False
    )
    assert done.returncode == 2
    assert b"asks in a terminal" in done.stderr
    assert labels(sheet)[0] == ""


def test_a_small_terminal_has_the_list_in_pages(start: Start, sheet: Path) -> None:
    child = start(rows=24)
    child.expect("text number 0")
    child.send("l")
    child.expect("text number 0")
    child.expect("space more")
    child.send(" ")
    child.expect("other .*no bounce")
    assert len((child.before or "").splitlines()) < 24
    child.send("\x7f")
    child.expect("1-3 accept")
    leave(child)
    assert labels(sheet)[0] == ""


def test_a_terminal_that_goes_away_ends_it_with_the_answers_saved(sheet: Path, tmp_path: Path) -> None:
    label = f'"{sys.executable}" -m bounceml_cli label "{sheet}" 2> "{tmp_path}/said"; echo $? > "{tmp_path}/status"'
    # Hanging up ends it by itself, unless it is told to stay, as by nohup.
    child = pexpect.spawn("/bin/sh", ["-c", f"trap '' HUP; {label}"], encoding="utf-8", timeout=20)
    child.expect("text number 0")
    child.send("2")
    child.expect("text number 1")
    child.expect("q quit")
    cast("Any", child).ptyproc.fileobj.close()  # leaves the program to itself, which `close` wouldn't
    for _ in range(200):
        if (tmp_path / "status").exists() and (tmp_path / "status").read_text():
            break
        time.sleep(0.1)
    assert (tmp_path / "said").read_text() == f"bounceml: {sheet}: 1 of 30 labelled, 0 skipped\n"
    assert (tmp_path / "status").read_text() == "0\n"
    assert labels(sheet)[:2] == ["mailbox_full", ""]
