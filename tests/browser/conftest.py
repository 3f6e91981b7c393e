"""A real browser for pages; needs chromium and `bounceml[browser]`: `make browser`."""

import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Request, sync_playwright

from opened import Opened, Opener

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# For containers whose user is root, and for a browser that keeps to itself.
_FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-sync")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium without a window."""
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    assert found is not None, "no chromium on the path: `make browser` installs it where it can"
    with sync_playwright() as play:
        started = play.chromium.launch(executable_path=found, args=list(_FLAGS))
        yield started
        started.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Opener]:
    """Opens HTML files: `page(path, width)` gives an `Opened`."""
    contexts = []

    def opened(path: Path, width: int, *, scheme: Literal["light", "dark"] = "light") -> Opened:
        size = {"width": width, "height": 900}
        context = browser.new_context(viewport=size, color_scheme=scheme, accept_downloads=True)
        contexts.append(context)
        made = Opened(context.new_page())
        address = path.resolve().as_uri()
        made.page.on("request", partial(_note_request, made, address))
        made.page.on("console", lambda message: made.complaints.append(f"{message.type}: {message.text}"))
        made.page.on("pageerror", lambda error: made.complaints.append(str(error)))
        made.page.goto(address)
        return made

    yield opened
    for context in contexts:
        context.close()


def _note_request(made: Opened, address: str, request: Request) -> None:
    if request.url.partition("#")[0] != address and not request.url.startswith("data:"):
        made.requests.append(request.url)
