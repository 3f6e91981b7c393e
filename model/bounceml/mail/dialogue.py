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
# Lines of a transcript that are Sendmail's own, not a reason.
_OWN = re.compile(
    r"\.\.\. while talking to|while talking to|warning: message still undelivered|will keep trying until|"
    r"message could not be delivered for|message will be deleted from",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Exchange:
    """A command and the lines that answered it."""

    command: str
    answer: tuple[str, ...]

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
            found.append(Exchange(command, tuple(answer)))
            answer = []
        if match := _COMMAND.match(line):
            command = match[1]
    return found


def refusals(lines: list[str]) -> list[Exchange]:
    """The exchanges that ended in a refusal, without those that were only out of order behind another refusal."""
    refused = [each for each in exchanges(lines) if each.refused]
    return [each for each in refused if not _OUT_OF_ORDER.match(each.answer[0])] or refused


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
