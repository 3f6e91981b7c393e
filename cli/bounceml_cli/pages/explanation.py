"""The page of `bounceml explain`: each text with what counted in it."""

from collections.abc import Sequence

from bounceml_cli.explain import Explained, facts, headline, pieces, printable_piece
from bounceml_cli.pages.page import render


def explanation_page(found: Sequence[Explained]) -> str:
    """Explanations as one HTML page; raises CorpusError where the packages for pages aren't installed."""
    entries = [
        {
            "headline": headline(each.verdict),
            "type": each.verdict.type or "",
            "pieces": [(printable_piece(text), level) for text, level in pieces(each.explanation)]
            if each.explanation
            else [],
            "facts": list(facts(each)),
        }
        for each in found
    ]
    return render("explanation.html", {"entries": entries}, title="Why bounceml answered so")
