"""`bounceml train`: from labelled rows to a model file."""

from collections.abc import Sequence
from pathlib import Path

from bounceml.config import find_config, load_config
from bounceml.errors import CorpusError
from bounceml.rules import builtin_rules
from bounceml.whole_file import write_whole
from bounceml_cli.exits import Exit
from bounceml_cli.progress import progress
from bounceml_datasets.corpus import builtin_files, load_corpus
from bounceml_training.card import model_card
from bounceml_training.trainer import train


def run(*, output: Path, data: Sequence[Path], with_builtin: bool, card: Path | None, config: Path | None) -> Exit:
    """Train on the built-in rows, on files, or on both, write the model, and print its scores."""
    if not with_builtin and not data:
        raise CorpusError("nothing to train on: --base none needs --data FILE")
    reasons = load_config(config or find_config()).taxonomy.reasons
    rows = load_corpus([*(builtin_files() if with_builtin else ()), *data], reasons=reasons)
    with progress() as tell:
        trained = train(rows, rules=builtin_rules(), progress=tell)
    trained.write(output)
    if card is not None:
        write_whole(card, model_card(trained.header).encode())
    print(f"{output}: {len(rows)} texts, {len(trained.header['classes'])} classes, version {trained.header['version']}")
    for name, scores in trained.scores.items():
        print(
            f"{name}: accuracy {scores.accuracy:.3f}, macro-F1 {scores.macro_f1:.3f}, "
            f"calibration error {scores.ece:.3f}, "
            f"at confidence 0.9 {scores.accuracy_at_90:.3f} right of {scores.coverage_at_90:.0%}"
        )
    return Exit.DONE
