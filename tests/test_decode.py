"""Bytes of declared, undeclared, broken and wrongly read charsets."""

import json
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bounceml.decode import decode, repair

TEXTS = json.loads((Path(__file__).parent / "data" / "charsets.json").read_text("utf-8"))
CASES = [(charset, text) for charset, texts in TEXTS.items() for text in texts]


@pytest.mark.parametrize(("charset", "text"), CASES)
def test_undeclared_charset_is_found(charset: str, text: str) -> None:
    assert decode(text.encode(charset)) == text


@pytest.mark.parametrize(("charset", "text"), CASES)
def test_declared_charset_is_used(charset: str, text: str) -> None:
    assert decode(text.encode(charset), charset=charset) == text


@pytest.mark.parametrize("text", [text for _, text in CASES])
def test_utf8_declared_as_something_else_is_found(text: str) -> None:
    assert decode(text.encode(), charset="us-ascii") == text
    assert decode(text.encode(), charset="no-such-charset") == text


@pytest.mark.parametrize("text", [text for _, text in CASES])
def test_utf8_read_as_latin_is_mended(text: str) -> None:
    assert repair(text.encode().decode("latin-1")) == text


@pytest.mark.parametrize(
    ("charset", "text"),
    [(c, t) for c, t in CASES if c in ("gb18030", "big5", "shift_jis", "euc_kr", "koi8-r", "windows-1251")],
)
def test_other_charset_read_as_latin_is_mended(charset: str, text: str) -> None:
    assert repair(text.encode(charset).decode("latin-1")) == text


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("=E9=82=AE=E7=AE=B1=E5=B7=B2=E6=BB=A1", "邮箱已满"),
        ("=?gb2312?B?08PPwb27tObU2g==?= 550", "用狭交存在 550"),
        ("=?iso-8859-1?Q?Bo=EEte_pleine?=", "Boîte pleine"),
        ("Bo&icirc;te pleine", "Boîte pleine"),
        ("Größe überschritten", "Größe überschritten"),
        ("see https://example.com/?a=DF&b=20", "see https://example.com/?a=DF&b=20"),
        ("plain = ascii", "plain = ascii"),
    ],
)
def test_repair_mends_what_is_broken_only(wrong: str, right: str) -> None:
    assert repair(wrong) == right


@given(st.binary(max_size=300), st.none() | st.text(max_size=20))
def test_decode_never_raises(data: bytes, charset: str | None) -> None:
    assert isinstance(decode(data, charset=charset), str)


@given(st.text(max_size=300))
@example("=C3=A9=3D\ud800")
def test_repair_never_raises(text: str) -> None:
    assert isinstance(repair(text), str)


@given(
    st.text(alphabet=st.characters(max_codepoint=0x7E, min_codepoint=0x20), max_size=80).filter(
        lambda t: "&" not in t and "=" not in t
    )
)
def test_plain_ascii_stays_as_it_is(text: str) -> None:
    assert repair(text) == text
