"""Reply and enhanced codes are found where a reply begins, and amounts aren't taken for them."""

import pytest

from bounceml.codes import find_codes


@pytest.mark.parametrize(
    ("text", "smtp", "enhanced"),
    [
        ("550 5.1.1 User unknown", "550", "5.1.1"),
        ("550-5.1.1 User unknown", "550", "5.1.1"),
        ("host mx.example.com[192.0.2.7] said: 452 4.2.2 Over quota", "452", "4.2.2"),
        ("smtp;421 too busy", "421", None),
        ("#5.1.1", None, "5.1.1"),
        ("#< #5.0.0 smtp; 554 no> #SMTP#", "554", "5.0.0"),
        ("User unknown (#5.1.1)", None, "5.1.1"),
        ("limit of 500 messages reached", None, None),
        ("version 5.7.1.2 of the server at 192.0.2.5", None, None),
        ("Remote Server returned '550 no'", "550", None),
        ("用户不存在", None, None),
        ("", None, None),
    ],
)
def test_codes(text: str, smtp: str | None, enhanced: str | None) -> None:
    found = find_codes(text)
    assert (found.smtp, found.enhanced) == (smtp, enhanced)


def test_reply_code_decides_the_class() -> None:
    assert find_codes("421 5.7.0 later").first_digit == "4"
    assert find_codes("later (4.7.0)").first_digit == "4"
    assert find_codes("later").first_digit is None
