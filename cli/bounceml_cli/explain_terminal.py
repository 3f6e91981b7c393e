"""Explanations as a person reads them on a terminal: the text with what counted in colour."""

from collections.abc import Sequence

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from bounceml_cli.explain import Explained, facts, headline, pieces, printable_piece

_STYLES = {2: "bold black on green", 1: "green", 0: "", -1: "red", -2: "bold white on red"}
_INDENT = (0, 0, 0, 2)


def show(found: Sequence[Explained]) -> None:
    """Print explanations; green speaks for the answer and red against it."""
    console = Console(highlight=False)
    for each in found:
        console.print(Text(headline(each.verdict), style="bold"))
        if each.explanation is None:
            console.print(Padding(Text("told by the form of the message, not by its words"), _INDENT))
            continue
        text = Text.assemble(*((printable_piece(piece), _STYLES[level]) for piece, level in pieces(each.explanation)))
        console.print(Padding(text, _INDENT))
        for title, said in facts(each):
            console.print(Padding(Text.assemble((f"{title}: ", "dim"), said), _INDENT))
        console.print()
