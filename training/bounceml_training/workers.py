"""The processes that fit side by side, and the memory that they and this one took."""

import os
import re
from pathlib import Path

from joblib import Parallel, delayed

_PEAK = re.compile(r"^VmHWM:\s+(\d+) kB", re.MULTILINE)
# Enough small jobs for each process to get one.
_ASKED = 8


def peak_memory() -> int | None:
    """Bytes of physical memory that this process and its workers took at their peaks, None where no one tells.

    A page that several share counts for each of them. Linux alone says it of a process as it is now; what `getrusage`
    says of a new process includes what it was forked from (proc_pid_status(5)).
    """
    peaks = dict(Parallel(n_jobs=-1)(delayed(_peak)() for _ in range(_ASKED)))
    peaks |= dict([_peak()])
    known = [each for each in peaks.values() if each is not None]
    return sum(known) if len(known) == len(peaks) else None


def _peak() -> tuple[int, int | None]:
    """This process's number, and the bytes at its peak."""
    try:
        found = _PEAK.search(Path("/proc/self/status").read_text("ascii", "replace"))
    except OSError:
        found = None
    return os.getpid(), int(found[1]) * 1024 if found else None
