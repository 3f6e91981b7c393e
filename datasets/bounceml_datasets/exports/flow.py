"""Parts on their way: read ahead in a thread, worked on side by side, handed on in order."""

import math
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from queue import Queue
from threading import Event, Thread
from time import monotonic
from typing import TypeVar

In = TypeVar("In")
Out = TypeVar("Out")

# Parts that are worked on, or wait to be taken: enough to go on with while who takes them is held up.
_IN_WORK = 5
# Seconds after which a thread is left behind on Windows, where nothing can end its waiting for a pipe.
_LEFT_BEHIND_S = 2


@contextmanager
def worked(
    parts: Iterable[In], work: Callable[[In], Out], *, workers: int, stop: Event
) -> Iterator[Iterator[tuple[In, Out]]]:
    """Parts with what the work made of each, in order, each as soon as it is there.

    They are read ahead in a thread, which has ended when no more are wanted: `stop`, which is set then, has to have
    what they are read from wait no longer for what may never come.
    """
    # What is read, or the error that ended reading, or None at the end.
    read: Queue[tuple[In, Future[Out]] | BaseException | None] = Queue(max(workers + 1, _IN_WORK))
    with ThreadPoolExecutor(workers) as pool:

        def read_ahead() -> None:
            try:
                for part in parts:
                    if stop.is_set():
                        return
                    read.put((part, pool.submit(work, part)))
                read.put(None)
            except BaseException as error:
                read.put(error)

        thread = Thread(target=read_ahead, daemon=True)
        thread.start()
        try:
            yield _results(read)
        finally:
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            until = monotonic() + (_LEFT_BEHIND_S if sys.platform == "win32" else math.inf)
            while thread.is_alive() and monotonic() < until:
                if not read.empty():
                    read.get()
                thread.join(0.01)


def _results(read: "Queue[tuple[In, Future[Out]] | BaseException | None]") -> Iterator[tuple[In, Out]]:
    while (found := read.get()) is not None:
        if isinstance(found, BaseException):
            raise found
        part, future = found
        yield part, future.result()
