"""From the bytes of a message to what it is, and what each recipient's server said."""

import logging
import re
from email.message import Message

from bounceml.codes import find_codes
from bounceml.decode import decode, repair
from bounceml.errors import MessageError
from bounceml.mail.dialogue import is_out_of_order
from bounceml.mail.dsn import Fields, read_fields
from bounceml.mail.kind import is_complaint, kind_of, signs
from bounceml.mail.markers import markers
from bounceml.mail.notice import Dialogue, Said, addresses, own_lines, read_notice
from bounceml.mail.parts import MAX_BYTES, Part, enclosed, header, is_report, leaves, parse
from bounceml.mail.refusal import MAX_DIAGNOSTIC, Refusal, Worth, best_diagnostic, find_refusal, fuller
from bounceml.mail.report import MessageReport, RecipientReport
from bounceml.mail.sns import read_event
from bounceml.masking import fold
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
_REJECTED = re.compile(r"^disposition: ?automatic-action/mdn-sent-automatically; ?deleted", re.I | re.M)
# flufl.bounce tries dozens of patterns on every line; a message of a megabyte would take it seconds.
_MAX_SCANNED_LINES = 5000
_ROLES = ("postmaster@", "mailer-daemon@", "abuse@", "support@", "helpdesk@", "noreply@", "no-reply@")
_LIST_ROLES = ("-owner", "-request", "-bounces", "-admin", "-help")
_NOTHING_SAID = Refusal("", Worth.NOTHING)


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
    lines = own_lines(text)
    diagnostic = " ".join(text.split()) if text.count("\n") < 3 else find_refusal(lines).text or _first_lines(lines)
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
        read: Kind = "bounce" if _rejects(own) else "delivered"
        return _report(read, [_recipient(_reader(own), _first_lines(lines), kind=read)])
    if "{" in text and (event := read_event(text)):
        return event
    fields = [each for part in own if _has_fields(part) for each in read_fields(part.text)]
    if fields:
        return _from_fields(fields, lines=lines, parts=parts)
    kind = kind_of(signs(message, "\n".join(lines)))
    if kind == "other" and is_complaint(message, text):
        return _report("complaint", [_recipient(_addressed(parts), _first_lines(lines), kind="complaint")])
    if depth < _MAX_FORWARDS and (kind in ("other", "auto_reply") or not _names_a_refusal(lines)):
        for inner in enclosed(message):
            report = _read(inner, depth=depth + 1)
            if report.kind in ("bounce", "delay") and (kind != "bounce" or is_report(inner)):
                return report
    if kind in ("bounce", "delay"):
        return _from_notice(message, kind=kind, lines=lines, parts=parts)
    return _report(kind, [_recipient(header_address(message, "From"), _first_lines(lines), kind=kind)])


def _names_a_refusal(lines: list[str]) -> bool:
    return find_refusal(lines).worth > Worth.SENTENCES or bool(read_notice(lines))


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
    said = {each.recipient.lower(): each.refusal for each in read_notice(lines)}
    whole = find_refusal(lines)
    dialogue = Dialogue(lines)
    found: dict[str, RecipientReport] = {}
    for each in fields:
        kind = each.kind or "bounce"
        recipient = each.recipient or each.original_recipient
        notice = said.get(recipient.lower()) or said.get(each.original_recipient.lower()) or _NOTHING_SAID
        notice = dialogue.in_full(each.diagnostic) or dialogue.said_of(recipient) or notice
        if len(fields) == 1:
            notice = fuller(notice, whole)
        codes = find_codes("" if is_out_of_order(each.diagnostic) else each.diagnostic)
        diagnostic = " ".join(each.diagnostic.split()) if kind == "delivered" else ""
        diagnostic = diagnostic or best_diagnostic(each, notice=notice)
        if kind == "delay" and fold(diagnostic) in markers().expired:
            kind = "bounce"
        key = recipient.lower() or str(len(found))
        if key not in found or _STRENGTH[kind] > _STRENGTH[found[key].kind]:
            found[key] = _recipient(
                recipient or _addressed(parts),
                diagnostic,
                kind=kind,
                smtp=codes.smtp,
                enhanced=codes.enhanced or each.status or None,
            )
    reports = list(found.values())
    return _report(max((r.kind for r in reports), key=_STRENGTH.__getitem__), reports)


def _from_notice(message: Message, *, kind: Kind, lines: list[str], parts: list[Part]) -> MessageReport:
    said = read_notice(lines)
    whole = find_refusal(lines)
    by_address = {each.recipient.lower(): each for each in said}
    if failed := addresses(header(message, "X-Failed-Recipients")):
        chosen = [by_address.get(one.lower(), Said(one, _NOTHING_SAID)) for one in failed]
    else:
        chosen = _likely(said, message=message, parts=parts)
    if not chosen:
        named = (
            _second_opinion(message, parts=parts)
            or _mentioned(lines, message=message)
            or _addressed(parts)
            or _list(message)
        )
        return _report(kind, [_recipient(named, whole.text or _first_lines(lines), kind=kind)])
    # A server's reply somewhere in a notice is about all recipients of whom it says nothing better.
    best = max(each.refusal.worth for each in chosen)
    return _report(
        kind,
        [
            _recipient(
                each.recipient,
                (whole.text or _first_lines(lines))
                if each.refusal.worth is Worth.NOTHING or best < whole.worth
                else each.refusal.text,
                kind=kind,
            )
            for each in chosen
        ],
    )


def _likely(said: list[Said], *, message: Message, parts: list[Part]) -> list[Said]:
    """Of the addresses that a notice names, those that can have failed: not its sender, its reader or a postmaster."""
    others = {a.lower() for name in ("From", "To", "Reply-To", "Sender") for a in addresses(header(message, name))}
    original = {a.lower() for a in _original_addresses(parts)}
    failed = [s for s in said if s.recipient.lower() not in others and not _is_role(s.recipient)]
    return [s for s in failed if s.recipient.lower() in original] or failed


def _is_role(address: str) -> bool:
    local = address.lower().partition("@")[0]
    return f"{local}@" in _ROLES or local.endswith(_LIST_ROLES) or local.startswith("owner-")


def _list(message: Message) -> str | None:
    """The list whose manager wrote, which is where the message was sent to."""
    sender = header_address(message, "From") or ""
    local, _, domain = sender.partition("@")
    name = next((local.removesuffix(role) for role in _LIST_ROLES if local.lower().endswith(role)), "")
    return f"{name}@{domain}" if name and domain else None


def _second_opinion(message: Message, *, parts: list[Part]) -> str | None:
    """Whom flufl.bounce, which Mailman relies on, finds to have failed."""
    if sum(part.text.count("\n") for part in parts) > _MAX_SCANNED_LINES:
        return None
    from flufl.bounce import all_failures

    # Its detectors fall over headers in raw bytes, without an address or of comments in comments, log that, and raise:
    # then it has no opinion.
    logging.getLogger("flufl.bounce").addHandler(logging.NullHandler())
    try:
        temporary, permanent = all_failures(message)
    except (AttributeError, LookupError, RecursionError, TypeError, ValueError):
        return None
    found = sorted(address for address in {*temporary, *permanent} if address)
    return found[0].decode("ascii", "replace") if found else None


def _mentioned(lines: list[str], *, message: Message) -> str | None:
    others = {a.lower() for name in ("From", "To", "Reply-To", "Sender") for a in addresses(header(message, name))}
    found = [a for a in addresses("\n".join(lines)) if a.lower() not in others]
    return next((a for a in found if not _is_role(a)), None)


def _original_addresses(parts: list[Part]) -> list[str]:
    """Whom the returned original was sent to, by its headers."""
    found: list[str] = []
    for part in parts:
        if part.original:
            names = ("X-Original-To", "X-HmXmrOriginalRecipient", "Delivered-To", "Envelope-To", "To", "Cc")
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


def _rejects(parts: list[Part]) -> bool:
    """Whether a receipt is a refusal by the recipient's script (RFC 5429, 2.1.2), not what a person did."""
    text = "\n".join(part.text for part in parts if part.media_type.endswith("disposition-notification"))
    return _REJECTED.search(text) is not None


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
