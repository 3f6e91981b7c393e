"""The page of `bounceml report` in a browser, in both languages, on a phone and on a desk."""

import csv
from pathlib import Path

import pytest

from bounceml.classifier import load
from bounceml.taxonomy import load_taxonomy
from bounceml_cli.language import Language
from bounceml_cli.pages.report import report_page
from bounceml_cli.pages.texts import load_texts
from bounceml_datasets.reports.collection import ReportJob, collect
from bounceml_datasets.reports.periods import compare_halves
from bounceml_datasets.reports.remedies import load_remedies
from opened import DESKTOP, PHONE, Opener

TEXTS = (
    "550 5.1.1 User unknown",
    "552 邮箱空间不足",
    "554 5.7.1 Service unavailable; Client host [198.51.100.7] blocked using zen.spamhaus.org",
    "550 5.7.26 This mail is unauthenticated, SPF and DKIM did not pass",
    "550 <script>document.title = 'run'</script> account disabled " + "x" * 300,
)


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[Language, Path]:
    folder = tmp_path_factory.mktemp("report")
    source = folder / "export.csv"
    with source.open("w", newline="", encoding="utf-8") as file:
        rows = [
            [f"2026-10-{1 + i % 28:02}", f"user{i}@{'very-long-name.' * (i % 3)}example.com", TEXTS[i % len(TEXTS)]]
            for i in range(400)
        ]
        csv.writer(file).writerows([["time", "email", "diagnostic"], *rows])
    figures = collect(ReportJob(str(source)), classifier=load(), tell=lambda *_: None, note=lambda _: None)
    found = {}
    for language in Language:
        found[language] = folder / f"{language}.html"
        made = report_page(
            figures,
            compared=compare_halves(figures),
            taxonomy=load_taxonomy(),
            remedies=load_remedies(),
            texts=load_texts("report", language),
        )
        found[language].write_text(made, "utf-8")
    return found


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [PHONE, DESKTOP])
@pytest.mark.parametrize("language", Language)
def test_it_fits_asks_for_nothing_and_runs_nothing(
    page: Opener, pages: dict[Language, Path], language: Language, width: int, scheme: str
) -> None:
    opened = page(pages[language], width, scheme=scheme)
    assert opened.overflow() == 0
    assert opened.sticking_out() == []
    assert (opened.requests, opened.complaints) == ([], [])
    assert "run" not in opened.page.title()


def test_the_addresses_can_be_downloaded(page: Opener, pages: dict[Language, Path]) -> None:
    opened = page(pages[Language.en], PHONE)
    with opened.page.expect_download() as waiting:
        opened.page.click("a[download]")
    rows = list(csv.reader(Path(waiting.value.path()).read_text("utf-8-sig").splitlines()))
    assert rows[0] == ["email", "reason", "confidence"]
    assert len(rows) == 161
    assert {row[1] for row in rows[1:]} == {"user_unknown", "mailbox_disabled"}


def test_links_inside_lead_somewhere(page: Opener, pages: dict[Language, Path]) -> None:
    opened = page(pages[Language.zh], DESKTOP)
    targets = opened.page.evaluate("[...document.querySelectorAll('nav a')].map(a => a.getAttribute('href'))")
    assert len(targets) > 5
    assert all(opened.page.query_selector(f"[id='{target[1:]}']") for target in targets)
    help_pages = opened.page.evaluate("[...document.querySelectorAll('a[href^=http]')].map(a => a.href)")
    assert any("spamhaus.org" in url for url in help_pages)
