"""Which columns of an export hold what the server said, and its codes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bounceml.codes import find_codes
from bounceml.errors import CorpusError
from bounceml_datasets.exports.times import are_times

Record = dict[str, Any]

# Names by which exports call what the server said, the likeliest first.
TEXT_COLUMNS = (
    "diagnostic", "diagnostic_code", "diagnosticcode", "smtp_response", "smtpresponse", "dsndiag", "response",
    "bounce_reason", "bouncereason", "raw_reason", "rawreason", "reply", "text", "error_message", "errormessage",
    "bounce_message", "error", "description", "details", "message", "reason", "log",
    "退信原因", "退信信息", "失败原因", "错误信息",
)  # fmt: skip
SMTP_COLUMNS = ("smtp_code", "smtpcode", "reply_code", "replycode", "response_code", "error_code", "code")
STATUS_COLUMNS = ("enhanced_code", "enhanced_status", "dsn_status", "dsnstatus", "dsn", "status")
RECIPIENT_COLUMNS = (
    "bounce_recipient", "recipient", "rcpt", "recipient_email", "email", "email_address", "emailaddress", "to",
    "rcpt_to", "address", "subscriber", "收件人", "收件人地址", "收件地址", "邮箱",
)  # fmt: skip
# What happened to the mail comes before when it was sent.
TIME_COLUMNS = (
    "bounced_at", "bouncedat", "bounce_time", "bounce_date", "bouncedate", "bounce_timestamp", "failed_at",
    "event_time", "eventtime", "event_timestamp", "event_date", "eventdate", "timelogged", "logged_at", "occurred_at",
    "timestamp", "time", "datetime", "date_time", "date", "ts", "day", "created_at", "createdat", "created",
    "received_at", "sent_at", "sentat", "sent_time", "sent_date", "send_time", "sendtime", "senddate",
    "退信时间", "投递时间", "时间", "日期", "发送时间", "发信时间", "创建时间",
)  # fmt: skip
# Rows looked at to find a column by what stands in it.
LOOKED_AT = 50
# Columns of an export, as many as Excel has: each short row may have to be filled up to them.
_MOST_COLUMNS = 16_384


@dataclass(frozen=True, slots=True)
class Columns:
    """Columns of an export: the text, the codes where they stand in columns of their own, whom and when."""

    text: str
    smtp: str | None
    status: str | None
    recipient: str | None = None
    time: str | None = None


def find_columns(names: Sequence[str], sample: Sequence[Record], *, text: str | None = None) -> Columns:
    """Columns of an export: `text` if given, else by name, else the one that looks most like replies.

    Raises CorpusError that lists the columns if none is found.
    """
    by_lower = {name.strip().lower(): name for name in reversed(names)}
    chosen = text or next((by_lower[n] for n in TEXT_COLUMNS if n in by_lower and _has_text(sample, by_lower[n])), None)
    chosen = chosen or _by_look(sample, names)
    if chosen is None or chosen not in names:
        what = f"no column {text!r}" if text else "no column with the servers' replies found"
        raise CorpusError(f"{what}: name it with --text-column; there are {', '.join(map(repr, names)) or 'none'}")
    return Columns(
        text=chosen,
        smtp=next((by_lower[n] for n in SMTP_COLUMNS if n in by_lower and by_lower[n] != chosen), None),
        status=next((by_lower[n] for n in STATUS_COLUMNS if n in by_lower and by_lower[n] != chosen), None),
        recipient=next((by_lower[n] for n in RECIPIENT_COLUMNS if n in by_lower and by_lower[n] != chosen), None),
        time=_time_column(by_lower, sample, but=chosen),
    )


def not_too_many(names: Iterable[str], *, name: str) -> list[str]:
    """Names of an export's columns; raises CorpusError where there are more than any table has."""
    found = list(names)
    if len(found) > _MOST_COLUMNS:
        raise CorpusError(f"{name}: {len(found):,} columns, and at most {_MOST_COLUMNS:,} can be read: leave some out")
    return found


def as_text(value: object) -> str:
    """A cell as text; what a table holds for "nothing" is the empty text."""
    return "" if value is None else str(value)


def domain_of(address: str) -> str:
    """The domain of an address, in lower case; empty where there is none.

    >>> domain_of("Kim <kim@Example.COM>")
    'example.com'
    """
    return address.rpartition("@")[2].strip(" <>\t\r\n.").lower() if "@" in address else ""


def as_code(value: object) -> str | None:
    """A cell of a column of codes; a number may have come through a spreadsheet ("550.0")."""
    text = as_text(value).strip().removesuffix(".0")
    return text or None


def _time_column(by_lower: Mapping[str, str], sample: Sequence[Record], *, but: str) -> str | None:
    """The column that says when: one with such a name that holds moments, else the first that looks as if it did."""
    others = {lower: name for lower, name in by_lower.items() if name != but}
    for name in (others[lower] for lower in TIME_COLUMNS if lower in others):
        if not sample or are_times([record.get(name) for record in sample]):
            return name
    # Numbers may be anything.
    told = {name: [v for r in sample if (v := r.get(name)) is not None and v != ""] for name in others.values()}
    shown = (n for n, values in told.items() if not any(isinstance(v, (int, float)) or _is_number(v) for v in values))
    return next((name for name in shown if are_times(told[name])), None)


def _is_number(value: object) -> bool:
    return isinstance(value, str) and value.strip().replace(".", "", 1).isdigit()


def _has_text(sample: Sequence[Record], name: str) -> bool:
    """Whether a column holds words, rather than numbers, codes or one-word classes."""
    values = [str(record[name]) for record in sample if record.get(name)]
    wordy = sum(" " in v or find_codes(v).smtp is not None or not v.isascii() for v in values)
    return not values or wordy * 2 > len(values)


def _by_look(sample: Sequence[Record], names: Iterable[str]) -> str | None:
    def replies(name: str) -> int:
        values = (record.get(name) for record in sample)
        return sum(isinstance(v, str) and " " in v and find_codes(v).smtp is not None for v in values)

    best = max(names, key=replies, default=None)
    return best if best is not None and replies(best) * 3 > len(sample) else None
