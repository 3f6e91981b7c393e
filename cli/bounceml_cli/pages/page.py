"""A page made from a template of this folder: what is put into it is escaped, and nothing is fetched to show it."""

from collections.abc import Mapping
from importlib import resources
from pathlib import Path

from bounceml._version import __version__
from bounceml.errors import CorpusError
from bounceml.whole_file import write_whole
from bounceml_cli.exits import printable

_FOLDER = "bounceml_cli.pages"


def render(template: str, values: Mapping[str, object], *, title: str, language: str = "en") -> str:
    """The page that a template of this folder makes of values, as HTML.

    The template extends `page.html` and fills its block `main`. Texts are escaped unless they are `markupsafe.Markup`;
    its filter `printable` shows control characters instead of sending them. Raises CorpusError where the packages for
    pages aren't installed.
    """
    try:
        import jinja2
        from markupsafe import Markup
    except ImportError as error:
        raise CorpusError("pages need jinja2 and matplotlib: pip install 'bounceml[pages]'") from error
    loader = jinja2.FunctionLoader(_read)
    environment = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["printable"] = printable
    style = Markup(_read("style.css"))
    return environment.get_template(template).render(
        **values, title=title, language=language, style=style, version=__version__
    )


def write_page(page: str, path: Path) -> None:
    """Write a page, whole or not at all; raises CorpusError where it can't be written."""
    write_whole(path, page.encode("utf-8", "replace"))


def _read(name: str) -> str:
    return resources.files(_FOLDER).joinpath(name).read_text("utf-8")
