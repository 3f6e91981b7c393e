"""What the labeller shows: one text with its likeliest answers, the list of all answers, and how far it is."""

from collections.abc import Mapping, Sequence

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from bounceml.taxonomy import Reason
from bounceml_cli.exits import printable
from bounceml_datasets.labelling.item import Item
from bounceml_datasets.labelling.session import Progress
from bounceml_datasets.labels import KINDS

# Keys of the list of all answers; more answers than that, or than there is room for, are on further pages.
LETTERS = "abcdefghijklmnopqrstuvwxyz"
_LEAST_LETTERS = 6
_KEYS = "1-3 accept   l list of all   s skip   u undo   q quit"
_LIST_KEYS = "a-z choose   esc back"
_DONE_KEYS = "u undo   q quit"
# Lines of a text that leave room for the answers on a small terminal.
_LINES = 8


def show_item(console: Console, item: Item, *, progress: Progress, reasons: Mapping[str, Reason]) -> None:
    """A text with its likeliest answers."""
    answers = Table.grid(padding=(0, 2))
    for number, answer in enumerate(item.answers, 1):
        answers.add_row(
            Text(str(number), style="bold"),
            Text(printable(answer.label)),
            Text(f"{int(answer.confidence * 100)}%"),
            Text(_means(answer.label, reasons=reasons), style="dim"),
        )
    _show(console, _text_panel(console, item), answers, *_opinions(item), keys=_KEYS, progress=progress)


def show_list(console: Console, item: Item, *, names: Sequence[str], more: bool, reasons: Mapping[str, Reason]) -> None:
    """A text with a page of all answers, each with its letter; `more` says that there are other pages."""
    answers = Table.grid(padding=(0, 2))
    for letter, name in zip(LETTERS, names, strict=False):
        answers.add_row(
            Text(letter, style="bold"), Text(printable(name)), Text(_means(name, reasons=reasons), style="dim")
        )
    keys = f"{_LIST_KEYS}   space more" if more else _LIST_KEYS
    _show(console, _text_panel(console, item), answers, keys=keys, progress=None)


def show_end(console: Console, *, progress: Progress) -> None:
    """That nothing is left to ask."""
    again = f"; start again for the {progress.skipped} skipped" if progress.skipped else ""
    _show(console, Text(f"All rows are done{again}."), keys=_DONE_KEYS, progress=progress)


def pages(console: Console, names: Sequence[str]) -> list[Sequence[str]]:
    """The list of all answers in pages that the terminal has room for, beside a text of average length."""
    size = min(len(LETTERS), max(_LEAST_LETTERS, console.height - _LINES))
    return [names[start : start + size] for start in range(0, len(names), size)]


def _show(console: Console, *parts: RenderableType, keys: str, progress: Progress | None) -> None:
    console.clear()
    if progress is not None:
        done = f"{progress.labelled} of {progress.rows} labelled"
        console.print(Text(f"{done}, {progress.skipped} skipped" if progress.skipped else done, style="dim"))
    console.print(Group(*parts))
    console.print(Text(keys, style="dim"))


def _text_panel(console: Console, item: Item) -> Panel:
    text = printable(item.text)
    room = max(20, console.width - 4) * _LINES
    shown = Text(text if len(text) <= room else f"{text[:room]}…")
    return Panel(shown, title=Text(_facts(item)), title_align="left")


def _facts(item: Item) -> str:
    facts = []
    if item.count is not None:
        facts.append(f"{item.count:,} times")
    if item.domains is not None:
        facts.append(f"{item.domains:,} domain{'s' * (item.domains != 1)}")
    return printable(" · ".join([*facts, *([item.lang] if item.lang else [])])) or "text"


def _opinions(item: Item) -> list[Text]:
    lines = []
    if item.rule_reason:
        lines.append(f"the rule {item.rule} says {item.rule_reason}")
    if item.provider_class:
        meant = f" ({item.provider_reason})" if item.provider_reason else ""
        lines.append(f"the provider says {item.provider_class}{meant}")
    return [Text(printable(line), style="yellow") for line in lines]


def _means(name: str, *, reasons: Mapping[str, Reason]) -> str:
    return printable(reasons[name].means) if name in reasons else KINDS.get(name.removeprefix("kind:"), "")
