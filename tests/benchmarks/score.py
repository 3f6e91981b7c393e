"""How fast exports are scored, beside the naive way, fastText, and the limits: reading and grouping, and copying.

`python tests/benchmarks/score.py [--most 10000000] [--folder DIR] [--rounds 3]` makes the exports that it lacks in DIR
and prints a table in Markdown. Everything is measured in one run; bounceml as whole processes, from start to finished
file.

The ways take turns, and each one's best round counts, since whatever else runs can only make one slower. Where others
use the processors too, the processor time of a row tells more than the clock. At the end: how long a row takes between
one size and the next, which leaves out the start.
"""

import argparse
import itertools
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq

from bounceml.taxonomy import load_taxonomy
from bounceml_datasets.corpus import load_corpus
from exports import write
from naive import naive_pipeline
from naive import score as score_naive

# The naive ways are so slow that they get only so many rows.
_NAIVE_ROWS = 40_000
_FASTTEXT_ROWS = 200_000
_SMALLEST = 100_000


@dataclass(frozen=True, slots=True)
class Measured:
    """One way on one export: rows, seconds, those of processors, and peak memory of a process in megabytes."""

    what: str
    rows: int
    seconds: float
    processor_s: float
    megabytes: float | None = None

    @property
    def speed(self) -> float:
        """Rows a second."""
        return self.rows / self.seconds


def timed(what: str, rows: int, work: Callable[[], object]) -> Measured:
    """Measure work in this process."""
    started, worked = time.perf_counter(), time.process_time()
    work()
    return Measured(what, rows, time.perf_counter() - started, time.process_time() - worked)


def bounceml_process(source: Path, *, rows: int, output: Path, pure: bool = False) -> Measured:
    """`bounceml score` as a whole process, with the peak of its resident memory."""
    command = [sys.executable, "-m", "bounceml_cli", "score", str(source), "-o", str(output)]
    environment = {**os.environ, **({"BOUNCEML_PURE": "1"} if pure else {})}
    started, worked, peak = time.perf_counter(), _of_children(), 0
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, env=environment) as process:
        while process.poll() is None:
            peak = max(peak, _resident_peak(process.pid))
            time.sleep(0.02)
    seconds = time.perf_counter() - started
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed")
    name = "bounceml score, without the kernel" if pure else "bounceml score, Parquet to Parquet"
    return Measured(name, rows, seconds, _of_children() - worked, peak / 1024)


def _of_children() -> float:
    """Seconds that processors have spent on processes that were started here."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _resident_peak(process: int) -> int:
    """Peak of a process's resident memory so far, in kilobytes; 0 where it is gone."""
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")), 0)


def read_and_group(source: Path) -> None:
    """The limit: read and group the texts, with nothing to say about them."""
    pl.scan_parquet(source).group_by("diagnostic").len().select(pl.len()).collect(engine="streaming")


def copy(source: Path, output: Path) -> None:
    """Another limit: copy the file through Arrow."""
    file = pq.ParquetFile(source)
    with pq.ParquetWriter(output, file.schema_arrow) as writer:
        for batch in file.iter_batches(65_536):
            writer.write_batch(batch)


def fasttext(source: Path, *, rows: int, folder: Path) -> Measured | None:
    """fastText on the same data, None where it isn't installed."""
    try:
        import fasttext as library
    except ImportError:
        return None
    labelled = folder / "fasttext.txt"
    corpus = load_corpus(reasons=load_taxonomy().reasons)
    labelled.write_text("".join(f"__label__{row.label} {' '.join(row.text.split())}\n" for row in corpus), "utf-8")
    model = library.train_supervised(str(labelled), epoch=25, wordNgrams=2, minn=3, maxn=4, dim=50, verbose=0)
    texts = pl.scan_parquet(source).select("diagnostic").head(rows).collect()["diagnostic"].to_list()
    return timed(
        "fastText predict", len(texts), lambda: model.f.multilinePredict([t + "\n" for t in texts], 1, 0.0, "strict")
    )


def best(ways: Sequence[Callable[[], Measured]], *, rounds: int) -> list[Measured]:
    """Each way's best round; its memory is the most that any round took."""
    found = [[way() for way in ways] for _ in range(rounds)]
    return [
        replace(min(of, key=lambda each: each.seconds), megabytes=max(m.megabytes or 0 for m in of) or None)
        for of in zip(*found, strict=True)
    ]


def exports(folder: Path, *, most: int) -> Iterator[tuple[str, int, Path]]:
    """The exports to measure on, made where they lack: kind, rows, file."""
    sizes = [size for size in (_SMALLEST, 1_000_000, 10_000_000) if size <= most]
    for kind, n in [*(("repetitive", size) for size in sizes), ("distinct", min(most, 1_000_000))]:
        path = folder / f"{kind}-{n}.parquet"
        if not path.exists():
            beside = path.with_suffix(".part")
            write(beside, rows=n, distinct=kind == "distinct")
            beside.replace(path)
        yield kind, n, path


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--most", type=int, default=10_000_000, help="rows of the largest export")
    parser.add_argument("--rounds", type=int, default=3, help="how often each way takes its turn")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "bounceml-bench")
    given = parser.parse_args()
    given.folder.mkdir(exist_ok=True)
    warnings.simplefilter("ignore")
    print(f"{os.cpu_count()} cores, {platform.processor() or platform.machine()}, Python {platform.python_version()}\n")
    pipeline = naive_pipeline()
    output = given.folder / "out.parquet"
    print("| export | rows | what | rows/s | × naive | share of reading and grouping | processor µs a row | peak MB |")
    print("|---|---|---|---|---|---|---|---|")
    whole: list[Measured] = []
    for kind, n, path in exports(given.folder, most=given.most):
        few = min(n, _NAIVE_ROWS)
        ways = [
            partial(timed, "naive scikit-learn pipeline", few, partial(score_naive, pipeline, path, rows=few)),
            partial(timed, "polars read + group_by", n, partial(read_and_group, path)),
            partial(timed, "pyarrow copy", n, partial(copy, path, output)),
            partial(bounceml_process, path, rows=n, output=output),
        ]
        found = best(ways, rounds=given.rounds)
        if kind == "repetitive":
            whole.append(found[-1])
        if n == _SMALLEST:
            found.append(bounceml_process(path, rows=n, output=output, pure=True))
        if n == _SMALLEST or kind == "distinct":
            found.extend(filter(None, [fasttext(path, rows=_FASTTEXT_ROWS, folder=given.folder)]))
        naive, limit = found[0].speed, found[1].speed
        for each in found:
            memory = "" if each.megabytes is None else f"{each.megabytes:.0f}"
            print(
                f"| {kind} | {each.rows:,} | {each.what} | {each.speed:,.0f} | {each.speed / naive:.1f} "
                f"| {each.speed / limit:.3f} | {each.processor_s / each.rows * 1e6:.2f} | {memory} |",
                flush=True,
            )
    print()
    for fewer, more in itertools.pairwise(whole):
        rows, s = more.rows - fewer.rows, more.seconds - fewer.seconds
        row_us, worked_us = s / rows * 1e6, (more.processor_s - fewer.processor_s) / rows * 1e6
        print(f"from {fewer.rows:,} to {more.rows:,} rows: {row_us:.2f} µs a row, {worked_us:.2f} µs of processors")


if __name__ == "__main__":
    main()
