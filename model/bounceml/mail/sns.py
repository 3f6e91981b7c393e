"""Amazon SES events as JSON, bare or in an SNS envelope (Amazon SES Developer Guide, notification contents)."""

import json
from collections.abc import Iterator
from typing import Any

from bounceml.codes import find_codes
from bounceml.mail.report import MessageReport, RecipientReport
from bounceml.taxonomy import Kind

# An event is some kilobytes; envelopes are at most two deep.
_MAX_TEXT = 300_000
_MAX_DEPTH = 3
_KINDS: dict[str, Kind] = {
    "bounce": "bounce",
    "complaint": "complaint",
    "delivery": "delivered",
    "deliverydelay": "delay",
}
_LISTS = {
    "bounce": "bouncedRecipients",
    "complaint": "complainedRecipients",
    "delivery": "recipients",
    "deliverydelay": "delayedRecipients",
}
_NAMES = {"bounce": "bounce", "complaint": "complaint", "delivery": "delivery", "deliverydelay": "deliveryDelay"}


def read_event(text: str) -> MessageReport | None:
    """The report that an SES event in `text` makes, None where there is none."""
    for event in _objects(text, depth=0):
        what = str(event.get("notificationType") or event.get("eventType") or "").lower()
        body = event.get(_NAMES.get(what, ""))
        if isinstance(body, dict):
            reports = [_recipient(entry, what=what, body=body) for entry in _entries(body, what)]
            if reports:
                return MessageReport(_KINDS[what], tuple(reports))
    return None


def _entries(body: dict[str, Any], what: str) -> list[object]:
    entries = body.get(_LISTS[what])
    return entries[:1000] if isinstance(entries, list) else []


def _recipient(entry: object, *, what: str, body: dict[str, Any]) -> RecipientReport:
    fields = entry if isinstance(entry, dict) else {"emailAddress": entry}
    said = fields.get("diagnosticCode") or body.get("smtpResponse") or ""
    if not said:
        said = " ".join(
            str(body.get(key, "")) for key in ("bounceType", "bounceSubType", "complaintFeedbackType", "delayType")
        )
    diagnostic = " ".join(str(said).split())[:2000]
    diagnostic = diagnostic.removeprefix("smtp;").strip()
    codes = find_codes(diagnostic)
    status = fields.get("status")
    address = fields.get("emailAddress")
    return RecipientReport(
        recipient=str(address) if address else None,
        diagnostic=diagnostic,
        kind=_KINDS[what],
        smtp_code=codes.smtp,
        enhanced_code=codes.enhanced or (str(status) if status else None),
    )


def _objects(text: str, *, depth: int) -> Iterator[dict[str, Any]]:
    """JSON objects in a text, and those that an envelope's `Message` holds as text."""
    start = text.find("{")
    if start < 0 or depth >= _MAX_DEPTH or len(text) > _MAX_TEXT:
        return
    # Mail servers break long lines, in the middle of a string too.
    for candidate in (text[start:], text[start:].replace("\n", "")):
        try:
            found, _ = json.JSONDecoder(strict=False).raw_decode(candidate)
        except (ValueError, RecursionError):
            continue
        break
    else:
        return
    if isinstance(found, dict):
        yield found
        inner = found.get("Message")
        if isinstance(inner, str):
            yield from _objects(inner, depth=depth + 1)
