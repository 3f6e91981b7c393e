"""Notices in plain sentences: the reason that a heading introduces, and what is left without the polite words."""

import re

from bounceml.mail.markers import markers
from bounceml.masking import fold

# A heading and what follows it on the line: "Reason: …", "退信原因：…", or the heading alone.
_HEADING = re.compile(r"^[\W_]{0,6}(.{2,60}?)[\s\W]{0,3}(?:[:：]\s{0,4}(.*)|$)")
_FIELD = re.compile(
    r"\s{0,8}(?:(?:from|to|cc|subject|sent|sent date|date|message-id|mail from|rcpt to|size \(in bytes\)|"
    r"number of lines|host|generating server|remote-mta|reporting-mta|arrival-date|mime-version|"
    r"content-[a-z-]{4,25})\s?:|"
    r"received:\s?(?:from|by)|with (?:e?smtp|http)s?a? id |"
    r"the mts-id of the original message|.{0,40};l=\S|from \S{1,80}(?: \[[^\]]{1,80}\])?(?: \([^)]{1,80}\))?$)",
    re.IGNORECASE,
)
_BOUNDARY = re.compile(r"-{2,}[\w=.'+/()-]{8,}$")
_ADDRESS_ALONE = re.compile(
    r"[\s<>\"'(\[,;:«»•*-]{0,8}[!-;=?-~]{1,64}@[\w.-]{1,200}[\s<>\"')\],;:«».…]{0,8}$", re.ASCII
)
# A reason stands among the first paragraphs; reading no further bounds the time on hostile input.
_MAX_PARAGRAPHS = 30
_MAX_PARAGRAPH = 2000
_RULERS = ("--", "****", "==", "__", "##", "|-", "-|", "~~")
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[^\W\d_a-z])|(?<=[。！？])")


def introduced(lines: list[str]) -> str:
    """What a heading such as "Reason:" introduces, on one line; empty where there is none."""
    for i, line in enumerate(lines):
        match = _HEADING.match(line[:400])
        if match is None or not _introduces(match[1]):
            continue
        said = _to_paragraph_end([match[2] or "", *lines[i + 1 :]])
        if sum(c.isalpha() for c in said) >= 2:
            return said
    return ""


def without_courtesies(lines: list[str]) -> list[list[str]]:
    """Paragraphs of sentences that say something of this message: no greetings, headings, addresses and rulers."""
    found: list[list[str]] = []
    for paragraph in _paragraphs(lines)[:_MAX_PARAGRAPHS]:
        sentences = [
            s for s in _SENTENCE.split(" ".join(paragraph)[:_MAX_PARAGRAPH]) if not (_is_courtesy(s) or ends_reason(s))
        ]
        if any(c.isalpha() for sentence in sentences for c in sentence):
            found.append([sentence.strip() for sentence in sentences])
    return found


def is_ruler(line: str) -> bool:
    """Whether a line only divides: `*****`, `----- heading -----`, a MIME boundary."""
    bare = line.strip()
    if not any(c.isalnum() for c in bare):
        return True
    if _BOUNDARY.match(bare):
        return True
    return len(bare) >= 8 and bare.startswith(_RULERS) and bare.endswith(_RULERS)


def ends_reason(line: str) -> bool:
    """Whether a line begins what comes behind a reason: advice, a summary, a signature."""
    folded = " ".join(fold(line).split()).strip("-=*: ")
    return folded.startswith(markers().endings)


def _introduces(heading: str) -> bool:
    folded = " ".join(fold(heading).split())
    return folded in markers().headings or any(folded.endswith(f" {mark}") for mark in markers().long_headings)


def _to_paragraph_end(lines: list[str]) -> str:
    found: list[str] = []
    for line in lines:
        if not line.strip() or is_ruler(line):
            if found:
                break
            continue
        if found and (ends_reason(line) or _FIELD.match(line)):
            break
        if not _ADDRESS_ALONE.match(line) and not _FIELD.match(line):
            found.append(line.strip())
    return " ".join(found)


def _paragraphs(lines: list[str]) -> list[list[str]]:
    paragraphs: list[list[str]] = [[]]
    for line in lines:
        if ends_reason(line):
            break
        if not line.strip() or is_ruler(line) or _ADDRESS_ALONE.match(line):
            paragraphs.append([])
        elif not _FIELD.match(line):
            paragraphs[-1].append(line.strip(" \t*#|"))
    return [paragraph for paragraph in paragraphs if paragraph]


def _is_courtesy(sentence: str) -> bool:
    folded = " ".join(fold(sentence).split()).strip("-=*_#> ")
    if any(mark in folded for mark in markers().causes):
        return False
    return not folded or folded.startswith(markers().courtesies)
