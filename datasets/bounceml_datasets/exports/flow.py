"""Parts on their way: read ahead in a thread, worked on side by side, handed on in order."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from queue import Queue
from threading import Thread
from typing import TypeVar

In = TypeVar("In")
Out = TypeVar("Out")

_AHEAD = 1
# Parts that are worked on, or wait to be taken: enough to go on with while who takes them is held up.
_IN_WORK = 5


def read_ahead(parts: Iterator[In]) -> Iterator[In]:
    """The same parts, read ahead in a thread."""
    queue: Queue[tuple[In | None, BaseException | None]] = Queue(_AHEAD)
    stopped: list[bool] = []

    def work() -> None:
        try:
            for part in parts:
                if stopped:
                    return
                queue.put((part, None))
            queue.put((None, None))
        except BaseException as error:
            queue.put((None, error))

    thread = Thread(target=work, daemon=True)
    thread.start()
    try:
        while True:
            part, error = queue.get()
            if error is not None:
                raise error
            if part is None:
                return
            yield part
    finally:
        stopped.append(True)
        while thread.is_alive():
            if not queue.empty():
                queue.get()
            thread.join(0.01)


def worked(parts: Iterable[In], work: Callable[[In], Out], *, workers: int) -> Iterator[tuple[In, Out]]:
    """Parts with what the work made of each, in order; several are worked on side by side."""
    with ThreadPoolExecutor(workers) as pool:
        waiting = deque[tuple[In, Future[Out]]]()
        for part in parts:
            waiting.append((part, pool.submit(work, part)))
            if len(waiting) >= max(workers + 1, _IN_WORK):
                done, future = waiting.popleft()
                yield done, future.result()
        for done, future in waiting:
            yield done, future.result()
