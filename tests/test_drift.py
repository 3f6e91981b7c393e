"""Two exports compared: what is the same shows no drift, a new provider does, and memory stays bounded."""

import csv
import gzip
import json
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bounceml.batch import Batch
from bounceml.classifier import Classifier, load
from bounceml.errors import CorpusError
from bounceml.explanation import explain
from bounceml_datasets.exports.domains import Domains
from bounceml_datasets.exports.parts import Part
from bounceml_training.drift.cells import Cells, drawn
from bounceml_training.drift.census import Census, Source
from bounceml_training.drift.comparison import compare, find_drift
from bounceml_training.drift.measures import load_plan
from bounceml_training.drift.result import Drift, Scope

OLD = (
    "550 5.1.1 <{a}>: Recipient address rejected: User unknown",
    "552 5.2.2 Mailbox full",
    "421 4.7.0 Too many connections from your host",
    "550 5.7.1 Message rejected as spam",
    "450 4.2.0 <{a}>: Greylisted, try again in 5 minutes",
    "554 5.7.1 Client host [192.0.2.7] blocked using zen.spamhaus.org",
    "550 5.4.4 Host not found",
    "552 5.3.4 Message size exceeds fixed limit",
)
NEW = (
    "550 zalgor mevik trunto baskel",
    "550 driun oplat querin vosh",
    "550 lamdir teknu frobal gwyss",
    "550 mevik vosh driun lamdir",
    "550 oplat zalgor teknu querin",
    "550 frobal trunto gwyss baskel",
)
Rows = list[tuple[str, str]]


def rows_of(
    chance: random.Random, *, n: int, moved: str = "", receivers: int = 4, weights: list[int] | None = None
) -> Rows:
    """Recipients and replies; the receiver `moved` answers in words that nobody has heard."""
    made = []
    for _ in range(n):
        domain = f"host{chance.randrange(receivers)}.example"
        address = f"u{chance.randrange(10**6)}@{domain}"
        text = chance.choice(NEW) if domain == moved else chance.choices(OLD, weights)[0]
        made.append((address, text.format(a=address)))
    return made


def census_of(rows: Rows, batch: Batch, *, most: int = 500_000, size: int = 500) -> Census:
    census = Census(most=most)
    for start in range(0, len(rows), size):
        texts = [text for _, text in rows[start : start + size]]
        domains = Domains.of([address for address, _ in rows[start : start + size]])
        census.add(Part(rows=[[text] for text in texts], texts=texts, domains=domains), batch=batch)
    return census


def moved(scope: Scope) -> set[str]:
    return {change.measure for change in scope.changes if change.moved}


@pytest.fixture(scope="module")
def batch(shipped: Classifier) -> Batch:
    return Batch(shipped)


def write(path: Path, rows: Rows) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["email", "diagnostic"])
        writer.writerows(rows)
    return path


def drift_of(before: Path, after: Path, classifier: Classifier) -> Drift:
    return find_drift(
        Source(str(before)), Source(str(after)), classifier=classifier, note=lambda line: None, tell=lambda *_: None
    )


def test_the_same_export_twice_has_not_moved(batch: Batch) -> None:
    rows = rows_of(random.Random(1), n=2000)
    found = compare(census_of(rows, batch), census_of(rows, batch))
    assert not found.drifted
    scopes = [found.overall, *found.receivers]
    assert len(scopes) == 5
    assert {change.p for scope in scopes for change in scope.changes} == {1.0}
    assert {round(change.change, 12) for scope in scopes for change in scope.changes if change.measure != "new"} == {0}
    assert found.texts == ()


def test_random_halves_of_an_export_seldom_differ(batch: Batch) -> None:
    chance = random.Random(7)
    rows = rows_of(chance, n=1600, receivers=8, weights=[400, 200, 100, 50, 25, 12, 6, 3])
    times = 0
    for _ in range(60):
        chance.shuffle(rows)
        found = compare(census_of(rows[:800], batch, size=800), census_of(rows[800:], batch, size=800))
        assert len(found.receivers) == 8
        times += found.drifted
    assert times <= 7  # 3 are expected of 60 with one in twenty; more than 7 come once in 70 times


def test_bursts_at_receivers_are_seldom_called_drift(batch: Batch) -> None:
    """Each receiver gives each answer oftener or more rarely by luck, in each export anew."""
    chance, luck = random.Random(9), np.random.default_rng(4)
    replies = [f"550 {word} {reply}" for reply in OLD for word in ("ab", "cd", "ef", "gh", "ij")]
    times = 0
    for _ in range(40):
        sides = []
        for _ in range(2):
            rates = luck.gamma(1 / 0.3, 0.3, (6, len(replies))) / np.arange(1, len(replies) + 1)
            made = [(host, text) for host in range(6) for text in chance.choices(replies, list(rates[host]), k=150)]
            sides.append([(f"u@host{host}.example", text) for host, text in made])
        found = compare(*(census_of(rows, batch, size=900) for rows in sides))
        assert len(found.receivers) == 6
        times += found.drifted
    assert times <= 5  # 2 are expected of 40 with one in twenty; more than 5 come once in 70 times


def test_a_receiver_that_changed_its_provider_is_found(batch: Batch) -> None:
    before = rows_of(random.Random(2), n=2000)
    after = rows_of(random.Random(3), n=2000, moved="host2.example")
    found = compare(census_of(before, batch), census_of(after, batch))
    assert found.drifted
    assert "unseen" in moved(found.overall)
    first, *others = found.receivers
    assert first.name == "host2.example"
    assert {"unseen", "new", "confidence"} <= moved(first)
    assert [moved(scope) for scope in others] == [set()] * 3
    assert {text.text for text in found.texts[: len(NEW)]} == set(NEW)
    assert {(text.rows_before, text.receivers) for text in found.texts[: len(NEW)]} == {(0, 1)}


def test_values_are_those_of_the_rows(batch: Batch, shipped: Classifier) -> None:
    before, after = rows_of(random.Random(4), n=300), rows_of(random.Random(5), n=500, moved="host1.example")
    found = compare(census_of(before, batch), census_of(after, batch))
    by_name = {change.measure: change for change in found.overall.changes}
    verdicts = [[shipped.classify(text) for _, text in rows] for rows in (before, after)]
    means = [np.mean([verdict.confidence for verdict in side]) for side in verdicts]
    assert (by_name["confidence"].before, by_name["confidence"].after) == pytest.approx(means)
    fallback = [np.mean([verdict.decided_by.startswith("rule:") for verdict in side]) for side in verdicts]
    assert (by_name["fallback"].before, by_name["fallback"].after) == pytest.approx(fallback)
    assert by_name["new"].after == np.mean([text in NEW for _, text in after])
    shares = [Counter(verdict.reason for verdict in side) for side in verdicts]
    distance = sum(abs(shares[0][name] / 300 - shares[1][name] / 500) for name in {*shares[0], *shares[1]}) / 2
    assert by_name["mix"].change == pytest.approx(distance)
    assert {each.reason: round(each.after * 500) for each in found.reasons if each.after} == shares[1]


def test_unseen_grams_are_what_an_explanation_says(batch: Batch, shipped: Classifier) -> None:
    texts = ["550 5.1.1 User unknown", NEW[0], "550 5.1.1", "552 邮箱空间不足"]
    numbers = batch.answer(texts).templates
    unseen = batch.unseen(numbers)
    for at in (0, 1, 3):
        assert unseen[at] == pytest.approx(1 - explain(shipped, texts[at]).known)
    assert unseen[2] == 0  # codes alone have no letters that could be new
    assert unseen[0] < 0.05 < unseen[1]


def test_what_a_users_rule_decides_is_no_fallback(tmp_path: Path) -> None:
    config = tmp_path / "own.toml"
    config.write_text('[[rule]]\nid = "own"\nreason = "policy"\nphrases = ["zalgor"]\nexamples = ["550 zalgor"]\n')
    own = Batch(load(config=config))
    rows = [(f"u{i}@x.example", "550 zalgor frobal") for i in range(50)]
    found = compare(census_of(rows, own), census_of(rows, own))
    assert [change.after for change in found.overall.changes if change.measure == "fallback"] == [0.0]
    assert found.reasons[0].reason == "policy"


def test_rows_that_are_no_failures_broken_or_empty_are_only_counted(batch: Batch) -> None:
    texts = ["550 no", "250 ok", "", "550 no", "broken"]
    census = Census()
    asked = np.array([True, False, True, True, False])
    census.add(Part(rows=texts, texts=texts, asked=asked, errors={4: "odd"}), batch=batch)
    assert (census.rows, census.unasked, census.empty, census.broken, census.counted) == (5, 1, 1, 1, 2)
    assert census.cells().counts.tolist() == [2]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 20)), min_size=1, max_size=300), st.integers(3, 60))
def test_counts_are_right_and_bounded(batch: Batch, said: list[tuple[int, int]], most: int) -> None:
    texts = [f"reply {'x' * number} end" for number, _ in said]
    census = census_of([(f"u@host{host}.example", text) for (_, host), text in zip(said, texts, strict=True)], batch)
    cells = census.cells()
    assert Counter(dict(enumerate(np.bincount(cells.receivers, cells.counts).tolist()))) == Counter(
        {census.receivers.index(f"host{host}.example"): n for host, n in Counter(host for _, host in said).items()}
    )
    assert sorted(Counter(texts).values()) == sorted(
        cells.counts[cells.prints == each].sum() for each in np.unique(cells.prints)
    )
    small = census_of(list(zip(["u@x.example"] * len(texts), texts, strict=True)), batch, most=most, size=7)
    kept = small.cells()
    assert len(kept) <= most
    everything = np.unique(cells.prints)
    assert set(kept.prints.tolist()) == set(everything[drawn(everything, level=small.level)].tolist())


def test_rare_receivers_are_counted_together_before_templates_are_drawn(batch: Batch) -> None:
    rows = [(f"u@host{i % 300}.example", OLD[i % 8]) for i in range(4800)] + [("u@big.example", OLD[0])] * 50
    census = census_of(rows, batch, most=200)
    cells = census.cells()
    assert (census.level, cells.counts.sum(), len(cells) <= 200) == (0, 4850, True)
    named = {census.receivers[number] for number in np.unique(cells.receivers).tolist()}
    assert {"", "big.example"} <= named
    full = census_of(rows, batch)
    found = compare(census, full)
    assert {scope.name for scope in found.receivers} == {"big.example"}
    assert not found.drifted


def test_templates_are_drawn_alike_from_both_exports(batch: Batch) -> None:
    words = [f"{a}{b}{c}" for a in "bcdfgh" for b in "aeiou" for c in "klmnpqrst"]
    rows = [("u@x.example", f"550 {word} no") for word in words for _ in range(4)]
    found = compare(census_of(rows, batch, most=100), census_of(rows, batch))
    assert found.drawn_of > 1
    assert not found.drifted
    assert found.overall.rows_before == found.overall.rows_after
    assert 0.5 / found.drawn_of < found.overall.rows_before / len(rows) < 2 / found.drawn_of


def test_cells_of_parts_are_the_cells_of_the_whole() -> None:
    one = Cells(*(np.array(column) for column in ([5, 5, 7], [0, 1, 0], [0, 0, 0], [2, 3, 4], [0.1] * 3, [0.9] * 3)))
    both = Cells.together([one, one]).merged()
    assert (both.prints.tolist(), both.receivers.tolist(), both.counts.tolist()) == ([5, 5, 7], [0, 1, 0], [4, 6, 8])


def test_every_format_gives_the_same(tmp_path: Path, shipped: Classifier) -> None:
    rows = rows_of(random.Random(6), n=400)
    table = write(tmp_path / "in.csv", rows)
    packed = tmp_path / "in.csv.gz"
    packed.write_bytes(gzip.compress(table.read_bytes()))
    lines = tmp_path / "in.jsonl"
    lines.write_text("\n".join(json.dumps({"email": a, "diagnostic": text}) for a, text in rows))
    columns = tmp_path / "in.parquet"
    pq.write_table(
        pa.table(dict(zip(("email", "diagnostic"), map(list, zip(*rows, strict=True)), strict=True))), columns
    )
    for other in (packed, lines, columns):
        found = drift_of(table, other, shipped)
        assert (found.overall.rows_before, found.overall.rows_after) == (400, 400)
        assert not found.drifted
        assert found.texts == ()


def test_nothing_to_compare_is_said_in_a_line(tmp_path: Path, shipped: Classifier) -> None:
    (tmp_path / "empty.csv").write_text("diagnostic\n")
    full = write(tmp_path / "in.csv", rows_of(random.Random(1), n=5))
    with pytest.raises(CorpusError, match="empty"):
        drift_of(tmp_path / "empty.csv", full, shipped)
    with pytest.raises(CorpusError, match="only one"):
        drift_of(Path("-"), Path("-"), shipped)


def test_the_plan_reads() -> None:
    plan = load_plan()
    assert [measure.id for measure in plan.measures] == ["unseen", "new", "confidence", "fallback", "mix"]
    assert all(0 < measure.least < 0.1 and measure.means for measure in plan.measures)


def run(*arguments: object, cwd: Path, given_input: bytes | None = None) -> "subprocess.CompletedProcess[bytes]":
    command = [sys.executable, "-m", "bounceml_cli", "drift", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, input=given_input, check=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("drift")
    write(path / "before.csv", rows_of(random.Random(2), n=600))
    write(path / "after.csv", rows_of(random.Random(3), n=600, moved="host2.example"))
    return path


def test_the_exit_status_tells_of_drift_where_asked(folder: Path) -> None:
    done = run("after.csv", "--since", "before.csv", cwd=folder)
    assert (done.returncode, done.stdout[:6]) == (0, b"drift:")
    assert b"bounceml review after.csv -o to-label.csv" in done.stderr
    assert run("after.csv", "--since", "before.csv", "--fail-on-drift", cwd=folder).returncode == 3
    same = run("before.csv", "--since", "before.csv", "--fail-on-drift", cwd=folder)
    assert (same.returncode, same.stdout[:9]) == (0, b"no drift:")


def test_json_comes_from_a_pipe_as_from_a_file(folder: Path) -> None:
    arguments = ("--since", "before.csv", "--json", "--text-column", "diagnostic")
    piped = run("-", *arguments, cwd=folder, given_input=(folder / "after.csv").read_bytes())
    named = run("after.csv", *arguments, cwd=folder)
    found: list[dict[str, Any]] = [json.loads(done.stdout) for done in (piped, named)]
    assert found[1]["drifted"] is True
    assert found[1]["next"] == "bounceml review after.csv -o to-label.csv --text-column diagnostic"
    assert [each["after"].pop("path") for each in found] == ["-", "after.csv"]
    assert [bool(each.pop("next")) for each in found] == [True, True]
    assert found[0] == found[1]


def test_rows_that_cannot_be_read_are_counted_and_make_the_exit_status_1(folder: Path) -> None:
    (folder / "odd.jsonl").write_text('{"diagnostic": "550 no"}\n{"diagnos\n' * 3)
    done = run("odd.jsonl", "--since", "before.csv", cwd=folder)
    assert done.returncode == 1
    assert b"odd.jsonl: 3 of 6 rows can't be read" in done.stderr
    missing = run("none.csv", "--since", "before.csv", cwd=folder)
    assert (missing.returncode, missing.stderr.count(b"\n")) == (1, 1)


def test_a_page_that_cannot_be_written_is_one_line(folder: Path) -> None:
    done = run("after.csv", "--since", "before.csv", "--html", "no/page.html", cwd=folder)
    assert done.returncode == 1
    assert b"no/page.html: can't write" in done.stderr
    assert b"Traceback" not in done.stderr
