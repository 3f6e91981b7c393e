"""Strings that scanners take for spam or a virus by agreement, and messages that carry them.

They are put together here, so that no scanner finds them in the repository.
"""

from email import message_from_bytes, policy
from email.message import EmailMessage

from lab.errand import message
from lab.errors import LabError
from lab.faults.fault import Fault

# Generic Test for Unsolicited Bulk Email, spamassassin.apache.org/gtube; and the test file of eicar.org.
_PAYLOADS = {
    "gtube": ("XJS*C4JDBQADN1.NSBN3*2IDNEN*", "GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL", "*C.34X"),
    "eicar": ("X5O!P%@AP[4\\PZX54(P^)7CC)7}$", "EICAR-STANDARD-ANTIVIRUS-TEST-FILE", "!$H+H*"),
}


def payload(name: str) -> str:
    """The string of that name; LabError where there is none."""
    try:
        return "".join(_PAYLOADS[name])
    except KeyError as err:
        raise LabError(f"no payload {name!r}: there are {', '.join(_PAYLOADS)}") from err


def fault_message(fault: Fault, *, sender: str, name: str) -> bytes:
    """The message that meets the fault."""
    data = message(sender=sender, recipient=fault.recipient, name=name, size_bytes=fault.size_bytes, hops=fault.hops)
    if fault.attachment:
        mail = message_from_bytes(data, EmailMessage, policy=policy.default)
        mail.add_attachment(b"MZ\x90\x00", maintype="application", subtype="octet-stream", filename=fault.attachment)
        data = mail.as_bytes()
    if fault.payload:
        data += f"\n{payload(fault.payload)}\n".encode()
    return b"".join(f"{header}\n".encode() for header in fault.headers) + data


def carries_payload(data: bytes) -> bool:
    """Whether a scanner would take the message for a virus."""
    return payload("eicar").encode() in data
