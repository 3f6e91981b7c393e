"""Everything that the README shows runs as written, in a copy of the repository's examples."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest

from bounceml.modelfile import default_model
from bounceml.taxonomy import load_taxonomy
from bounceml_datasets.crosswalk import crosswalk_names

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
# The whole loop trains on all data; `tests/story` runs it.
LOOP = README[README.index("### A server that nobody has met") : README.index("### Label what it doesn't know")]
# A block of commands, each with the output that stands below it, if any.
CONSOLE = [
    (command, expected)
    for block in re.findall(r"```console\n(.*?)```", README.replace(LOOP, ""), re.DOTALL)
    for command, expected in re.findall(r"^\$ ([^\n]+)\n((?:(?!\$ )[^\n]+\n)*)", block, re.MULTILINE)
]
# What is typed into a command that asks.
KEYS = {"bounceml label to-label.csv": "12uslaq"}
SLOW = "bounceml train --data examples/labelled.csv -o own.model"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("readme")
    shutil.copytree(ROOT / "examples", path / "examples")
    shutil.copy(default_model(), path / "own.model")  # training on all rows is tested elsewhere
    return path


def test_readme_shows_every_command() -> None:
    shown = {command.split()[1] for command, _ in CONSOLE}
    commands = "predict explain score rules train export review label data evaluate drift models report"
    assert shown == set(commands.split())
    assert SLOW in [command for command, _ in CONSOLE]


@pytest.mark.parametrize(("command", "expected"), [c for c in CONSOLE if c[0] != SLOW])
def test_command_runs_as_shown(command: str, expected: str, folder: Path) -> None:
    if command in KEYS:
        child = pexpect.spawn(sys.executable, ["-m", "bounceml_cli", *command.split()[1:]], cwd=str(folder), timeout=20)
        child.expect("q quit")
        child.send(KEYS[command])
        child.expect(pexpect.EOF)
        child.close()
        assert child.exitstatus == 0
        return
    shell = f'"{sys.executable}" -m bounceml_cli {command.removeprefix("bounceml ")}'
    environment = os.environ | {"BOUNCEML_HOME": str(folder / "home")}
    done = subprocess.run(shell, shell=True, cwd=folder, env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    if expected:
        assert done.stdout.decode() == expected


def test_python_examples_run(folder: Path) -> None:
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    frames, single = (
        subprocess.run([sys.executable, "-c", block], cwd=folder, capture_output=True, check=True).stdout.decode()
        for block in blocks
    )
    assert single.split("\n")[0] == "hard user_unknown suppress"
    assert frames.count("user_unknown") == frames.count("mailbox_full") == 2


def test_configuration_example_is_the_one_in_the_readme() -> None:
    shown = re.search(r"```toml\n(.*?)```", README, re.DOTALL)
    assert shown is not None
    lines = [re.sub(r"\s*#.*", "", line) for line in shown[1].splitlines()]
    example = [re.sub(r"\s*#.*", "", line) for line in (ROOT / "examples" / "bounceml.toml").read_text().splitlines()]
    assert [line for line in lines if line] == [line for line in example if line]


def test_crosswalk_example_is_the_one_in_the_readme() -> None:
    assert (ROOT / "examples" / "own-labels.toml").read_text("utf-8") in README


def test_readme_names_every_crosswalk() -> None:
    assert [name for name in crosswalk_names() if f"`{name}`" not in README] == []


def test_table_of_reasons_is_the_taxonomy() -> None:
    for name, reason in load_taxonomy().reasons.items():
        assert f"| {name} | {reason.fault} | {reason.seen_as} | {reason.action} | {reason.means} |" in README
