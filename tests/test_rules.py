"""Built-in and user rules: each proves itself on its own examples and takes bounded time."""

import time

import pytest

from bounceml.errors import ConfigError
from bounceml.rules import Rule, RuleSet, builtin_rules, failures, parse_rules, rule_from_json
from bounceml.taxonomy import load_taxonomy

RULES = builtin_rules()
HOSTILE = [
    "a" * 200_000,
    "1.1" * 60_000,
    "x " * 100_000,
    "[" * 100_000,
    "tss04" * 40_000,
    "ofr_" * 50_000,
    "\u0301" * 100_000,
]


def test_there_are_rules_from_codes_families_and_phrases() -> None:
    assert sum(bool(rule.enhanced or rule.smtp) for rule in RULES.rules) > 10
    assert sum(bool(rule.pattern) for rule in RULES.rules) > 10
    assert sum(bool(rule.phrases) for rule in RULES.rules) > 15


@pytest.mark.parametrize("rule", RULES.rules, ids=lambda rule: rule.id)
def test_rule_is_right_about_its_examples(rule: Rule) -> None:
    assert rule.examples
    assert rule.source
    assert rule.reason in load_taxonomy().reasons
    assert list(failures(RuleSet((rule,), masked=True))) == []


@pytest.mark.parametrize("rule", RULES.rules, ids=lambda rule: rule.id)
def test_rule_takes_bounded_time_on_hostile_text(rule: Rule) -> None:
    started = time.process_time()
    for text in HOSTILE:
        RuleSet((rule,), masked=True).first(text)
    assert time.process_time() - started < 2


def test_rules_survive_the_model_file() -> None:
    again = [rule_from_json(entry) for entry in RULES.to_json()]
    assert [(r.id, r.reason, r.phrases, r.pattern, r.smtp, r.enhanced) for r in again] == [
        (r.id, r.reason, r.phrases, r.pattern, r.smtp, r.enhanced) for r in RULES.rules
    ]


def test_first_match_wins_in_file_order() -> None:
    rules = parse_rules(
        [{"id": "a", "reason": "policy", "phrases": ["no"]}, {"id": "b", "reason": "virus", "phrases": ["no way"]}],
        origin="t",
    )
    assert [rule.id for rule in rules.matching("No way")] == ["a", "b"]
    first = rules.first("No way")
    assert first is not None
    assert first.id == "a"


@pytest.mark.parametrize(
    ("entry", "complaint"),
    [
        ({"id": "a", "reason": "policy"}, "needs a condition"),
        ({"reason": "policy", "phrases": ["x"]}, "id and reason"),
        ({"id": "a", "reason": "nonsense", "phrases": ["x"]}, "no such reason"),
        ({"id": "a", "reason": "policy", "pattern": "(a"}, "not a regular expression"),
        ({"id": "a", "reason": "policy", "pattern": "(a+)+b"}, "unbounded"),
        ({"id": "a", "reason": "policy", "pattern": "x.*y"}, "unbounded"),
        ({"id": "a", "reason": "policy", "phrases": "x", "colour": "red"}, "no such field"),
        ({"id": "a", "reason": "policy", "phrases": [1]}, "list of texts"),
        ("text", "expected a table"),
    ],
)
def test_a_bad_rule_is_refused_with_its_name(entry: object, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        parse_rules([entry], origin="bounceml.toml", reasons=load_taxonomy().reasons)


def test_an_id_stands_once() -> None:
    rule = {"id": "a", "reason": "policy", "phrases": ["x"]}
    with pytest.raises(ConfigError, match="twice"):
        parse_rules([rule, rule], origin="t")
