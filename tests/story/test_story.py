"""The README's five commands as one story: a provider in a language that nobody taught, until it is read right."""

import csv
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pexpect
import pytest

from bounceml.taxonomy import load_taxonomy
from bounceml_cli.cards import LETTERS
from bounceml_datasets.corpus import load_corpus
from bounceml_datasets.labels import label_names

ROOT = Path(__file__).parents[2]
SECTION = (ROOT / "README.md").read_text("utf-8").split("### A server that nobody has met")[1]
COMMANDS = re.findall(r"^\$ bounceml (.+)$", SECTION.split("```")[1], re.MULTILINE)
TRUTH = {
    row["text"]: row["reason"]
    for row in csv.DictReader((ROOT / "tests/data/new-provider-labels.csv").read_text("utf-8").splitlines())
}
NAMES = label_names(load_taxonomy().reasons)
# Reasons of the English texts in the export, which the shipped model knows.
OTHERS = {"5.1.1": "user_unknown", "5.2.2": "mailbox_full", "4.2.0": "greylisted", "spam": "spam_content"}

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    return tmp_path


@pytest.fixture
def environment(folder: Path) -> dict[str, str]:
    return os.environ | {"BOUNCEML_HOME": str(folder / "home")}


@pytest.fixture
def run(folder: Path, environment: dict[str, str]) -> Run:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "bounceml_cli", *arguments]
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, encoding="utf-8", check=False, timeout=400
        )
        assert done.returncode == 0, done.stderr
        return done

    return run


def truth(text: str) -> str:
    return TRUTH.get(text) or next(reason for sign, reason in OTHERS.items() if sign in text)


def keys(row: dict[str, str]) -> str:
    """What is typed for a text: the number of the right answer, or the list and its letter."""
    wanted = truth(row["text"])
    answers = [row[name] for name in ("reason", "runner_up", "third")]
    return str(answers.index(wanted) + 1) if wanted in answers else "l" + LETTERS[NAMES.index(wanted)]


def label_all(sheet: Path, *, command: str, folder: Path, environment: dict[str, str]) -> None:
    rows = list(csv.DictReader(sheet.read_text("utf-8-sig").splitlines()))
    child = pexpect.spawn(
        sys.executable, ["-m", "bounceml_cli", *shlex.split(command)], cwd=str(folder), env=cast("Any", environment),
        encoding="utf-8", timeout=30, dimensions=(50, 100),
    )  # fmt: skip
    for number, row in enumerate(rows):
        child.expect(f"{number} of {len(rows)} labelled")
        child.expect(re.escape(row["text"][:40]))
        child.send(keys(row))
    child.expect(f"{len(rows)} of {len(rows)} labelled")
    child.send("q")
    child.expect(pexpect.EOF)
    child.wait()
    assert child.exitstatus == 0


def share_right(path: Path) -> float:
    rows = [row for row in csv.DictReader(path.read_text("utf-8").splitlines()) if row["diagnostic"] in TRUTH]
    right = [row["bounce_reason"] == TRUTH[row["diagnostic"]] for row in rows]
    return float(sum(right) / len(right))


def test_the_provider_is_read_right_in_the_end_and_the_others_no_worse(
    run: Run, folder: Path, environment: dict[str, str]
) -> None:
    assert [command.split()[0] for command in COMMANDS] == ["review", "label", "data", "train", "models"]
    review, label, bring_in, train, promote = COMMANDS
    assert not [row for row in load_corpus(reasons=load_taxonomy().reasons) if row.lang == "eo"]
    run("score", "examples/new-provider.csv", "-o", "before.csv")
    assert share_right(folder / "before.csv") < 0.6

    run(*shlex.split(review))
    label_all(folder / label.split()[1], command=label, folder=folder, environment=environment)
    run(*shlex.split(bring_in))
    done = run(*shlex.split(train))
    seconds, megabytes = (
        int(each.replace(",", "")) for each in re.findall(r"trained in (\d+) s, .* ([\d,]+) MB", done.stderr)[0]
    )
    assert seconds > 0
    assert megabytes < 1500
    assert "is in force" in run(*shlex.split(promote)).stdout

    run("score", "examples/new-provider.csv", "-o", "after.csv")
    assert share_right(folder / "after.csv") > 0.95
    # What it was not shown, in the same language, and what was right before.
    (name,) = [each["name"] for each in json.loads(run("models", "list", "--json").stdout) if each["in_force"]]
    held_out = folder / "held-out.jsonl"
    model = next((folder / "home" / "models").glob("*.model")).read_bytes()
    size = json.loads(model[48 : 48 + int.from_bytes(model[8:16], "little")])["held_out"]
    held_out.write_bytes(model[-size:])
    found = json.loads(run("evaluate", "builtin", name, "--data", "held-out.jsonl", "--json").stdout)
    before, after = (each["figures"]["reason_accuracy"]["value"] for each in found["models"])
    assert after > before
    rows = load_corpus(reasons=load_taxonomy().reasons)[::40]
    (folder / "old.jsonl").write_text("".join(f"{row.to_json()}\n" for row in rows), "utf-8")
    found = json.loads(run("evaluate", "builtin", name, "--data", "old.jsonl", "--json").stdout)
    assert found["comparison"]["accuracy_gain"]["high"] >= 0
    assert found["comparison"]["accuracy_gain"]["value"] > -0.01
    # From which probability on addresses are given up is set anew by each training.
    assert found["comparison"]["suppression_gain"]["value"] > -0.02
