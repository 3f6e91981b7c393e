"""Where nothing more can be written: one clear line, exit status 1, and what was there before as it was."""

import csv
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bounceml.home import Home
from bounceml_datasets.labelling.item import Answer, Item
from bounceml_datasets.labelling.sheet import sheet_bytes
from forked import NONE, Commands, Done, Hindrance, in_terminal

# Bytes that a file may get: a disk that is full sooner than the output is whole.
ROOM = 40
LABELLED = {"user_unknown": "no such user", "mailbox_full": "over quota", "server_error": "internal error"}
OLD = "old, and as it was"
MARKS = "<!-- figures: made by `bounceml data check --datasheet` -->\n<!-- end of figures -->\n"


@dataclass(frozen=True, slots=True)
class Writing:
    """A command that writes, and the file of the folder that it fails at."""

    arguments: str
    output: str
    # What stands in the output before; None where the command wants none to be there.
    before: str | None = OLD


COMMANDS = [
    *(Writing(f"score export.csv -o {name}", name) for name in ("o.csv", "o.jsonl", "o.csv.gz", "o.tsv.zst")),
    Writing("score export.csv -o o.parquet", "o.parquet"),
    Writing("score small.csv -o - --summary o.json", "o.json"),
    Writing("report export.csv -o o.html", "o.html"),
    Writing("review export.csv -o o.csv", "o.csv", before=None),
    Writing("review export.csv -o o.json --format label-studio", "o.json", before=None),
    Writing("review export.csv -o o.jsonl --format prodigy", "o.jsonl", before=None),
    Writing("drift export.csv --since export.csv --html o.html", "o.html"),
    Writing("explain --text refused --html o.html", "o.html"),
    Writing("evaluate builtin --data labelled.jsonl --report o.html", "o.html"),
    Writing("train --base none --data labelled.jsonl -o o.model", "o.model"),
    Writing("export -o o.joblib", "o.joblib"),
    Writing("data import labelled.jsonl -o o.jsonl", "o.jsonl", before=None),
    Writing("data check labelled.jsonl --datasheet o.md", "o.md", before=MARKS),
]


def name_of(writing: Writing) -> str:
    return f"{' '.join(word for word in writing.arguments.split() if word.isalpha())} {writing.output}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path = tmp_path_factory.mktemp("full")
    with (path / "export.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "diagnostic"])
        writer.writerows([i, f"550 5.1.1 <u{i}@example.com>: word{i * i} unknown, ticket {i:x}"] for i in range(120))
    (path / "small.csv").write_text("id,diagnostic\n1,550 no\n")
    rows = [{"text": f"{text} {'abcdefgh'[i] * 3}", "reason": r} for r, text in LABELLED.items() for i in range(8)]
    (path / "labelled.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    yield path
    path.chmod(0o755)


def is_one_clear_line(done: Done, path: str) -> bool:
    last = done.stderr.splitlines()[-1]
    return done.returncode == 1 and path in last and "can't " in last and "Traceback" not in done.stderr


@pytest.mark.parametrize("writing", COMMANDS, ids=name_of)
@pytest.mark.parametrize("where", ["full", "read-only", "no folder"])
def test_a_command_that_cannot_write_says_so_and_leaves_what_was_there(
    forked: Commands, folder: Path, writing: Writing, where: str
) -> None:
    output = folder / writing.output
    if writing.before is not None:
        output.write_text(writing.before)
    there = {path.name: path.read_bytes() for path in folder.iterdir()}
    arguments, hindered = writing.arguments.split(), NONE
    if where == "full":
        hindered = Hindrance(room=ROOM)
    elif where == "read-only":
        folder.chmod(0o555)
        hindered = Hindrance(without_override=True)
    else:  # what is in the place of a folder is a file
        arguments = [word if word != writing.output else f"labelled.jsonl/{word}" for word in arguments]
    try:
        done = forked.run(arguments, folder=folder, hindered=hindered)
    finally:
        folder.chmod(0o755)
    try:
        assert is_one_clear_line(done, writing.output), done
        # A scored file can be gone on with; everything else leaves nothing half-done.
        left = {path.name: path.read_bytes() for path in folder.iterdir() if ".part" not in path.name}
        assert left == there
        assert "score" in arguments or not list(folder.glob("*.part*"))
    finally:
        for path in folder.iterdir():
            if path.name not in ("export.csv", "small.csv", "labelled.jsonl"):
                path.unlink()


@pytest.mark.parametrize("where", ["full", "read-only"])
@pytest.mark.parametrize("command", ["promote", "promote own", "rollback", "train"])
def test_the_folder_of_models_stays_as_it_was(
    forked: Commands, folder: Path, own_model: Path, tmp_path: Path, command: str, where: str
) -> None:
    home = Home(tmp_path / "home")
    home.models.mkdir(parents=True)
    for name in ("a", "b"):
        home.path_of(name).write_bytes(own_model.read_bytes())
    home.note(("b", "a"))
    before = contents(home)
    arguments = {
        "promote": ["models", "promote", "b", "--force"],
        "promote own": ["models", "promote", str(own_model), "--force"],
        "rollback": ["models", "rollback"],
        "train": ["train", "--base", "none", "--data", "labelled.jsonl"],
    }[command]
    hindered = Hindrance(room=ROOM)
    if where == "read-only":
        hindered = Hindrance(without_override=True)
        for path in (home.models, home.folder):
            path.chmod(0o555)
    try:
        done = forked.run(arguments, folder=folder, environment={"BOUNCEML_HOME": str(home.folder)}, hindered=hindered)
    finally:
        for path in (home.folder, home.models):
            path.chmod(0o755)
    assert is_one_clear_line(done, str(home.folder)), done
    assert contents(home) == before


def contents(home: Home) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in home.folder.rglob("*") if path.is_file() and path.name != "lock"}


@pytest.mark.parametrize("where", ["full", "read-only"])
def test_a_label_that_cannot_be_saved_is_said(forked: Commands, tmp_path: Path, where: str) -> None:
    sheet = tmp_path / "to-label.csv"
    sheet.write_bytes(sheet_bytes([Item("a text", answers=(Answer("policy", 0.5),))]))
    before = sheet.read_bytes()
    hindered = Hindrance(room=ROOM) if where == "full" else Hindrance(without_override=True)
    tmp_path.chmod(0o755 if where == "full" else 0o555)
    try:
        done, shown = in_terminal(forked, ["label", str(sheet)], folder=tmp_path, keys="1", how=hindered)
    finally:
        tmp_path.chmod(0o755)
    assert done.returncode == 1
    assert "to-label.csv: can't write: " in " ".join(shown.split())
    assert "Traceback" not in shown
    assert sheet.read_bytes() == before
    assert os.listdir(tmp_path) == [sheet.name]


def test_the_summary_that_cannot_be_written_is_said_at_once(forked: Commands, folder: Path) -> None:
    done = forked.run(["score", "small.csv", "-o", "-", "--summary", "labelled.jsonl/x.json"], folder=folder)
    assert is_one_clear_line(done, "x.json"), done
