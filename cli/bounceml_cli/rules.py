"""`bounceml rules check`: a user's rules against their own examples and against the built-in answers."""

from pathlib import Path

from bounceml.classifier import Classifier
from bounceml.codes import find_codes
from bounceml.config import Config, load_config
from bounceml.modelfile import default_model, open_model
from bounceml.rules import failures
from bounceml_cli.exits import Exit, complain, printable
from bounceml_datasets.corpus import load_corpus

_SHOWN_CHANGES = 20


def run(file: Path, *, model: Path | None) -> Exit:
    """Print what is wrong with the rules of a configuration, and which answers on the labelled data they change."""
    config = load_config(file)
    wrong = list(failures(config.rules))
    for line in wrong:
        complain(f"{file}: {line}")
    examples = sum(len(rule.examples) + len(rule.counter_examples) for rule in config.rules.rules)
    print(f"{len(config.rules.rules)} rules, {examples} examples and counter-examples, {len(wrong)} wrong")
    _show_changes(config, classifier=Classifier(open_model(model or default_model()), config=Config()))
    return Exit.FAILED if wrong else Exit.DONE


def _show_changes(config: Config, *, classifier: Classifier) -> None:
    rows = load_corpus(reasons=classifier.config.taxonomy.reasons)
    changed = 0
    for row in rows:
        rule = config.rules.first(row.text, codes=find_codes(row.text))
        if rule is None:
            continue
        reason = classifier.classify(row.text).reason
        if reason != rule.reason:
            changed += 1
            if changed <= _SHOWN_CHANGES:
                change = printable(f"{rule.id}: {reason} -> {rule.reason}")
                print(f"{change}: {printable(row.text)[:120]}")
    print(f"{changed} of {len(rows)} answers on the built-in labelled texts would change")
