"""What was found in an export, as a table for people."""

from typing import Any

from bounceml_cli.exits import printable

_DOMAINS = 10
_WIDTH = 24


def lines(summary: dict[str, Any]) -> list[str]:
    """Lines of a table: rows by type, reason, action and the busiest receivers, with shares."""
    rows = max(1, summary["rows"])
    domains = {name: entry["rows"] for name, entry in list(summary["by_domain"].items())[:_DOMAINS] if name}
    blocks = {
        "type": summary["by_type"],
        "reason": summary["by_reason"],
        "action": summary["by_action"],
        "receiver": domains,
    }
    found = []
    for title, counts in blocks.items():
        if counts:
            found += ["", f"{title:<{_WIDTH}} {'rows':>12} {'share':>7}"]
            found += [f"{printable(name)[:_WIDTH]:<{_WIDTH}} {n:>12,} {n / rows:>7.1%}" for name, n in counts.items()]
    return found
