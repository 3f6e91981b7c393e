"""The human-readable part of a bounce: which recipients it names, and what the refusing server said of each."""

import re
from dataclasses import dataclass

from bounceml.codes import find_codes
from bounceml.decode import repair
from bounceml.mail.markers import markers
from bounceml.masking import fold

MAX_DIAGNOSTIC = 2000
_MAX_TEXT = 100_000
_MAX_LINES = 2000
_MAX_LINE = 2000
_MAX_RECIPIENTS = 1000
# Sets of what can't stand there compile at once, unlike ranges over all of Unicode.
_ADDRESS = re.compile(r"[^\s@<>()\[\]{}\"',;:\\|]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){0,8}")
# How much of a reply's beginning tells whether two texts are the same reply.
_REPLY_START = 30
# A line that opens what is said of a recipient: the address, alone or behind one word, in brackets or before a colon.
_OPENS = re.compile(
    r"^[\s>*•\-]{0,8}(?:(?:[^\W\d_]|[ \-]){1,40}[:：]\s{0,4})?"
    rf"[\"'<(\[«]{{0,2}}(?:mailto:)?({_ADDRESS.pattern})[\"'>)\]»]{{0,2}}"
    r"(?:[\s:;,.…]{0,6}$|\s{0,2}[:：;]|\s{0,4}[\-–(<]|\s{1,4}\S)"
)
_REPLY = re.compile(r"(?<![\w.,:/@+-])([45]\d\d)(?=[ \-#]|$|: )(?!\s{0,2}(?:bytes|kb|mb|byte|messages)\b)")
_STATUS = re.compile(r"(?<![\w.])#?[45]\.\d{1,3}\.\d{1,3}(?![\w.])")
_QUOTED = re.compile(r"^\s{0,4}<<<\s{0,3}(.*)$")
_SENT = re.compile(r"^\s{0,4}>>>\s")
_TAIL = re.compile(
    r"\s*(?:\(in reply to [^()]{1,60}\)|Giving up on \S{1,80}|I'm not going to try again[^\n]{0,120}|"
    r"\(state \d{1,3}\)\.?|- \w{1,12} - gsmtp|- gsmtp|##\s*$|#SMTP#)\s*\.?$",
    re.IGNORECASE,
)
# Headers with which a returned original, or a part that holds one, begins without further notice.
_HEADERS = re.compile(
    r"received: from|return-path: <|dkim-signature: |message-id: <|delivered-to: |reporting-mta: |"
    r"content-type: (?:message/|text/rfc822)"
)
_CONTINUED = re.compile(r"\s[45]\d\d-(?=\S|\s)")


@dataclass(frozen=True, slots=True)
class Said:
    """What a notice says of one recipient (None: of all)."""

    recipient: str | None
    text: str


def read_notice(lines: list[str]) -> list[Said]:
    """What a notice says in its own lines, for each recipient that it names."""
    found = _by_recipient(lines)
    if found:
        return found
    return [Said(None, refusal(lines))]


def own_lines(text: str) -> list[str]:
    """Lines of a notice up to where the returned original begins, repaired and bounded."""
    kept: list[str] = []
    for line in repair(text[:_MAX_TEXT]).splitlines()[:_MAX_LINES]:
        line = line[:_MAX_LINE].rstrip()
        folded = " ".join(fold(line).split())
        if _HEADERS.match(folded):
            # Some notices begin with a few headers of the message that they speak of, and only then say why.
            if any(_says_something(each) for each in kept):
                break
            continue
        if kept and _begins_original(folded):
            break
        if not _is_ornament(line):
            kept.append(line)
    return kept


def refusal(lines: list[str]) -> str:
    """What the refusing server said in these lines, else the lines themselves, on one line."""
    quoted = _smtp_dialogue(lines)
    if quoted:
        return _tidy(quoted)
    joined = "\n".join(lines)
    if (at := _reply_at(joined)) is not None:
        return _tidy(_paragraph(joined[at:]))
    return _tidy(" ".join(line.strip() for line in lines if line.strip()))


def fuller(own: str, whole: str) -> str:
    """What is said of the only recipient: beside its address, or elsewhere if the server speaks only there.

    Also where the line beside the address is but the first of a reply that the notice has whole.
    """
    own_code, whole_code = find_codes(own[:_REPLY_START]), find_codes(whole[:_REPLY_START])
    if own_code.smtp is None and own_code.enhanced is None:
        return whole if whole_code.smtp is not None or not has_reply(own) else own
    begins_alike = own_code.smtp == whole_code.smtp and own[4:_REPLY_START] in whole
    return whole if begins_alike and len(whole) > len(own) else own


def has_reply(text: str) -> bool:
    """Whether a text has words beside codes: a diagnostic to be read rather than a number."""
    return sum(c.isalpha() for c in _STATUS.sub("", text)) >= 5


def _begins_original(folded: str) -> bool:
    bare = folded.strip("-=_*> ")
    return any(
        folded.startswith(mark) if mark[0] in "-=*" else bare.startswith(mark) and len(bare) <= len(mark) + 30
        for mark in markers().original
    )


def _says_something(line: str) -> bool:
    return _ADDRESS.search(line) is not None or find_codes(line).smtp is not None


def _is_ornament(line: str) -> bool:
    """Rules and boxes drawn with characters, and headers of MIME parts."""
    return bool(line.strip()) and (
        not any(c.isalnum() for c in line) or line.lower().startswith(("content-type:", "content-transfer-encoding:"))
    )


def _smtp_dialogue(lines: list[str]) -> str:
    """The last refusal of a transcript (`<<< 550 …`), as Sendmail and its kin write it."""
    replies: list[list[str]] = [[]]
    for line in lines:
        if match := _QUOTED.match(line):
            replies[-1].append(match[1])
        elif replies[-1] and (_SENT.match(line) or line.strip()):
            replies.append([])
    refused = [reply for reply in replies if reply and re.match(r"[45]\d\d", reply[0].strip())]
    return " ".join(refused[-1]) if refused else ""


def _reply_at(text: str) -> int | None:
    """Where a server's reply begins: at a reply code, the last of those at the beginning of what is quoted."""
    introduced = [match.end() for match in markers().reply.finditer(fold(text))] if text.isascii() else []
    codes = [match.start() for match in _REPLY.finditer(text)]
    if not codes:
        return None
    behind = [code for code in codes if any(0 <= code - end <= 60 for end in introduced)]
    return behind[0] if behind else codes[0]


def _paragraph(text: str) -> str:
    """Up to the next empty line."""
    return re.split(r"\n\s*\n", text.strip("\n"), maxsplit=1)[0]


def _tidy(text: str) -> str:
    line = " ".join(text.split())
    line = _CONTINUED.sub(" ", line)
    for _ in range(3):
        line = _TAIL.sub("", line)
    if line.endswith(")") and line.count("(") < line.count(")"):  # of "(reason: …)"
        line = line[:-1]
    return line[:MAX_DIAGNOSTIC].strip()


def _by_recipient(lines: list[str]) -> list[Said]:
    """Blocks of lines that each begin with a recipient's address, as qmail, Exim, Postfix and Exchange write them."""
    starts = [(i, match[1]) for i, line in enumerate(lines) if (match := _OPENS.match(line))][:_MAX_RECIPIENTS]
    # A reply that names its recipient, wrapped before the name, is no new block.
    starts = [s for n, s in enumerate(starts) if n == 0 or s[1].lower() != starts[n - 1][1].lower()]
    found: dict[str, str] = {}
    for n, (start, address) in enumerate(starts):
        end = starts[n + 1][0] if n + 1 < len(starts) else len(lines)
        block = [
            lines[start][lines[start].find(address) + len(address) :].lstrip(">)]\"': \t;,»"),
            *lines[start + 1 : end],
        ]
        said = refusal(block)
        key = address.lower().rstrip(".")
        if said and (key not in found or not has_reply(found[key])):
            found[key] = said
        else:
            found.setdefault(key, "")
    return [Said(_as_written(lines, key), text) for key, text in found.items()]


def _as_written(lines: list[str], key: str) -> str:
    for line in lines:
        at = line.lower().find(key)
        if at >= 0:
            return line[at : at + len(key)]
    return key


def addresses(text: str) -> list[str]:
    """E-mail addresses in a text, each once, in its order."""
    return list(dict.fromkeys(match[0].rstrip(".").strip("'") for match in _ADDRESS.finditer(text[:200_000])))
