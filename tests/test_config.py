"""The user's table and rules."""

from pathlib import Path

import pytest

from bounceml.config import find_config, load_config
from bounceml.errors import ConfigError
from bounceml.taxonomy import load_taxonomy


def write(folder: Path, text: str) -> Path:
    path = folder / "bounceml.toml"
    path.write_text(text, "utf-8")
    return path


def test_type_and_action_can_be_changed(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, '[reasons.mailbox_full]\nseen_as = "hard"\naction = "suppress"\n'))
    assert config.taxonomy.type_of("mailbox_full", code_class="4") == "hard"
    assert config.taxonomy["mailbox_full"].action == "suppress"
    assert config.taxonomy["mailbox_full"].fault == "recipient"


def test_a_reason_can_be_added_and_named_by_a_rule(tmp_path: Path) -> None:
    config = load_config(
        write(tmp_path, '[reasons.left]\nfault = "recipient"\nseen_as = "hard"\naction = "suppress"\n'
              '[[rule]]\nid = "gone"\nreason = "left"\nphrases = ["has left the company"]\n')
    )  # fmt: skip
    rule = config.rules.first("Kim HAS LEFT the company")
    assert rule is not None
    assert rule.reason == "left"


@pytest.mark.parametrize(
    ("reason", "digit", "default", "rfc", "address"),
    [
        ("user_unknown", "4", "hard", "soft", "hard"),
        ("mailbox_full", "5", "soft", "hard", "soft"),
        ("spam_content", "5", "hard", "hard", "soft"),
        ("spam_content", "4", "soft", "soft", "soft"),
        ("policy", None, "hard", "undetermined", "soft"),
        ("unknown", None, "undetermined", "undetermined", "soft"),
        ("unknown", "5", "hard", "hard", "soft"),
    ],
)
def test_tables(reason: str, digit: str | None, default: str, rfc: str, address: str) -> None:
    found = [load_taxonomy(table).type_of(reason, code_class=digit) for table in ("default", "rfc", "address")]
    assert found == [default, rfc, address]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("not toml", "not a TOML file"),
        ('table = "sisimai"', "no table"),
        ('[reasons.policy]\naction = "shout"', "is none of"),
        ('[reasons.policy]\ncolour = "red"', "no such field"),
        ("[colours]\nred = 1", "no such entry"),
        ("format = 99", "format 99"),
        pytest.param("format = " + "9" * 5000, "an integer has more than 64 bits", id="digits"),
        pytest.param("format = 0x" + "f" * 5000, "an integer has more than 64 bits", id="hexadecimal digits"),
        pytest.param("reasons.policy.action = [0x" + "f" * 5000 + "]", "more than 64 bits", id="digits inside"),
        pytest.param("reasons." + ".".join("a" * 5000) + " = 1", "not a TOML file", id="depth"),
        ('[[rule]]\nid = "a"\nreason = "nope"\nphrases = ["x"]', "no such reason"),
    ],
)
def test_a_bad_file_is_refused_with_its_name(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint) as caught:
        load_config(write(tmp_path, text))
    assert "bounceml.toml" in str(caught.value) or "no table" in str(caught.value)


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="can't read"):
        load_config(tmp_path / "none.toml")


def test_configuration_is_found(tmp_path: Path) -> None:
    assert find_config(environment={}, folder=tmp_path) is None
    path = write(tmp_path, "")
    assert find_config(environment={}, folder=tmp_path) == path
    assert find_config(environment={"BOUNCEML_CONFIG": "/x.toml"}, folder=tmp_path) == Path("/x.toml")
