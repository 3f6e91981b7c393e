"""`bounceml label`: labels a sheet by single keys in the terminal; every answer is saved at once."""

import sys
from pathlib import Path

from rich.console import Console

from bounceml.config import find_config, load_config
from bounceml.taxonomy import Taxonomy
from bounceml_cli.cards import LETTERS, pages, show_end, show_item, show_list
from bounceml_cli.exits import Exit, complain
from bounceml_cli.keys import BACKSPACE, END, ESCAPE, ReadKey, single_keys
from bounceml_datasets.labelling.item import Item
from bounceml_datasets.labelling.session import Session
from bounceml_datasets.labelling.sheet import open_sheet
from bounceml_datasets.labels import label_names


def run(file: Path, *, config: Path | None) -> Exit:
    """Ask about each text that has no label yet, until all have one or the user quits."""
    taxonomy = load_config(config or find_config()).taxonomy
    sheet = open_sheet(file)
    if not sys.stdin.isatty() or not sys.stdout.isatty():
        complain("label asks in a terminal: start it in one, or fill in the column label by other means")
        return Exit.USAGE
    session = Session(sheet)
    console = Console(highlight=False)
    try:
        with single_keys() as read_key:
            _ask(session, console=console, taxonomy=taxonomy, read_key=read_key)
    except KeyboardInterrupt:
        console.print()
    done = session.progress
    complain(f"{file}: {done.labelled} of {done.rows} labelled, {done.skipped} skipped")
    return Exit.DONE


def _ask(session: Session, *, console: Console, taxonomy: Taxonomy, read_key: ReadKey) -> None:
    while True:
        item = session.item
        if item is None:
            show_end(console, progress=session.progress)
        else:
            show_item(console, item, progress=session.progress, reasons=taxonomy.reasons)
        key = read_key()
        if key in ("q", END):
            return
        if key == "u":
            session.undo()
        elif item is None:
            continue
        elif key == "s":
            session.skip()
        elif key == "l":
            if chosen := _chosen(item, console=console, taxonomy=taxonomy, read_key=read_key):
                session.answer(chosen)
        elif key.isascii() and key.isdigit() and 0 < int(key) <= len(item.answers):
            session.answer(item.answers[int(key) - 1].label)


def _chosen(item: Item, *, console: Console, taxonomy: Taxonomy, read_key: ReadKey) -> str | None:
    """A label chosen from the list of all; None where the user goes back."""
    every, at = pages(console, label_names(taxonomy.reasons)), 0
    while True:
        shown = every[at]
        show_list(console, item, names=shown, more=len(every) > 1, reasons=taxonomy.reasons)
        key = read_key()
        if key in (ESCAPE, BACKSPACE, END):
            return None
        if key == " ":
            at = (at + 1) % len(every)
        elif len(key) == 1 and key in LETTERS[: len(shown)]:
            return shown[LETTERS.index(key)]
