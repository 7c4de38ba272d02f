"""One thread that does what would block the event loop, one job after the other.

The way there is a queue and the way back one ``call_soon_threadsafe``: a commit is
dominated by its synced write, and a lone client waits for both hops. An executor does
the same through two futures, which measured 35 microseconds more.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, TypeVar

_T = TypeVar("_T")


class WriterThread:
    """A thread that belongs to the event loop on which it was made."""

    def __init__(self, name: str) -> None:
        self._loop = asyncio.get_running_loop()
        # The loop puts, the thread gets. None ends the thread.
        self._jobs: SimpleQueue[tuple[Callable[[], Any], asyncio.Future[Any]] | None]
        self._jobs = SimpleQueue()
        # A daemon: a program that forgets to close its store ends all the same, and
        # what it was told to be durable is.
        threading.Thread(target=self._work, name=name, daemon=True).start()

    def do(self, job: Callable[[], _T]) -> asyncio.Future[_T]:
        """Do *job* after those before it; the future gets its result or exception.

        Cancelling the future does not stop the job.
        """
        future: asyncio.Future[_T] = self._loop.create_future()
        self._jobs.put((job, future))
        return future

    def stop(self) -> None:
        """End the thread after the jobs that it was given."""
        self._jobs.put(None)

    def _work(self) -> None:
        while (handed_over := self._jobs.get()) is not None:
            job, future = handed_over
            result, failure = None, None
            try:
                result = job()
            except Exception as error:  # noqa: BLE001 - raised where it is awaited
                failure = error
            # A loop that was closed meanwhile has nobody left who waits.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(_resolve, future, result, failure)
            # The thread waits for long: let go of the batch and its traceback.
            del handed_over, job, future, result, failure


def _resolve(
    future: asyncio.Future[Any], result: object, failure: Exception | None
) -> None:
    """Hand the outcome of a job to whoever awaits it: on the event loop."""
    if future.cancelled():
        return
    if failure is None:
        future.set_result(result)
    else:
        future.set_exception(failure)
