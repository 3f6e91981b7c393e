"""What is shown of two exports' differences: tables, JSON and a page, compared with files."""

import json
import re
import sys
from dataclasses import replace
from pathlib import Path

import pexpect
import pytest

from bounceml_cli.drift_table import show
from bounceml_cli.pages.drift import drift_page
from bounceml_training.drift.measures import Name, load_plan
from bounceml_training.drift.result import Change, Drift, ReasonChange, Scope, Side, TextChange

DATA = Path(__file__).parent / "data" / "drift"
PLAN = load_plan()
HOSTILE = "550 <script>alert(1)</script>\x1b[31m \u202efrob"


def change(measure: Name, before: float | None, after: float | None, *, p: float, by: float = 0.0) -> Change:
    by = by if before is None or after is None else after - before
    return Change(measure, before, after, by, p, min(1.0, 4 * p), p < 0.01)


def scope(name: str, *, rows: int, p: float) -> Scope:
    return Scope(
        name,
        rows,
        rows + 7,
        (
            change("unseen", 0.004, 0.131, p=p),
            change("new", 0.02, 0.4, p=p),
            change("confidence", 0.951, 0.6449, p=p),
            change("fallback", 0.1, 0.09996, p=0.9),
            change("mix", None, None, p=0.04, by=0.123),
        ),
    )


@pytest.fixture
def drift() -> Drift:
    return Drift(
        before=Side("before.csv", 1200, 1100, 0, 40, 60, 31),
        after=Side("in & out.csv", 1300, 1234, 2, 4, 60, 44),
        model_version="0.1.0+test",
        correlation=0.0123456789,
        receiver_correlation=0.05,
        drawn_of=1,
        overall=scope("", rows=1100, p=0.0004),
        receivers=(scope("evil<b>.example", rows=400, p=1e-9), scope("calm.example", rows=300, p=0.5)),
        reasons=(
            ReasonChange("user_unknown", 0.25, 0.5, 1e-5, 4e-5, True),
            ReasonChange("kind:auto_reply", 0.5, 0.25, 0.2, 0.4, False),
        ),
        texts=(
            TextChange(HOSTILE, "policy", 0.9999, 0, 44, 0.0357, 2),
            TextChange("552 邮箱空间不足 " + "x" * 300, "mailbox_full", 0.5, 90, 3, -0.0794, 0),
        ),
        only_once=(("fresh.example", 0, 55),),
    )


def test_lines_off_a_terminal(drift: Drift, capsys: pytest.CaptureFixture[str]) -> None:
    show(drift, plan=PLAN)
    assert capsys.readouterr().out == (DATA / "lines.tsv").read_text("utf-8")


def test_json(drift: Drift) -> None:
    assert json.dumps(drift.to_json(), ensure_ascii=False, indent=1) + "\n" == (DATA / "drift.json").read_text("utf-8")


def test_page(drift: Drift) -> None:
    page = drift_page(drift, plan=PLAN, next_step="bounceml review 'in & out.csv' -o to-label.csv")
    main = re.sub(r"<svg.*?</svg>", "<svg/>", page[page.index("<main>") :], flags=re.DOTALL)
    assert main == (DATA / "page.html").read_text("utf-8")
    assert page.count("<svg") == 2
    assert "default-src 'none'" in page
    assert not re.search(r"src=|url\((?!#)", page)


def test_what_strangers_wrote_stays_text(drift: Drift, capsys: pytest.CaptureFixture[str]) -> None:
    page = drift_page(drift, plan=PLAN, next_step="bounceml review in.csv")
    assert "<script>" not in page
    assert "evil<b>" not in page
    show(drift, plan=PLAN)
    for shown in (page, capsys.readouterr().out):
        assert "\x1b" not in shown
        assert "\u202e" not in shown


def test_a_page_without_drift_says_so(drift: Drift) -> None:
    calm = replace(drift, overall=scope("", rows=9, p=1.0), receivers=(), only_once=())
    page = drift_page(calm, plan=PLAN, next_step="bounceml review in.csv")
    assert "No drift: 0 of 5 measures moved overall" in page
    assert "bounceml review" not in page
    assert page.count("<svg") == 1


def test_on_a_terminal_it_is_tables_that_fit(tmp_path: Path) -> None:
    rows = ["email,diagnostic", *(f"u{i}@x.example,550 5.1.1 User unknown {'abcdefgh'[i % 8] * 60}" for i in range(80))]
    (tmp_path / "in.csv").write_text("\n".join(rows))
    (tmp_path / "new.csv").write_text("\n".join(rows).replace("User", "Zalgor mevik trunto"))
    arguments = ["-m", "bounceml_cli", "drift", "new.csv", "--since", "in.csv"]
    child = pexpect.spawn(
        sys.executable, arguments, cwd=str(tmp_path), encoding="utf-8", dimensions=(60, 80), timeout=20
    )
    child.expect(pexpect.EOF)
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", str(child.before))
    assert "moved overall" in shown
    assert "x.example" in shown
    tables = [line.rstrip("\r") for line in shown.split("\n") if line.startswith(("│", "┃", "┏"))]
    assert len(tables) > 10
    assert max(map(len, tables)) <= 80
