"""Delivery reports by the standards: the fields of RFC 3464 and RFC 6533 for each recipient."""

import re
from dataclasses import dataclass

from bounceml.decode import repair
from bounceml.taxonomy import Kind

# RFC 3464, 2.3.3: what became of a recipient.
_KINDS: dict[str, Kind] = {
    "failed": "bounce",
    "failure": "bounce",
    "delayed": "delay",
    "delivered": "delivered",
    "relayed": "delivered",
    "expanded": "delivered",
}
_MAX_RECIPIENTS = 1000
_FIELD = re.compile(r"^([A-Za-z][A-Za-z0-9-]{1,60})[ \t]{0,5}:[ \t]{0,20}(.*)$")
# ZoneMTA names all recipients of a message where it speaks of one (RFC 3464, 2.3.2, has one in each block).
_ADDRESSES = re.compile(r"[^,@\s\"]{1,64}@[^,@\s\"]{1,255}(?:,[^,@\s\"]{1,64}@[^,@\s\"]{1,255})+")
_STATUS = re.compile(r"(?<![\w.])([245]\.\d{1,3}\.\d{1,3})(?![\w.])")
_REPLY_GOES_ON = re.compile(r"[45]\d\d[- ]")
_UNICODE = re.compile(r"\\x\{([0-9A-Fa-f]{2,6})\}")


@dataclass(frozen=True, slots=True)
class Fields:
    """What a report says of one recipient, `diagnostic` with its line ends; empty texts where it says nothing."""

    recipient: str
    original_recipient: str
    kind: Kind | None
    status: str
    diagnostic: str
    comment: str


def read_fields(text: str) -> list[Fields]:
    """Recipients of a delivery report's text, in its order; blocks without a recipient are the message's own."""
    found = []
    of_all = ""  # some servers give the diagnostic once, with the fields of the whole message
    for block in _blocks(text):
        recipient = address(block.get("final-recipient", "")) or address(block.get("x-actual-recipient", ""))
        original = address(block.get("original-recipient", "")) or address(block.get("x-actual-recipient", ""))
        if not (recipient or original or "action" in block):
            of_all = of_all or _diagnostic(block)
            continue
        status = _STATUS.search(block.get("status", ""))
        action = block.get("action", "").strip().lower().split(" ")[0].strip("()")
        several = _ADDRESSES.fullmatch(recipient)
        found += [
            Fields(
                recipient=one,
                original_recipient=original,
                kind=_KINDS.get(action) or _kind_of_status(status[1] if status else ""),
                status=status[1] if status else "",
                diagnostic=_diagnostic(block) or of_all,
                comment=_comment(block.get("status", "")),
            )
            for one in (recipient.split(",")[:_MAX_RECIPIENTS] if several else [recipient])
        ]
        if len(found) >= _MAX_RECIPIENTS:
            break
    return found


def address(value: str) -> str:
    """The address in a field such as `rfc822; <kim@example.com>` (RFC 3464, 2.3.2), empty where there is none.

    >>> address("rfc822; <Kim@example.com>")
    'Kim@example.com'
    """
    text = value.partition(";")[2] or value
    text = _UNICODE.sub(lambda match: chr(min(int(match[1], 16), 0x10FFFF)), text)
    text = text.strip().strip("<>\"' ").strip()
    text = text.split(" ")[0].strip("<>,;") if text else ""
    return "" if text.startswith("@") else text


def _kind_of_status(status: str) -> Kind | None:
    return {"5": "bounce", "4": "delay", "2": "delivered"}.get(status[:1])  # type: ignore[return-value]  # literals


def _diagnostic(block: dict[str, str]) -> str:
    code = block.get("diagnostic-code", "")
    kind, semicolon, reply = code.partition(";")
    text = reply if semicolon and len(kind) < 40 and " " not in kind.strip() else code
    return "\n".join(" ".join(line.split()) for line in repair(text.strip()).split("\n"))


def _comment(status: str) -> str:
    """What stands in brackets behind a status: `5.4.4 (Illegal host/domain name found)`."""
    match = re.search(r"\((.{1,500})\)\s*$", status)
    return " ".join(repair(match[1]).split()) if match else ""


def _blocks(text: str) -> list[dict[str, str]]:
    """Groups of fields, separated by empty lines; folded lines are joined (RFC 5322, 2.2.3)."""
    blocks: list[dict[str, str]] = [{}]
    last = ""
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if not line.strip():
            # A reply of several lines, put there with the empty lines between them that a relay made.
            if last == "diagnostic-code" and _REPLY_GOES_ON.match("".join(lines[number + 1 : number + 2])):
                continue
            if blocks[-1]:
                blocks.append({})
            last = ""
        elif line[0] in " \t" and last:
            # Where the lines of a reply end tells which of its codes are repeated.
            blocks[-1][last] += ("\n" if last == "diagnostic-code" else " ") + line.strip()
        elif match := _FIELD.match(line):
            last = match[1].lower()
            if last == "final-recipient" and last in blocks[-1]:
                blocks.append({})
            if last in blocks[-1]:
                blocks[-1][last] += f" {match[2].strip()}"
            else:
                blocks[-1][last] = match[2].strip()
        elif last == "diagnostic-code":  # folded by a server that forgot the space
            blocks[-1][last] += f"\n{line.strip()}"
    return blocks
