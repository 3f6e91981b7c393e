"""What a whole message is, told from its headers and words where no standard part says it."""

from dataclasses import dataclass
from email.message import Message

from bounceml.codes import find_codes
from bounceml.mail.markers import markers
from bounceml.mail.parts import folded_header
from bounceml.masking import fold
from bounceml.taxonomy import Kind

# How much of a notice is looked at for words that tell its kind.
_LOOKED_AT = 4000
_BEGINNING = 600
_SURE_BOUNCE = 3
_LIKELY_BOUNCE = 2


@dataclass(frozen=True, slots=True)
class Signs:
    """What speaks for a bounce (points) and for an automatic reply (headers, subject)."""

    bounce: int
    auto_header: bool
    auto_subject: bool
    delivered_subject: bool
    delay: bool


def signs(message: Message, text: str) -> Signs:
    """Signs of a message's kind in its headers and in its own text, the returned original left out."""
    subject, sender = folded_header(message, "Subject"), folded_header(message, "From")
    words = " ".join(fold(text[:_LOOKED_AT]).split())
    marks = markers()
    null_path = folded_header(message, "Return-Path") == "<>"
    codes = find_codes(words)
    headers = (
        2 * any(mark in subject for mark in marks.bounce_subjects)
        + 2 * (any(mark in sender for mark in marks.senders) and not _is_list(message, sender))
        + 3 * ("X-Failed-Recipients" in message)
        + 2 * (message.get_content_type() == "multipart/report")
        + null_path
    )
    body = any(mark in words for mark in marks.evidence) + (codes.smtp is not None)
    if not headers and codes.enhanced is None:
        # Order 550 "could not be delivered": words alone don't make a bounce of what looks like ordinary mail.
        body = min(body, 1)
    certain = 3 * any(mark in words[:_BEGINNING] for mark in marks.certain)
    auto = folded_header(message, "Auto-Submitted")
    return Signs(
        bounce=headers + body + certain,
        auto_header=auto.startswith("auto-replied")
        or any(name in message for name in ("X-Autoreply", "X-Autorespond", "X-Auto-Response-From"))
        or folded_header(message, "Precedence") in ("auto_reply", "auto-reply")
        or (folded_header(message, "X-Auto-Response-Suppress") == "all" and auto.startswith("auto-")),
        auto_subject=any(mark in subject for mark in marks.auto_reply_subjects),
        delivered_subject=any(subject.startswith(mark) or mark in subject for mark in marks.delivered_subjects),
        delay=any(mark in subject for mark in marks.delay) or any(mark in words for mark in marks.delay),
    )


def _is_list(message: Message, sender: str) -> bool:
    """Whether a list's manager writes, whose address ends in -bounces for all that it sends."""
    return "-bounces" in sender and any(name in message for name in ("List-Id", "X-Mailman-Version", "Precedence"))


def is_complaint(message: Message, text: str) -> bool:
    """Whether a message without a standard part is a complaint, as some providers still send them."""
    subject, words = folded_header(message, "Subject"), fold(text[:_LOOKED_AT])
    return any(mark in subject or mark in words for mark in markers().complaint)


def kind_of(found: Signs) -> Kind:
    """The kind that the signs tell; `other` where nothing speaks for more."""
    if found.auto_subject and found.bounce < _SURE_BOUNCE + 1:
        return "auto_reply"
    if found.auto_header and found.bounce < _SURE_BOUNCE:
        return "auto_reply"
    if found.delivered_subject and found.bounce < _SURE_BOUNCE:
        return "delivered"
    if found.bounce >= _LIKELY_BOUNCE:
        return "delay" if found.delay else "bounce"
    return "other"
