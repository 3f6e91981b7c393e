"""Texts that differ in what varies have one template; words and codes stay."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bounceml.masking import MAX_TOKENS, template, tokens


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("550-5.1.1 RESOLVER.ADR.RecipNotFound; no", ["550", "5.1.1", "resolver", "adr", "recipnotfound", "no"]),
        ("(S3150) OFR_416 LPN007_510 [TSS04]", ["s3150", "ofr_416", "lpn007_510", "tss04"]),
        ("mx1.example.com[192.0.2.7] said", ["<host>", "<ip>", "said"]),
        ("queue id 4FA12B3C9D at 2001:db8::1", ["queue", "id", "<id>", "at", "<ip>"]),
        ("https://support.google.com/?p=NoSuchUser", ["<url>", "support", "google", "com", "nosuchuser"]),
        ("unavailable.Please retry", ["unavailable", "please", "retry"]),
        ("Hộp thư đã đầy", ["hop", "thu", "da", "day"]),
        ("邮箱已满user", ["邮箱已满", "user"]),
    ],
)  # fmt: skip
def test_tokens(text: str, expected: list[str]) -> None:
    assert tokens(text) == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("<kim@example.com>: User unknown", "<lee@mail.example.org>: user UNKNOWN"),
        ("blocked [192.0.2.1] at 10:20:30", "blocked [2001:db8::5] at 03:45:15"),
        ("message 1234567 is too big", "message 99 is too big"),
    ],
)
def test_variable_parts_do_not_count(one: str, other: str) -> None:
    assert template(one) == template(other)


def test_different_codes_are_different_templates() -> None:
    assert template("550 5.1.1 refused") != template("550 5.7.1 refused")


@given(st.text(max_size=400))
def test_tokens_are_never_empty_nor_too_many(text: str) -> None:
    found = tokens(text)
    assert all(found)
    assert len(found) <= MAX_TOKENS


@given(st.text(max_size=60), st.text(max_size=60))
def test_chunks_are_masked_by_themselves(one: str, other: str) -> None:
    """What batches rely on: a line's tokens are its chunks' tokens, but for slots in a row."""
    assert {*tokens(f"{one} {other}")} == {*tokens(one), *tokens(other)}


def test_a_long_line_takes_bounded_work() -> None:
    assert len(tokens("a1." * 1_000_000)) <= MAX_TOKENS
    assert len(tokens("word " * 1_000_000)) == MAX_TOKENS
