"""The answer for one recipient or one text."""

from dataclasses import dataclass
from typing import Any

from bounceml.taxonomy import Action, BounceType, Fault, Kind


@dataclass(frozen=True, slots=True)
class Alternative:
    """Another reason that the text might have, with its calibrated probability 0–1."""

    reason: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Blocklist:
    """A blocklist that the text names, and what it lists: "ip", "domain" or "uri"."""

    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a bounce means and what to do.

    `confidence` and `type_confidence` are calibrated probabilities 0–1 that the reason and the type are right.
    `decided_by` is "model", "rule:<id>" or "user_rule:<id>". What isn't a bounce or a delay has no type, reason, fault,
    action or type_confidence, and `confidence` is that of its kind. `retry_after_s` is in seconds.
    """

    kind: Kind
    type: BounceType | None
    reason: str | None
    fault: Fault | None
    action: Action | None
    confidence: float
    type_confidence: float | None
    decided_by: str
    diagnostic: str
    smtp_code: str | None = None
    enhanced_code: str | None = None
    retry_after_s: int | None = None
    blocklist: Blocklist | None = None
    alternatives: tuple[Alternative, ...] = ()
    model_version: str = ""
    recipient: str | None = None
    file: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """The verdict as JSON-ready values, keys in the documented order."""
        return {
            "file": self.file,
            "kind": self.kind,
            "type": self.type,
            "reason": self.reason,
            "fault": self.fault,
            "action": self.action,
            "confidence": round(self.confidence, 4),
            "type_confidence": None if self.type_confidence is None else round(self.type_confidence, 4),
            "decided_by": self.decided_by,
            "recipient": self.recipient,
            "smtp_code": self.smtp_code,
            "enhanced_code": self.enhanced_code,
            "diagnostic": self.diagnostic,
            "retry_after_s": self.retry_after_s,
            "blocklist": self.blocklist and {"name": self.blocklist.name, "kind": self.blocklist.kind},
            "alternatives": [{"reason": a.reason, "confidence": round(a.confidence, 4)} for a in self.alternatives],
            "model_version": self.model_version,
        }
