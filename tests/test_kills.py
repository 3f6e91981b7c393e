"""Commands killed for good (SIGKILL) at any moment, and run again: nothing is lost, half-written or doubled.

Each is killed in front of every change that it makes to the disk, one after the other, and at moments drawn by chance;
`BOUNCEML_KILLS` says at how many of those.
"""

import csv
import gzip
import io
import json
import os
import random
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from bounceml.classifier import load
from bounceml.home import Home
from bounceml.modelfile import open_model
from bounceml_datasets.labelling.item import Answer, Item
from bounceml_datasets.labelling.sheet import sheet_bytes
from bounceml_training.model_store import promote, stored_models
from forked import NONE, Commands, Done, Hindrance, in_terminal

KILLS = int(os.environ.get("BOUNCEML_KILLS", "3"))
KILLED = -signal.SIGKILL
# More than any command changes the disk.
MOST_CHANGES = 200
TEXTS = ("550 5.1.1 no such user", "552 5.2.2 over quota", "421 try again later")
Run = Callable[[Hindrance], Done]
Check = Callable[[], None]


def killed_often(run: Run, *, check: Check) -> int:
    """Kill a command in front of each of its changes to the disk and at moments by chance; how often it was killed.

    It is run to its end once before, to see how long it takes, and `check` looks at what is there after each kill.
    """
    whole = run(NONE)
    assert whole.returncode == 0, whole.stderr
    killed = 0
    for number in range(MOST_CHANGES):
        done = run(Hindrance(dies_at=number))
        check()
        if done.returncode != KILLED:
            assert done.returncode == 0, done.stderr
            break
        killed += 1
    assert killed < MOST_CHANGES
    chance = random.Random(1)
    for _ in range(KILLS):
        done = run(Hindrance(kill_after=chance.uniform(0, 1.1 * whole.seconds)))
        check()
        killed += done.returncode == KILLED
    last = run(NONE)
    assert last.returncode == 0, last.stderr
    check()
    return killed


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three parts of rows."""
    path = tmp_path_factory.mktemp("kills") / "in.csv"
    rows = [f"{i},{TEXTS[i % 3]} {i}\r\n" for i in range(45_000)]
    path.write_text("id,diagnostic\r\n" + "".join(rows), newline="")
    return path


def opened(path: Path) -> bytes:
    """Contents of a file without their packing: pieces are packed as they were written."""
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


@pytest.mark.parametrize(
    ("name", "resume"),
    [("out.csv", False), ("out.csv", True), ("out.csv.gz", True), ("out.jsonl", True), ("out.parquet", False)],
)
def test_score(forked: Commands, export: Path, tmp_path: Path, name: str, resume: bool) -> None:
    more = ["--resume"] if resume else []
    assert forked.run(["score", str(export), "-o", f"whole-{name}"], folder=tmp_path).returncode == 0
    whole, output = opened(tmp_path / f"whole-{name}"), tmp_path / name

    def run(how: Hindrance) -> Done:
        if not resume or how == NONE:
            output.write_text("old")
        return forked.run(["score", str(export), "-o", name, *more], folder=tmp_path, hindered=how)

    def check() -> None:
        assert output.read_bytes() == b"old" or opened(output) == whole

    assert killed_often(run, check=check) >= 2
    assert opened(output) == whole
    assert names(tmp_path) == [name, f"whole-{name}"]


def test_a_resumed_run_goes_on_from_kill_to_kill(forked: Commands, export: Path, tmp_path: Path) -> None:
    arguments = ["score", str(export), "-o", "out.csv"]
    whole = forked.run(arguments, folder=tmp_path)
    expected = (tmp_path / "out.csv").read_bytes()
    chance, behind = random.Random(2), []
    for _ in range(1 + KILLS // 5):
        (tmp_path / "out.csv").unlink()
        for _ in range(500):
            done = forked.run(
                [*arguments, "--resume"],
                folder=tmp_path,
                hindered=Hindrance(kill_after=chance.uniform(0.4, 1.1) * whole.seconds),
            )
            behind += [int(line.rpartition(" ")[2]) for line in done.stderr.splitlines() if "going on behind" in line]
            if done.returncode == 0:
                break
        assert (tmp_path / "out.csv").read_bytes() == expected
    assert names(tmp_path) == ["out.csv"]
    assert all(rows in (20_000, 40_000, 45_000) for rows in behind)


def test_label(forked: Commands, tmp_path: Path) -> None:
    rows = 40
    answers = (Answer("policy", 0.5), Answer("mailbox_full", 0.25))
    sheet = tmp_path / "to-label.csv"
    items = [Item(f"text number {i}.", count=i, answers=answers) for i in range(rows)]
    fresh = sheet_bytes(items)
    sheet.write_bytes(fresh)
    asked = 0

    def labels() -> list[str]:
        with io.StringIO(sheet.read_text("utf-8-sig"), newline="") as file:
            found = list(csv.DictReader(file))
        assert [row["text"] for row in found] == [item.text for item in items]
        return [row["label"] for row in found]

    def run(how: Hindrance) -> Done:
        nonlocal asked
        if labels()[-1]:
            sheet.write_bytes(fresh)
        done, shown = in_terminal(forked, ["label", sheet.name], folder=tmp_path, keys="1" * rows + "q", how=how)
        # It asks for the next one when the one before is saved.
        asked = max((i for i in range(rows) if f"text number {i}." in shown), default=0)
        return done

    def check() -> None:
        found = labels()
        done = found.index("") if "" in found else rows
        assert found == ["policy"] * done + [""] * (rows - done)
        assert done >= asked

    assert killed_often(run, check=check) >= 5


def test_promote(forked: Commands, own_model: Path, tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.models.mkdir(parents=True)
    home.path_of("old").write_bytes(own_model.read_bytes())
    version = open_model(own_model).header["version"]

    def run(how: Hindrance) -> Done:
        home.path_of(version).unlink(missing_ok=True)
        home.note(("old",))
        return forked.run(
            ["models", "promote", str(own_model), "--force"],
            folder=tmp_path, environment={"BOUNCEML_HOME": str(home.folder)}, hindered=how,
        )  # fmt: skip

    def check() -> None:
        assert home.history() in {("old",), ("old", version)}
        assert home.promoted() is not None
        found = stored_models(home)
        assert [each.error for each in found] == [None] * len(found)
        assert {each.name for each in found} <= {"old", version}
        # Once more, as its user would: it is there once, and in force.
        again = forked.run(
            ["models", "promote", str(own_model), "--force"],
            folder=tmp_path, environment={"BOUNCEML_HOME": str(home.folder)},
        )  # fmt: skip
        assert again.returncode == 0, again.stderr
        assert home.history() == ("old", version)
        assert names(home.models) == sorted([f"{version}.model", "old.model"])

    assert killed_often(run, check=check) >= 3


def test_rollback(forked: Commands, own_model: Path, tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.models.mkdir(parents=True)
    for name in ("a", "b"):
        home.path_of(name).write_bytes(own_model.read_bytes())

    def run(how: Hindrance) -> Done:
        promote(home, "a")
        promote(home, "b")
        return forked.run(
            ["models", "rollback"], folder=tmp_path, environment={"BOUNCEML_HOME": str(home.folder)}, hindered=how
        )

    def check() -> None:
        assert home.history()[-1:] in {("a",), ("b",)}

    assert killed_often(run, check=check) >= 2


def test_train(forked: Commands, tiny_model: Path, tmp_path: Path) -> None:
    """Into a file that is there, and into the folder of models."""
    home = Home(tmp_path / "home")
    tiny = Path(__file__).parent / "data" / "tiny.jsonl"
    arguments = ["train", "--base", "none", "--data", str(tiny)]
    assert forked.run([*arguments, "-o", "whole.model"], folder=tmp_path).returncode == 0
    whole, old = (tmp_path / "whole.model").read_bytes(), tiny_model.read_bytes()
    version = open_model(tmp_path / "whole.model").header["version"]

    def into_file(how: Hindrance) -> Done:
        (tmp_path / "own.model").write_bytes(old)
        return forked.run([*arguments, "-o", "own.model"], folder=tmp_path, hindered=how)

    def check_file() -> None:
        assert (tmp_path / "own.model").read_bytes() in (old, whole)

    def into_home(how: Hindrance) -> Done:
        return forked.run(arguments, folder=tmp_path, environment={"BOUNCEML_HOME": str(home.folder)}, hindered=how)

    def check_home() -> None:
        for each in stored_models(home):
            assert (each.name, each.path.read_bytes()) == (version, whole)

    assert killed_often(into_file, check=check_file) >= 2
    assert killed_often(into_home, check=check_home) >= 2
    assert names(home.models) == [f"{version}.model"]
    assert load(home.path_of(version)).classify("550 no such user").reason == "user_unknown"


def test_data_import(forked: Commands, tmp_path: Path) -> None:
    rows = [f"550 no user {word} here,user_unknown" for word in ("elm", "oak", "ash", "fir", "yew")]
    (tmp_path / "first.csv").write_text("text,reason\n" + "\n".join(rows[:3]) + "\n")
    (tmp_path / "more.csv").write_text("text,reason\n" + "\n".join(rows) + "\n")
    output = tmp_path / "own.jsonl"
    assert forked.run(["data", "import", "first.csv", "-o", output.name], folder=tmp_path).returncode == 0
    old = output.read_bytes()

    def run(how: Hindrance) -> Done:
        output.write_bytes(old)
        return forked.run(["data", "import", "more.csv", "-o", output.name, "--append"], folder=tmp_path, hindered=how)

    def check() -> None:
        assert output.read_bytes() == old or texts() == sorted(row.partition(",")[0] for row in rows)

    def texts() -> list[str]:
        return sorted(json.loads(line)["text"] for line in output.read_text("utf-8").splitlines())

    assert killed_often(run, check=check) >= 2
    assert forked.run(["data", "import", "more.csv", "-o", output.name, "--append"], folder=tmp_path).returncode == 0
    assert texts() == sorted(row.partition(",")[0] for row in rows)
    assert names(tmp_path) == ["first.csv", "more.csv", "own.jsonl"]
