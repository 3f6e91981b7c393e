"""What counts as read the same, misread and lost."""

from lab.judge import judged
from lab.replies import Case, Reply

CASE = Case("c001", "rcpt", Reply("gbk", ("550-5.1.1 收件人不存在", "550 5.1.1 <{recipient}>"), "gbk", "", ""), "")
HEAD = f"""\
From: MAILER-DAEMON@mail.example.com
To: {CASE.sender}
Subject: Undelivered Mail Returned to Sender
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mail.example.com

Final-Recipient: rfc822; {CASE.recipient}
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; """
TAIL = f"\n\n--b\nContent-Type: message/rfc822\n\nTo: {CASE.recipient}\nSubject: 550 5.1.1 收件人不存在\n\n--b--\n"


def bounce(diagnostic: bytes) -> bytes:
    return HEAD.encode() + diagnostic + TAIL.encode("gbk")


def test_reply_in_its_own_bytes_is_the_same() -> None:
    said = f"550-5.1.1 收件人不存在\n 550 5.1.1 <{CASE.recipient}>"
    assert judged(CASE, [bounce(said.encode("gbk"))]).outcome == "same"


def test_reply_in_octal_escapes_is_held() -> None:
    escaped = "".join(f"\\{byte:03o}" for byte in "收件人不存在".encode("gbk"))
    assert judged(CASE, [bounce(f"550 5.1.1 {escaped} <{CASE.recipient}>".encode())]).outcome == "same"


def test_reply_is_lost_where_its_words_stand_in_the_original_only() -> None:
    assert judged(CASE, [bounce(f"550 5.1.1 ?????? <{CASE.recipient}>".encode())]).outcome == "lost"


def test_reply_that_is_there_and_not_read_is_misread() -> None:
    beside = f"X-Reply: 550 5.1.1 收件人不存在 <{CASE.recipient}>".encode("gbk")
    assert judged(CASE, [bounce(b"550 5.1.1 Rejected\n" + beside)]).outcome == "misread"


def test_nothing_came() -> None:
    assert judged(CASE, []).outcome == "no bounce"
