"""The user's own models: trained on own rows, promoted unless they do worse, rolled back, never half-written."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bounceml.classifier import load
from bounceml.errors import ModelFileError
from bounceml.home import Home, find_home, promoted_model
from bounceml.modelfile import open_model
from bounceml_datasets.corpus import Row
from bounceml_training.model_store import adopt, find_model, new_path, promote, roll_back, stored_models
from bounceml_training.own_rows import beside, hold_out
from forked import Commands, Done

WORDS = tuple(
    "alder birch cedar elm fir hazel juniper larch maple oak pine rowan spruce willow yew ash".split()  # noqa: SIM905
)
LABELS = {"user_unknown": "no letter box named", "mailbox_full": "box too full at", "left_company": "moved out of"}
CONFIG = """
[reasons.left_company]
fault = "recipient"
seen_as = "hard"
action = "suppress"
means = "has left the company"
"""

Run = Callable[..., Done]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def run(home: Home, tmp_path: Path, forked: Commands) -> Run:
    def run(*arguments: str) -> Done:
        return forked.run(arguments, folder=tmp_path, environment={"BOUNCEML_HOME": str(home.folder)})

    return run


def write_rows(path: Path, *, labels: dict[str, str] = LABELS) -> Path:
    lines = [f"{text} {word},{label}" for label, text in labels.items() for word in WORDS]
    path.write_text("\n".join(["text,reason", *lines]) + "\n")
    return path


def lie(model: Path, *, held_out: bytes | None = None, **changes: object) -> None:
    """Change a model's header, or the rows that it is judged by."""
    from bounceml.modelfile import write_model

    data = model.read_bytes()
    size = int.from_bytes(data[8:16], "little")
    header, arrays = json.loads(data[48 : 48 + size]), data[-(-(48 + size) // 64) * 64 :]
    n = header["n_features"]
    rows = header.pop("held_out", 0)
    end = len(arrays) - rows
    write_model(
        model,
        header | changes,
        fingerprints=arrays[: 8 * n],
        idf=arrays[8 * n : 12 * n],
        weights=arrays[12 * n : end],
        held_out=arrays[end:] if held_out is None else held_out,
    )


@pytest.fixture
def two(home: Home, tiny_model: Path) -> list[str]:
    """Two models in the folder."""
    names = []
    for version in ("1.0+aaaa", "1.0+bbbb"):
        path = new_path(home, version=version)
        path.write_bytes(tiny_model.read_bytes())
        lie(path, version=version)
        names.append(path.stem)
    return names


def test_the_home_is_named_or_the_systems(tmp_path: Path) -> None:
    assert find_home({"BOUNCEML_HOME": str(tmp_path)}).folder == tmp_path
    assert find_home({}).folder.name == "bounceml"


def test_who_has_no_home_gets_the_shipped_model(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless(*names: object, **how: object) -> Path:
        raise RuntimeError("could not determine the home directory")

    monkeypatch.delenv("BOUNCEML_HOME")
    for found in (homeless, lambda *names, **how: Path("~/.local/share")):
        monkeypatch.setattr("platformdirs.user_data_path", found)
        assert promoted_model() is None
        with pytest.raises(ModelFileError, match="no home folder to keep models in: set BOUNCEML_HOME"):
            find_home()


def test_a_folder_of_models_that_cannot_be_is_none(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert Home(tmp_path / "file" / "bounceml").promoted() is None
    (tmp_path / "promoted.json").mkdir()
    with pytest.raises(ModelFileError, match=r"promoted\.json: can't read .*: set BOUNCEML_HOME to another folder"):
        Home(tmp_path).promoted()


def test_promoted_models_come_and_go(home: Home, two: list[str]) -> None:
    assert home.promoted() is None
    for name in two:
        promote(home, name)
        assert home.promoted() == home.path_of(name)
    promote(home, two[1])
    assert home.history() == tuple(two)
    assert [each.is_promoted for each in stored_models(home)] == [False, True]
    assert roll_back(home) == two[0]
    assert home.promoted() == home.path_of(two[0])
    assert roll_back(home) is None
    assert home.promoted() is None
    with pytest.raises(ModelFileError, match="nothing to roll back"):
        roll_back(home)


def test_a_promoted_model_that_has_gone_is_named_and_passed_over(home: Home, two: list[str]) -> None:
    for name in two:
        promote(home, name)
    home.path_of(two[1]).unlink()
    with pytest.raises(ModelFileError, match="bounceml models rollback"):
        home.promoted()
    assert roll_back(home) == two[0]


@pytest.mark.parametrize(
    "note",
    ["", "{", "[]", '{"format": 2}', '{"format": 1, "promoted": ["../../etc/x"]}', '{"format": 1, "promoted": [""]}'],
)
def test_a_note_that_cannot_be_read_is_one_clear_line(home: Home, note: str) -> None:
    home.folder.mkdir()
    (home.folder / "promoted.json").write_text(note)
    with pytest.raises(ModelFileError, match=r"promoted\.json: can't read which model .*: remove this file"):
        home.promoted()


@pytest.mark.parametrize("version", ["../../x/evil", "/tmp/evil", "..", ".hidden", "", "a b", "a\n", "v" * 81, "é"])
def test_a_version_that_is_no_file_name_is_promoted_by_no_means(
    run: Run, home: Home, two: list[str], tiny_model: Path, tmp_path: Path, version: str
) -> None:
    path = tmp_path / "ver.model"
    path.write_bytes(tiny_model.read_bytes())
    lie(path, version=version)
    there = {each for each in tmp_path.rglob("*") if each.is_file()}
    done = run("models", "promote", "ver.model", "--force")
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1), done.stderr
    assert "has a version that isn't a name" in done.stderr
    assert {each for each in tmp_path.rglob("*") if each.is_file()} == there


@pytest.mark.parametrize("name", ["../../x/evil", "/tmp/evil", "..", ".hidden", "", "a\n", "v" * 201])
def test_the_folder_makes_no_path_that_leads_out_of_it(home: Home, name: str) -> None:
    for path_of in (home.path_of, lambda version: new_path(home, version=version)):
        with pytest.raises(ModelFileError, match="can't be a model's name"):
            path_of(name)


@pytest.mark.parametrize("name", [".hidden", "a\nb", "n" * 201])
def test_a_file_of_the_folder_with_a_name_that_is_none_is_not_promoted(
    run: Run, home: Home, two: list[str], name: str
) -> None:
    path = home.models / f"{name}.model"
    home.path_of(two[0]).rename(path)
    done = run("models", "promote", str(path), "--force")
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1), done.stderr
    assert "can't be a model's name" in done.stderr
    assert home.history() == ()
    with pytest.raises(ModelFileError, match="can't be a model's name"):
        home.note((two[1], name))
    assert run("models", "list").returncode == run("models", "promote", two[1], "--force").returncode == 0


def test_a_name_longer_than_names_may_be_is_one_clear_line(run: Run) -> None:
    done = run("models", "promote", "n" * 5000)
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1), done.stderr


def test_a_model_of_the_folder_without_its_ending_is_copied(home: Home, two: list[str]) -> None:
    path = home.path_of(two[0]).rename(home.models / "other.bin")
    assert adopt(home, path) == two[0]
    assert home.path_of(two[0]).is_file()


def test_models_are_found_by_what_tells_them(home: Home, two: list[str], tiny_model: Path) -> None:
    assert find_model(home, two[0]) == find_model(home, "aaaa") == home.path_of(two[0])
    assert find_model(home, str(tiny_model)) == tiny_model
    with pytest.raises(ModelFileError, match="several models begin so"):
        find_model(home, "1.0")
    with pytest.raises(ModelFileError, match=r"no such model: there are 1\.0\+aaaa"):
        find_model(home, "cccc")


def test_a_model_from_elsewhere_is_copied_once_with_its_rows(home: Home, tiny_model: Path, tmp_path: Path) -> None:
    path = tmp_path / "own.model"
    path.write_bytes(tiny_model.read_bytes())
    lie(path, held_out=b'{"text": "x", "reason": "policy"}\n')
    names = {adopt(home, path) for _ in range(2)}
    assert names == {open_model(tiny_model).header["version"]}
    assert bytes(open_model(home.path_of(names.pop())).held_out).startswith(b'{"text": "x"')
    lie(path, manifest={})
    assert adopt(home, path).endswith("-2")


@given(st.lists(st.tuples(st.sampled_from(["policy", "network"]), st.text("abcdef", min_size=1, max_size=3))))
def test_what_is_held_out_is_a_share_and_stays_held_out(texts: list[tuple[str, str]]) -> None:
    rows = [Row(text, label) for label, text in texts]
    trained_on, held_out = hold_out(rows, share=0.2)
    assert sorted(map(str, [*trained_on, *held_out])) == sorted(map(str, rows))
    assert not {row.text for row in trained_on} & {row.text for row in held_out} or len({r.label for r in rows}) > 1
    for label in ("policy", "network"):
        of = {row.text for row in rows if row.label == label}
        assert len({row.text for row in held_out if row.label == label}) <= 0.2 * len(of)
    assert hold_out(rows, share=0.0)[1] == []


def test_enough_is_held_out_of_many() -> None:
    rows = [Row(f"text {a} {b}", "policy") for a in WORDS for b in WORDS]
    assert 0.15 < len(hold_out(rows, share=0.2)[1]) / len(rows) <= 0.2


def test_own_labels_win_over_built_in_ones() -> None:
    builtin = [Row("550 no such box", "user_unknown"), Row("full", "mailbox_full")]
    own = [Row("550 no such box", "policy"), Row("full", "mailbox_full")]
    rows, gave_way = beside(own, builtin=builtin, weight=3.0)
    assert gave_way == 1
    assert [(row.label, row.weight) for row in rows] == [("mailbox_full", 1.0), ("policy", 3.0), ("mailbox_full", 3.0)]


def test_train_promote_use_and_roll_back(run: Run, home: Home, tmp_path: Path) -> None:
    (tmp_path / "bounceml.toml").write_text(CONFIG)
    write_rows(tmp_path / "own.csv")
    done = run("train", "--data", "own.csv", "--base", "none")
    assert done.returncode == 0, done.stderr
    assert "held out, to judge it by" in done.stdout
    assert "peak memory" in done.stderr
    (model,) = home.models.glob("*.model")
    assert bytes(open_model(model).held_out).count(b"\n") == open_model(model).header["manifest"]["held_out"] > 3
    manifest = open_model(model).header["manifest"]
    assert manifest["base"] == "none"
    assert manifest["own_rows"] + manifest["held_out"] == len(LABELS) * len(WORDS)

    done = run("models", "promote", model.stem)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, f"{model.stem} is in force")
    # The reason of the user's own comes with the model: no configuration is needed any more.
    (tmp_path / "bounceml.toml").unlink()
    verdict = json.loads(run("predict", "--json", "--text", "moved out of cedar").stdout)
    assert (verdict["reason"], verdict["type"], verdict["fault"]) == ("left_company", "hard", "recipient")
    assert verdict["model_version"] == model.stem
    listed = json.loads(run("models", "list", "--json").stdout)
    assert [(each["name"], each["in_force"]) for each in listed] == [("builtin", False), (model.stem, True)]
    assert json.loads(run("models", "show", model.stem, "--json").stdout)["base"] == "none"

    assert run("models", "rollback").stdout == "the model that ships with bounceml is in force\n"
    assert json.loads(run("predict", "--json", "--text", "x").stdout)["model_version"] == load().version
    assert run("models", "rollback").returncode == 1


def test_a_model_that_does_worse_is_refused_unless_forced(run: Run, home: Home, tmp_path: Path) -> None:
    write_rows(tmp_path / "own.csv", labels={"user_unknown": "no letter box named", "mailbox_full": "box too full at"})
    swapped = {"mailbox_full": "no letter box named", "user_unknown": "box too full at"}
    write_rows(tmp_path / "poison.csv", labels=swapped)
    for name in ("own", "poison"):
        done = run("train", "--data", f"{name}.csv", "--base", "none", "-o", f"{name}.model")
        assert done.returncode == 0, done.stderr
    assert run("models", "promote", "own.model", "--force").returncode == 0
    in_force = find_home({"BOUNCEML_HOME": str(home.folder)}).promoted()
    # Judged by rows of someone who labels right.
    lie(tmp_path / "poison.model", held_out=bytes(open_model(tmp_path / "own.model").held_out))
    done = run("models", "promote", "poison.model")
    assert done.returncode == 1
    assert "not promoted: it does worse than the model in force by more than chance" in done.stderr
    assert home.promoted() == in_force
    assert len(list(home.models.glob("*.model"))) == 1
    assert run("models", "promote", "poison.model", "--force").returncode == 0
    assert home.promoted() != in_force


@pytest.mark.parametrize("rows", [b"\n", b" \n\n", b'{"text": "!!", "reason": "policy"}\n'])
def test_a_model_is_promoted_whose_held_out_rows_say_nothing(
    run: Run, own_model: Path, tmp_path: Path, rows: bytes
) -> None:
    path = tmp_path / "own.model"
    path.write_bytes(own_model.read_bytes())
    lie(path, held_out=rows)
    done = run("models", "promote", "own.model")
    assert done.returncode == 0, done.stderr
    assert ("no held-out rows to be judged by" in done.stderr) is not bool(rows.strip())


def test_rows_with_half_a_character_are_trained_on(run: Run, tmp_path: Path) -> None:
    rows = [{"text": f"{text} {word} \ud800", "reason": label} for label, text in LABELS.items() for word in WORDS]
    (tmp_path / "own.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "bounceml.toml").write_text(CONFIG)
    done = run("train", "--data", "own.jsonl", "--base", "none", "-o", "own.model")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("text,reason\n", "own.csv: no labelled rows: the file is empty"),
        ("text,reason\na b,user_unknwon\n", "did you mean 'user_unknown'?"),
        ("text,reason\n" + "".join(f"no box {w},user_unknown\n" for w in WORDS), "all rows are 'user_unknown'"),
        ("text,reason\nfull,mailbox_full\n" + "".join(f"no box {w},user_unknown\n" for w in WORDS), "too few rows of"),
    ],
)
def test_what_cannot_be_trained_on_is_named_at_once(
    run: Run, home: Home, tmp_path: Path, content: str, complaint: str
) -> None:
    (tmp_path / "own.csv").write_text(content)
    started = time.monotonic()
    done = run("train", "--data", "own.csv", "--base", "none")
    assert done.returncode == 1
    assert complaint in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert time.monotonic() - started < 20
    assert not list(home.models.glob("*"))


def test_an_empty_file_beside_the_built_in_data_is_named_too(run: Run, tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text("text,reason\n")
    done = run("train", "--data", "own.csv")
    assert (done.returncode, "the file is empty" in done.stderr) == (1, True)


def test_two_promotions_at_once_lose_none(home: Home, two: list[str]) -> None:
    code = (
        "import sys; from pathlib import Path; from bounceml.home import Home; "
        "from bounceml_training.model_store import promote\n"
        "for i in range(4): promote(Home(Path(sys.argv[1])), sys.argv[2])"
    )
    running = [subprocess.Popen([sys.executable, "-c", code, str(home.folder), name]) for name in two * 2]
    assert [each.wait(60) for each in running] == [0, 0, 0, 0]
    assert set(home.history()) == set(two)
