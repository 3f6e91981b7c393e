"""Bytes to text, and text that somebody decoded wrongly back to what was meant.

Bounces quote replies of servers that declare no charset, the wrong one, or one that doesn't exist. Detection libraries
misread lines this short, so the charsets that mail really uses are tried in turn and judged by how many of the decoded
characters are common in bounce texts (`data/charsets.toml`).
"""

import binascii
import codecs
import html
import math
import quopri
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources

# Where fewer of the characters than this are common ones, the charset is a guess and Latin text is likelier.
_PLAUSIBLE = 0.4
# Replacing what is readable as it stands takes better evidence than choosing among unreadable readings.
_CONVINCING = 0.6
# How many characters a script has beside its common ones; they share a tenth of its probability.
_UNCOMMON = {"dense": 7000, "alphabet": 100, "accents": 100}
# Share of letters beyond ASCII in bounce texts of such a script: accents are rare, other scripts stand beside English.
_BEYOND_ASCII = {"dense": 0.7, "alphabet": 0.7, "accents": 0.06}

_ISO_2022 = re.compile(rb"\x1b\$[@B]|\x1b\(J")
_HIGH_BYTES = re.compile(rb"[\x80-\xff]+")
_QUOTED_PRINTABLE = re.compile(r"=[89A-Fa-f][0-9A-Fa-f](?:=\r?\n)?=[89A-Fa-f][0-9A-Fa-f]|=\r?\n|=3D|=20\r?\n")
_HIGH_QUOTED = re.compile(r"=[89A-Fa-f][0-9A-Fa-f]")
# Exim prints bytes beyond ASCII so, two or more of them, or one between letters: a path may hold a lone `\\300`.
_OCTAL = re.compile(r"\\(033|[23][0-7]{2})")
_OCTALS = re.compile(r"\\(?:033|[23][0-7]{2}).{0,200}?\\[23][0-7]{2}|[A-Za-z]\\3[0-7]{2}[A-Za-z]", re.DOTALL)
_ENCODED_WORD = re.compile(r"=\?([\w.:-]{1,40})(?:\*[\w-]{1,20})?\?([bBqQ])\?([^?\s]{0,4000})\?=")
_BETWEEN_WORDS = re.compile(r"(\?=)[ \t\r\n]{1,20}(=\?)")
_ENTITY = re.compile(r"&(?:#\d{2,7}|#x[0-9a-fA-F]{2,6}|[a-zA-Z]{2,8});")
# Characters that a single high byte becomes when it is read as windows-1252, or Latin-1 where that has no character.
_LATIN_HIGH = "".join(
    dict.fromkeys(bytes([b]).decode("windows-1252", "ignore") or chr(b) for b in range(0x80, 0x100))
) + "".join(map(chr, range(0x80, 0xA0)))
_LATIN_BYTE = {
    ord(c): bytes([b]) for b in range(0x80, 0x100) for c in [bytes([b]).decode("windows-1252", "ignore")] if c
}
# White space of ASCII, and what stands between: no charset makes a character from a byte of white space.
_CHUNK = re.compile(r"[ \t-\r\x1c-\x1f]+|[^ \t-\r\x1c-\x1f]+")
_LATIN_RUN = re.compile(f"[{re.escape(_LATIN_HIGH)}]{{2,}}")
_ALIASES = {
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "x-gbk": "gb18030",
    "gb_2312-80": "gb18030",
    "cp936": "gb18030",
    "x-sjis": "cp932",
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "ks_c_5601-1987": "cp949",
    "euc-kr": "cp949",
    "big5": "big5hkscs",
    "iso-8859-8-i": "windows-1255",
    "iso-8859-9": "windows-1254",
    "tis-620": "cp874",
    "unicode-1-1-utf-7": "utf-7",
    "utf8": "utf-8",
}
# Declared by default rather than by knowledge, so that other bytes than they allow are expected below them.
_WEAK = frozenset({"ascii", "iso8859-1", "cp1252"})


@dataclass(frozen=True, slots=True)
class _Charset:
    name: str
    shape: str
    log_p: dict[str, float]
    log_p_uncommon: float
    log_p_ascii: float
    prior: float

    def fit(self, text: str) -> float:
        """Log-probability of the letters of `text`, if they were read in the right charset."""
        ascii_letters = sum(c < "\x7f" and c.isalpha() for c in text)
        wide = sum(self.log_p.get(c, self.log_p_uncommon) for c in text if c > "\x7f")
        return wide + ascii_letters * self.log_p_ascii + self.prior

    def common_share(self, text: str) -> float:
        """Share of the non-ASCII characters of `text` that are common in this charset's texts, 0–1."""
        wide = [c for c in text if c > "\x7f"]
        return sum(c in self.log_p for c in wide) / max(1, len(wide))


@cache
def _charsets() -> tuple[_Charset, ...]:
    table = tomllib.loads(resources.files("bounceml").joinpath("data/charsets.toml").read_text("utf-8"))
    charsets = []
    for entry in table["charset"]:
        # Zipf's law over the order of frequency, flattened: the first letter of an alphabet is some ten times the last.
        weights = {c: 1 / (rank + 8) for rank, c in enumerate(entry["common"])}
        beyond = _BEYOND_ASCII[entry["shape"]]
        scale = 0.9 * beyond / sum(weights.values())
        charsets.append(
            _Charset(
                entry["name"],
                entry["shape"],
                log_p={c: math.log(w * scale) for c, w in weights.items()},
                log_p_uncommon=math.log(0.1 * beyond / _UNCOMMON[entry["shape"]]),
                log_p_ascii=math.log((1 - beyond) / 26),
                prior=entry.get("prior", 0.0),
            )
        )
    return tuple(charsets)


def decode(data: bytes, *, charset: str | None = None) -> str:
    """Text of `data`: by its declared charset, else UTF-8, else the likeliest legacy charset. Never raises.

    >>> decode("邮箱不存在".encode("gbk"))
    '邮箱不存在'
    >>> decode("boîte pleine".encode("latin-1"), charset="no-such-charset")
    'boîte pleine'
    """
    if data.isascii() and not _ISO_2022.search(data) and (charset or "").lower() not in ("utf-7", "hz-gb-2312"):
        return data.decode("ascii")
    codec = _codec(charset)
    if codec and codec not in _WEAK:
        try:
            return data.decode(codec)
        except UnicodeDecodeError:
            pass
    if _ISO_2022.search(data):
        return data.decode("iso2022_jp_2", "replace")
    return _utf8(data) or _legacy(data, at_least=_PLAUSIBLE) or _latin(data)


def repair(text: str) -> str:
    """`text` with wrong readings mended: encoded words, quoted-printable, octal bytes, entities and mojibake.

    Never raises.

    >>> repair("BoÃ®te aux lettres pleine")
    'Boîte aux lettres pleine'
    >>> repair("550 ÓÃ»§²»´æÔÚ")
    '550 用户不存在'
    >>> repair("=?utf-8?B?6YKu566x5bey5ruh?=")
    '邮箱已满'
    """
    if "=?" in text:
        text = _ENCODED_WORD.sub(_encoded_word, _BETWEEN_WORDS.sub(r"\1\2", text))
    if "=" in text and _QUOTED_PRINTABLE.search(text) and _HIGH_QUOTED.search(text):
        text = decode(quopri.decodestring(text.encode("utf-8", "replace")))
    if "\\" in text and _OCTALS.search(text):
        text = _with_bytes(text)
    if "&" in text and _ENTITY.search(text):
        text = html.unescape(text)
    if "\x1b$" in text:
        text = decode(text.encode("latin-1", "replace"))
    if text.isascii():
        return text
    chunks = _CHUNK.findall(text)
    wide = [chunk for chunk in chunks if not chunk.isascii()]
    mended = dict(zip(wide, mend_chunks(wide), strict=True))
    return "".join([mended.get(chunk, chunk) for chunk in chunks])


def mend_chunks(chunks: list[str]) -> list[str]:
    """The chunks of a text that aren't ASCII, in their order, with mojibake mended, one for one.

    A text's other chunks have no say, so that texts that differ in addresses and ids only are mended alike.

    >>> mend_chunks(["ÓÃ»§²»´æÔÚ"])
    ['用户不存在']
    """
    text = _LATIN_RUN.sub(_utf8_run, " ".join(chunks))
    mended = (next(_read_as_other(text), None) or _read_as_latin(text) or text).split(" ")
    return mended if len(mended) == len(chunks) else chunks


def _codec(charset: str | None) -> str | None:
    if not charset:
        return None
    name = charset.strip("\"' \t").lower()
    try:
        info = codecs.lookup(_ALIASES.get(name, name))
        "".encode(info.name)  # some codecs are not for text, and refuse it
    except (LookupError, ValueError, TypeError):
        return None
    return info.name


def _utf8(data: bytes) -> str | None:
    """UTF-8 text, even where an export cut its last character in two."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        cut = data[: error.start].decode("utf-8")
        if error.reason == "unexpected end of data" and not cut.isascii():
            return cut
    text = data.decode("utf-8", "replace")
    wide = sum(c > "\x7f" for c in text)
    return text if text.count("\ufffd") * 10 <= wide else None


def _latin(data: bytes) -> str:
    return "".join(bytes([b]).decode("windows-1252", "ignore") or chr(b) for b in data)


def _legacy(data: bytes, *, at_least: float) -> str | None:
    """`data` read in the charset that fits best, None where too few (0–1) of its characters are common.

    Only lines beyond ASCII tell: those of the notice around them are in English whatever the reply is in.
    """
    lines = data.splitlines()
    telling = None if len(lines) < 2 else b"\n".join(line for line in lines if not line.isascii())
    best, best_fit = None, -math.inf
    for charset in _charsets():
        text = _complete(data, charset)
        if text is None or charset.common_share(text) < at_least:
            continue
        fit = charset.fit(text if telling is None else telling.decode(charset.name, "replace"))
        if fit > best_fit:
            best, best_fit = text, fit
    return best


def _complete(data: bytes, charset: _Charset) -> str | None:
    """`data` in this charset, even where an export cut its last character in two; None if it can't be."""
    try:
        return data.decode(charset.name)
    except UnicodeDecodeError as error:
        if charset.shape == "dense" and error.start >= len(data) - 3 and error.start > 3:
            return data[: error.start].decode(charset.name)
        return None


def _sloppy_bytes(text: str) -> bytes | None:
    """The bytes that, read as windows-1252 or Latin-1, gave `text`; None if some character can't come from there."""
    parts = []
    for c in text:
        byte = c.encode("latin-1", "ignore") or _LATIN_BYTE.get(ord(c))
        if byte is None:
            return None
        parts.append(byte)
    return b"".join(parts)


def _utf8_run(match: re.Match[str]) -> str:
    run = match[0]
    data = _sloppy_bytes(run)
    if data is None:
        return run
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        # A last character whose last byte became a space: the byte 0xA0, which Latin-1 reads as a no-break space.
        cut = data[: error.start].decode("utf-8")
        return f"{cut}\ufffd" if error.reason == "unexpected end of data" and len(cut) > 2 else run


def _read_as_other(text: str) -> Iterator[str]:
    """UTF-8 that was read as a Chinese or Cyrillic charset: undone, that is valid UTF-8, which never is by chance."""
    for wrong in ("gb18030", "windows-1251", "big5hkscs", "cp949", "cp932", "koi8-r"):
        try:
            meant = text.encode(wrong).decode("utf-8")
        except UnicodeError:
            continue
        if sum(c > "\x7f" for c in meant) >= 2:
            yield meant
    # Reading UTF-8 as GBK loses every third byte before an ASCII character, so it can be undone only in part.
    chinese = _charsets()[0]
    meant = text.encode("gb18030", "ignore").decode("utf-8", "replace")
    if meant.count("\ufffd") * 4 < len(meant) and chinese.common_share(meant) > max(
        0.3, 2 * chinese.common_share(text)
    ):
        yield meant


def _read_as_latin(text: str) -> str | None:
    """A legacy multi-byte or Cyrillic text that was read as Latin-1."""
    data = _sloppy_bytes(text)
    if data is None:
        return None
    # Latin letters with accents stand alone among ASCII letters; other scripts write whole words in high bytes.
    runs = [len(run) for run in _HIGH_BYTES.findall(data)]
    if sum(n for n in runs if n > 1) * 2 <= sum(runs):
        return None
    meant = _legacy(data, at_least=_CONVINCING)
    return meant if meant != text else None


def _with_bytes(text: str) -> str:
    """`text` with octal escapes read as the bytes that they stand for, whatever their charset."""
    if text.isascii():
        return decode(_OCTAL.sub(lambda match: chr(int(match[1], 8)), text).encode("latin-1"))
    return "\n".join(_with_bytes(line) if line.isascii() else line for line in text.split("\n"))


def _encoded_word(match: re.Match[str]) -> str:
    charset, encoding, payload = match.groups()
    raw = payload.encode("utf-8", "replace")
    if encoding in "qQ":
        return decode(quopri.decodestring(raw.replace(b"_", b" ")), charset=charset)
    try:
        return decode(binascii.a2b_base64(raw + b"=" * (-len(raw) % 4)), charset=charset)
    except binascii.Error:
        return match[0]
