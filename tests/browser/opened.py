"""A page that is open in a browser, and what can be asked of it."""

from collections.abc import Callable
from dataclasses import dataclass, field

from playwright.sync_api import Page

DESKTOP, PHONE = 1280, 390  # widths in pixels
# What is cut off at the edge without a way to see it; a box that scrolls may hold wider things.
_STICKING_OUT = """() => [...document.body.querySelectorAll('*')].filter(each => {
    const box = each.getBoundingClientRect();
    if (!box.width || !box.height || getComputedStyle(each).visibility === 'hidden') return false;
    for (let up = each.parentElement; up; up = up.parentElement)
        if (['auto', 'scroll'].includes(getComputedStyle(up).overflowX)) return false;
    return box.right > window.innerWidth + 1 || box.left < -1;
}).map(each => each.outerHTML.slice(0, 120))"""


@dataclass(frozen=True, slots=True)
class Opened:
    """A page in the browser; `requests` are what it asked for beside itself, `complaints` what the console said."""

    page: Page
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def overflow(self) -> int:
        """Pixels by which the page is wider than the window."""
        return int(self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth"))

    def sticking_out(self) -> list[str]:
        """What of the visible page reaches over the window's edges, unless it can be scrolled into view."""
        found: list[str] = self.page.evaluate(_STICKING_OUT)
        return found


# The fixture `page`: `page(path, width)` opens a file, `page(path, width, scheme="dark")` with dark colours.
Opener = Callable[..., Opened]
