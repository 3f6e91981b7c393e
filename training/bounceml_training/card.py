"""The model card: what a model is for, what it was trained on, how well it does, and where it stops."""

from collections.abc import Mapping, Sequence
from typing import Any

_PURPOSE = """\
It reads what mail servers say when they refuse, delay or bounce a message, and names the reason, so that a sender knows
whether to drop the address, try again, or mend the sender or the content. It isn't made for judging people, for telling
spam from other mail, or for texts that no mail server wrote.
"""
_LIMITS = """\
- Its texts were written, not collected: how often a reason or language stands there says nothing about real traffic.
- Words in a language that the corpus lacks get a low confidence or `unknown`; languages with few rows are read worse.
- A server's wording can be untrue ("user unknown" for a blocked sender); the model reads what is said.
- Boundaries between neighbouring reasons (`policy` and `sender_reputation`, `server_error` and `network`) are where
  careful people differ too; the datasheet says where they were drawn.
- Held-out figures above are on texts of our own corpus, where confidence is too low on purpose. Texts of others are
  harder: see the README for figures on real bounces, where on short replies it is too high by some four points.
"""
_NAMES = {
    "held_out_templates": "texts of template groups that were left out",
    "held_out_families": "texts of languages and independently written English parts that were left out whole",
}


def model_card(header: Mapping[str, Any]) -> str:
    """The card of a model, as Markdown, from the header of its file."""
    manifest = header["manifest"]
    packages = ", ".join(f"{name} {version}" for name, version in sorted(manifest["packages"].items()))
    parts = [
        f"# Model card: bounceml {header['version']}\n",
        "Made by `make model`; not written by hand.\n",
        f"## What it is for\n\n{_PURPOSE}",
        "## What it is\n",
        "Logistic regression of each class against the others, on TF-IDF of words, pairs of words and character "
        f"n-grams: {header['n_features']} features, {len(header['classes'])} classes, "
        f"temperature {header['calibration']['temperature']:.3f}, "
        f"{len(header['rules'])} rules that vote where it is unsure. An address is given up from a probability of "
        f"{header['calibration']['suppress_from']:.3f} on. Made with {packages}.\n",
        "## Data\n",
        f"{manifest['rows']} labelled texts, SHA-256 `{manifest['corpus_sha256']}`, of which "
        f"{manifest['read_twice']} were labelled a second time by a reader who hadn't written them; see "
        "`datasets/README.md`.\n",
        "## Held-out figures\n",
        *(_figures(name, manifest["scores"][name]) for name in _NAMES if name in manifest["scores"]),
        f"## Limits\n\n{_LIMITS}",
    ]
    return "\n".join(parts)


def _figures(name: str, scores: Mapping[str, Any]) -> str:
    lines = [
        f"On {scores['texts']} {_NAMES[name]}: "
        f"accuracy {scores['accuracy']:.3f}, macro-F1 {scores['macro_f1']:.3f}, "
        f"expected calibration error {scores['ece']:.3f}; "
        f"at confidence 0.9 or more {scores['coverage_at_90']:.0%} of the texts, "
        f"of which {scores['accuracy_at_90']:.1%} right.\n",
        *_table("reason", scores["by_reason"]),
        "",
        *_table("language", scores["by_language"]),
        "",
        *_table("source", scores["by_source"]),
        "",
        *_plot(
            "Share right by confidence, in tenths of the texts: where it is well calibrated, both lines are one",
            x=[f"{i + 1}" for i in range(len(scores["calibration"]))],
            lines=[
                [confidence for confidence, _ in scores["calibration"]],
                [right for _, right in scores["calibration"]],
            ],
        ),
        "",
        *_plot(
            "Share wrong among the surest texts, by share of the texts that are answered",
            x=[f"{share:.1f}" for share, _ in scores["risk_coverage"]],
            lines=[[risk for _, risk in scores["risk_coverage"]]],
        ),
        "",
    ]
    return "\n".join(lines)


def _plot(title: str, *, x: Sequence[str], lines: Sequence[Sequence[float]]) -> list[str]:
    """A plot as Mermaid, which forges draw and people can read; values are shares 0–1."""
    return [
        f"{title}:",
        "",
        "```mermaid",
        "xychart-beta",
        f"    x-axis [{', '.join(x)}]",
        f"    y-axis 0 --> {1 if max(map(max, lines)) > 0.5 else 0.5}",
        *(f"    line [{', '.join(f'{value:.3f}' for value in line)}]" for line in lines),
        "```",
    ]


def _table(title: str, shares: Mapping[str, float]) -> list[str]:
    return [
        f"| {title} | right |",
        "|---|---|",
        *(f"| {name} | {share:.3f} |" for name, share in shares.items()),
    ]
