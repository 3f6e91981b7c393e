"""The page of `bounceml evaluate` in a browser."""

from pathlib import Path

import pytest

from bounceml.classifier import load
from bounceml.taxonomy import load_taxonomy
from bounceml_cli.evaluate import compared, evaluated
from bounceml_cli.pages.evaluation import evaluation_page
from bounceml_datasets.corpus import Row, load_corpus
from bounceml_training.evaluation.held_out_rows import HeldOutRows
from opened import DESKTOP, PHONE, Opener

ROWS = load_corpus(reasons=load_taxonomy().reasons)[::150]
HOSTILE = Row("550 <script>document.title = 'run'</script> " + "x" * 400, "policy", source="<img src=http://192.0.2.1>")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    held_out = HeldOutRows((*ROWS, HOSTILE))
    classifiers = [load(), load()]
    found = evaluated(["a.model", "b.model"], classifiers=classifiers, held_out=held_out)
    comparison = compared(classifiers, held_out=held_out)
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(evaluation_page(found, comparison=comparison, data=["held-out.csv"]), "utf-8")
    return path


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [PHONE, DESKTOP])
def test_it_fits_asks_for_nothing_and_runs_nothing(page: Opener, made: Path, width: int, scheme: str) -> None:
    opened = page(made, width, scheme=scheme)
    assert opened.overflow() == 0
    assert opened.sticking_out() == []
    assert (opened.requests, opened.complaints) == ([], [])
    assert opened.page.title() == "a.model and b.model"


def test_plots_are_seen_and_take_the_pages_colour(page: Opener, made: Path) -> None:
    for scheme, colour in (("light", "rgb(28, 36, 48)"), ("dark", "rgb(230, 233, 238)")):
        opened = page(made, DESKTOP, scheme=scheme)
        boxes = [svg.bounding_box() for svg in opened.page.query_selector_all("figure svg")]
        assert len(boxes) == 3
        assert all(box is not None and box["width"] > 300 and box["height"] > 150 for box in boxes)
        label = opened.page.query_selector("figure svg text")
        assert label is not None
        assert opened.page.evaluate("each => getComputedStyle(each).fill", label) == colour


def test_details_open(page: Opener, made: Path) -> None:
    opened = page(made, PHONE)
    language = opened.page.query_selector_all("details")[1]
    assert language.query_selector("table").is_visible() is False
    opened.page.click("details:nth-of-type(2) > summary")
    assert language.query_selector("table").is_visible() is True
    assert opened.overflow() == 0
