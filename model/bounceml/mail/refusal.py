"""What the refusing server said, found in the lines of a notice or of one recipient's share of it."""

import re
from dataclasses import dataclass
from enum import IntEnum

from bounceml.mail.dialogue import Exchange, is_out_of_order, refusals, transcript
from bounceml.mail.dsn import Fields
from bounceml.mail.markers import markers
from bounceml.mail.prose import ends_reason, introduced, without_courtesies
from bounceml.masking import fold

MAX_DIAGNOSTIC = 2000
# What follows an address in plain sentences says why in two paragraphs (one in each language), and then gives advice.
_MAX_PARAGRAPHS = 2
_REPLY = re.compile(
    r"(?<![\w.,:/@+-])([45]\d\d)(?=[ \-#]|$|: )(?!-\d{4})(?!\s{0,2}(?:bytes|kb|mb|byte|messages)\b)", re.MULTILINE
)
# A reply that lost its code on the way, but kept its enhanced status, at the beginning of a line.
_STATUS_LINE = re.compile(r"^[ \t#]{0,8}([45]\.\d{1,3}\.\d{1,3}) ", re.MULTILINE)
_STATUS = re.compile(r"(?<![\w.])#?[45]\.\d{1,3}\.\d{1,3}(?![\w.])")
_MULTILINE = re.compile(r"(?:smtp; ?)?([45]\d\d)-((?:[245]\.\d{1,3}\.\d{1,3})?)")
_CODES = re.compile(r"(?<![\w.])(?:[245]\d\d|#?[245]\.\d{1,3}\.\d{1,3})(?![\w.])")
_TAIL = re.compile(
    r"\s*(?:\(in reply to [^()]{1,60}\)|Giving up on \S{1,80}|I'm not going to try again[^\n]{0,120}|"
    r"\(state \d{1,3}\)\.?|- \w{1,12} - gsmtp|- gsmtp|##\s*$|#SMTP#|"
    r"\[(?:BODY|RCPT_TO|MAIL_FROM|CONNECT|DATA)\]|: retry timeout exceeded|"
    r"msmtp: could not send mail(?: \(account [^()]{1,200}\))?)\s*\.?$",
    re.IGNORECASE,
)
# What stands before a reply: Courier's word that the connection was dead already as it began, chasquid's stage
# and that all hosts failed so, and what msmtp prints, which is the whole bounce where a server hands mail to it.
_HEAD = re.compile(
    r"<command failed>\s|(?:all MXs returned transient failures \(last: )?"
    r"(?:MAIL\+RCPT|DATA(?: closing)?|Error (?:creating client|saying hello):)\s{1,8}(?=[45]\d\d[ -])|"
    r"msmtp:\s.{0,400}?msmtp:\s{1,8}server\s{1,8}message:\s{1,8}",
    re.DOTALL,
)
_FURTHER_HEAD = " msmtp: server message: "
_FIRST_CODES = re.compile(r"[45]\d\d[ -]([45]\.\d{1,3}\.\d{1,3})(?=\s)")
_CLOSING = {")": "(", ">": "<", "]": "[", "»": "«", "”": "“", "'": "'", '"': '"'}


class Worth(IntEnum):
    """How a text was found: not at all, as sentences, behind a heading such as "Reason:", as a server's reply."""

    NOTHING = 0
    SENTENCES = 1
    REASON = 2
    REPLY = 3


@dataclass(frozen=True, slots=True)
class Refusal:
    """What was said, on one line, and how it was found."""

    text: str
    worth: Worth


def find_refusal(lines: list[str], *, share: bool = False) -> Refusal:
    """What the refusing server said in these lines, else the reason given, else the sentences that are no courtesy.

    With `share` the lines follow a recipient's address, so that of mere sentences only the first paragraph is meant.
    """
    if refused := refusals(lines):
        return Refusal(answer(refused[-1]), Worth.REPLY)
    local = transcript(lines)
    if local and has_reply(" ".join(local)):
        return Refusal(tidy(" ".join(local)), Worth.REPLY)
    joined = "\n".join(lines)
    if (at := _reply_at(joined)) is not None:
        text = tidy(_paragraph(joined[at:]))
        if has_reply(text):
            return Refusal(text, Worth.REPLY)
    if reason := introduced(lines):
        return Refusal(tidy(reason), Worth.REASON)
    paragraphs = [" ".join(paragraph) for paragraph in without_courtesies(lines)]
    if share:
        paragraphs = paragraphs[:_MAX_PARAGRAPHS]
    text = tidy(" ".join(paragraphs))
    return Refusal(text, Worth.SENTENCES if text else Worth.NOTHING)


def answer(exchange: Exchange) -> str:
    """A server's answer on one line."""
    return tidy(" ".join(exchange.answer))


def has_reply(text: str) -> bool:
    """Whether a text has words beside codes: a diagnostic to be read rather than a number."""
    return sum(c.isalpha() for c in _STATUS.sub("", text)) >= 5


def tidy(text: str) -> str:
    """`text` on one line, repeated codes of a reply's further lines and the sending server's remarks left out.

    >>> tidy("550-5.7.1 Refused, 550 5.7.1 see below (in reply to RCPT TO command)")
    '550 5.7.1 Refused, see below'
    """
    text = text[: 3 * MAX_DIAGNOSTIC].strip()
    if match := _HEAD.match(text):
        text = text[match.end() :]
    if match := _FIRST_CODES.match(text):
        # Further lines that lost the reply code, but not the enhanced status.
        text = re.sub(rf"\n\s{{0,8}}{re.escape(match[1])}(?=\s)", "\n", text)
    line = " ".join(text.split()).replace(_FURTHER_HEAD, " ")
    if match := _MULTILINE.match(line):
        code, status = match[1], match[2]
        again = rf"\s{code}[- ](?:{re.escape(status)}(?=\s|$))?" if status else rf"\s{code}[- ](?=\S)"
        line = f"{code} {status}{re.sub(again, ' ', line[match.end() :])}"
        line = " ".join(line.split())
    if match := _FIRST_CODES.match(line):
        # Lines that held nothing but the code, as some servers join them.
        line = line[: match.end()] + re.sub(rf"\s?(?:{re.escape(match[1])}\s?){{2,}}", " ", line[match.end() :])
    for _ in range(3):
        line = _TAIL.sub("", line)
    if line and (opening := _CLOSING.get(line[-1])):
        lone = line.count(opening) % 2 == 1 if opening == line[-1] else line.count(opening) < line.count(line[-1])
        line = line[:-1].rstrip() if lone else line
    return line[:MAX_DIAGNOSTIC].strip()


def best_diagnostic(fields: Fields, *, notice: Refusal) -> str:
    """A report's Diagnostic-Code, unless the notice beside it says the same in full, or says more."""
    diagnostic = tidy(fields.diagnostic)
    if fold(diagnostic) in markers().hiding and has_reply(notice.text):
        return notice.text
    if not has_reply(diagnostic) or _is_vague(diagnostic):
        comment = "" if _is_vague(fields.comment) else fields.comment
        better = (notice.text if notice.worth > Worth.SENTENCES else "") or comment or diagnostic or notice.text
        return better if has_reply(better) else notice.text or better or fields.comment
    # Some servers put only the first line of a longer reply into the field, or that of a command sent ahead.
    is_partial = _goes_on(diagnostic, notice.text) or is_out_of_order(diagnostic)
    return notice.text if notice.worth is Worth.REPLY and is_partial else diagnostic


def fuller(first: Refusal, second: Refusal) -> Refusal:
    """Of two readings the one found better, and of equal ones the second only if it goes on where the first ends."""
    if second.worth != first.worth:
        return max(first, second, key=lambda each: each.worth)
    return second if _goes_on(first.text, second.text) else first


def _goes_on(text: str, longer: str) -> bool:
    return len(longer) > len(text) and _words(longer).startswith(_words(text))


def _is_vague(text: str) -> bool:
    words = fold(_CODES.sub(" ", text)).strip(" .;:()-#!")
    return (
        not words
        or words in markers().vague
        or any(words.startswith(mark) and len(words) < len(mark) + 12 for mark in markers().vague if " " in mark)
    )


def _words(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))


def _reply_at(text: str) -> int | None:
    """Where a server's reply begins: at a reply code, the first of those behind what introduces a reply."""
    introduced_at = [match.end() for match in markers().reply.finditer(fold(text))] if text.isascii() else []
    codes = [match.start() for match in _REPLY.finditer(text)]
    if not codes:
        match = _STATUS_LINE.search(text)
        return match.start(1) if match else None
    behind = [code for code in codes if any(0 <= code - end <= 60 for end in introduced_at)]
    return behind[0] if behind else codes[0]


def _paragraph(text: str) -> str:
    """Up to the next empty line, or a line that says something else; over empty lines while the reply goes on."""
    found: list[str] = []
    lines = text.split("\n")
    code = text[:3]
    for number, line in enumerate(lines):
        if found and not line.strip(" >\t"):
            further = "".join(lines[number + 1 : number + 2])
            if not (found[-1].startswith(f"{code}-") and further.startswith(code)):
                break
        elif found and ends_reason(line):
            break
        else:
            found.append(line)
    return "\n".join(found)
