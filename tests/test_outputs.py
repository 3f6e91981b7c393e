"""What is written: never over what is read, nor over what is no file, and by one process at a time."""

import json
import stat
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

import bounceml
from bounceml_datasets.exports.scoring import Job, score_export
from bounceml_datasets.exports.tally import Tally
from forked import Done

CLASSIFIER = bounceml.load()
EXPORT = "id,diagnostic\n1,550 5.1.1 no such user\n2,552 over quota\n"
LABELLED = '{"text": "550 no such user", "reason": "user_unknown"}\n'
MAIL = b"From: MAILER-DAEMON@example.org\nSubject: Undelivered\n\n550 5.1.1 <gone@example.org>: User unknown\n"
MARKS = "<!-- figures: made by `bounceml data check --datasheet` -->\n<!-- end of figures -->\n"


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
    note = Path(f"{output}.part.json")
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
