"""Mail that was written to hurt: an answer or one clear error, in bounded time and memory."""

import base64
import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bounceml.errors import MessageError
from bounceml.mail import read_message, split_file
from forked import Commands, Hindrance

CASES = sorted((Path(__file__).parent / "cases").glob("*.eml"))
HEAD = b"From: MAILER-DAEMON@example.net\nTo: kim@example.com\nSubject: Undeliverable\nMIME-Version: 1.0\n"
# The bounds for one message.
MAX_SECONDS = 2
MAX_KILOBYTES = 200 * 1024


def nested(depth: int) -> bytes:
    levels = [b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (i, i) for i in range(depth)]
    return HEAD + b"".join(levels) + b"\n550 5.1.1 nobody here\n"


HOSTILE = {
    "10,000 parts": HEAD + b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\n550 no\n" * 10_000 + b"--b--\n",
    "parts without end": HEAD + b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\na\n" * 200_000,
    "nested 500 deep": nested(500),
    "nested 10,000 deep": nested(10_000),
    "nested messages without end": HEAD + b"Content-Type: message/rfc822\n\n" * 20_000,
    # The parser takes a lone carriage return for the end of a line, and unfolds headers.
    "parts by carriage returns": HEAD + b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\r\ra\r" * 140_000,
    "nested in folded headers": nested(10_000).replace(b"Content-Type: ", b"Content-Type:\n\t"),
    "nested behind blanks": nested(7000).replace(b"Content-Type: ", b"Content-Type:" + b" " * 60),
    "semicolons in a quoted parameter": HEAD
    + b'Content-Type: text/plain; x="'
    + b";;;;;;;;;;;;\n " * 60_000
    + b"\n\n550 no",
    "parameters without end": HEAD + b"Content-Type: text/plain; " + b"a=b; a=b;\n " * 70_000 + b"\n\n550 no",
    "pieces of a parameter": HEAD
    + b"Content-Type: multipart/mixed; "
    + b"\n ".join(b"boundary*%d*=%%41;" % i for i in range(40_000))
    + b"\n\n550 no",
    "comments in comments": b"From: " + b"((((((((((((\n " * 60_000 + b"\nSubject: Undeliverable\n\n550 no",
    "soft line ends": HEAD + b"Content-Transfer-Encoding: quoted-printable\n\n" + b"=\n" * 450_000,
    "uuencoded lines": HEAD + b"Content-Transfer-Encoding: x-uuencode\n\nbegin 644 a\n" + b"M\n" * 400_000,
    "lines of base64": HEAD + b"Content-Transfer-Encoding: base64\n\n" + b"====\n" * 200_000,
    "nested messages": HEAD + b"Content-Type: message/rfc822\n\n" * 500,
    "a line of 100 MB": HEAD + b"\n" + b"x" * 100_000_000,
    "a header of 10 MB": b"Subject: " + b"x" * 10_000_000 + b"\n\n",
    "a million headers": b"X-A: b\n" * 1_000_000 + b"\n",
    "a million recipients": HEAD + b"\n" + b"<a@example.org>: 550 no\n" * 1_000_000,
    "a million addresses on a line": HEAD + b"\n" + b"a@example.org " * 1_000_000,
    "null bytes": HEAD + b"\n" + b"\0" * 1_000_000,
    "only at signs": HEAD + b"\n" + b"@" * 1_000_000,
    "angle brackets": HEAD + b"Content-Type: text/html\n\n" + b"<" * 1_000_000,
    "open style tags": HEAD + b"Content-Type: text/html\n\n" + b"<style>" * 200_000,
    "encoded words": HEAD + b"\n" + b"=?utf-8?B?" * 100_000,
    "truncated base64": HEAD + b"Content-Transfer-Encoding: base64\n\n" + base64.b64encode(b"550 no such user")[:-3],
    "quoted-printable": HEAD + b"\n" + b"=E9=" * 300_000,
    "deep JSON": HEAD + b"\n" + b'{"Message":' * 100_000,
    "SMTP dialogue": HEAD + b"\n" + b"<<< 550 no\n" * 100_000,
    "reply codes": HEAD + b"\n" + b"550 " * 300_000,
    "delivery-status": HEAD
    + b"Content-Type: message/delivery-status\n\n"
    + b"Final-Recipient: rfc822; a@b\n\n" * 100_000,
}


# Runs a command and says at the end how much memory the process had at its peak (proc_pid_status(5)): what `getrusage`
# says of a new process includes what it was forked from.
MEASURED = """
from bounceml_cli.main import main
try:
    main()
finally:
    import sys
    peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
    print(peak.split()[1], file=sys.stderr)
"""


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_mail_takes_bounded_time_and_memory_as_a_whole_process(name: str, tmp_path: Path) -> None:
    (tmp_path / "a.eml").write_bytes(HOSTILE[name])
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-c", MEASURED, "predict", "--json", str(tmp_path / "a.eml")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < MAX_SECONDS
    assert int(done.stderr.split()[-1]) < MAX_KILOBYTES
    assert done.stdout.startswith("{")


def test_a_line_of_a_mailbox_that_never_ends_takes_bounded_memory(tmp_path: Path) -> None:
    with (tmp_path / "a.mbox").open("wb") as file:
        file.write(b"From a\n" + HEAD + b"\n550 5.1.1 no such user\n")
        file.truncate(500_000_000)
    command = [sys.executable, "-c", MEASURED, "predict", "--json", str(tmp_path / "a.mbox")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["reason"] == "user_unknown"
    assert int(done.stderr.split()[-1]) < MAX_KILOBYTES


@pytest.mark.parametrize("blank", [b"\n", b" " * 200_000 + b"\n"], ids=["empty", "long"])
def test_only_the_beginning_of_a_line_begins_a_message(tmp_path: Path, blank: bytes) -> None:
    path = tmp_path / "a.mbox"
    # Where it is read piece by piece, a piece begins with it.
    inside = b" " * (1 << 16) + b"From here on no new message\n"
    path.write_bytes(b"From x Mon\n\n" + inside + blank + b"From y Tue\n\ntwo\n")
    assert [content[:10] for _, content in split_file(path)] == [b"From x Mon", b"From y Tue"]


def test_messages_of_a_folder_that_cannot_be_read_are_named(forked: Commands, tmp_path: Path) -> None:
    for name in ("1", "2", "3"):
        (tmp_path / "box" / "new").mkdir(parents=True, exist_ok=True)
        (tmp_path / "box" / "new" / name).write_bytes(CASES[0].read_bytes())
    (tmp_path / "box" / "new" / "2").chmod(0)
    done = forked.run(["predict", "--json", "box"], folder=tmp_path, hindered=Hindrance(without_override=True))
    assert done.returncode == 1
    assert [json.loads(line)["file"][-1] for line in done.stdout.splitlines()] == ["1", "3"]
    assert done.stderr == "bounceml: box/new/2: can't read it: Permission denied\n"


def test_bad_files_are_named_and_the_others_answered(forked: Commands, tmp_path: Path) -> None:
    good = CASES[0].read_bytes()
    bad = {"empty.eml": b"", "blank.eml": b" \r\n", "binary.eml": bytes(range(256)) * 100, "locked.eml": good}
    odd = {
        "line.eml": HOSTILE["a line of 100 MB"][:30_000_000],
        "parts.eml": HOSTILE["10,000 parts"],
        "deep.eml": HOSTILE["nested 500 deep"],
        "cut.eml": good[: len(good) * 2 // 3],
        "null.eml": HEAD + b"\n550 5.1.1 no such user\0\0\n",
        "charset.eml": HEAD + b"Content-Type: text/plain; charset=x-\xff\n\n550 5.1.1 no such user\n",
        "good.eml": good,
    }
    for name, data in (bad | odd).items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "locked.eml").chmod(0)
    (tmp_path / "things").mkdir()
    (tmp_path / "things" / "photo.jpg").write_bytes(b"x")
    names = [*bad, *odd, "things", "none.eml"]
    done = forked.run(["predict", "--json", *names], folder=tmp_path, hindered=Hindrance(without_override=True))
    assert done.returncode == 1
    assert {json.loads(line)["file"] for line in done.stdout.splitlines()} == set(odd)
    lines = done.stderr.splitlines()
    assert [line.removeprefix("bounceml: ").partition(":")[0] for line in lines] == [*bad, "things", "none.eml"]


@pytest.mark.parametrize("data", [b"", b" \r\n\t", b"\xef\xbb\xbf"])
def test_nothing_is_an_error(data: bytes) -> None:
    with pytest.raises(MessageError, match="empty"):
        read_message(data)


def test_binary_data_is_an_error() -> None:
    with pytest.raises(MessageError, match="binary"):
        read_message(bytes(range(256)) * 100)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_a_message_cut_anywhere_is_read(case: Path) -> None:
    data = case.read_bytes()
    for end in range(20, len(data), max(1, len(data) // 25)):
        assert read_message(data[:end]).recipients


@settings(max_examples=150, deadline=None)
@given(st.binary(min_size=1, max_size=600))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        report = read_message(data)
    except MessageError:
        return
    assert report.recipients


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(CASES), st.lists(st.tuples(st.integers(0, 5000), st.binary(max_size=12)), max_size=8))
def test_mutated_messages_are_read(case: Path, changes: list[tuple[int, bytes]]) -> None:
    data = case.read_bytes()
    for at, piece in changes:
        data = data[:at] + piece + data[at + len(piece) // 2 :]
    assert read_message(data + b"\nkeep it from being empty").recipients


def test_mbox_is_split_and_numbered(tmp_path: Path) -> None:
    path = tmp_path / "bounces.mbox"
    path.write_bytes(b"From x Mon\nSubject: a\n\none\n\nFrom y Tue\nSubject: b\n\ntwo\nFrom here on no new message\n")
    found = dict(split_file(path))
    assert list(found) == [f"{path}#1", f"{path}#2"]
    assert found[f"{path}#2"].endswith(b"no new message\n")


def test_maildir_and_folder_are_read(tmp_path: Path) -> None:
    for name in ("cur", "new", "tmp"):
        (tmp_path / "box" / name).mkdir(parents=True)
    (tmp_path / "box" / "cur" / "1:2,S").write_bytes(b"Subject: a\n\none")
    (tmp_path / "box" / "new" / "2").write_bytes(b"Subject: b\n\ntwo")
    (tmp_path / "box" / "tmp" / "3").write_bytes(b"half a message")
    assert [Path(name).name for name, _ in split_file(tmp_path / "box")] == ["1:2,S", "2"]
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain" / "a.eml").write_bytes(b"Subject: a\n\none")
    (tmp_path / "plain" / "notes.doc").write_bytes(b"other things")
    assert [Path(name).name for name, _ in split_file(tmp_path / "plain")] == ["a.eml"]


def test_a_folder_of_other_things_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(b"x")
    with pytest.raises(MessageError, match="no messages"):
        list(split_file(tmp_path))
