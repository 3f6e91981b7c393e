"""Bytes of a message to a bounded list of its parts, with the returned original told from what was said about it."""

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message

from bounceml.decode import decode, repair
from bounceml.masking import fold

# A bounce says what it has to say in its first kilobytes; the rest is the returned original.
MAX_BYTES = 1024 * 1024
_MAX_NESTING = 40
_MAX_PARTS = 200
# Lines that may begin a part: the parser makes something of each, also of those that nobody looks at.
_MAX_BOUNDARIES = 2000
# A megabyte of base64 has 14,000; the second opinion looks at each with some fifty patterns.
_MAX_LINES = 20_000
_MAX_TEXT = 200_000
# The parser takes a lone carriage return for the end of a line, too, and unfolds headers.
_NESTING = re.compile(rb"(?:^|\r)content-type:[ \t\r\n]*(?:multipart|message)/", re.IGNORECASE | re.MULTILINE)
_LINE = re.compile(rb"\r\n|\r|\n")
_BOUNDARY = re.compile(rb"(?:^|\r)--", re.MULTILINE)
# A header with parameters, with its folded lines. Python looks through all before each semicolon again (email.message,
# `_parseparam`), so that many of them take hours; honest ones have a handful.
_WITH_PARAMETERS = re.compile(
    rb"(?:^|\r)content-(?:type|disposition):[^\r\n]*(?:(?:\r\n|\r|\n)[ \t][^\r\n]*)*", re.IGNORECASE | re.MULTILINE
)
_MAX_PARAMETERS, _MAX_HEADER = 20, 2000
_LONG_LINE = re.compile(rb"[^\n]{20000}")
_TAG = re.compile(r"<(?:br|/p|/div|/tr|/li|/h\d)\b[^<>]{0,200}>", re.IGNORECASE)
_ANY_TAG = re.compile(r"<(?:/?[a-zA-Z][^<>]{0,1000}|!--[^<>]{0,1000}--)>")
_UNSEEN = re.compile(r"<(/?)(?:style|script|head)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Part:
    """One leaf of a message: its media type, headers and decoded text; `original` tells the returned original."""

    media_type: str
    headers: Message
    text: str
    original: bool


def parse(data: bytes) -> Message:
    """The message in `data`, cut where it is larger or nested deeper than any honest bounce."""
    data = data[:MAX_BYTES]
    for pattern, most in ((_LINE, _MAX_LINES), (_NESTING, _MAX_NESTING), (_BOUNDARY, _MAX_BOUNDARIES)):
        beyond = next(itertools.islice(pattern.finditer(data), most, None), None)
        if beyond is not None:
            data = data[: beyond.start()]
    data = _WITH_PARAMETERS.sub(_shortened, data)
    # The parser keeps whole lines; one of a hundred megabytes is nobody's diagnostic.
    return message_from_bytes(_LONG_LINE.sub(lambda match: match[0] + b"\n", data))


def _shortened(header: re.Match[bytes]) -> bytes:
    return b";".join(header[0][:_MAX_HEADER].split(b";")[:_MAX_PARAMETERS])


def header(message: Message, name: str) -> str:
    """A header as text on one line, decoded; empty where there is none."""
    wanted = name.lower()
    # The parser's own access replaces raw bytes beyond ASCII; the raw items still have them.
    value = next((str(value) for key, value in message.raw_items() if key.lower() == wanted), "")
    return " ".join(repair(_readable(value)).split())


def leaves(message: Message) -> list[Part]:
    """All parts that hold text, in their order, at most a few hundred."""
    found: list[Part] = []
    for part in _walk(message, original=False):
        found.append(part)
        if len(found) >= _MAX_PARTS:
            break
    return found


def enclosed(message: Message) -> list[Message]:
    """Messages attached to this one (message/rfc822), outermost first."""
    if not message.is_multipart():
        return []
    found: list[Message] = []
    for child in _children(message):
        if child.get_content_type() == "message/rfc822":
            found.extend(_children(child))
        elif child.get_content_maintype() == "multipart":
            found.extend(enclosed(child))
    return found


def is_report(message: Message) -> bool:
    """Whether a message holds a delivery report by the standard (RFC 3464)."""
    return any(part.get_content_type().endswith("delivery-status") for part in _children(message))


def as_text(html: str) -> str:
    """The text of an HTML page, a line for each paragraph."""
    return repair(_ANY_TAG.sub("", _TAG.sub("\n", _seen(html))).replace("&nbsp;", " "))


def _seen(html: str) -> str:
    """`html` without what stands between the first and last tag of its head, styles and scripts, in one pass."""
    kept: list[str] = []
    start = depth = 0
    for tag in _UNSEEN.finditer(html):
        if not tag[1]:
            if depth == 0:
                kept.append(html[start : tag.start()])
            depth += 1
        elif depth:
            depth -= 1
            start = tag.start()
    return "".join([*kept, "" if depth and kept else html[start:]])


def _has_raw_bytes(text: str) -> bool:
    return any("\udc80" <= c <= "\udcff" for c in text)


def _children(message: Message) -> list[Message]:
    # Asked first, since for a text the parser looks up the charset by its name, which may be anything.
    payload = message.get_payload() if message.is_multipart() else []
    return [child for child in payload if isinstance(child, Message)]


def _walk(message: Message, *, original: bool) -> Iterator[Part]:
    # A parameter without its semicolon is no part of the type.
    media_type = message.get_content_type().split()[0]
    if media_type in ("message/delivery-status", "message/global-delivery-status", "message/feedback-report",
                      "message/disposition-notification", "message/global-disposition-notification"):  # fmt: skip
        yield Part(media_type, message, _report_text(message), original)
    elif media_type in ("message/rfc822", "message/global", "text/rfc822-headers", "message/global-headers"):
        children = _children(message)
        for child in children:
            yield Part("message/rfc822", child, "", True)
        if not children:
            yield Part(media_type, message, _text(message), True)
    elif message.get_content_maintype() == "multipart" and not _has_parts(message):
        # The boundary isn't where the header says: everything lies in what precedes the first part.
        yield Part("text/plain", message, _unparted(message), original)
    elif message.is_multipart():
        children = _children(message)
        if media_type == "multipart/alternative":
            plain = [child for child in children if child.get_content_type() == "text/plain"]
            children = [child for child in plain if _text(child).strip()] or children
        for child in children:
            if _is_message(child):
                yield Part("message/rfc822", child, "", True)
            else:
                yield from _walk(child, original=original)
    elif message.get_content_maintype() == "text" or media_type == "application/octet-stream":
        text = _text(message)
        yield Part(media_type, message, as_text(text) if media_type == "text/html" else text, original)


def _is_message(part: Message) -> bool:
    """Whether a part's headers are those of a whole message, put there without being declared as one."""
    return "From" in part and any(name in part for name in ("Received", "Message-ID", "Date", "Subject"))


def _has_parts(message: Message) -> bool:
    return any(child.is_multipart() or child.get_payload(decode=True) for child in _children(message))


def _unparted(message: Message) -> str:
    if not message.is_multipart():
        return _text(message)
    return _readable((message.preamble or "") + (message.epilogue or ""))[:_MAX_TEXT].replace("\r\n", "\n")


def _report_text(message: Message) -> str:
    """Fields of a report; the parser takes them apart as if each block were a message."""
    if message.get("Content-Transfer-Encoding", "").strip().lower() in ("base64", "quoted-printable"):
        return _text_of_blocks(message)
    blocks = _children(message)
    if not blocks:
        return _text(message)
    return "\n\n".join(_block_text(block) for block in blocks)


def _block_text(block: Message) -> str:
    lines = [f"{name}: {_readable(str(value))}" for name, value in block.raw_items()]
    body = "" if block.is_multipart() else _text(block)
    return "\n".join([*lines, "", body] if body.strip() else lines)


def _text_of_blocks(message: Message) -> str:
    """An encoded report, which the parser has read as blocks of fields without decoding it."""
    encoded = "\n".join(_block_text(block) for block in _children(message)) or _text(message)
    carrier = Message()
    carrier["Content-Transfer-Encoding"] = message["Content-Transfer-Encoding"]
    carrier.set_payload(encoded)
    return _text(carrier)


def _readable(text: str) -> str:
    return decode(text.encode("ascii", "surrogateescape")) if _has_raw_bytes(text) else text


def _text(message: Message) -> str:
    payload = message.get_payload(decode=True)
    if not isinstance(payload, bytes):
        return ""
    return (
        decode(payload[:_MAX_TEXT], charset=_charset(message))
        .replace("\r\n", "\n")
        .replace("\r", "\n")
        .replace("\0", "")
    )


def _charset(message: Message) -> str | None:
    value = message.get_param("charset")
    return value if isinstance(value, str) else None


def folded_header(message: Message, name: str) -> str:
    """A header as markers are written: decoded and folded."""
    return fold(header(message, name))
