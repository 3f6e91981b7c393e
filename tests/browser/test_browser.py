"""The skeleton of pages in a browser, and that the fixture sees what it should."""

from pathlib import Path

import pytest

from bounceml_cli.pages.page import render
from opened import DESKTOP, PHONE, Opener


@pytest.mark.parametrize("width", [PHONE, DESKTOP])
def test_the_skeleton_fits_and_asks_for_nothing(page: Opener, tmp_path: Path, width: int) -> None:
    (tmp_path / "page.html").write_text(render("page.html", {}, title="退信 " + "Bounces " * 30), "utf-8")
    opened = page(tmp_path / "page.html", width)
    assert opened.overflow() == 0
    assert opened.sticking_out() == []
    assert (opened.requests, opened.complaints) == ([], [])


def test_scripts_and_foreign_pictures_are_refused_and_seen(page: Opener, tmp_path: Path) -> None:
    (tmp_path / "other.png").write_bytes(b"")
    made = render("page.html", {}, title="Bounces")
    hostile = "<script>document.title = 'run'</script><img src='other.png'><img src='http://192.0.2.1/x.png'>"
    (tmp_path / "page.html").write_text(made.replace("</main>", f"{hostile}</main>"), "utf-8")
    opened = page(tmp_path / "page.html", PHONE)
    assert opened.page.title() == "Bounces"
    assert [url.rpartition("/")[2] for url in opened.requests] == ["other.png", "x.png"]
    assert len(opened.complaints) == 3
    assert all("Content Security Policy" in complaint for complaint in opened.complaints)


def test_what_sticks_out_is_found(page: Opener, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("<body><p style='width: 900px'>wide</p>", "utf-8")
    opened = page(tmp_path / "page.html", PHONE)
    assert opened.overflow() > 0
    assert opened.sticking_out() == ['<p style="width: 900px">wide</p>']
