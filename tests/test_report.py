"""`bounceml report`: figures, periods, what to mend, addresses to drop, and a page that nobody can write into."""

import csv
import io
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bounceml.classifier import load
from bounceml.taxonomy import load_taxonomy
from bounceml_cli.language import Language
from bounceml_cli.pages.report import report_page
from bounceml_cli.pages.texts import load_texts
from bounceml_datasets.exports.times import MISSING, TimeReader, is_day_first
from bounceml_datasets.reports.addresses import Drop, DropList, address_in, as_csv
from bounceml_datasets.reports.changes import compare, holm
from bounceml_datasets.reports.collection import ReportJob, collect
from bounceml_datasets.reports.figures import Figures
from bounceml_datasets.reports.frequent import Frequent, Seen
from bounceml_datasets.reports.periods import compare_exports, compare_halves
from bounceml_datasets.reports.remedies import load_remedies
from bounceml_datasets.reports.timeline import TIME_STEPS, Timeline
from forked import Done, commands

EXPORTS = Path(__file__).parent / "data" / "exports"
UNKNOWN, FULL = "550 5.1.1 User unknown", "552 5.2.2 Mailbox full"
LISTED = "554 5.7.1 Service unavailable; Client host [198.51.100.7] blocked using zen.spamhaus.org"
NO_SPF = "550 5.7.26 This mail is unauthenticated, SPF and DKIM did not pass"
HOSTILE = "550 <script>document.title='run'</script> user unknown"
TEXTS = {language: load_texts("report", language) for language in Language}


def export(path: Path, rows: Sequence[tuple[str, str, str]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("time", "email", "diagnostic"), *rows])
    return path


def figures(path: Path, **options: object) -> Figures:
    job = ReportJob(str(path), **options)  # type: ignore[arg-type]  # its own fields
    return collect(job, classifier=load(), tell=lambda *_: None, note=lambda _: None)


@pytest.fixture
def october(tmp_path: Path) -> Figures:
    """Forty days; the blocklist comes in the second half."""
    rows = [
        (f"2026-10-{day:02} 0{hour}:30", f"user{day}{hour}@example.com", UNKNOWN if hour < 3 else FULL)
        for day in range(1, 29)
        for hour in range(8)
    ]
    rows += [(f"2026-10-{day:02} 12:00", f"kim{day}@example.net", LISTED) for day in range(15, 29) for _ in range(3)]
    rows += [("2026-10-20 12:00", "=1+1@example.org", NO_SPF), ("2026-10-20 12:00", "USER10@example.com", UNKNOWN)]
    return figures(export(tmp_path / "october.csv", rows))


def page(found: Figures, *, language: Language = Language.en, before: Figures | None = None) -> str:
    compared = compare_halves(found) if before is None else compare_exports(before, found)
    return report_page(
        found, compared=compared, taxonomy=load_taxonomy(), remedies=load_remedies(), texts=TEXTS[language]
    )


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html.split("<main>")[1]))


def test_failures_are_counted_by_reason_type_receiver_and_remedy(october: Figures) -> None:
    assert october.rows == october.failures == 28 * 8 + 14 * 3 + 2
    reasons = {"user_unknown": 85, "mailbox_full": 140, "sender_reputation": 42, "auth_failure": 1}
    assert october.reasons() == reasons
    assert october.types() == {"hard": 85 + 42 + 1, "soft": 140}
    assert october.receivers is not None
    assert {name: labels.total() for name, labels in october.receivers.items()} == {
        "example.com": 225, "example.net": 42, "example.org": 1,
    }  # fmt: skip
    assert october.topics["blocklist", None] == 42
    assert october.topics["spf_and_dkim", None] == 1
    assert october.blocklists.total() == 42


def test_an_address_to_drop_is_listed_once_however_it_is_written(october: Figures) -> None:
    assert october.drops is not None
    assert october.drops.count == len(october.drops.inside) == 84
    assert {drop.reason for drop in october.drops.inside} == {"user_unknown"}


def test_the_second_half_is_compared_with_the_first(october: Figures) -> None:
    compared = compare_halves(october)
    assert compared is not None
    assert compared.before.failures + compared.after.failures == october.failures
    changed = {change.name: change for change in compared.changes if change.is_more_than_chance}
    assert changed["sender_reputation"].before == 0
    assert changed["sender_reputation"].after == 42
    assert "server_error" not in changed


def test_an_export_is_compared_with_the_one_before(tmp_path: Path, october: Figures) -> None:
    rows = [(f"2026-09-{day:02}", f"a{day}@example.com", FULL) for day in range(1, 29) for _ in range(8)]
    compared = compare_exports(figures(export(tmp_path / "september.csv", rows)), october)
    assert compared.source == str(tmp_path / "september.csv")
    first = compared.changes[0]
    assert first.is_more_than_chance
    assert {change.name for change in compared.changes if change.is_more_than_chance} >= {
        "mailbox_full",
        "user_unknown",
    }


def test_equal_exports_have_no_changes(october: Figures) -> None:
    assert not [change for change in compare_exports(october, october).changes if change.is_more_than_chance]


def test_provider_exports_are_read_with_their_times() -> None:
    for name in ("ses.jsonl", "sendgrid.json", "kumomta.jsonl", "powermta.csv", "postfix.log"):
        found = figures(EXPORTS / name)
        assert found.failures > 0, name
        assert found.timeless == 0, name
        assert found.period is not None, name


def test_what_was_scored_before_is_taken_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "scored.csv"
    head = "email,diagnostic,bounce_kind,bounce_type,bounce_reason,bounce_confidence,bounce_action,bounce_decided_by"
    path.write_text(f"{head}\na@example.com,{UNKNOWN},bounce,soft,greylisted,0.97,retry,model\n")
    assert figures(path).reasons() == {"greylisted": 1}
    assert figures(path, rescore=True).reasons() == {"user_unknown": 1}


def test_an_empty_export_and_one_without_failures_have_a_page_too(tmp_path: Path) -> None:
    for rows in ([], [("2026-10-01", "a@example.com", "I am on holiday until Monday")]):
        found = figures(export(tmp_path / "none.csv", rows))
        assert found.failures == 0
        assert "<!doctype html>" in page(found)


@pytest.mark.parametrize("language", Language)
def test_a_page_says_what_was_found(october: Figures, language: Language) -> None:
    html = page(october, language=language)
    said = text_of(html)
    assert f'<html lang="{language}' in html
    for expected in ("268", "84", "Spamhaus", "example.net"):
        assert expected in said
    assert html.count("<svg") >= 2
    assert "{{" not in html
    assert ("先" in said) is (language is Language.zh)


def test_languages_have_the_same_texts() -> None:
    def keys(entry: object, at: str = "") -> set[str]:
        if not isinstance(entry, dict):
            return {at}
        return {key for name, each in entry.items() for key in keys(each, f"{at}.{name}")}

    import tomllib

    folder = Path(__file__).parents[1] / "cli" / "bounceml_cli" / "pages"
    found = [keys(tomllib.loads((folder / f"report.{each}.toml").read_text("utf-8"))) for each in Language]
    assert found[0] == found[1]
    topics = {f".remedies.{topic.id}.{part}" for topic in load_remedies().topics for part in ("title", "text")}
    assert {key for key in found[0] if key.startswith(".remedies.")} >= {t for t in topics if t.endswith(".title")}


def test_what_strangers_wrote_stays_text(tmp_path: Path) -> None:
    rows = [("2026-10-01", "<b>x</b>@<i>example.com", HOSTILE), ("</script>", "=cmd|'/c calc'!A0@example.com", HOSTILE)]
    path = export(tmp_path / "<img src=x>.csv", rows)
    html = page(figures(path))
    for written in ("<script", "<b>x</b>", "<i>example", "<img"):
        assert written not in html
    assert "&lt;script&gt;" in html


def test_the_list_of_addresses_runs_no_formula() -> None:
    rows = list(csv.reader(io.StringIO(as_csv([Drop("=1+1@example.com", "+x", 0.5)], head=True))))
    assert rows == [["email", "reason", "confidence"], ["'=1+1@example.com", "'+x", "0.5000"]]


def test_many_addresses_go_to_a_file_beside(tmp_path: Path) -> None:
    path = tmp_path / "drop.csv"
    drops = DropList(path, most=3)
    for start in range(0, 10, 2):
        drops.add([Drop(f"a{i}@example.com", "user_unknown", 1.0) for i in range(start, start + 3)])
    assert not path.exists()
    assert drops.finish() == path
    assert drops.count == 11
    written = list(csv.reader(path.read_text("utf-8").splitlines()))
    assert [row[0] for row in written] == ["email", *(f"a{i}@example.com" for i in range(11))]


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("2026-10-05", "2026-10-05 00:00"),
        ("2026-10-05T12:30:45Z", "2026-10-05 12:30"),
        ("2026-10-05 12:30:45.123+02:00", "2026-10-05 10:30"),
        ("2026/10/5 7:05", "2026-10-05 07:05"),
        ("2026年10月5日 12:30", "2026-10-05 12:30"),
        ("10/5/2026 1:30 PM", "2026-10-05 13:30"),
        ("31.10.2026 12:30", "2026-10-31 12:30"),
        ("Mon, 5 Oct 2026 12:30:00 +0000", "2026-10-05 12:30"),
        ("Oct  5 12:30:01", "2026-10-05 12:30"),
        ("Dec 24 12:30:01", "2025-12-24 12:30"),
        (1_791_203_400, "2026-10-05 12:30"),
        (1_791_203_400_000, "2026-10-05 12:30"),
        ("1791203400.5", "2026-10-05 12:30"),
    ],
)
def test_times_are_read_as_exports_write_them(cell: object, expected: str) -> None:
    minute = TimeReader(newest=date(2026, 11, 1)).minute(cell)
    assert datetime.fromtimestamp(minute * 60, UTC).strftime("%Y-%m-%d %H:%M") == expected


@pytest.mark.parametrize(
    "cell", ["", None, "yesterday", "2026-13-45", "99999999999999999999", "550 5.1.1", "0", "1/2/3"]
)
def test_what_is_no_time_is_none(cell: object) -> None:
    assert TimeReader(newest=date(2026, 11, 1)).minute(cell) == MISSING


@given(st.one_of(st.text(max_size=80), st.integers(), st.floats(), st.none(), st.binary(max_size=9)))
def test_no_cell_is_an_error(cell: object) -> None:
    reader = TimeReader(newest=date(2026, 11, 1))
    minute = reader.minute(cell)
    assert minute == MISSING or 1995 <= datetime.fromtimestamp(minute * 60, UTC).year <= 2099


@given(st.datetimes(datetime(2000, 1, 1), datetime(2090, 1, 1)))
def test_written_times_are_read_back(moment: datetime) -> None:
    moment = moment.replace(second=0, microsecond=0)
    expected = int(moment.replace(tzinfo=UTC).timestamp()) // 60
    reader = TimeReader(newest=date(2091, 1, 1))
    for shape in ("%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%SZ", "%a, %d %b %Y %H:%M:%S +0000", "%m/%d/%Y %H:%M"):
        assert reader.minute(moment.strftime(shape)) == expected, shape


def test_days_and_months_are_told_apart_where_a_day_shows_it() -> None:
    assert is_day_first(["3/2/2026", "25/2/2026"]) is True
    assert is_day_first(["3/2/2026", "2/25/2026"]) is False
    assert is_day_first(["3/2/2026"]) is None


@given(st.lists(st.integers(0, 40_000_000), min_size=1, max_size=60))
def test_a_timeline_loses_no_failure_and_stays_short(minutes: list[int]) -> None:
    line = Timeline(TIME_STEPS)
    for minute in minutes:
        line.add([(minute, ("hard", "user_unknown"), 1)], [(minute, "example.com", 1)], by_day=False)
    period = line.period()
    assert period is not None
    assert sum(counts.total() for counts in period.counts) + period.outside == len(minutes)
    assert len(period.counts) <= 1000


def test_frequent_templates_are_found_among_many() -> None:
    frequent = Frequent(most=100)
    for number in range(2000):
        for key in (-1, number):
            fresh = Seen(1, str(key), (None, None), "hard", "user_unknown", "suppress", 1.0)
            frequent.add(key, 1, seen=None if key in frequent else fresh)
    (first,) = frequent.top(1)
    assert first.text == "-1"
    assert first.count + frequent.floor >= 2000
    assert len(frequent) <= 100


def test_equally_frequent_templates_are_in_the_order_of_their_texts() -> None:
    orders = []
    for numbers in ([3, 1, 2], [2, 3, 1]):
        frequent = Frequent()
        for n in numbers:
            frequent.add(n, 5, seen=Seen(5, f"text {n}", (None, None), "hard", "policy", "fix_sender", 1.0))
        orders.append([seen.text for seen in frequent.top(2)])
    assert orders == [["text 1", "text 2"]] * 2


def test_a_page_has_the_same_bytes_whatever_the_hash_seed(tmp_path: Path) -> None:
    examples = Path(__file__).parents[1] / "examples"
    command = [sys.executable, "-m", "bounceml_cli", "report", str(examples / "april.csv"), "--lang", "en"]
    for seed in "123":
        subprocess.run(
            [*command, "--since", str(examples / "march.csv"), "-o", str(tmp_path / f"{seed}.html")],
            env={**os.environ, "PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
        )
    assert len({(tmp_path / f"{seed}.html").read_bytes() for seed in "123"}) == 1


def test_changes_that_chance_makes_are_not_told() -> None:
    before, after = Counter({"a": 500, "b": 500}), Counter({"a": 520, "b": 480})
    assert not [change for change in compare({"x": before}, {"x": after}, most=9) if change.is_more_than_chance]
    assert holm([0.01, None, 0.04, 0.03]) == [0.03, None, 0.06, 0.06]


def test_an_address_is_found_in_its_cell() -> None:
    assert address_in("Kim <kim@example.com>") == "kim@example.com"
    assert [address_in(cell) for cell in ("=1+1", "a@b@", "@example.com", "x" * 400 + "@example.com", "a b@c")] == [
        None
    ] * 5


def run(*arguments: str, folder: Path) -> Done:
    return commands().run(["report", *arguments], folder=folder)


def test_the_command_writes_the_page_and_says_what_it_read(tmp_path: Path) -> None:
    export(tmp_path / "in.csv", [("2026-10-01", "a@example.com", UNKNOWN)])
    done = run("in.csv", "-o", "r.html", "--lang", "zh", folder=tmp_path)
    assert done.returncode == 0
    assert "1 rows, 1 failures; see r.html" in done.stderr
    assert 'lang="zh' in (tmp_path / "r.html").read_text("utf-8")
    done = run("none.csv", "-o", "r.html", folder=tmp_path)
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
