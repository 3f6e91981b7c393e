"""Crosswalks that ship are whole and cite their sources; a user's own is checked when it is read."""

import json
import tomllib
from importlib import resources
from pathlib import Path

import pytest

from bounceml.errors import ConfigError
from bounceml.taxonomy import load_taxonomy
from bounceml_datasets.crosswalk import crosswalk_names, load_crosswalk
from bounceml_datasets.exports.presets import presets
from bounceml_datasets.labels import KINDS, Label, find_label, label_names, short_name

REASONS = load_taxonomy().reasons
FILES = sorted(
    (Path(str(resources.files("bounceml_datasets"))) / "data" / "crosswalks").glob("*.toml"), key=lambda path: path.stem
)
EXPORTS = Path(__file__).parent / "data" / "exports"
WANTED = {
    "sisimai", "kumomta", "powermta", "sparkpost", "bird", "ses", "sendgrid", "postmark", "mailgun", "mandrill",
    "mailjet", "postalsys",
}  # fmt: skip


def test_all_that_was_promised_are_there() -> None:
    assert set(crosswalk_names()) == WANTED


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_crosswalk_loads_and_names_its_sources(path: Path) -> None:
    table = tomllib.loads(path.read_text("utf-8"))
    assert table["source"]
    assert all(source.startswith("https://") for source in table["source"])
    assert not {key.casefold() for key in table["labels"]} & {key.casefold() for key in table["vague"]}
    crosswalk = load_crosswalk(path.stem, reasons=REASONS)
    assert len(crosswalk.meanings) == len(table["labels"]) + len(table["vague"])


@pytest.mark.parametrize("name", sorted(set(presets()) & WANTED))
def test_classes_of_our_sample_exports_are_all_listed(name: str) -> None:
    crosswalk = load_crosswalk(name, reasons=REASONS)
    rows = json.loads((EXPORTS / f"{name}.expected.json").read_text("utf-8"))
    classes = {row["class"] for row in rows if row.get("asked") and row.get("class")}
    assert classes
    assert [each for each in classes if crosswalk.find(each) is None] == []


@pytest.mark.parametrize(
    ("name", "theirs", "ours"),
    [
        ("sparkpost", "22", "mailbox_full"),
        ("bird", "22.0", "mailbox_full"),  # through a spreadsheet
        ("kumomta", "Bounce/InactiveMailbox", "mailbox_disabled"),
        ("mailjet", "bounce/recipient/user unknown", "user_unknown"),
        ("mandrill", "hard_bounce/bad_mailbox", "user_unknown"),
        ("ses", "permanent/SUPPRESSED", "user_unknown"),
        ("sisimai", "vacation", "kind:auto_reply"),
    ],
)
def test_labels_are_found_as_exports_write_them(name: str, theirs: str, ours: str) -> None:
    meaning = load_crosswalk(name, reasons=REASONS).find(theirs)
    assert meaning is not None
    assert meaning.label is not None
    assert meaning.label.name == ours


def test_a_vague_label_agrees_with_what_it_may_stand_for() -> None:
    ses = load_crosswalk("ses", reasons=REASONS)
    general, rejected = ses.find("Permanent/General"), ses.find("Transient/ContentRejected")
    assert general is not None
    assert rejected is not None
    assert general.agrees_with("mailbox_full")
    assert rejected.agrees_with("virus")
    assert not rejected.agrees_with("mailbox_full")
    assert ses.find("Something/New") is None
    new = ses.find("Permanent/SomethingNew")  # known by its first part
    assert new is not None
    assert new.vague


def test_own_crosswalk_may_stand_on_a_shipped_one(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text(
        'base = "ses"\nvague_as = "unknown"\n[labels]\n"Permanent/General" = "user_unknown"\nooo = "auto_reply"\n'
    )
    own = load_crosswalk(str(file), reasons=REASONS)
    assert own.meanings["permanent/general"].label == Label("user_unknown")
    assert own.meanings["ooo"].label == Label(None, "auto_reply")
    assert own.meanings["transient/mailboxfull"].label == Label("mailbox_full")
    assert own.vague_as == "unknown"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("no toml", "not a TOML file"),
        ("what = 1", "no such entry 'what'"),
        ("format = 9", "format 9"),
        ("format = 0x" + "f" * 5000, "an integer has more than 64 bits"),
        ('base = "nobody"', "base 'nobody' is none of"),
        ('labels = "x"', r"labels must be a table \[labels\]"),
        ('[labels]\nx = "no_reason"', r"labels.x: 'no_reason' is no reason"),
        ("[labels]\nx = 3", r"labels.x: 3 is no reason"),
        ('[vague]\nx = ["no_reason"]', r"vague.x: expected a list"),
        ('vague_as = "drop"', "neither 'leave_out' nor 'unknown'"),
    ],
)
def test_what_breaks_the_format_is_named(tmp_path: Path, text: str, complaint: str) -> None:
    file = tmp_path / "own.toml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=complaint) as error:
        load_crosswalk(str(file), reasons=REASONS)
    assert "own.toml" in str(error.value)


@pytest.mark.parametrize(("name", "complaint"), [("nobody", "no crosswalk 'nobody': use b"), ("a.toml", "can't read")])
def test_a_crosswalk_that_is_not_there_is_named(name: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        load_crosswalk(name, reasons=REASONS)


def test_every_label_has_a_name_that_is_found_again() -> None:
    for reasons in (list(REASONS), [*REASONS, "other"]):
        names = label_names(reasons)
        assert len(set(names)) == len(reasons) + len(KINDS)
        for name in names:
            label = find_label(name, reasons=reasons)
            assert label is not None
            assert short_name(label.name, reasons=reasons) == name
    assert find_label("bounce", reasons=REASONS) is None
