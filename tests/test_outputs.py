"""What is written: never over what is read, nor over what is no file, and by one process at a time."""

import fcntl
import json
import os
import stat
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

import bounceml
from bounceml.errors import CorpusError
from bounceml.whole_file import part_path, whole_file, write_whole
from bounceml_datasets.exports.scoring import Job, score_export
from bounceml_datasets.exports.tally import Tally
from bounceml_datasets.reports.addresses import Drop, DropList
from forked import Commands, Done, Hindrance

CLASSIFIER = bounceml.load()
EXPORT = "id,diagnostic\n1,550 5.1.1 no such user\n2,552 over quota\n"
LABELLED = '{"text": "550 no such user", "reason": "user_unknown"}\n'
MAIL = b"From: MAILER-DAEMON@example.org\nSubject: Undelivered\n\n550 5.1.1 <gone@example.org>: User unknown\n"
MARKS = "<!-- figures: made by `bounceml data check --datasheet` -->\n<!-- end of figures -->\n"
# Commands that write into OUT.
WRITING = [
    "score export.csv -o OUT",
    "score export.csv more.csv -o sub --summary OUT",
    "score export.csv -o - --summary OUT",
    "report export.csv -o OUT",
    "review export.csv -o OUT",
    "review export.csv -o OUT --format label-studio",
    "drift export.csv --since export.csv --html OUT",
    "explain --text refused --html OUT",
    "evaluate builtin --data labelled.jsonl --report OUT",
    "train --base none --data labelled.jsonl -o OUT",
    "train --base none --data labelled.jsonl -o own.model --card OUT",
    "export -o OUT",
    "data import labelled.csv -o OUT",
    "data check labelled.jsonl --datasheet OUT",
]
# Commands that would write over what they read, and what that is.
OVER_ITSELF = [
    ("score export.csv more.csv -o .", "export.csv"),
    ("score ./sub/../export.csv sub/../more.csv -o .", "export.csv"),
    ("score link.csv more.csv -o sub/..", "export.csv"),
    ("score export.csv -o o.csv --summary export.csv", "export.csv"),
    ("score more.csv -o o.csv --summary hard.csv", "hard.csv"),
    ("score out.csv.part --format csv -o out.csv", "out.csv.part"),
    ("score out.csv.part.json --format csv -o out.csv", "out.csv.part.json"),
    ("score export.csv -o o.csv --config out.csv.part --summary out.csv.part", "out.csv.part"),
    ("score export.csv -o bounceml.toml.csv --config bounceml.toml.csv", "bounceml.toml.csv"),
    ("report export.csv -o export.csv", "export.csv"),
    ("report export.csv -o link.csv", "export.csv"),
    ("report o.drop.csv -o o.html", "o.drop.csv"),
    ("report export.csv --since more.csv -o more.csv", "more.csv"),
    ("drift export.csv --since more.csv --html more.csv", "more.csv"),
    ("explain e.eml --html e.eml", "e.eml"),
    ("explain box --html box/new/1", "box/new/1"),
    ("explain e.eml --data labelled.jsonl --html labelled.jsonl", "labelled.jsonl"),
    ("evaluate builtin --data labelled.jsonl --report labelled.jsonl", "labelled.jsonl"),
    ("evaluate m.model --data labelled.jsonl --report m.model", "m.model"),
    ("train --base none --data labelled.jsonl -o labelled.jsonl", "labelled.jsonl"),
    ("train --base none --data labelled.jsonl -o o.model --card labelled.jsonl", "labelled.jsonl"),
    ("export --model m.model -o m.model", "m.model"),
    ("data import labelled.jsonl -o labelled.jsonl --append", "labelled.jsonl"),
    ("data check labelled.jsonl --datasheet labelled.jsonl", "labelled.jsonl"),
]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    for name in ("export.csv", "more.csv", "out.csv.part", "out.csv.part.json", "bounceml.toml.csv", "o.drop.csv"):
        (tmp_path / name).write_text(EXPORT)
    (tmp_path / "labelled.jsonl").write_text(LABELLED)
    (tmp_path / "labelled.csv").write_text("text,label\n550 no such user,user_unknown\n")
    (tmp_path / "e.eml").write_bytes(MAIL)
    (tmp_path / "m.model").write_text("a model")
    (tmp_path / "sub").mkdir()
    (tmp_path / "box" / "new").mkdir(parents=True)
    (tmp_path / "box" / "new" / "1").write_bytes(MAIL)
    (tmp_path / "link.csv").symlink_to("export.csv")
    (tmp_path / "hard.csv").hardlink_to(tmp_path / "more.csv")
    (tmp_path / "loop").symlink_to("loop")
    locked = tmp_path / "locked"
    locked.mkdir()
    locked.chmod(0)
    yield tmp_path
    locked.chmod(0o755)


def is_refused_in_one_line(done: Done) -> bool:
    last = done.stderr.splitlines()[-1]
    return done.returncode == 1 and last.startswith("bounceml: ") and "Traceback" not in done.stderr


def contents(folder: Path) -> dict[str, bytes | int]:
    found: dict[str, bytes | int] = {}
    for path in sorted(folder.rglob("*")):
        mode = path.lstat().st_mode
        found[str(path)] = path.read_bytes() if stat.S_ISREG(mode) else mode
    return found


def score(source: Path, output: Path, *, tell: Callable[..., None] = lambda tally, reader: None, **how: bool) -> Tally:
    job = Job(str(source), str(output), **how)  # type: ignore[arg-type]  # switches alone
    return score_export(job, classifier=CLASSIFIER, tell=tell, note=lambda line: None)


def broken_off(tally: Tally, reader: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("arguments", WRITING)
def test_what_can_be_no_file_is_refused(forked: Commands, folder: Path, arguments: str) -> None:
    ending = ".jsonl" if "data import" in arguments else ".csv"
    os.mkfifo(folder / f"pipe{ending}")
    (folder / f"folder{ending}").mkdir()
    (folder / f"to-pipe{ending}").symlink_to(f"pipe{ending}")
    (folder / f"loop{ending}").symlink_to(f"loop{ending}")
    names = [f"pipe{ending}", f"folder{ending}", f"to-pipe{ending}", f"loop{ending}", f"{'x' * 300}{ending}"]
    before = contents(folder)
    for name in ["", ".", "..", "/", *names, f"locked/x{ending}", f"none/x{ending}", f"labelled.jsonl/x{ending}"]:
        words = [name if word == "OUT" else word for word in arguments.split()]
        done = forked.run(words, folder=folder, hindered=Hindrance(without_override=True))
        assert is_refused_in_one_line(done), (name, done)
        assert contents(folder) == before, name


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes devices")
@pytest.mark.parametrize("arguments", WRITING)
def test_a_device_is_refused(forked: Commands, folder: Path, arguments: str) -> None:
    name = "device.jsonl" if "data import" in arguments else "device.csv"
    os.mknod(folder / name, stat.S_IFCHR | 0o666, os.makedev(1, 3))
    before = contents(folder)
    done = forked.run([name if word == "OUT" else word for word in arguments.split()], folder=folder)
    assert is_refused_in_one_line(done), done
    assert "it is a device" in done.stderr
    assert contents(folder) == before


@pytest.mark.parametrize(("arguments", "read"), OVER_ITSELF, ids=[arguments for arguments, _ in OVER_ITSELF])
def test_what_is_read_is_never_written_over(forked: Commands, folder: Path, arguments: str, read: str) -> None:
    before = contents(folder)
    done = forked.run(arguments.split(), folder=folder)
    assert is_refused_in_one_line(done), done
    assert "would be written over" in done.stderr
    assert Path(read).name in done.stderr or "link.csv" in done.stderr
    assert contents(folder) == before


@pytest.mark.parametrize(
    "arguments",
    [
        "score export.csv -o o.csv --summary sub/../o.csv",
        "score export.csv -o o.csv --summary o.csv.part",
        "review export.csv -o o.xml --format label-studio",
        "train --base none --data labelled.jsonl -o o.model --card o.model",
    ],
)
def test_two_outputs_are_not_one_file(forked: Commands, folder: Path, arguments: str) -> None:
    before = contents(folder)
    done = forked.run(arguments.split(), folder=folder)
    assert is_refused_in_one_line(done), done
    assert "two outputs would be written there" in done.stderr
    assert contents(folder) == before


def test_one_export_may_be_scored_in_place(forked: Commands, folder: Path) -> None:
    done = forked.run(["score", "export.csv", "-o", "link.csv"], folder=folder)
    assert done.returncode == 0, done
    assert (folder / "export.csv").read_text().startswith("id,diagnostic,bounce_kind,")


@pytest.mark.parametrize("name", ["out.csv", "out.csv.gz", "out.parquet"])
def test_one_process_at_a_time_scores_into_a_file(forked: Commands, folder: Path, name: str) -> None:
    (folder / name).write_text("old")
    beside = folder / f"{name}.part"
    beside.write_bytes(b"what another one has written")
    with beside.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        done = forked.run(["score", "export.csv", "-o", name], folder=folder)
        assert is_refused_in_one_line(done), done
        assert f"{name}: another process is writing it" in done.stderr
        assert beside.read_bytes() == b"what another one has written"
        assert (folder / name).read_text() == "old"
    assert forked.run(["score", "export.csv", "-o", name], folder=folder).returncode == 0


def test_while_a_file_is_scored_nobody_else_scores_into_it(tmp_path: Path) -> None:
    source, output = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_text(EXPORT)

    def meanwhile(tally: Tally, reader: object) -> None:
        with pytest.raises(CorpusError, match="another process is writing it"):
            score(source, output)

    score(source, output, tell=meanwhile)
    whole = output.read_bytes()
    score(source, output)
    assert output.read_bytes() == whole
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.csv", "out.csv"]


def test_of_several_that_write_a_file_the_last_one_wins(tmp_path: Path) -> None:
    path = tmp_path / "a.html"
    with whole_file(path) as first:
        first.write_text("first " * 1000)
        with whole_file(path) as second:
            second.write_text("second")
        assert path.read_text() == "second"
    assert path.read_text() == "first " * 1000
    assert os.listdir(tmp_path) == ["a.html"]


def test_two_lists_of_addresses_do_not_meet(tmp_path: Path) -> None:
    path = tmp_path / "drop.csv"
    path.write_text("old")
    lists = [DropList(path, most=0) for _ in range(3)]
    for number, drops in enumerate(lists):
        drops.add([Drop(f"a{number}@example.com", "user_unknown", 1.0)])
    lists[0].give_up()
    assert path.read_text() == "old"
    for drops in lists[1:]:
        drops.finish()
    assert path.read_text("utf-8").splitlines()[1:] == ["a2@example.com,user_unknown,1.0000"]
    assert os.listdir(tmp_path) == ["drop.csv"]


def test_what_a_killed_process_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.html"
    others = {"a.html.part", "b.html.bounceml-0123456789ab.part", "a.html.bounceml-notes"}
    for name in {*others, "a.html.bounceml-0123456789ab.part"}:
        (tmp_path / name).write_text("left")
    write_whole(path, b"new")
    assert set(os.listdir(tmp_path)) == {*others, "a.html"}


@pytest.mark.parametrize("name", ["out.csv", "out.jsonl.gz", "out.parquet"])
def test_score_keeps_links_and_permissions(tmp_path: Path, name: str) -> None:
    (tmp_path / "in.csv").write_text(EXPORT)
    (tmp_path / "there").mkdir()
    output, link = tmp_path / "there" / name, tmp_path / name
    output.write_text("old")
    output.chmod(0o640)
    link.symlink_to(f"there/{name}")
    seen: list[int] = []
    score(
        tmp_path / "in.csv",
        link,
        tell=lambda tally, reader: seen.extend(stat.S_IMODE(p.stat().st_mode) for p in output.parent.iterdir()),
    )
    assert set(seen) == {0o640}
    assert link.is_symlink()
    assert stat.S_IMODE(output.stat().st_mode) == 0o640
    assert output.read_bytes() != b"old"
    assert os.listdir(output.parent) == [name]


def test_a_new_file_has_the_permissions_that_new_files_have(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text(EXPORT)
    before = os.umask(0o027)
    try:
        score(tmp_path / "in.csv", tmp_path / "out.csv")
        write_whole(tmp_path / "a.html", b"page")
    finally:
        os.umask(before)
    assert [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("out.csv", "a.html")] == [0o640, 0o640]


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("elsewhere"), Path.mkdir])
def test_a_scratch_file_that_is_none_is_refused(forked: Commands, folder: Path, make: Callable[[Path], None]) -> None:
    make(folder / "o.csv.part")
    (folder / "elsewhere").write_text("precious")
    before = contents(folder)
    done = forked.run(["score", "export.csv", "-o", "o.csv"], folder=folder)
    assert is_refused_in_one_line(done), done
    assert contents(folder) == before


@pytest.mark.parametrize("source", ["-", "pipe.csv"])
def test_nothing_is_resumed_from_a_pipe(forked: Commands, folder: Path, source: str) -> None:
    os.mkfifo(folder / "pipe.csv")
    before = contents(folder)
    done = forked.run(["score", source, "-o", "o.csv", "--resume"], folder=folder)
    assert is_refused_in_one_line(done), done
    assert "--resume needs a file" in done.stderr
    assert contents(folder) == before


DAMAGES: list[Callable[[str], str]] = [
    lambda text: "[" * 100_000,
    lambda text: '{"progress":' * 100_000,
    lambda text: text[: len(text) // 2],
    lambda text: "",
    lambda text: "[1]",
    lambda text: '{"progress": 1, "sha256": 1}',
]
ABSURD: list[object] = [float("inf"), -1, 10**30, 1, "two", [["a"]], [["a", "b", "c", "d", "e"]], None, {}]


def altered(note: str, *, key: str, value: object) -> str:
    """A note of progress in which one value is another, also inside the texts that it holds."""

    def change(state: object) -> object:
        if isinstance(state, str) and state.startswith("{"):
            return json.dumps(change(json.loads(state)))
        if isinstance(state, dict):
            return {k: value if k == key else change(v) for k, v in state.items()}
        return state

    return json.dumps(change(json.loads(note)))


def is_begun_anew(folder: Path, *, damage: Callable[[str], str]) -> bool:
    """Whether a run goes on with nothing where its note of progress was damaged, and gives the whole result."""
    source, output = folder / "in.csv", folder / "out.csv"
    source.write_text(EXPORT)
    with pytest.raises(KeyboardInterrupt):
        score(source, output, tell=broken_off)
    note = Path(f"{part_path(output)}.json")
    note.write_text(damage(note.read_text()))
    notes: list[str] = []
    job = Job(str(source), str(output), resume=True)
    tally = score_export(job, classifier=CLASSIFIER, tell=lambda tally, reader: None, note=notes.append)
    assert tally.summary()["rows"] == len(output.read_text().splitlines()) - 1 == 2
    return notes[-1] == "nothing to go on with: beginning anew"


def test_a_note_of_progress_is_gone_on_with_as_it_was_written(tmp_path: Path) -> None:
    assert not is_begun_anew(tmp_path, damage=lambda text: text)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_note_of_progress_is_none(tmp_path: Path, damage: Callable[[str], str]) -> None:
    assert is_begun_anew(tmp_path, damage=damage)


@pytest.mark.parametrize(
    "key", ["made_from", "read", "size", "rows", "broken", "outcomes", "domains", "tally", "progress", "sha256"]
)
def test_a_note_of_progress_that_says_what_cannot_be_is_none(tmp_path: Path, key: str) -> None:
    for value in ABSURD:
        assert is_begun_anew(tmp_path, damage=partial(altered, key=key, value=value)), value


@pytest.mark.parametrize(
    "arguments",
    [
        "models show NAME",
        "models promote NAME",
        "evaluate NAME --data labelled.jsonl",
        "explain NAME",
        "predict NAME",
        "predict --config NAME --text refused",
        "predict --model NAME --text refused",
        "score NAME -o o.csv",
        "score NAME -o o.csv --resume",
        "score export.csv more.csv -o NAME",
        "report NAME",
        "data import NAME -o o.jsonl",
        "data import labelled.csv -o o.jsonl --labels NAME",
        "data check NAME",
        "label NAME",
        "rules check NAME",
    ],
)
def test_names_that_cannot_be_looked_at_are_told(forked: Commands, folder: Path, arguments: str) -> None:
    for name in ("x" * 300, "x" * 300 + ".csv", "locked/x.csv", "locked/x", "loop", "labelled.jsonl/x.csv"):
        words = [name if word == "NAME" else word for word in arguments.split()]
        done = forked.run(words, folder=folder, hindered=Hindrance(without_override=True))
        assert is_refused_in_one_line(done), (name, done)


@pytest.mark.parametrize("what", ["home", "models"])
@pytest.mark.parametrize(
    "arguments",
    ["models list", "models show x", "models promote", "models promote x", "models rollback", "predict --text refused",
     "train --base none --data labelled.jsonl"],
)  # fmt: skip
def test_a_folder_of_models_that_cannot_be_entered_is_told(
    forked: Commands, folder: Path, arguments: str, what: str
) -> None:
    home = folder / "home"
    (home / "models").mkdir(parents=True)
    (home / "promoted.json").write_text('{"format": 1, "promoted": ["a", "b"]}')
    locked = home if what == "home" else home / "models"
    locked.chmod(0)
    try:
        done = forked.run(
            arguments.split(), folder=folder, environment={"BOUNCEML_HOME": str(home)},
            hindered=Hindrance(without_override=True),
        )  # fmt: skip
    finally:
        locked.chmod(0o755)
    assert is_refused_in_one_line(done), done


def test_a_working_folder_that_cannot_be_entered_is_told(forked: Commands, folder: Path) -> None:
    arguments = ["predict", "--text", "550 no such user"]
    done = forked.run(arguments, folder=folder / "locked", hindered=Hindrance(without_override=True))
    assert is_refused_in_one_line(done), done
    assert "bounceml.toml: can't look there: Permission denied" in done.stderr
