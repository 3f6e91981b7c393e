"""Whole-process time of `bounceml predict one.eml` against importing scikit-learn, in one run on one machine.

Run it as `make bench`. The two commands take turns, so that what else the machine does falls on both.
"""

import statistics
import subprocess
import sys
import time
from pathlib import Path

ROUNDS = 15
EXAMPLE = Path(__file__).parents[2] / "examples" / "english.eml"
OURS = [str(Path(sys.executable).with_name("bounceml")), "predict", "--json", str(EXAMPLE)]
THEIRS = [
    sys.executable,
    "-c",
    "from sklearn.feature_extraction.text import TfidfVectorizer; from sklearn.linear_model import LogisticRegression",
]


def seconds(command: list[str]) -> float:
    """Seconds that a command takes, from start to end."""
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def main() -> None:
    """Print the median times and their ratio."""
    seconds(OURS), seconds(THEIRS)  # once for the file cache
    pairs = [(seconds(OURS), seconds(THEIRS)) for _ in range(ROUNDS)]
    ours, theirs = (statistics.median(times) for times in zip(*pairs, strict=True))
    print(f"bounceml predict one.eml: {ours:.3f} s; importing scikit-learn: {theirs:.3f} s; ratio {ours / theirs:.3f}")


if __name__ == "__main__":
    main()
