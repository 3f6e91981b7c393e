"""Figures of a corpus, as the datasheet shows them."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

from bounceml_datasets.corpus import Row
from bounceml_datasets.inspection import template_key
from bounceml_datasets.second_look import Agreement


def figures(rows: Sequence[Row], *, looks: Mapping[str, Agreement]) -> str:
    """Rows, languages and labels as Markdown; `looks` says per language how often a second look agreed."""
    different = len({template_key(row) for row in rows})
    languages = Counter(row.lang for row in rows)
    labels = Counter(row.label for row in rows)
    sources = Counter(row.source for row in rows)
    lines = [
        f"{len(rows)} rows, {different} different after masking, {len(languages)} languages, "
        f"{len(sources)} sources besides `generic`.",
        "",
        *_languages(rows, languages=languages, looks=looks),
        "",
        "| label | rows | languages |",
        "|---|---|---|",
        *(f"| {label} | {n} | {len({r.lang for r in rows if r.label == label})} |" for label, n in _most(labels)),
    ]
    return "\n".join(lines)


def _languages(rows: Sequence[Row], *, languages: Counter[str], looks: Mapping[str, Agreement]) -> Iterator[str]:
    reasons: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        if row.reason:
            reasons[row.lang].add(row.reason)
    yield "| language | rows | reasons | looked at twice | agreed | or fair |"
    yield "|---|---|---|---|---|---|"
    for lang, n in _most(languages):
        look = looks.get(lang, Agreement(0, 0, 0))
        agreed, fair = (f"{n / look.rows:.1%}" if look.rows else "" for n in (look.agreed, look.fair))
        yield f"| {lang} | {n} | {len(reasons[lang])} | {look.rows} | {agreed} | {fair} |"


def _most(counts: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))
