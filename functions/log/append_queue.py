"""Taking turns at a busy conversation: a queue in Redis, in which its writers line up instead of colliding.

It is speed, never truth. What keeps a log dense is the condition of its transactions; a turn only makes it likely
that they come through at the first try. It may be skipped, had by two or not be had, and nothing is wrong then.

Each writer in the queue has two mailboxes. Who ends a turn writes into the next one's, and may leave a message there;
who has handed a message on is answered in the other.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable
from types import TracebackType
from typing import Any, Self

from kernel import cache, deadline
from kernel.resilience import full_jitter

BUSY_S = 2.0  # after a collision, for so long this process lines up before it writes
STALL_S = 0.4  # a turn is a plan and one transaction; who takes longer is passed over
STALL_MAX_S = 2.0  # where the store is slow: passing over who only waits for it makes all of them collide
TRIPS = 4  # so many times what a trip to the store takes a turn may take
ANSWER_S = 2.0  # so long one waits for somebody else to commit what was handed on, and longer where a turn may be
PATIENT_FOR = 3  # collisions in one's turn, with writers that don't queue, before one lines up again
KEEP_MS = 30_000
RETRY_BASE_S = 0.004
RETRY_CAP_S = 0.25

# A queue is one hash: `last` is the number drawn last, `served` the highest whose turn is over.
_JOIN = """
local mine = redis.call('hincrby', KEYS[1], 'last', 1)
redis.call('hsetnx', KEYS[1], 'served', 0)
redis.call('pexpire', KEYS[1], ARGV[1])
return {mine, tonumber(redis.call('hget', KEYS[1], 'served'))}
"""
# Ends the turn of a number and leaves a message for the next one; 0 where it was over already, or where nobody is
# next and only somebody who is (ARGV[3]) should have it.
_OVER = """
local queue = redis.call('hmget', KEYS[1], 'last', 'served')
local last, served, number = tonumber(queue[1] or '0'), tonumber(queue[2] or '0'), tonumber(ARGV[1])
if last < number or served >= number or (last == number and ARGV[3] == '1') then return 0 end
redis.call('hset', KEYS[1], 'served', number)
if last > number then
  redis.call('rpush', KEYS[2], ARGV[2])
  redis.call('pexpire', KEYS[2], ARGV[4])
end
return 1
"""
_busy: cache.Memo[bool] = cache.Memo(max_entries=1_000, ttl_s=BUSY_S)


class AppendTicket:
    """One writer's way through a conversation, in a `with` block; nothing is asked of Redis where it is quiet.

    Waits until `until` (by the monotonic clock) at the longest, then goes ahead without a turn. `message` is what the
    one before has left, empty for nothing.
    """

    def __init__(self, conversation_id: str, *, until: float) -> None:
        self._key = f"turn:{{{conversation_id}}}"  # the braces keep a queue and its mailboxes on one node of a cluster
        self._until = until
        self._number = 0  # 0: not in the queue
        self._served = 0
        self._stall_s = STALL_S
        self.collisions = 0
        self.message = ""

    @property
    def number(self) -> int:
        """The place in the queue, 0 outside of it."""
        return self._number

    def __enter__(self) -> Self:
        """Draw a number where this process has met others lately, so that nothing is tried in vain."""
        if _busy.get(self._key):
            with contextlib.suppress(cache.CacheUnavailable):
                self._draw()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end("")

    def store_takes(self, seconds: float) -> None:
        """Have patience with who is in turn by what a trip to the store took just now."""
        self._stall_s = max(STALL_S, min(TRIPS * seconds, STALL_MAX_S))

    def wait(self) -> bool:
        """Wait for one's turn; True if that took time, and what was read may be old now."""
        if not self._number:
            return False
        try:
            return self._wait()
        except cache.CacheUnavailable:
            self._number = 0
            return True

    def collided(self) -> bool:
        """Somebody else wrote first: wait for the turn; True if that took time and what was read is old now.

        Without Redis it is a jittered pause.
        """
        self.collisions += 1
        _busy.put(self._key, True)
        if self._number and self.collisions % PATIENT_FOR:
            return False
        self.end("")
        try:
            self._draw()
            return self._wait()
        except cache.CacheUnavailable:
            self._number = 0
            deadline.pause(full_jitter(self.collisions - 1, RETRY_BASE_S, RETRY_CAP_S))
            return True

    def end(self, message: str) -> None:
        """End the turn, if one has it, and leave this message to the next one, if there is somebody."""
        if self._number:
            with contextlib.suppress(cache.CacheUnavailable):  # then it is passed over
                self._over(self._number, message)
            self._number = 0

    def hand_on(self, message: str) -> bool:
        """End the turn and leave this message to the next one; False, and the turn goes on, where nobody is next."""
        with contextlib.suppress(cache.CacheUnavailable):
            return self._over(self._number, message, must_be_next=True)
        return False

    def answer(self) -> str | None:
        """What was told about the message that was handed on; None where nobody has said anything in time."""
        until = min(self._until, time.monotonic() + ANSWER_S + self._stall_s - STALL_S)
        number, self._number = self._number, 0  # its turn is over
        with contextlib.suppress(cache.CacheUnavailable):
            while time.monotonic() < until:
                if (found := cache.take(self._answers(number))) is not None:
                    return found
        return None

    def tell(self, numbers: Iterable[int], said: str) -> None:
        """Answer those who have handed their message on."""
        mailboxes = [self._answers(number) for number in numbers]
        if mailboxes:
            with contextlib.suppress(cache.CacheUnavailable):  # then they find out by themselves
                cache.call(lambda redis: self._post(redis, mailboxes, said))

    @staticmethod
    def _post(redis: Any, mailboxes: Iterable[str], said: str) -> None:
        together = redis.pipeline(transaction=False)
        for mailbox in mailboxes:
            together.rpush(mailbox, said)
            together.pexpire(mailbox, KEEP_MS)
        together.execute()

    def _draw(self) -> None:
        self._number, self._served = cache.call(lambda redis: redis.eval(_JOIN, 1, self._key, KEEP_MS))
        self.message = ""

    def _wait(self) -> bool:
        if self._served >= self._number - 1:
            return False
        _busy.put(self._key, True)
        moved_at = time.monotonic()
        mailbox = self._mailbox(self._number)
        while self._served < self._number - 1 and time.monotonic() < self._until:
            if (found := cache.take(mailbox)) is not None:
                self.message = found
                break
            seen = self._seen()
            if seen >= self._number - 1:  # the message came with the end of that turn, so it is there
                self.message = cache.call(lambda redis: redis.lpop(mailbox)) or ""
            if seen != self._served:
                self._served, moved_at = seen, time.monotonic()
            elif time.monotonic() - moved_at > self._stall_s:
                self._over(seen + 1, "")
        return True

    def _seen(self) -> int:
        found: Any = cache.call(lambda redis: redis.hget(self._key, "served"))
        return self._number if found is None else int(found)  # Redis was emptied: no queue, no waiting

    def _mailbox(self, number: int) -> str:
        return f"{self._key}:{number}"

    def _answers(self, number: int) -> str:
        return f"{self._mailbox(number)}:answer"

    def _over(self, number: int, message: str, *, must_be_next: bool = False) -> bool:
        keys = self._key, self._mailbox(number + 1)
        given = number, message, int(must_be_next), KEEP_MS
        return bool(cache.call(lambda redis: redis.eval(_OVER, 2, *keys, *given)))
