"""Where nothing more can be written: one clear line, exit status 1, and the old file as it was."""

import csv
import json
import resource
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

# Bytes that a file may get: a disk that is full sooner than the output is whole.
ROOM = 1500
LABELLED = {"user_unknown": "no such user", "mailbox_full": "over quota", "server_error": "internal error"}


def bounceml(arguments: Sequence[str], *, room: int = resource.RLIM_INFINITY) -> subprocess.CompletedProcess[str]:
    """Run the command where files can't grow beyond `room` bytes."""
    return subprocess.run(
        [sys.executable, "-m", "bounceml_cli", *arguments],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (room, room)),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("full") / "export.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "diagnostic"])
        writer.writerows([i, f"550 5.1.1 <u{i}@example.com>: word{i * i} unknown, ticket {i:x}"] for i in range(3000))
    return path


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("full") / "labelled.jsonl"
    rows = [{"text": f"{text} {'abcdefgh'[i] * 3}", "reason": r} for r, text in LABELLED.items() for i in range(8)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def is_one_clear_line(done: subprocess.CompletedProcess[str], path: str) -> bool:
    last = done.stderr.splitlines()[-1]
    return done.returncode == 1 and path in last and "can't write" in last and "Traceback" not in done.stderr


@pytest.mark.parametrize("name", ["out.csv", "out.jsonl", "out.csv.gz", "out.tsv.zst", "out.parquet"])
def test_score_leaves_the_old_output(export: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("old")
    done = bounceml(["score", str(export), "-o", str(tmp_path / name)], room=ROOM)
    assert is_one_clear_line(done, name), done.stderr
    assert (tmp_path / name).read_text() == "old"


def test_train_leaves_the_old_model(labelled: Path, tmp_path: Path) -> None:
    (tmp_path / "old.model").write_text("old")
    arguments = ["train", "--base", "none", "--data", str(labelled), "-o", str(tmp_path / "old.model")]
    done = bounceml(arguments, room=ROOM)
    assert is_one_clear_line(done, "old.model"), done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["old.model"]
    assert (tmp_path / "old.model").read_text() == "old"


def test_export_leaves_the_old_file(tmp_path: Path) -> None:
    (tmp_path / "old.joblib").write_text("old")
    done = bounceml(["export", "-o", str(tmp_path / "old.joblib")], room=ROOM)
    assert is_one_clear_line(done, "old.joblib"), done.stderr
    assert (tmp_path / "old.joblib").read_text() == "old"


@pytest.mark.parametrize(
    "arguments",
    [
        ["score", "EXPORT", "-o", "NOWHERE"],
        ["score", "EXPORT", "-o", "OUTPUT", "--summary", "NOWHERE"],
        ["train", "--base", "none", "--data", "LABELLED", "-o", "NOWHERE"],
        ["train", "--base", "none", "--data", "LABELLED", "-o", "OUTPUT", "--card", "NOWHERE"],
        ["export", "-o", "NOWHERE"],
    ],
    ids=lambda arguments: "-".join(word for word in arguments if word.isalpha() and word.islower()),
)
def test_where_nothing_can_be_written_one_line_says_so(
    export: Path, labelled: Path, tmp_path: Path, arguments: list[str]
) -> None:
    (tmp_path / "file").write_text("no folder")
    nowhere = str(tmp_path / "file" / "out.csv")  # what root can't write either
    names = {"EXPORT": str(export), "LABELLED": str(labelled), "NOWHERE": nowhere, "OUTPUT": str(tmp_path / "o.csv")}
    done = bounceml([names.get(word, word) for word in arguments])
    assert is_one_clear_line(done, nowhere), done.stderr
