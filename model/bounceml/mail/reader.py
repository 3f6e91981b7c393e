"""From the bytes of a message to what it is, and what each recipient's server said."""

import logging
import re
from email.message import Message

from bounceml.codes import find_codes
from bounceml.decode import decode, repair
from bounceml.errors import MessageError
from bounceml.mail.dsn import Fields, read_fields
from bounceml.mail.kind import is_complaint, kind_of, signs
from bounceml.mail.notice import MAX_DIAGNOSTIC, Said, addresses, fuller, has_reply, own_lines, read_notice, refusal
from bounceml.mail.parts import MAX_BYTES, Part, enclosed, header, leaves, parse
from bounceml.mail.report import MessageReport, RecipientReport
from bounceml.mail.sns import read_event
from bounceml.taxonomy import Kind

_HEADER = re.compile(
    rb"^(?:from|to|subject|date|received|return-path|message-id|mime-version|content-type|delivered-to|x-[a-z-]{1,40}|"
    rb"reporting-mta|final-recipient|reply-to|sender|auto-submitted|envelope-to|arc-[a-z-]{1,40}|dkim-signature|"
    rb"authentication-results|precedence|errors-to|cc|importance|thread-topic)[ \t]{0,5}:",
    re.IGNORECASE,
)
# Of the first bytes of a text file, fewer than one in ten are control characters.
_MAX_CONTROL_SHARE = 0.1
_STRENGTH: dict[Kind, int] = {"bounce": 5, "delay": 4, "complaint": 3, "auto_reply": 2, "delivered": 1, "other": 0}
_MAX_FORWARDS = 3
# flufl.bounce tries dozens of patterns on every line; a message of a megabyte would take it seconds.
_MAX_SCANNED_LINES = 5000
_ROLES = ("postmaster@", "mailer-daemon@", "abuse@", "support@", "helpdesk@", "noreply@", "no-reply@")


def read_message(data: bytes) -> MessageReport:
    """Read a bounce, or any other message, as bytes: an e-mail (RFC 5322), or a bare reply without headers.

    Odd mail gives a report, never an error. Raises MessageError, saying what is wrong, for no data or binary data.
    """
    start = data[:MAX_BYTES].lstrip(b"\xef\xbb\xbf \t\r\n")
    if not start:
        raise MessageError("the message is empty")
    if start.startswith((b"From ", b">From ")):
        start = start.partition(b"\n")[2]
    if not _looks_like_mail(start):
        return _bare(start)
    return _read(parse(start), depth=0)


def _looks_like_mail(data: bytes) -> bool:
    return any(_HEADER.match(line) for line in data[:20_000].splitlines()[:5])


def _bare(data: bytes) -> MessageReport:
    sample = data[:4096]
    control = sum(byte < 32 and byte not in b"\t\r\n\x1b\x0c" for byte in sample)
    if control > len(sample) * _MAX_CONTROL_SHARE:
        raise MessageError("not a message: the file holds binary data")
    text = repair(decode(data[: 50 * MAX_DIAGNOSTIC]).replace("\0", ""))
    if text.startswith("{") and (event := read_event(text)):
        return event
    named = addresses(text)
    diagnostic = " ".join(text.split()) if text.count("\n") < 3 else refusal(own_lines(text))
    return _report("bounce", [_recipient(named[0] if len(named) == 1 else None, diagnostic, kind="bounce")])


def _read(message: Message, *, depth: int) -> MessageReport:
    parts = leaves(message)
    kinds = {part.media_type for part in parts if not part.original}
    own = [part for part in parts if not part.original]
    text = _own_text(own)
    lines = own_lines(text)
    if "message/feedback-report" in kinds:
        return _report("complaint", [_recipient(_complained_about(parts), _first_lines(lines), kind="complaint")])
    if kinds & {"message/disposition-notification", "message/global-disposition-notification"}:
        return _report("delivered", [_recipient(_reader(own), _first_lines(lines), kind="delivered")])
    if "{" in text and (event := read_event(text)):
        return event
    fields = [each for part in own if _has_fields(part) for each in read_fields(part.text)]
    if fields:
        return _from_fields(fields, lines=lines, parts=parts)
    found = signs(message, "\n".join(lines))
    kind = kind_of(found)
    if kind == "other" and is_complaint(message, text):
        kind = "complaint"
    if kind in ("other", "auto_reply") and depth < _MAX_FORWARDS:
        for inner in enclosed(message):
            report = _read(inner, depth=depth + 1)
            if report.kind in ("bounce", "delay"):
                return report
    if kind in ("bounce", "delay"):
        return _from_notice(message, kind=kind, lines=lines, parts=parts)
    return _report(kind, [_recipient(header_address(message, "From"), _first_lines(lines), kind=kind)])


def _has_fields(part: Part) -> bool:
    return part.media_type.endswith("delivery-status") or (
        part.media_type in ("text/plain", "application/octet-stream")
        and re.search(
            r"^[> ]{0,4}(?:final-recipient|original-recipient):", part.text[:100_000], re.IGNORECASE | re.MULTILINE
        )
        is not None
    )


def _own_text(parts: list[Part]) -> str:
    plain = [p.text for p in parts if p.media_type == "text/plain" and p.text.strip()]
    html = [p.text for p in parts if p.media_type == "text/html" and p.text.strip()]
    return "\n\n".join(plain or html)


def _from_fields(fields: list[Fields], *, lines: list[str], parts: list[Part]) -> MessageReport:
    said = read_notice(lines)
    by_address = {each.recipient.lower(): each.text for each in said if each.recipient}
    everyone = refusal(lines)
    found: dict[str, RecipientReport] = {}
    for each in fields:
        kind = each.kind or "bounce"
        recipient = each.recipient or each.original_recipient
        notice = by_address.get(recipient.lower()) or by_address.get(each.original_recipient.lower()) or ""
        diagnostic = each.diagnostic
        if not has_reply(diagnostic):
            diagnostic = notice if has_reply(notice) else everyone if len(fields) == 1 or not diagnostic else diagnostic
        elif len(fields) == 1:
            diagnostic = fuller(diagnostic, notice or everyone)
        codes = find_codes(each.diagnostic)
        enhanced = codes.enhanced or each.status or None
        key = recipient.lower() or str(len(found))
        if key not in found or _STRENGTH[kind] > _STRENGTH[found[key].kind]:
            found[key] = _recipient(
                recipient or _addressed(parts),
                diagnostic or each.diagnostic,
                kind=kind,
                smtp=codes.smtp,
                enhanced=enhanced,
            )
    reports = list(found.values())
    return _report(max((r.kind for r in reports), key=_STRENGTH.__getitem__), reports)


def _from_notice(message: Message, *, kind: Kind, lines: list[str], parts: list[Part]) -> MessageReport:
    said = read_notice(lines)
    failed = addresses(header(message, "X-Failed-Recipients"))
    everyone = said[0].text if said and said[0].recipient is None else refusal(lines)
    by_address = {each.recipient.lower(): each for each in said if each.recipient}
    if failed:
        chosen = [by_address.get(one.lower(), Said(one, everyone)) for one in failed]
    else:
        chosen = _likely(list(by_address.values()), message=message, parts=parts)
    if not chosen:
        recipient = _second_opinion(message, parts=parts) or _mentioned(lines, message=message) or _addressed(parts)
        chosen = [Said(recipient, everyone)]
    if len(chosen) == 1:
        chosen = [Said(chosen[0].recipient, fuller(chosen[0].text, everyone))]
    return _report(
        kind,
        [_recipient(each.recipient, each.text if has_reply(each.text) else everyone, kind=kind) for each in chosen],
    )


def _likely(said: list[Said], *, message: Message, parts: list[Part]) -> list[Said]:
    """Of the addresses that a notice names, those that can have failed: not its sender, its reader or a postmaster."""
    others = {a.lower() for name in ("From", "To", "Reply-To", "Sender") for a in addresses(header(message, name))}
    original = {a.lower() for a in _original_addresses(parts)}
    failed = [s for s in said if s.recipient and s.recipient.lower() not in others]
    named = [s for s in failed if s.recipient and s.recipient.lower() in original]
    return named or [s for s in failed if s.recipient and not s.recipient.lower().startswith(_ROLES)] or failed


def _second_opinion(message: Message, *, parts: list[Part]) -> str | None:
    """Whom flufl.bounce, which Mailman relies on, finds to have failed."""
    if sum(part.text.count("\n") for part in parts) > _MAX_SCANNED_LINES:
        return None
    from flufl.bounce import all_failures

    # Its detectors fall over headers in raw bytes or without an address, log that, and raise: then it has no opinion.
    logging.getLogger("flufl.bounce").addHandler(logging.NullHandler())
    try:
        temporary, permanent = all_failures(message)
    except (AttributeError, LookupError, TypeError, ValueError):
        return None
    found = sorted(address for address in {*temporary, *permanent} if address)
    return found[0].decode("ascii", "replace") if found else None


def _mentioned(lines: list[str], *, message: Message) -> str | None:
    others = {a.lower() for name in ("From", "To", "Reply-To", "Sender") for a in addresses(header(message, name))}
    found = [a for a in addresses("\n".join(lines)) if a.lower() not in others]
    return next((a for a in found if not a.lower().startswith(_ROLES)), None)


def _original_addresses(parts: list[Part]) -> list[str]:
    """Whom the returned original was sent to, by its headers."""
    found: list[str] = []
    for part in parts:
        if part.original:
            names = ("X-Original-To", "Delivered-To", "Envelope-To", "To", "Cc")
            found += [a for name in names for a in addresses(header(part.headers, name))]
            found += [
                a
                for line in re.findall(r"^(?:to|cc):(.{1,2000})$", part.text[:20_000], re.I | re.M)
                for a in addresses(line)
            ]
    return found


def _addressed(parts: list[Part]) -> str | None:
    found = _original_addresses(parts)
    if found:
        return found[0]
    text = "\n".join(part.text for part in parts)[:100_000]
    match = re.search(r"^[> \t]{0,6}to:[ \t]{0,20}(.{1,500})$", text, re.IGNORECASE | re.MULTILINE)
    return next(iter(addresses(match[1])), None) if match else None


def _complained_about(parts: list[Part]) -> str | None:
    for part in parts:
        if part.media_type == "message/feedback-report":
            for name in ("original-rcpt-to", "removal-recipient"):
                if match := re.search(rf"^{name}:(.{{1,500}})$", part.text, re.IGNORECASE | re.MULTILINE):
                    return next(iter(addresses(match[1])), None)
    return _addressed(parts)


def _reader(parts: list[Part]) -> str | None:
    fields = [
        each
        for part in parts
        if part.media_type.endswith("disposition-notification")
        for each in read_fields(part.text)
    ]
    return next((each.recipient for each in fields if each.recipient), None)


def header_address(message: Message, name: str) -> str | None:
    """The first address in a header, None where it has none."""
    return next(iter(addresses(header(message, name))), None)


def _first_lines(lines: list[str]) -> str:
    return " ".join(" ".join(lines).split())[:MAX_DIAGNOSTIC]


def _recipient(
    recipient: str | None, diagnostic: str, *, kind: Kind, smtp: str | None = None, enhanced: str | None = None
) -> RecipientReport:
    codes = find_codes(diagnostic)
    return RecipientReport(recipient, diagnostic[:MAX_DIAGNOSTIC], kind, smtp or codes.smtp, codes.enhanced or enhanced)


def _report(kind: Kind, recipients: list[RecipientReport]) -> MessageReport:
    return MessageReport(kind, tuple(recipients))
