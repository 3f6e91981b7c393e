"""Makes exports like those that senders keep: few templates for most rows, each row with its own addresses and ids.

`python tests/benchmarks/exports.py OUT.parquet --rows 1000000 [--distinct]`; with `--distinct` each row has a template
of its own.
"""

import argparse
import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bounceml.taxonomy import load_taxonomy
from bounceml_datasets.corpus import load_corpus

_ROWS = 100_000
_TEMPLATES = 2_000
_WORDS = 12
_ENGLISH_OF = 5  # one reply of so many is in another language
_DIGITS = ["server", "mail", "host", "queue", "relay", "node", "zone", "rack", "gate", "edge", "store", "cloud", "site"]
_SCHEMA = pa.schema(
    [("id", pa.int64()), ("sent_at", pa.timestamp("s")), ("email", pa.string()), ("diagnostic", pa.string())]
)


def texts(rows: int, *, distinct: bool, seed: int = 1) -> Iterator[list[str]]:
    """Texts in lists of some 100,000; Zipf-like templates, or (`distinct`) a template of its own for each row."""
    chance = np.random.default_rng(seed)
    rows_of = load_corpus(reasons=load_taxonomy().reasons)
    english, others = (
        [row.text.replace("\n", " ") for row in rows_of if row.reason and (row.lang == "en") is wanted]
        for wanted in (True, False)
    )
    chance.shuffle(english)
    chance.shuffle(others)
    # Most servers answer in English, also abroad.
    replies = [others.pop() if i % _ENGLISH_OF == 0 and others else each for i, each in enumerate(english)]
    weights = 1 / np.arange(1, _TEMPLATES + 1)
    weights /= weights.sum()
    words = [reply.split() for reply in replies]
    for start in range(0, rows, _ROWS):
        n = min(_ROWS, rows - start)
        ids = chance.integers(16**7, 16**8, n).tolist()
        hosts = chance.integers(0, 500, n).tolist()
        if distinct:
            first, second = chance.integers(0, len(words), (2, n)).tolist()
            bodies = [
                " ".join([*words[a][:_WORDS], *words[b][-_WORDS:], _number_words(start + i)])
                for i, (a, b) in enumerate(zip(first, second, strict=True))
            ]
        else:
            bodies = [replies[i] for i in chance.choice(_TEMPLATES, n, p=weights).tolist()]
        yield [
            f"host mx{host % 9}.host{host}.example[192.0.2.{host % 250}] said: {body} <u{i}@host{host}.example> ({i:x})"
            for host, body, i in zip(hosts, bodies, ids, strict=True)
        ]


def _number_words(number: int) -> str:
    """A number in words, which masking leaves as they are."""
    words = []
    for _ in range(6):
        number, digit = divmod(number, len(_DIGITS))
        words.append(_DIGITS[digit])
    return " ".join(words)


def write(path: Path, *, rows: int, distinct: bool) -> None:
    """Write an export as Parquet."""
    ids = itertools.count()
    with pq.ParquetWriter(path, _SCHEMA) as writer:
        for part in texts(rows, distinct=distinct):
            numbers = list(itertools.islice(ids, len(part)))
            emails = [text[text.rindex("<") + 1 : text.rindex(">")] for text in part]
            times = pa.array([1_750_000_000 + n // 40 for n in numbers], pa.int64()).cast(pa.timestamp("s"))
            writer.write_batch(
                pa.record_batch([pa.array(numbers), times, pa.array(emails), pa.array(part)], schema=_SCHEMA)
            )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--distinct", action="store_true")
    arguments = parser.parse_args()
    write(arguments.output, rows=arguments.rows, distinct=arguments.distinct)
