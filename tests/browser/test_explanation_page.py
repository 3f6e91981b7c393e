"""The page of `bounceml explain` in a browser."""

from pathlib import Path

import pytest

from bounceml.classifier import load
from bounceml.taxonomy import load_taxonomy
from bounceml_cli.explain import explained
from bounceml_cli.pages.explanation import explanation_page
from bounceml_datasets.corpus import load_corpus
from opened import DESKTOP, PHONE, Opener

TEXTS = (
    "550 Sender is listed at zen.spamhaus.org",
    "552 对方邮箱空间不足，无法接收新邮件",
    "550 <script>document.title = 'run'</script> User unknown <img src=http://192.0.2.1/a.png>",
    f"554 {'verylongword' * 30} rejected as spam",
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    classifier = load()
    rows = load_corpus(reasons=load_taxonomy().reasons)
    found = [explained(classifier.classify(text), classifier=classifier, rows=rows) for text in TEXTS]
    path = tmp_path_factory.mktemp("page") / "explanation.html"
    path.write_text(explanation_page(found), "utf-8")
    return path


@pytest.mark.parametrize("width", [DESKTOP, PHONE])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_fits_and_asks_for_nothing(page: Opener, made: Path, width: int, scheme: str) -> None:
    opened = page(made, width, scheme=scheme)
    assert opened.page.inner_text(".spoken") == TEXTS[0]
    assert opened.overflow() == 0
    assert opened.sticking_out() == []
    assert opened.requests == []
    assert opened.complaints == []
    assert opened.page.title() == "Why bounceml answered so"


def test_marks_stand_out_in_both_schemes(page: Opener, made: Path) -> None:
    for scheme in ("light", "dark"):
        opened = page(made, DESKTOP, scheme=scheme)
        colours = opened.page.evaluate(
            "['.spoken mark.for2', '.spoken']"
            ".map(each => getComputedStyle(document.querySelector(each)).backgroundColor)"
        )
        assert colours[0] != colours[1]
        assert "spamhaus" in opened.page.inner_text(".spoken mark.for2:last-of-type")
