"""What is taken from a notice, and what is left out of it."""

import time

import pytest

from bounceml.mail.notice import own_lines, read_notice
from bounceml.mail.prose import introduced
from bounceml.mail.reader import read_message
from bounceml.mail.refusal import Worth, find_refusal, tidy

HEAD = b"From: MAILER-DAEMON@example.net\nTo: kim@example.com\nSubject: Undeliverable\nReturn-Path: <>\n"


def test_further_lines_of_a_reply_lose_their_codes() -> None:
    assert tidy("550-5.7.1 One\n550-5.7.1 two\n550 5.7.1 three") == "550 5.7.1 One two three"


def test_a_reply_with_empty_lines_in_it_is_read_whole() -> None:
    assert find_refusal(["mx said:", "550-One", "", "550 two", "", "Regards"]).text == "550 One two"


def test_each_recipient_gets_the_answer_that_names_it() -> None:
    lines = [
        "<ann@example.org>",
        "<ben@example.org>",
        "----- Transcript of session follows -----",
        ">>> RCPT To:<ann@example.org>",
        "<<< 550 5.1.1 not here",
        ">>> RCPT To:<ben@example.org>",
        "<<< 452 4.2.2 full",
    ]
    assert [said.refusal.text for said in read_notice(lines)] == ["550 5.1.1 not here", "452 4.2.2 full"]


def test_a_local_mailer_is_read_where_no_server_answered() -> None:
    lines = ["----- Transcript of session follows -----", "procmail: disk is full", "Will keep trying until Friday"]
    assert find_refusal(lines).text == "procmail: disk is full"


@pytest.mark.parametrize(
    "line", ["Reason: it is full", "退信原因：邮箱已满", "Grund: Postfach voll", "Причина: ящик полон"]
)
def test_a_heading_introduces_the_reason(line: str) -> None:
    assert introduced(["Dear sender,", "", line, "", "Regards"]) == line.replace("：", ": ").partition(": ")[2]


def test_a_heading_may_stand_on_its_own_line() -> None:
    assert introduced(["退信原因", "邮箱空间已满。", "解决方案", "请稍后重试"]) == "邮箱空间已满。"


def test_a_sentence_that_says_why_is_no_courtesy() -> None:
    found = find_refusal(["Hello,", "", "Your message wasn't delivered because the address couldn't be found."])
    assert found.text == "Your message wasn't delivered because the address couldn't be found."
    assert found.worth is Worth.SENTENCES


def test_the_original_is_never_read() -> None:
    lines = own_lines("<ann@example.org>: closed\n\n--- Below this line is a copy of the message.\n\n550 offers")
    assert not any("550" in line for line in lines)


def test_headers_quoted_in_a_notice_do_not_end_it() -> None:
    text = "About your message:\n\n  Message-ID: <1@example.com>\n  Subject: x\n\nReason: no such domain\n"
    assert find_refusal(own_lines(text)).text == "no such domain"


def test_an_undeclared_original_in_a_second_part_is_not_read() -> None:
    parts = (
        b"--b\nContent-Type: text/plain\n\nann@example.org [User unknown]\n--b\nReceived: from x\nFrom: a@example.com\n"
    )
    message = HEAD + b"Content-Type: multipart/mixed; boundary=b\n\n" + parts + b"Subject: y\n\n550 offers\n--b--\n"
    assert read_message(message).recipients[0].diagnostic == "[User unknown]"


@pytest.mark.parametrize(
    "line",
    [")" * 1990, "Reason:", "ann@example.org", "--> ", "<-- 550 a", "=" * 1990, "a. B" * 500, "退信原因", "(" * 1990],
)
def test_hostile_notices_take_bounded_time(line: str) -> None:
    body = b"<ann@example.org>:\n" + (line.encode() + b"\n") * 20_000
    started = time.process_time()
    assert read_message(HEAD + b"\n" + body).recipients
    assert time.process_time() - started < 2
