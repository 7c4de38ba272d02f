"""Publishing: which signed head is the log's public checkpoint.

Every commit has a signed head of its own, which its receipts carry. Only some of them
become ``/checkpoint``: at once after a pause, and at most one each interval under
load, so that those who fetch and compare checkpoints can keep up.
"""

import asyncio
from collections.abc import Callable

from .head import Head


class Publisher:
    """Chooses the published head. Owned by the event loop."""

    def __init__(
        self,
        head: Head,
        *,
        interval: float,
        republish: float,
        resign: Callable[[], None],
    ) -> None:
        """Publish *head* now.

        *interval*: seconds between two published heads, at least. *republish*: seconds
        after which an idle log calls *resign*, to show that it is alive.
        """
        self._published = self._newest = head
        self._interval = interval
        self._republish = republish
        self._resign = resign
        self._loop = asyncio.get_running_loop()
        self._published_at = self._loop.time()
        # The next thing to happen: publishing what waits, or signing anew.
        self._timer = self._loop.call_later(republish, self._sign_anew)

    @property
    def published(self) -> Head:
        """The head that is public now."""
        return self._published

    def offer(self, head: Head) -> None:
        """Take the head of a commit: publish it now, or when the interval is over."""
        if head is self._newest:  # A frozen log was written to, and signed nothing.
            return
        waiting = self._newest is not self._published
        self._newest = head
        due = self._published_at + self._interval
        if due <= self._loop.time():
            self._publish()
        elif not waiting:
            self._timer.cancel()
            self._timer = self._loop.call_at(due, self._publish)

    def _publish(self) -> None:
        self._timer.cancel()
        # RFC 6962 section 3.5: a tree head's timestamp is more recent than that of
        # the one before it. Signing anew comes back here with a later time.
        if self._newest.timestamp <= self._published.timestamp:
            self._sign_anew()
            return
        self._published = self._newest
        self._published_at = self._loop.time()
        self._timer = self._loop.call_later(self._republish, self._sign_anew)

    def _sign_anew(self) -> None:
        self._resign()
        # Should no new head come of it, the log is to be heard of again all the same.
        self._timer = self._loop.call_later(self._republish, self._sign_anew)

    def close(self) -> None:
        """Stop the timer. What is published stays published."""
        self._timer.cancel()
