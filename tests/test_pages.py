"""Pages: one file, nothing fetched, what strangers wrote stays text."""

import errno
import os
from pathlib import Path

import pytest

from bounceml.errors import CorpusError
from bounceml_cli.pages.charts import INK, chart
from bounceml_cli.pages.page import render, write_page


def test_a_page_fetches_nothing_and_says_so_to_the_browser() -> None:
    page = render("page.html", {}, title="Bounces")
    assert "default-src 'none'" in page
    assert "src=" not in page
    assert "url(" not in page


def test_what_a_stranger_wrote_is_escaped() -> None:
    page = render("page.html", {}, title="<script>alert(1)</script>")
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_a_plot_takes_the_colour_of_the_page_and_is_the_same_bytes_each_time() -> None:
    made = [chart(lambda axes: axes.plot([1, 2], [3, 4]), title='"risk" <b>') for _ in range(2)]
    assert made[0] == made[1]
    assert INK not in made[0]
    assert "currentColor" in made[0]
    assert 'aria-label="&#34;risk&#34; &lt;b&gt;"' in made[0]


def test_a_page_that_cannot_be_written_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(file: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(CorpusError, match=r"none.*report\.html: can't write"):
        write_page("<p>", tmp_path / "none" / "report.html")
    (tmp_path / "report.html").write_text("old")
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(CorpusError, match=r"report\.html: can't write: No space left on device"):
        write_page("<p>", tmp_path / "report.html")
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
    assert (tmp_path / "report.html").read_text() == "old"
