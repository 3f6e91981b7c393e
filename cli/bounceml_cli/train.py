"""`bounceml train`: from labelled rows to a model file."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bounceml.config import find_config, load_config
from bounceml.errors import CorpusError
from bounceml.home import ENDING, find_home
from bounceml.paths import check_outputs
from bounceml.rules import builtin_rules
from bounceml.whole_file import write_whole
from bounceml_cli.exits import Exit, complain, printable
from bounceml_cli.progress import progress
from bounceml_datasets.corpus import Row, builtin_files, load_corpus
from bounceml_training.card import model_card
from bounceml_training.model_store import keep
from bounceml_training.own_rows import beside, hold_out
from bounceml_training.trainer import check_rows, train
from bounceml_training.workers import peak_memory


@dataclass(frozen=True, slots=True)
class Job:
    """What to train on: own files, each row counting `weight` times, with the built-in rows or alone.

    `held_out` is the share 0–1 of own templates that the model is judged by instead. Without `output` the model goes
    into the user's folder of models.
    """

    data: Sequence[Path]
    with_builtin: bool
    weight: float = 1.0
    held_out: float = 0.2
    output: Path | None = None
    card: Path | None = None


def run(job: Job, *, config: Path | None) -> Exit:
    """Train, write the model with the rows that it is to be judged by, and print its scores."""
    started = time.monotonic()
    if not job.with_builtin and not job.data:
        raise CorpusError("nothing to train on: --base none needs --data FILE")
    config = config or find_config()
    check_outputs([job.output, job.card], inputs=[*job.data, config])
    taxonomy = load_config(config).taxonomy
    own = load_corpus(job.data, reasons=taxonomy.reasons) if job.data else ()
    trained_on, held_out = hold_out(own, share=job.held_out)
    rows: Sequence[Row] = trained_on
    if job.with_builtin:
        builtin = load_corpus(builtin_files(), reasons=taxonomy.reasons)
        rows, gave_way = beside(trained_on, builtin=builtin, weight=job.weight)
        if gave_way:
            complain(f"{gave_way} of bounceml's own rows gave way to rows of yours with another label")
    check_rows(rows)
    notes = {"base": "builtin" if job.with_builtin else "none", "own_rows": len(trained_on), "held_out": len(held_out)}
    with progress() as tell:
        trained = train(rows, rules=builtin_rules(), taxonomy=taxonomy, notes=notes, progress=tell)
    write = partial(trained.write, held_out=held_out)
    if (output := job.output) is None:
        output = keep(find_home(), version=trained.header["version"], write=write)
    else:
        write(output)
    if job.card is not None:
        write_whole(job.card, model_card(trained.header).encode())
    classes, version = len(trained.header["classes"]), trained.header["version"]
    print(f"{printable(str(output))}: {len(rows)} texts, {classes} classes, version {version}")
    for name, scores in trained.scores.items():
        print(
            f"{name}: accuracy {scores.accuracy:.3f}, macro-F1 {scores.macro_f1:.3f}, "
            f"calibration error {scores.ece:.3f}, "
            f"at confidence 0.9 {scores.accuracy_at_90:.3f} right of {scores.coverage_at_90:.0%}"
        )
    if held_out:
        print(f"{len(held_out)} of your rows were held out, to judge it by")
    if job.output is None:
        print(f"to use it: bounceml models promote {output.name.removesuffix(ENDING)}")
    peak = peak_memory()
    memory = "" if peak is None else f", peak memory {peak / 1e6:,.0f} MB in all processes"
    complain(f"trained in {time.monotonic() - started:.0f} s{memory}")
    return Exit.DONE
