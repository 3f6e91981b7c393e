"""The page of `bounceml drift` in a browser."""

from pathlib import Path

import pytest

from bounceml.classifier import load
from bounceml_cli.pages.drift import drift_page
from bounceml_training.drift.census import Source
from bounceml_training.drift.comparison import find_drift
from bounceml_training.drift.measures import load_plan
from opened import DESKTOP, PHONE, Opener

LONG = f"{'very-long-name-' * 6}.example"
OLD = ("550 5.1.1 User unknown", "552 5.2.2 Mailbox full", "421 4.7.0 Too many connections", "550 5.7.1 Spam")
NEW = (
    "550 zalgor <script>document.title = 'run'</script>",
    "550 mevik <img src=http://192.0.2.1/a.png> trunto",
    f"550 {'baskel' * 60}",
    "550 邮箱 driun oplat querin vosh",
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    for name, replies in (("before", OLD), ("after", NEW)):
        rows = [f"u{i}@{LONG},{replies[i % 4]}" for i in range(80)]
        rows += [f"u{i}@calm.example,{OLD[i % 4]}" for i in range(200)]
        rows += [f"u{i}@{name}-only.example,{OLD[i % 4]}" for i in range(40)]
        (folder / f"{name}.csv").write_text("\n".join(["email,diagnostic", *rows]), "utf-8")
    before, after = (Source(str(folder / f"{name}.csv")) for name in ("before", "after"))
    found = find_drift(before, after, classifier=load(), note=lambda line: None, tell=lambda step, share: None)
    assert [scope.name for scope in found.receivers if scope.moved] == [LONG]
    page = drift_page(found, plan=load_plan(), next_step="bounceml review after.csv -o to-label.csv")
    (folder / "drift.html").write_text(page, "utf-8")
    return folder / "drift.html"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [PHONE, DESKTOP])
def test_it_fits_asks_for_nothing_and_runs_nothing(page: Opener, made: Path, width: int, scheme: str) -> None:
    opened = page(made, width, scheme=scheme)
    assert opened.overflow() == 0
    assert opened.sticking_out() == []
    assert (opened.requests, opened.complaints) == ([], [])
    assert opened.page.title() == "What changed in the bounces"


def test_plots_are_seen_and_take_the_pages_colour(page: Opener, made: Path) -> None:
    for scheme, colour in (("light", "rgb(28, 36, 48)"), ("dark", "rgb(230, 233, 238)")):
        opened = page(made, DESKTOP, scheme=scheme)
        boxes = [svg.bounding_box() for svg in opened.page.query_selector_all("figure svg")]
        assert len(boxes) == 2
        assert all(box is not None and box["width"] > 300 and box["height"] > 50 for box in boxes)
        label = opened.page.query_selector("figure svg text")
        assert label is not None
        assert opened.page.evaluate("each => getComputedStyle(each).fill", label) == colour
