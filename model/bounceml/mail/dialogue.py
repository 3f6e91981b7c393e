"""SMTP dialogues that a notice quotes: what was sent, and what the server answered."""

import re
from dataclasses import dataclass

# `<<< 550 …` in Sendmail's transcripts and its kin, `<-- 550 …` with a time before it in MDaemon's.
_ANSWER = re.compile(r"^[\w\s:.,/+-]{0,45}<(?:<<|--)\s{0,3}(.*)$")
_COMMAND = re.compile(r"^[\w\s:.,/+-]{0,45}(?:>>|--)>\s{0,3}(.*)$")
# "Need a recipient first": what follows when commands were sent ahead and one of them was refused.
_OUT_OF_ORDER = re.compile(r"\s{0,3}503(?!\d)")
_REFUSED = re.compile(r"\s{0,3}[45]\d\d(?!\d)")
_TRANSCRIPT = re.compile(r"transcript of (?:the )?session|session transcript", re.IGNORECASE)
# What Sendmail says of a recipient whose answer stands elsewhere in the dialogue.
_DEFERRED = re.compile(r"^(<[^<>\s]{1,320}>)\.\.\. Deferred: ([45]\d\d .{1,500})$")
# Lines of a transcript that are Sendmail's own, not a reason.
_OWN = re.compile(
    r"\.\.\. while talking to|while talking to|warning: message still undelivered|will keep trying until|"
    r"message could not be delivered for|message will be deleted from",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Exchange:
    """A command, the lines that answered it, and what the quoting server says to that on the next line."""

    command: str
    answer: tuple[str, ...]
    remark: str = ""

    @property
    def about(self) -> str:
        """What may name the recipient whom the answer is about, folded to lower case.

        Where commands were sent ahead, the one before the answer is another; Sendmail's remark names the recipient.
        """
        return f"{self.command} {self.answer[0]} {self.remark}".lower()

    @property
    def refused(self) -> bool:
        """Whether the answer is a reply of class 4 or 5 (RFC 5321, 4.2.1)."""
        return bool(self.answer) and _REFUSED.match(self.answer[0]) is not None


def exchanges(lines: list[str]) -> list[Exchange]:
    """What was said in the lines, in their order."""
    found: list[Exchange] = []
    command = ""
    answer: list[str] = []
    for line in [*lines, ">>> end"]:
        if match := _ANSWER.match(line):
            answer.append(match[1])
            continue
        if answer and line.strip():
            remark = "" if _COMMAND.match(line) else line
            found.append(Exchange(command, tuple(answer), remark))
            answer = []
        if match := _COMMAND.match(line):
            command = match[1]
    return found


def refusals(lines: list[str]) -> list[Exchange]:
    """The exchanges that ended in a refusal, without those that were only out of order behind another refusal."""
    deferred = [Exchange(match[1], (match[2],)) for line in lines if (match := _DEFERRED.match(line))]
    refused = [*deferred, *(each for each in exchanges(lines) if each.refused)]
    return [each for each in refused if not is_out_of_order(each.answer[0])] or refused


def is_out_of_order(reply: str) -> bool:
    """Whether a reply only says that a command came too early, since one before it was refused."""
    return _OUT_OF_ORDER.match(reply) is not None


def transcript(lines: list[str]) -> list[str]:
    """What a transcript says itself, as a local mailer prints it; empty where there is none."""
    start = next((i for i, line in enumerate(lines) if _TRANSCRIPT.search(line)), None)
    if start is None:
        return []
    found: list[str] = []
    for line in lines[start + 1 :]:
        if not line.strip() or line.lstrip().startswith("---"):
            if found:
                break
            continue
        if not (_ANSWER.match(line) or _COMMAND.match(line) or _OWN.search(line)):
            found.append(line)
    return found
