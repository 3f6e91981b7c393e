"""Whether what is read from a bounce is what the receiver said."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from typing import Literal

from bounceml.mail import read_message
from lab.replies import Case
from lab.run import Run, cases_of, load_run

Outcome = Literal["same", "misread", "lost", "no bounce", "not taken"]
_CODE = re.compile(r"^[245]\d\d(?:[- ]+|$)")
_OCTAL = re.compile(rb"\\([0-3][0-7]{2})")
_STATUS = re.compile(r"^[245]\.\d{1,3}\.\d{1,3}(?: +|$)")


@dataclass(frozen=True, slots=True)
class Trip:
    """One round trip: the case, what came of it, and the messages that show it, in their order."""

    case: Case
    outcome: Outcome
    messages: tuple[bytes, ...] = ()


def trips(run: Run, cases: Sequence[Case]) -> list[Trip]:
    """Each case judged by what came for it; `not taken` where the server refused the message itself."""
    return [
        # An LMTP server that refused nothing is no round trip, and doesn't pass for one.
        Trip(case, "not taken")
        if case.id in run.refused or not case.reply.lines
        else judged(case, run.came.get(case.id, []))
        for case in cases
    ]


def judged(case: Case, messages: Sequence[bytes]) -> Trip:
    """The round trip of one case, by all messages that came for it, notices of delay too.

    `same`: in each message that holds the reply, the words are read the same but for white space, and so are the codes.
    `misread`: one was read otherwise. `lost`: no message has all the words and the enhanced status, so that nobody
    could read them: what a server that gives up keeps may stand in its notices of delay only. `no bounce`: none came.
    Whether the server calls its message final is not compared: some call all of them delayed.
    """
    if not messages:
        return Trip(case, "no bounce")
    code, status, words = split_reply(case.reply.text(case.recipient))
    read = tuple(data for data in messages if _is_read(data, case=case))
    said = f"{code} {status} {words}"
    others = [data for data in messages if data not in read and is_about(data, case.recipient)]
    if wrong := tuple(data for data in others if holds(data, said, charset=case.reply.charset)):
        return Trip(case, "misread", wrong)
    return Trip(case, "same", read) if read else Trip(case, "lost", tuple(messages))


def _is_read(data: bytes, *, case: Case) -> bool:
    """Whether a case's recipient, codes and words are read from a message that holds them."""
    report = read_message(data)
    found = [each for each in report.recipients if (each.recipient or "").lower() == case.recipient]
    if len(found) != 1 or not (case.several or len(report.recipients) == 1):
        return False
    [read] = found
    code, status, words = split_reply(case.reply.text(case.recipient))
    return (
        report.kind in ("bounce", "delay")
        # A reply of codes alone has no words to compare; what the notice says instead is welcome.
        and (not words or _squeezed(words_of(read.diagnostic)) == _squeezed(words))
        and read.smtp_code == code
        and (not status or read.enhanced_code == status)
    )


def split_reply(lines: Sequence[str]) -> tuple[str, str, str]:
    """Reply code, enhanced status and words of a reply's lines.

    Lines are joined by one space, each without the reply code and the first line's enhanced status.

    >>> split_reply(["550-5.1.1 One", "550 5.1.1 two"])
    ('550', '5.1.1', 'One two')
    """
    bare = [_CODE.sub("", line) for line in lines]
    match = _STATUS.match(bare[0])
    status = match[0].strip() if match else ""
    words = [line.removeprefix(status) if status else line for line in bare]
    return lines[0][:3], status, " ".join(" ".join(words).split())


def words_of(diagnostic: str) -> str:
    """A diagnostic without the codes that it begins with."""
    return _STATUS.sub("", _CODE.sub("", " ".join(diagnostic.split()))).strip()


def is_about(data: bytes, recipient: str) -> bool:
    """Whether a message's report, where it has one, names a recipient: a transcript may quote what others were told."""
    parts = [part for part in message_from_bytes(data).walk() if part.get_content_type().endswith("delivery-status")]
    return not parts or any(recipient in part.as_string() for part in parts)


def holds(data: bytes, words: str, *, charset: str) -> bool:
    """Whether all the words stand in what a server wrote itself: in UTF-8 or the reply's charset, as they came, in
    octal escapes, or each byte as a character of Latin-1; wrapped or not.
    """
    own = _own_bytes(message_from_bytes(data))
    own += b"\n" + _OCTAL.sub(lambda match: bytes([int(match[1], 8)]), own)
    own += b"\n" + own.decode("utf-8", "replace").encode("latin-1", "ignore")
    for name in ("utf-8", charset):
        text = _squeezed(own.decode(name, "replace"))
        if all(_squeezed(word) in text for word in words.split()):
            return True
    return False


def _own_bytes(message: Message) -> bytes:
    """The decoded parts of a message that are not the returned original."""
    if message.get_content_type() in ("message/rfc822", "text/rfc822-headers", "message/global"):
        return b""
    payload = message.get_payload()
    if message.is_multipart() and isinstance(payload, list):
        parts = [part for part in payload if isinstance(part, Message)]
        if message.get_content_type().endswith("delivery-status"):  # its blocks were read as headers
            return b"\n".join(part.as_bytes() for part in parts)
        return b"\n".join(map(_own_bytes, parts))
    decoded = message.get_payload(decode=True)
    return decoded if isinstance(decoded, bytes) else b""


def _squeezed(text: str) -> str:
    return "".join(text.split())


def print_table(names: Sequence[str], *, cache: Path, show: bool) -> bool:
    """Print how often what was read is what was sent, by server; with `show` each one that isn't.

    Whether all servers ran and nothing was misread.
    """
    well = True
    for name in names:
        run = load_run(name, cache=cache)
        if run is None:
            print(f"{name}: never ran")
            well = False
            continue
        found = trips(run, cases_of(run))
        counts = Counter(trip.outcome for trip in found)
        well = well and not run.failed and not counts["misread"]
        print(f"{run.server.title} {run.version}: {dict(counts)} of {len(found)} {run.failed}")
        if show and not run.failed:
            for trip in found:
                if trip.outcome != "same":
                    print(f"  {trip.case.id} {trip.case.stage} {trip.case.reply.id} {trip.outcome}")
                    print(f"    sent {' / '.join(trip.case.reply.text(trip.case.recipient))[:300]}")
                    for data in trip.messages[-1:]:
                        report = read_message(data)
                        named = [each for each in report.recipients if each.recipient == trip.case.recipient]
                        read = [*named, *report.recipients][0]
                        codes = f"{read.smtp_code} {read.enhanced_code}"
                        print(f"    read {read.kind} {read.recipient} {codes} {read.diagnostic[:300]}")
    return well
