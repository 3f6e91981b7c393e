"""Patterns that are taken can't take long on any text, and those that could are refused with what to do."""

import re
import time

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bounceml import pattern_steps
from bounceml.errors import ConfigError
from bounceml.pattern_steps import MOST_STEPS, most_steps
from bounceml.rules import builtin_rules, parse_rules

PATTERNS = [rule.pattern for rule in builtin_rules().rules if rule.pattern]
# Each takes from seconds to centuries on the text beside it.
ENDLESS = {
    r"((a+))+$": "a" * 45,
    r"((a+))+!": "a" * 45,
    r"(a|a){40}b": "a" * 45,
    r"(?:a|a){40}!": "a" * 45,
    r"(?:a|aa)*b": "a" * 45,
    r"(?:a|aa){0,60}b": "a" * 45,
    r"a*a*a*a*a*b": "a" * 3000,
    r"a{0,60}a{0,60}a{0,60}a{0,60}b": "a" * 3000,
    r"(?:a?){40}b": "a" * 45,
    r"a?" * 40 + "b": "a" * 45,
    r"(?:(?:a{0,3}){0,3}){0,9}b": "a" * 99,
    r"(?:(?>a|b)|a){40}c": "a" * 45,
    r"(?=(?:a|a){40}b)": "a" * 45,
    r"(?!(?:a|a){40}b)c": "a" * 45,
    r"(?i:ab?|A){40}b": "a" * 45,
    r"(?x: (a | a) {40} b )": "a" * 45,
    r"(?:a{0,60}?){0,60}?b": "a" * 99,
    r".{0,900}(?:.{0,900}){2}b": "a" * 3000,
}
# Takes nearly all the steps that there may be.
WORST = [
    r"a{0,65}a{0,65}b",
    r"(?i:a{0,65}a{0,65}b)",
    r"[ab]{0,50}?[ab]{0,50}?c",
    r"(?:a|a){10}b",
    r"(?:a|aa){10}b",
    r"(?:a?){10}b",
    r"(?:[ab]{0,9}?){0,3}c",
    r"(?:aa?){10}b",
    r"a?" * 11 + "b",
    r"(a|a)" * 10 + "b",
    r"(?=(?:a?){10}b)",
    r"a{9000}b",
    r"(?:a|b|(?:aa|ab)){6}c",
    r".{0,14}.{0,14}.{0,14}b",
    r"(?:(a)|b){1,8}c",
    r"(?>(?:aa?){10}b)",
]


@pytest.mark.parametrize("pattern", ENDLESS)
def test_a_pattern_that_back_tracks_without_end_is_refused(pattern: str, monkeypatch: pytest.MonkeyPatch) -> None:
    re.compile(pattern)
    with pytest.raises(ValueError, match=r": (?:lower the bounds|write)"):
        most_steps(pattern)
    monkeypatch.setattr(pattern_steps, "_parser", None)
    with pytest.raises(ValueError, match=r": (?:lower the bounds|use)"):
        most_steps(pattern)


@pytest.mark.parametrize(
    ("pattern", "complaint"),
    [
        ("a+", r"by \*, \+ or \{n,\}: write a bound such as \{0,40\}"),
        ("x(?:a|aa){0,60}", r"by the repetition \{0,60\} \(more than 10,000 steps at a place\): lower the bounds"),
        ("a{0,99}a{0,99}b", "by what repeats and alternates one behind the other"),
        ("|".join(f"{i} such user" for i in range(1000)), r"by its alternatives with \|"),
        (r"(a)\1", "refers back to a group: write out"),
        (r"(a)?(?(1)b|c)", "refers back to a group: write out"),
        ("(a)" * 21, r"more than 20 groups: write \(\?:…\) instead"),
        ("a{" + "9" * 5000 + "}", "is not a regular expression"),
        ("(" * 5000 + ")" * 5000, "is not a regular expression"),
    ],
    ids=lambda text: text[:20],
)
def test_a_refusal_says_of_what_and_what_to_do(pattern: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=rf"^t: rule 1 \(a\): pattern .*{complaint}") as refused:
        parse_rules([{"id": "a", "reason": "policy", "pattern": pattern}], origin="t")
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 300


@pytest.mark.parametrize("masked", [False, True])
def test_many_patterns_may_not_take_long_together(masked: bool) -> None:
    rules = [{"id": str(i), "reason": "policy", "pattern": "a{0,40}a{0,40}!"} for i in range(50)]
    parse_rules(rules[:2], origin="t", masked=masked)
    with pytest.raises(ConfigError, match="with those before it"):
        parse_rules(rules, origin="t", masked=masked)


def test_patterns_as_people_write_them_are_taken() -> None:
    for pattern in (
        r"\b(?:ex|mx)[0-9]{1,3}\.example\.(?:com|net|org)\b",
        r"(?:[0-9]{1,3}\.){3}[0-9]{1,3}",
        r"is no longer (?:with|at) .{1,40}(?:corp|inc)",
        r"blocked.{0,40}(?<!not )listed",
        r"[^ ]{1,60}@example\.com",
        r"^550 [\w ]{0,40}$",
    ):
        assert most_steps(pattern) <= MOST_STEPS / 2


@pytest.mark.parametrize("pattern", WORST)
def test_the_worst_that_is_taken_is_soon_done(pattern: str) -> None:
    assert most_steps(pattern) > MOST_STEPS / 10
    started = time.process_time()
    assert re.search(pattern, "a" * 20_000) is None
    assert time.process_time() - started < 3


def repeated(items: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Patterns that are made of others."""
    bounds = st.tuples(st.integers(0, 3), st.integers(0, 60)).map(lambda pair: f"{{{pair[0]},{sum(pair)}}}")
    bounds |= st.sampled_from(["?", "{2}", "{9}", "{40}", "*", "+"])
    ends = st.tuples(bounds, st.sampled_from(["", "", "?", "+"]))
    groups = st.sampled_from(["(", "(?:", "(?>", "(?=", "(?!", "(?i:"])
    return (
        st.lists(items, min_size=1, max_size=4).map("".join)
        | st.lists(items, min_size=2, max_size=4).map(lambda each: f"(?:{'|'.join(each)})")
        | st.tuples(groups, items).map(lambda pair: f"{''.join(pair)})")
        | st.tuples(items, ends).map(lambda pair: f"(?:{pair[0]}){''.join(pair[1])}")
        | st.tuples(st.sampled_from(["a", "[ab]", ".", r"\w"]), ends).map(lambda pair: pair[0] + "".join(pair[1]))
    )


ATOMS = st.sampled_from(["a", "b", "aa", "ab", "[ab]", ".", r"\b", "[^c]", r"\w", ""])


@settings(max_examples=500)
@given(st.recursive(ATOMS, repeated, max_leaves=12), st.sampled_from(["c", "$", r"\b!", "b"]))
def test_any_pattern_that_is_taken_is_soon_done(start: str, end: str) -> None:
    pattern = start + end
    try:
        assert most_steps(pattern) <= MOST_STEPS
    except ValueError:
        assume(False)
    compiled = re.compile(pattern)
    for text in ("a" * 2000, "ab" * 1000, "aab" * 700, "aB b" * 500):
        started = time.process_time()
        list(compiled.finditer(text))
        assert time.process_time() - started < 1  # 0.1 s and a busy machine


@pytest.mark.filterwarnings("ignore:Possible")
@given(st.text("ab?(:|){}[]0123,-", max_size=12) | st.sampled_from([*PATTERNS, *ENDLESS, *WORST]))
def test_without_the_parser_no_pattern_counts_for_less(pattern: str) -> None:
    try:
        re.compile(pattern)
    except re.error:
        assume(False)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(pattern_steps, "_parser", None)
        try:
            bound = most_steps(pattern)
        except ValueError:
            assert pattern not in PATTERNS
            return
    assert most_steps(pattern) <= bound


def test_the_shipped_patterns_are_far_below_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    assert sum(map(most_steps, PATTERNS)) < MOST_STEPS / 10
    monkeypatch.setattr(pattern_steps, "_parser", None)
    assert sum(map(most_steps, PATTERNS)) < MOST_STEPS
