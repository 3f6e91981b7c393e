"""Throws mutated messages at the reader and the classifier, for as long as asked; not part of `make test`.

Every crash, and every message that takes too long, is written beside this file to become a test. The same seed gives
the same messages.
"""

import argparse
import random
import sys
import time
from pathlib import Path

from bounceml import load
from bounceml.errors import MessageError
from bounceml.mail import read_message

HERE = Path(__file__).parent
SEEDS = sorted((HERE.parent / "cases").glob("*.eml")) + sorted((HERE.parents[1] / "examples").glob("*.eml"))
MAX_SECONDS = 2.0
PIECES = [
    b"\n\n",
    b"--",
    b"\0",
    b"\xff",
    b"=?utf-8?B?",
    b"Content-Type: ",
    b"550 5.1.1 ",
    b"<a@example.com>:",
    b"{",
    b"boundary=",
]


def mutated(chance: random.Random, seeds: list[bytes]) -> bytes:
    """One of the seeds with pieces cut out, doubled, swapped with another seed's, or replaced by noise."""
    data = bytearray(chance.choice(seeds))
    for _ in range(chance.randint(1, 12)):
        at = chance.randrange(len(data) + 1)
        end = min(len(data), at + chance.randint(0, 80))
        what = chance.randrange(5)
        if what == 0:
            del data[at:end]
        elif what == 1:
            data[at:at] = data[at:end] * chance.randint(1, 20)
        elif what == 2:
            other = chance.choice(seeds)
            start = chance.randrange(len(other) + 1)
            data[at:end] = other[start : start + chance.randint(0, 400)]
        elif what == 3:
            data[at:at] = chance.choice(PIECES)
        else:
            data[at:end] = chance.randbytes(end - at)
    return bytes(data)


def main() -> None:
    """Fuzz until the time is up; exit status 1 if anything was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    chance, classifier = random.Random(options.seed), load()
    seeds = [path.read_bytes() for path in SEEDS]
    end, tried, found = time.monotonic() + options.seconds, 0, 0
    while time.monotonic() < end:
        data = mutated(chance, seeds)
        started = time.process_time()
        try:
            classifier.judge(read_message(data))
            problem = "slow" if time.process_time() - started > MAX_SECONDS else ""
        except MessageError:
            problem = ""
        except Exception as error:  # noqa: BLE001, RUF100  # whatever is raised here is what we look for
            problem = type(error).__name__
        tried += 1
        if problem:
            found += 1
            (HERE / f"found-{problem}-{tried}.eml").write_bytes(data)
            print(f"{problem} after {tried} messages", file=sys.stderr)
    print(f"{tried} messages, {found} problems")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
