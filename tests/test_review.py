"""What is chosen to label: doubtful, frequent, contradicted, and unlike each other; and the whole way to the corpus."""

import csv
import io
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pexpect
import pytest

from bounceml.classifier import Classifier, load
from bounceml.codes import find_codes
from bounceml.taxonomy import load_taxonomy
from bounceml_datasets.corpus import Row, load_corpus
from bounceml_datasets.labelling.item import Item
from bounceml_training.languages import Languages, builtin_languages
from bounceml_training.review import Job, Review, review_export
from bounceml_training.rule_opinions import rule_opinions
from bounceml_training.spread import spread
from forked import Done, commands

REASONS = load_taxonomy().reasons


def review(source: Path, classifier: Classifier, *, most: int = 50, notes: list[str] | None = None) -> Review:
    note = (notes if notes is not None else []).append
    return review_export(Job(str(source), most), classifier=classifier, note=note, tell=lambda step, share: None)


def export(path: Path, *rows: tuple[str, int]) -> Path:
    """A table in which each text comes so often, each time from another domain."""
    cells = [["email", "diagnostic"]]
    cells += [[f"kim@host{i}.example", text] for text, n in rows for i in range(n)]
    text = io.StringIO(newline="")
    csv.writer(text).writerows(cells)
    path.write_text(text.getvalue(), "utf-8")
    return path


def texts(items: tuple[Item, ...]) -> list[str]:
    return [item.text for item in items]


def test_doubtful_comes_before_sure_and_frequent_before_rare(tmp_path: Path, shipped: Classifier) -> None:
    sure, odd, rare = "550 5.1.1 User unknown", "zq blorp vex wumpus", "gnarl frob quux zot"
    found = review(export(tmp_path / "in.csv", (sure, 40), (odd, 40), (rare, 1)), shipped)
    assert texts(found.items) == [odd, rare, sure]
    first = found.items[0]
    assert (first.count, first.domains) == (40, 40)
    assert len(first.answers) == 3
    assert first.answers[0].confidence < 0.9
    assert (found.rows, found.templates, found.broken) == (81, 3, 0)


def test_answers_are_the_models_likeliest(tmp_path: Path, shipped: Classifier) -> None:
    item = review(export(tmp_path / "in.csv", ("452 mailbox over quota", 1)), shipped).items[0]
    assert item.answers[0].label == "mailbox_full"
    assert item.answers[0].confidence == pytest.approx(shipped.classify("452 mailbox over quota").confidence)
    assert [answer.confidence for answer in item.answers] == sorted((a.confidence for a in item.answers), reverse=True)


def test_a_page_is_not_one_text_in_ten_spellings(tmp_path: Path, shipped: Classifier) -> None:
    alike = [(f"zq blorp vex wumpus frob {word} gnarl", 30) for word in ("one", "two", "three", "four", "five", "six")]
    others = [("hrzt kvlm bnqp dwxy", 20), ("qwer tyui asdf ghjk", 20)]
    found = texts(review(export(tmp_path / "in.csv", *alike, *others), shipped).items)
    assert {found[1], found[2]} == {text for text, _ in others}
    assert len(found) == 8


def test_top_is_kept_to(tmp_path: Path, shipped: Classifier) -> None:
    rows = [(f"reply {'abcdefghij'[i]} zq", 1) for i in range(10)]
    assert len(review(export(tmp_path / "in.csv", *rows), shipped, most=4).items) == 4


def test_an_answer_that_the_provider_contradicts_comes_first(tmp_path: Path, shipped: Classifier) -> None:
    events = [
        {"type": "bounce", "event_id": "1", "rcpt_to": "a@x.example", "raw_reason": text, "bounce_class": number}
        for text, number in [
            ("550 5.1.1 User unknown", "10"),
            ("550 No such user here", "54"),
            ("550 nobody here", "1"),
        ]
    ]
    (tmp_path / "in.jsonl").write_text("\n".join(map(json.dumps, events)))
    notes: list[str] = []
    found = review(tmp_path / "in.jsonl", shipped, notes=notes)
    assert notes == ["detected preset 'sparkpost'"]
    first = found.items[0]
    assert (first.text, first.provider_class, first.provider_reason) == ("550 No such user here", "54", "relay_denied")
    assert {item.provider_class: item.provider_reason for item in found.items}["1"] == ""


def test_an_answer_that_a_rule_contradicts_is_worth_more(tmp_path: Path, shipped: Classifier) -> None:
    rows = load_corpus(reasons=REASONS)
    said = zip(rows, rule_opinions([row.text for row in rows], classifier=shipped), strict=True)
    against = next(row for row, rule in said if rule is not None and row.reason and rule.reason != row.label)
    found = review(export(tmp_path / "in.csv", ("550 5.1.1 User unknown", 1), (against.text, 1)), shipped)
    assert found.items[0].text == " ".join(against.text.split())
    assert found.items[0].rule_reason != found.items[0].answers[0].label


def test_rules_are_heard_as_the_classifier_hears_them(shipped: Classifier) -> None:
    sample = [row.text for row in load_corpus(reasons=REASONS)[::40]]
    opinions = rule_opinions(sample, classifier=shipped)
    assert any(opinions)
    for text, opinion in zip(sample, opinions, strict=True):
        matching = list(shipped.rules.matching(text, codes=find_codes(text)))
        best = max((shipped.precision[rule.id] for rule in matching if rule.reason in shipped.classes), default=0.0)
        assert (opinion is not None) == (best > 0.5)
        if opinion is not None:
            assert opinion.precision == best
            assert shipped.precision[opinion.id] == best


def test_what_the_users_own_rules_decide_is_left_out(tmp_path: Path) -> None:
    config = tmp_path / "own.toml"
    config.write_text('[[rule]]\nid = "own"\nreason = "policy"\nphrases = ["zq blorp"]\nexamples = ["zq blorp"]\n')
    found = review(export(tmp_path / "in.csv", ("zq blorp", 5), ("gnarl frob", 5)), load(config=config))
    assert texts(found.items) == ["gnarl frob"]
    assert found.by_user_rules == 1


def test_spread_prefers_worth_and_then_difference() -> None:
    said = ["alpha beta gamma", "alpha beta gamma delta", "omega psi chi", "<>"]
    assert spread(said, worth=np.array([3.0, 2.9, 2.0, 0.0]), most=9) == [0, 2, 1, 3]
    assert spread(said, worth=np.array([0.0, 0.0, 0.0, 1.0]), most=2)[0] == 3
    assert spread(["<>", "!"], worth=np.array([1.0, 2.0]), most=2) == [1, 0]
    assert spread([], worth=np.array([]), most=3) == []


def test_languages_are_told_where_they_can_be() -> None:
    languages = builtin_languages()
    for text, lang in [
        ("550 Почтовый ящик получателя переполнен", "ru"),
        ("552 邮箱空间不足，请稍后再试", "zh-Hans"),
        ("Das Postfach des Empfängers ist voll", "de"),
        ("The mailbox of the recipient is full", "en"),
        ("550", "und"),
        ("zq blorp vex", "und"),
    ]:
        assert languages.tell(text) == lang
    assert Languages([Row("x", "policy")]).tell("The mailbox of the recipient is full") == "und"


def run(*arguments: object, cwd: Path) -> Done:
    return commands().run(list(map(str, arguments)), folder=cwd)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("way")
    export(path / "bounces.csv", ("zq blorp vex wumpus", 9), ("=gnarl frob quux", 4), ("xylo kray mund", 2))
    return path


def test_the_whole_way_by_hand(folder: Path, tiny_model: Path) -> None:
    """From an export to the corpus: reviewed, labelled in a terminal, imported, loaded."""
    done = run("review", "bounces.csv", "-o", "to-label.csv", "--model", tiny_model, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "3 templates to label, which came 15 times" in done.stderr
    with (folder / "to-label.csv").open(encoding="utf-8-sig", newline="") as file:
        sheet = list(csv.DictReader(file))
    assert "'=gnarl frob quux" in [row["text"] for row in sheet]
    arguments = ["-m", "bounceml_cli", "label", "to-label.csv"]
    child = pexpect.spawn(sys.executable, arguments, cwd=str(folder), encoding="utf-8", timeout=20)
    child.expect("0 of 3 labelled")
    child.send("1slcq")
    child.expect("2 of 3 labelled, 1 skipped|All rows")
    child.expect(pexpect.EOF)
    done = run("data", "import", "to-label.csv", "-o", "own.jsonl", "--source", "our mta", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "2  templates taken" in done.stdout
    rows = load_corpus([folder / "own.jsonl"], reasons=REASONS)
    wanted = [sheet[0]["reason"], list(REASONS)[2]]
    assert [row.label.removeprefix("kind:") for row in rows] == wanted
    assert {row.text for row in rows} <= {"zq blorp vex wumpus", "=gnarl frob quux", "xylo kray mund"}
    assert {row.source for row in rows} == {"our mta"}


def test_the_whole_way_through_label_studio(folder: Path, tiny_model: Path) -> None:
    arguments = ["review", "bounces.csv", "-o", "tasks.json", "--format", "label-studio", "--model", tiny_model]
    done = run(*arguments, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert '<Choice value="user_unknown"/>' in (folder / "tasks.xml").read_text()
    tasks = json.loads((folder / "tasks.json").read_text("utf-8"))
    for number, task in enumerate(tasks, 1):
        chosen = [{"type": "choices", "from_name": "label", "to_name": "text", "value": {"choices": ["virus"]}}]
        task |= {"id": number, "annotations": [{"id": number, "result": chosen, "was_cancelled": False}]}
    (folder / "annotated.json").write_text(json.dumps(tasks))
    assert_imported(folder, "annotated.json", unlabelled="tasks.json")


def test_the_whole_way_through_prodigy(folder: Path, tiny_model: Path) -> None:
    arguments = ["review", "bounces.csv", "-o", "tasks.jsonl", "--format", "prodigy", "--model", tiny_model]
    done = run(*arguments, cwd=folder)
    assert done.returncode == 0, done.stderr
    tasks: list[dict[str, Any]] = [
        json.loads(line) for line in (folder / "tasks.jsonl").read_text("utf-8").splitlines()
    ]
    answered = [task | {"accept": ["virus"], "answer": "accept", "_view_id": "choice"} for task in tasks]
    (folder / "annotated.jsonl").write_text("\n".join(map(json.dumps, answered)))
    assert_imported(folder, "annotated.jsonl", unlabelled="tasks.jsonl")


def assert_imported(folder: Path, annotated: str, *, unlabelled: str) -> None:
    output = folder / f"{annotated}.own.jsonl"
    done = run("data", "import", annotated, unlabelled, "-o", output, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "6  rows read" in done.stdout
    assert "3  without a label" in done.stdout
    rows = load_corpus([output], reasons=REASONS)
    assert [row.label for row in rows] == ["virus"] * 3
    assert {row.text for row in rows} == {"zq blorp vex wumpus", "=gnarl frob quux", "xylo kray mund"}


def test_review_never_touches_a_file_that_is_there(folder: Path, tiny_model: Path) -> None:
    (folder / "kept.csv").write_text("with labels")
    (folder / "kept.xml").write_text("mine")
    for arguments in (["-o", "kept.csv"], ["-o", "kept.json", "--format", "label-studio"]):
        done = run("review", "bounces.csv", *arguments, "--model", tiny_model, cwd=folder)
        assert done.returncode == 1
        assert "is there already" in done.stderr
    assert (folder / "kept.csv").read_text() == "with labels"
    assert not (folder / "kept.json").exists()


def test_review_of_nothing_says_so(folder: Path, tiny_model: Path) -> None:
    (folder / "empty.csv").write_text("email,diagnostic\nkim@example.com,\n")
    done = run("review", "empty.csv", "-o", "e.csv", "--model", tiny_model, "--text-column", "diagnostic", cwd=folder)
    assert (done.returncode, done.stderr.count("nothing to label")) == (1, 1)


def test_import_names_what_it_left_out(folder: Path) -> None:
    (folder / "in.csv").write_text("text,label\nqx a,policy\nQX A,virus\nqx b,what\nqx c,policy\n")
    done = run("data", "import", "in.csv", "-o", "in.jsonl", cwd=folder)
    assert done.returncode == 0
    assert "conflict, left out: policy in in.csv:1, virus in in.csv:2" in done.stderr
    assert "not mapped: 'what', 1 times" in done.stderr
    assert done.stdout.splitlines() == [
        "       4  rows read",
        "       1  labels not mapped",
        "       1  templates in conflict, left out",
        "       1  templates taken",
        "in.jsonl: 1 templates written",
    ]
    again = run("data", "import", "in.csv", "-o", "in.jsonl", cwd=folder)
    assert (again.returncode, "--append" in again.stderr) == (1, True)
