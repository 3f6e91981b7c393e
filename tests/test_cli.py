"""The command line: what it prints, where, and with which exit status."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest

from bounceml_cli import main as entry

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("*.eml"))
REPLY = "550 5.1.1 <kim@example.com>: Recipient address rejected: User unknown"


def run(*arguments: str | Path, stdin: bytes = b"", cwd: Path | None = None) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "bounceml_cli", *map(str, arguments)]
    return subprocess.run(command, input=stdin, capture_output=True, cwd=cwd, check=False)


def verdicts(done: subprocess.CompletedProcess[bytes]) -> list[dict[str, object]]:
    return [json.loads(line) for line in done.stdout.decode().splitlines()]


def test_predict_reads_the_examples() -> None:
    done = run("predict", "--json", *EXAMPLES)
    assert done.returncode == 0
    found = {(Path(str(v["file"])).stem, v["recipient"]): (v["kind"], v["reason"], v["action"]) for v in verdicts(done)}
    assert found == {
        ("auto-reply", "kim@example.org"): ("auto_reply", None, None),
        ("chinese", "wang@example.cn"): ("bounce", "mailbox_full", "retry"),
        ("english", "lee@example.org"): ("bounce", "sender_reputation", "fix_sender"),
        ("german", "kundin@example.de"): ("bounce", "mailbox_disabled", "suppress"),
        ("two-recipients", "gone@example.org"): ("bounce", "user_unknown", "suppress"),
        ("two-recipients", "busy@example.net"): ("delay", "greylisted", "retry"),
    }


def test_want_of_memory_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def greedy() -> None:
        bytearray(1 << 60)

    monkeypatch.setattr(entry, "app", greedy)
    with pytest.raises(SystemExit) as end:
        entry.main()
    assert end.value.code == 1
    assert capsys.readouterr().err == (
        "bounceml: not enough memory for this: let it use more, or split the input into smaller files\n"
    )


def test_predict_reads_text_and_standard_input() -> None:
    assert verdicts(run("predict", "--json", "--text", REPLY))[0]["reason"] == "user_unknown"
    assert verdicts(run("predict", "--json", "-", stdin=REPLY.encode()))[0]["file"] == "-"


def test_what_can_not_be_read_is_named_and_the_rest_answered(tmp_path: Path) -> None:
    (tmp_path / "empty.eml").touch()
    (tmp_path / "binary.eml").write_bytes(bytes(range(256)) * 50)
    (tmp_path / "folder").mkdir()
    done = run("predict", "--json", "none.eml", "empty.eml", "binary.eml", "folder", EXAMPLES[0], cwd=tmp_path)
    assert done.returncode == 1
    assert len(verdicts(done)) == 1
    errors = done.stderr.decode()
    assert "Traceback" not in errors
    for name, complaint in (
        ("none.eml", "can't read"),
        ("empty.eml", "empty"),
        ("binary.eml", "binary"),
        ("folder", "no messages"),
    ):
        assert any(name in line and complaint in line for line in errors.splitlines())


@pytest.mark.parametrize(
    "arguments",
    [[], ["predict"], ["nonsense"], ["predict", "--nonsense"], ["score", "x.csv"], ["train", "--base", "x"]],
)
def test_wrong_usage_is_exit_status_two(arguments: list[str]) -> None:
    assert run(*arguments).returncode == 2


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["predict", "--text", "x", "--model", "none.model"], "can't open"),
        (["predict", "--text", "x", "--config", "none.toml"], "can't read"),
        (["score", "none.csv", "-o", "out.csv"], "can't read"),
        (["score", "none.xls", "-o", "out.csv"], "name it with --format"),
        (["train", "--base", "none"], "needs --data"),
        (["train", "--data", "none.jsonl"], "can't read"),
        (["rules", "check", "none.toml"], "can't read"),
    ],
)
def test_our_errors_are_one_line_and_exit_status_one(arguments: list[str], complaint: str, tmp_path: Path) -> None:
    done = run(*arguments, cwd=tmp_path)
    assert done.returncode == 1
    lines = done.stderr.decode().splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("bounceml: ")
    assert complaint in lines[0]


def test_terminal_escapes_of_a_stranger_are_not_printed() -> None:
    done = run("predict", "--text", "550 \x1b[2Jno \x07such user\u202e", "--explain")
    assert b"\x1b" not in done.stdout
    assert b"\x07" not in done.stdout
    assert "\u202e".encode() not in done.stdout


def test_explain_names_words_and_who_decided() -> None:
    out = run("predict", "--text", REPLY, "--explain").stdout.decode()
    assert "unknown" in out
    assert "by model" in out
    entry = verdicts(run("predict", "--text", REPLY, "--explain", "--json"))[0]
    assert isinstance(entry["explanation"], dict)
    assert entry["explanation"]["contributions"]


def test_neither_help_nor_predict_imports_scikit_learn() -> None:
    for arguments in (["--help"], ["predict", "--json", str(EXAMPLES[0])]):
        done = subprocess.run(
            [sys.executable, "-X", "importtime", "-m", "bounceml_cli", *arguments], capture_output=True, check=True
        )
        modules = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.decode().splitlines()}
        assert "bounceml_cli" in modules
        assert not modules & {"sklearn", "scipy", "joblib", "numpy", "pandas"}


def test_score_adds_columns_and_keeps_the_others(tmp_path: Path) -> None:
    source, target = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_text(f'id,diagnostic,note\n1,"{REPLY}",a\n2,552 邮箱空间不足,"b,c"\n3,,\n', "utf-8")
    done = run("score", source, "-o", target)
    assert done.returncode == 0
    assert b"'diagnostic'" in done.stderr
    with target.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["note"] for row in rows] == ["a", "b,c", ""]
    assert [row["bounce_reason"] for row in rows][:2] == ["user_unknown", "mailbox_full"]
    assert list(rows[0])[3:9] == [
        "bounce_kind", "bounce_type", "bounce_reason", "bounce_confidence", "bounce_action", "bounce_decided_by",
    ]  # fmt: skip


def test_score_keeps_a_broken_row_and_says_so(tmp_path: Path) -> None:
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text('{"text": "552 mailbox full", "n": 1}\nnot json\n{"text": null}\n', "utf-8")
    done = run("score", source, "-o", target)
    assert done.returncode == 1
    assert b"1 of 3 rows" in done.stderr
    rows = [json.loads(line) for line in target.read_text("utf-8").splitlines()]
    assert rows[0]["n"] == 1
    assert rows[0]["bounce_reason"] == "mailbox_full"
    assert "line 2" in rows[1]["bounce_error"]
    assert len(rows) == 3


def test_score_uses_codes_in_columns_of_their_own(tmp_path: Path) -> None:
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    row = '{"text": "blocked by our blacklist", "smtp_code": %d}\n'
    source.write_text(row % 451 + row % 554)
    assert run("score", source, "-o", target, "--text-column", "text").returncode == 0
    assert [json.loads(line)["bounce_type"] for line in target.read_text().splitlines()] == ["soft", "hard"]


def test_score_leaves_the_old_output_when_it_fails(tmp_path: Path) -> None:
    source, target = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_text("id,number\n1,2\n")
    target.write_text("old")
    done = run("score", source, "-o", target)
    assert done.returncode == 1
    assert b"--text-column" in done.stderr
    assert target.read_text() == "old"
    assert not list(tmp_path.glob("*.part"))


def test_train_and_predict_and_export_with_an_own_model(tmp_path: Path) -> None:
    model = tmp_path / "own.model"
    data = ROOT / "tests" / "data" / "tiny.jsonl"
    done = run("train", "--base", "none", "--data", data, "-o", model)
    assert done.returncode == 0
    assert b"23 texts" in done.stdout
    assert b"4 of your rows were held out" in done.stdout
    assert verdicts(run("predict", "--json", "--model", model, "--text", "mailbox full"))[0]["reason"] == "mailbox_full"
    assert run("export", "--model", model, "-o", tmp_path / "own.joblib").returncode == 0
    assert (tmp_path / "own.joblib").stat().st_size > 1000


def test_rules_check_proves_examples_and_tells_changes(tmp_path: Path) -> None:
    config = tmp_path / "mine.toml"
    config.write_text(
        '[[rule]]\nid = "full"\nreason = "mailbox_disabled"\nphrases = ["mailbox full"]\n'
        'examples = ["552 Mailbox full"]\n'
    )
    done = run("rules", "check", config)
    assert done.returncode == 0
    assert b"full: mailbox_full -> mailbox_disabled" in done.stdout
    config.write_text(config.read_text() + 'counter_examples = ["my mailbox full of letters"]\n')
    done = run("rules", "check", config)
    assert done.returncode == 1
    assert b"hits its counter-example" in done.stderr


def test_configuration_in_the_working_folder_is_used(tmp_path: Path) -> None:
    (tmp_path / "bounceml.toml").write_text('table = "rfc"\n')
    entry = verdicts(run("predict", "--json", "--text", "452 4.2.2 mailbox full", cwd=tmp_path))[0]
    assert entry["type"] == "soft"
    entry = verdicts(run("predict", "--json", "--text", "552 5.2.2 mailbox full", cwd=tmp_path))[0]
    assert entry["type"] == "hard"


def test_several_exports_are_scored_into_a_folder(tmp_path: Path) -> None:
    for name in ("one.csv", "two.csv"):
        (tmp_path / name).write_text(f"email,diagnostic\nkim@example.com,{REPLY}\n", "utf-8")
    folder = tmp_path / "out"
    folder.mkdir()
    done = run("score", tmp_path / "one.csv", tmp_path / "none.csv", tmp_path / "two.csv", "-o", folder)
    assert done.returncode == 1
    assert b"none.csv" in done.stderr
    for name in ("one.csv", "two.csv"):
        rows = list(csv.DictReader((folder / name).read_text("utf-8").splitlines()))
        assert [row["bounce_reason"] for row in rows] == ["user_unknown"]


def test_several_exports_sum_up_by_name(tmp_path: Path) -> None:
    paths = [tmp_path / "one.csv", tmp_path / "two.jsonl"]
    paths[0].write_text(f"email,diagnostic\nkim@example.com,{REPLY}\n", "utf-8")
    paths[1].write_text(json.dumps({"diagnostic": REPLY}) + "\n", "utf-8")
    (tmp_path / "out").mkdir()
    done = run("score", *paths, "-o", tmp_path / "out", "--summary", tmp_path / "summary.json")
    assert done.returncode == 0
    assert list(json.loads((tmp_path / "summary.json").read_text("utf-8"))) == [str(path) for path in paths]


@pytest.mark.parametrize("names", [("one.csv", "one.csv"), ("one.csv", "two.csv")])
def test_several_exports_are_written_over_nothing(tmp_path: Path, names: tuple[str, str]) -> None:
    for name in names:
        (tmp_path / name).write_text(f"email,diagnostic\nkim@example.com,{REPLY}\n", "utf-8")
    before = (tmp_path / "one.csv").read_bytes()
    done = run("score", *(tmp_path / name for name in names), "-o", tmp_path)
    assert done.returncode == 1
    assert done.stdout == b""
    assert (tmp_path / "one.csv").read_bytes() == before
