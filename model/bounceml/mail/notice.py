"""The human-readable part of a bounce: which recipients it names, and what was said of each."""

import re
from dataclasses import dataclass

from bounceml.codes import find_codes
from bounceml.decode import repair
from bounceml.mail.dialogue import refusals
from bounceml.mail.markers import markers
from bounceml.mail.prose import is_ruler
from bounceml.mail.refusal import Refusal, Worth, answer, find_refusal, has_reply
from bounceml.masking import fold

_MAX_TEXT = 100_000
_MAX_LINES = 2000
_MAX_LINE = 2000
_MAX_RECIPIENTS = 1000
_MAX_EXCHANGES = 200
# A closing bracket, a colon, where the address was expanded from, and one to spare.
_MAX_BESIDE = 4
# Sets of what can't stand there compile at once, unlike ranges over all of Unicode.
_ADDRESS = re.compile(r"[^\s@<>()\[\]{}\"',;:\\/|]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){0,8}")
# A line that opens what is said of a recipient: the address, alone or behind one word, in brackets or before a colon.
_OPENS = re.compile(
    r"^[\s>*•\-]{0,8}(?:(?:[^\W\d_]|[ \-]){1,40}[:：]\s{0,4})?"
    rf"[\"'<(\[«]{{0,2}}(?:mailto:)?({_ADDRESS.pattern})[\"'>)\]»]{{0,2}}"
    r"(?:[\s:;,.…]{0,6}$|\s{0,2}[:：;]|\s{0,4}[\-–(<]|\s{1,4}\S)"
)
# Headers with which a returned original, or a part that holds one, begins without further notice.
_HEADERS = re.compile(
    r"received: ?from|return-path: ?<|dkim-signature: |message-id: ?<|delivered-to: |reporting-mta: |"
    r"content-type: ?(?:message/|text/rfc822)"
)
# A marker in these words' company heads a summary ("原邮件信息", "Original Message Details"), not the original itself.
_SUMMARY = ("信息", "資訊", "资讯", "情報", "details", "information", "info")
_QUOTE = re.compile(r"^> ?(?!>)")
# "on Tue, 1 Apr 2025 09:00:00 -0000", "(generated from kim@example.com)": what MTAs put behind the address.
_BESIDE = re.compile(
    r"^\s{0,4}(?:on [A-Z][a-z]{2},? .{8,40}$|\.{3}\s|\((?:generated|expanded) from:?[^()]{1,200}\)[:;]?|"
    r"[>)\]\"':;,»]{1,4})\s{0,4}"
)


# A reply of nothing but its codes, behind the recipient.
_CODES_ALONE = re.compile(r"[\s:：]{0,4}([45]\d\d(?: [45]\.\d{1,3}\.\d{1,3})?)\s*$")


@dataclass(frozen=True, slots=True)
class Said:
    """What a notice says of one recipient, and how that was found."""

    recipient: str
    refusal: Refusal


class Dialogue:
    """The refusals of an SMTP dialogue that a notice quotes."""

    def __init__(self, lines: list[str]) -> None:
        refused = refusals(lines)[:_MAX_EXCHANGES]
        self._about = [(each.about, each) for each in refused]
        self._by_first_line = {" ".join(each.answer[0].split()): each for each in reversed(refused)}

    def said_of(self, recipient: str) -> Refusal | None:
        """The last refusal that names a recipient, None where none does."""
        named = [exchange for words, exchange in self._about if recipient and recipient.lower() in words]
        return Refusal(answer(named[-1]), Worth.REPLY) if named else None

    def in_full(self, first_line: str) -> Refusal | None:
        """The whole of a reply by its first line, all that some servers put into their report of a recipient."""
        found = self._by_first_line.get(" ".join(first_line.split()))
        return Refusal(answer(found), Worth.REPLY) if found else None


def read_notice(lines: list[str]) -> list[Said]:
    """What a notice's own lines say of each recipient that they name, in their order."""
    starts = [(i, match[1]) for i, line in enumerate(lines) if (match := _OPENS.match(line))][:_MAX_RECIPIENTS]
    # A reply that names its recipient, wrapped before the name, is no new block.
    starts = [s for n, s in enumerate(starts) if n == 0 or s[1].lower() != starts[n - 1][1].lower()]
    found: dict[str, Said] = {}
    for n, (start, address) in enumerate(starts):
        end = starts[n + 1][0] if n + 1 < len(starts) else len(lines)
        block = _without_remarks([lines[start].partition(address)[2], *lines[start + 1 : end]])
        said = find_refusal(block, share=True)
        if not has_reply(said.text):
            codes = _CODES_ALONE.match(block[0])
            said = Refusal(codes[1], Worth.REPLY) if codes else Refusal("", Worth.NOTHING)
        address = address.rstrip(".")
        key = address.lower()
        if key not in found or said.worth > found[key].refusal.worth:
            found[key] = Said(address if key not in found else found[key].recipient, said)
    return _with_dialogue(list(found.values()), lines=lines)


def own_lines(text: str) -> list[str]:
    """Lines of a notice up to where the returned original begins, repaired, unquoted and bounded."""
    kept: list[str] = []
    for line in repair(text[:_MAX_TEXT]).splitlines()[:_MAX_LINES]:
        line = _QUOTE.sub("", line[:_MAX_LINE].rstrip())
        folded = " ".join(fold(line).split())
        if _HEADERS.match(folded):
            # Some notices begin with a few headers of the message that they speak of, or quote them indented.
            if not line[:1].isspace() and any(_says_something(each) for each in kept):
                break
        elif any(kept) and _begins_original(folded):
            break
        elif not folded.startswith(("content-type:", "content-transfer-encoding:")):
            kept.append(line)
    return kept


def addresses(text: str) -> list[str]:
    """E-mail addresses in a text, each once, in its order."""
    return list(dict.fromkeys(match[0].rstrip(".").strip("'") for match in _ADDRESS.finditer(text[:200_000])))


def _begins_original(folded: str) -> bool:
    bare = folded.strip("-=_*|> ")
    if bare.rstrip(" :：").endswith(_SUMMARY):
        return False
    return any(
        folded.startswith(mark) if mark[0] in "-=*" else bare.startswith(mark) and len(bare) <= len(mark) + 30
        for mark in markers().original
    )


def _says_something(line: str) -> bool:
    return _ADDRESS.search(line) is not None or find_codes(line).smtp is not None


def _without_remarks(block: list[str]) -> list[str]:
    """A block without what the sending server puts around the address, up to a ruler behind something said."""
    kept: list[str] = []
    for line in block:
        for _ in range(_MAX_BESIDE):
            line = _BESIDE.sub("", line)
        if any(part.strip() for part in kept) and line.strip() and is_ruler(line):
            break
        kept.append(line)
    return kept


def _with_dialogue(said: list[Said], *, lines: list[str]) -> list[Said]:
    """Recipients of several get the refusal of the dialogue that names them."""
    dialogue = Dialogue(lines) if said else None
    return [Said(each.recipient, (dialogue and dialogue.said_of(each.recipient)) or each.refusal) for each in said]
