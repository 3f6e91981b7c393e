"""`python -m bounceml_datasets` prints the figures of the corpus: languages, reasons, different texts."""

from collections import Counter

from bounceml.masking import template
from bounceml.taxonomy import load_taxonomy
from bounceml_datasets.corpus import load_corpus


def main() -> None:
    """Print the figures as Markdown tables."""
    rows = load_corpus(reasons=load_taxonomy().reasons)
    different = len({template(row.text) or row.text for row in rows})
    print(f"{len(rows)} rows, {different} different after masking\n")
    for title, counts in (
        ("language", Counter(row.lang for row in rows)),
        ("label", Counter(row.label for row in rows)),
    ):
        print(f"| {title} | rows |\n|---|---|")
        for name, n in counts.most_common():
            print(f"| {name} | {n} |")
        print()


if __name__ == "__main__":
    main()
