"""Rows whose label the others contradict are found, and the command says so."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from bounceml_datasets.corpus import Row
from bounceml_training.doubts import find_doubts
from bounceml_training.settings import load_settings


def test_a_wrong_label_is_doubted(tiny_rows: tuple[Row, ...]) -> None:
    wrong = next(i for i, row in enumerate(tiny_rows) if row.reason == "mailbox_full")
    rows = [replace(row, reason="user_unknown") if i == wrong else row for i, row in enumerate(tiny_rows)]
    # Of so few rows too many lack in three folds.
    doubts = find_doubts(rows, settings=replace(load_settings(), grouped_folds=5))
    assert (rows[wrong].text, "mailbox_full") in [(doubt.row.text, doubt.said) for doubt in doubts.rows]
    assert 0 < doubts.groups <= len(rows)


def check(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bounceml_cli", "data", "check", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_check_names_each_problem_and_fails(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("text,reason\nUser kim@example.com unknown,policy\nuser lee@example.com unknown,virus\n")
    done = check(path)
    assert done.returncode == 1
    assert "mine:3: conflict: virus here, policy in mine:2" in done.stderr
    assert "| policy | 1 |" in done.stdout


def test_check_writes_the_figures_between_their_marks(tmp_path: Path) -> None:
    path, sheet = tmp_path / "mine.csv", tmp_path / "sheet.md"
    path.write_text("text,reason\nUser kim@example.com unknown,policy\n")
    sheet.write_text("no place\n")
    assert "no place for the figures" in check(path, "--datasheet", sheet).stderr
    begin, end = "<!-- figures: made by `bounceml data check --datasheet` -->", "<!-- end of figures -->"
    sheet.write_text(f"before\n{begin}\nold\n{end}\nafter\n")
    assert check(path, "--datasheet", sheet).returncode == 0
    text = sheet.read_text()
    assert text.startswith(f"before\n{begin}\n1 rows")
    assert text.endswith(f"{end}\nafter\n")
    assert "old" not in text
