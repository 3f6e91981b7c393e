"""Text to tokens in one pass: words and codes stay, what varies from message to message becomes a slot.

Each white-space-separated chunk is masked by itself, so that batches need to look at each distinct chunk only once.
Letters lose their case and accents, since bounces are often typed or transported without them.
"""

import re
import tomllib
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from importlib import resources

# Bounds on hostile input; real diagnostics stay far below. A reason stands at the beginning of a text.
MAX_TEXT = 20_000
MAX_TOKENS = 400
MAX_CHUNK = 300
_MAX_WORD = 40

_ADDRESS, _HOST, _IP, _URL, _ID, _NUMBER = "<addr>", "<host>", "<ip>", "<url>", "<id>", "<num>"
SLOTS = frozenset({_ADDRESS, _HOST, _IP, _URL, _ID, _NUMBER})

# Combining marks that are accents or vowel points, not letters: Latin, Greek and Cyrillic, Hebrew, Arabic.
_MARKS = dict.fromkeys(
    [*range(0x0300, 0x0370), *range(0x0591, 0x05C8), *range(0x0610, 0x061B), *range(0x064B, 0x0660), 0x0670]
)
_FOLDED = str.maketrans(
    {
        "ł": "l", "đ": "d", "ø": "o", "æ": "ae", "œ": "oe", "ı": "i", "ð": "d", "þ": "th", "ə": "e",
        "ي": "ی", "ى": "ی", "ك": "ک", "ة": "ه",
        "\u200b": None, "\u200c": None, "\u200d": None, "\u200e": None, "\u200f": None, "\u00ad": None, "\ufeff": None,
    }
)  # fmt: skip
# Scripts that are written without spaces: Thai, Lao, Myanmar, Khmer, kana, Han.
DENSE = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
    "\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f"
)
_PARTS = re.compile(
    rf"""
    (?P<url>(?:https?|ftp)://\S++|www\.\S++)
  | (?P<addr>[^\s@<>()\[\]",;:]{{1,64}}@[^\s@<>()\[\]",;:]{{1,255}}+)
  | (?P<status>(?<![\w.])[245]\.\d{{1,3}}\.\d{{1,3}}(?![\w]|\.\d))
  | (?P<ip>(?<![\w.])\d{{1,3}}(?:\.\d{{1,3}}){{3}}(?![\w.])
      |(?<![\w:])(?=[0-9a-f:]{{0,39}}::|(?:[0-9a-f]{{1,4}}:){{4}})[0-9a-f:]{{3,39}}+(?![\w:]))
  | (?P<host>(?=[\d.-]{{0,40}}[a-z_])[a-z0-9_-]{{1,63}}+(?:\.[a-z0-9_-]{{1,63}}+)++)
  | (?P<code>(?<![\w.,])[245]\d\d(?![\w]|[.,]\d))
  | (?P<family>(?<![a-z0-9])[a-z]{{1,7}}[_\#-]?0{{0,6}}\d{{1,4}}(?:_\d{{1,4}})?(?![a-z0-9]))
  | (?P<dense>[{DENSE}]++)
  | (?P<mixed>(?=[a-z_-]*\d)[a-z0-9][a-z0-9_-]*)
  | (?P<word>[^\W\d_{DENSE}]++)
  | (?P<number>\d++)
    """,
    re.VERBOSE,
)
_URL_WORD = re.compile(r"[a-z]{3,24}(?![a-z])")
_HOST_WORD = re.compile(r"[a-z]{3,}")


@cache
def _hosts() -> tuple[frozenset[str], frozenset[str]]:
    """Top-level domains by which a host is told from words, and host labels that tell who speaks."""
    table = tomllib.loads(resources.files("bounceml").joinpath("data/hosts.toml").read_text("utf-8"))
    return frozenset(table["top_level"].split()), frozenset(table["speaking"].split())


def tokens(text: str) -> list[str]:
    """Masked tokens of `text` in their order, at most MAX_TOKENS; the same slot never twice in a row.

    >>> tokens("550 5.1.1 <kim@example.com>: Unbekannter Empfänger")
    ['550', '5.1.1', '<addr>', 'unbekannter', 'empfanger']
    """
    found: list[str] = []
    for chunk in text.split():
        for token in chunk_tokens(chunk[:MAX_CHUNK]):
            if not (found and token == found[-1] and token in SLOTS):
                found.append(token)
        if len(found) >= MAX_TOKENS:
            return found[:MAX_TOKENS]
    return found


def template(text: str) -> str:
    """`text` with its variable parts masked: texts of one template differ only in what varies.

    >>> template("User kim@example.com unknown") == template("user  lee@example.org UNKNOWN")
    True
    """
    return " ".join(tokens(text))


def fold(text: str) -> str:
    """`text` without case, accents, vowel points, width and invisible characters.

    >>> fold("Boîte PLEINE ｆｕｌｌ")
    'boite pleine full'
    """
    if text.isascii():
        return text.lower()
    stripped = unicodedata.normalize("NFD", unicodedata.normalize("NFKC", text).casefold()).translate(_MARKS)
    return unicodedata.normalize("NFC", stripped).translate(_FOLDED)


def is_word(token: str) -> bool:
    """Whether a token carries letters to look into, rather than being a slot or a code."""
    return token[0] != "<" and not token[0].isdigit() and not token[-1].isdigit()


def host_words() -> dict[str, int]:
    """What stands in `hosts.toml`: 1 for a top-level domain, 2 for a label that tells who speaks, 3 for both."""
    top_level, speaking = _hosts()
    return {word: (word in top_level) + 2 * (word in speaking) for word in sorted(top_level | speaking)}


@lru_cache(maxsize=1 << 16)
def chunk_tokens(chunk: str) -> tuple[str, ...]:
    """Tokens of one chunk without white space."""
    return tuple(token for _, found in chunk_parts(fold(chunk)) for token in found)


def chunk_parts(folded: str) -> Iterator[tuple[re.Match[str], Sequence[str]]]:
    """The parts of a folded chunk that become tokens, in their order, each with its tokens."""
    for match in _PARTS.finditer(folded):
        part, what = match[0], match.lastgroup
        if what == "word":
            yield match, (part[:_MAX_WORD],)
        elif what == "dense":
            yield match, [part[i : i + _MAX_WORD] for i in range(0, len(part), _MAX_WORD)]
        elif what in ("status", "code", "family"):
            yield match, (part,)
        elif what == "host":
            yield match, _host_tokens(part)
        elif what == "url":
            yield match, [_URL, *_URL_WORD.findall(part.partition("//")[2] or part)[:12]]
        elif what == "mixed":
            yield match, _mixed_tokens(part)
        else:
            yield match, ({"addr": _ADDRESS, "ip": _IP}.get(what or "", _NUMBER),)


def _host_tokens(part: str) -> list[str]:
    """A host as a slot, with the labels that tell who speaks; a missing space after a full stop gives words instead."""
    top_level, speaking = _hosts()
    labels = part.split(".")
    if labels[-1] in top_level:
        return [_HOST, *dict.fromkeys(word for word in _HOST_WORD.findall(part) if word in speaking)]
    return [token for label in labels for token in _mixed_tokens(label)]


def _mixed_tokens(part: str) -> list[str]:
    """Letters with digits are an id; words joined by hyphens or underscores are words."""
    if any(c.isdigit() for c in part):
        return [_NUMBER if part.isdigit() else _ID]
    return [word[:_MAX_WORD] for word in re.findall(r"[^\W_]+", part)]
