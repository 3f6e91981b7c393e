"""What a message was found to be: its kind, and what each recipient's server said."""

from dataclasses import dataclass

from bounceml.taxonomy import Kind


@dataclass(frozen=True, slots=True)
class RecipientReport:
    """One recipient of a message and what was said about it.

    `diagnostic` is what the refusing server said, else the notice's own sentence, on one line, never the returned
    original. `smtp_code` ("550") and `enhanced_code` ("5.1.1") come from the report's own fields
    (RFC 3464, Status and Diagnostic-Code) or from the diagnostic, None where neither has one.
    """

    recipient: str | None
    diagnostic: str
    kind: Kind
    smtp_code: str | None = None
    enhanced_code: str | None = None


@dataclass(frozen=True, slots=True)
class MessageReport:
    """A whole message: its kind and at least one recipient's report, in the order of the message."""

    kind: Kind
    recipients: tuple[RecipientReport, ...]
