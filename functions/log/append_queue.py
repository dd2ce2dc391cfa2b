"""The append queue: writers of a busy conversation line up in Redis instead of colliding in DynamoDB.

The queue is an optimisation. Correctness comes from the conditions of the transactions: a turn that is skipped, lost
or held by two writers at once costs retries and nothing else.

Each writer in the queue has two mailboxes: the writer before it leaves a message in the first when its turn ends, and
a writer who has handed over a message receives the answer in the second.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable
from types import TracebackType
from typing import Any, Self

from kernel import cache, deadline
from kernel.resilience import full_jitter

BUSY_S = 2.0  # for this long after a collision, this process joins the queue before it writes
STALL_S = 0.4  # a turn is a plan and one transaction; a writer that takes longer is skipped
STALL_MAX_S = 2.0  # with a slow store: skipping writers that only wait for it makes all of them collide
STALL_ROUND_TRIPS = 4  # a turn may take as long as this many round trips to the store
ANSWER_WAIT_S = 2.0  # for another writer to commit a handed-over batch; longer where the store is slow
COLLISIONS_BEFORE_REJOIN = 3  # within one turn, with writers outside of the queue
QUEUE_TTL_MS = 30_000
RETRY_BASE_S = 0.004
RETRY_CAP_S = 0.25

# A queue is one hash: `last` is the newest writer's number, `served` the highest number whose turn has ended.
_JOIN = """
local mine = redis.call('hincrby', KEYS[1], 'last', 1)
redis.call('hsetnx', KEYS[1], 'served', 0)
redis.call('pexpire', KEYS[1], ARGV[1])
return {mine, tonumber(redis.call('hget', KEYS[1], 'served'))}
"""
# Ends the turn of a number and leaves a message for the next writer. 0 if the turn had already ended, or if nobody is
# next and the message needs a receiver (ARGV[3]).
_END_TURN = """
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
    """One writer's place in the queue of a conversation, in a `with` block; a quiet conversation costs no Redis call.

    Waits for a turn until `until` (monotonic clock, s), then goes ahead without one. `message` is the text that the
    writer before has left, empty for none.
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
        """The place in the queue; 0 outside of the queue."""
        return self._number

    def __enter__(self) -> Self:
        """Join the queue at once where this process has collided lately."""
        if _busy.get(self._key):
            with contextlib.suppress(cache.CacheUnavailable):
                self._join()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end("")

    def expect_round_trip(self, seconds: float) -> None:
        """Adapt the time after which a writer is skipped to the duration of the latest round trip to the store."""
        self._stall_s = max(STALL_S, min(STALL_ROUND_TRIPS * seconds, STALL_MAX_S))

    def wait(self) -> bool:
        """Wait for the turn; True if the wait took time, so that the context read before may be stale."""
        if not self._number:
            return False
        try:
            return self._wait()
        except cache.CacheUnavailable:
            self._number = 0
            return True

    def collided(self) -> bool:
        """Wait for a turn after another writer was first; True if the wait took time, so that the context is stale.

        Without Redis the wait is a jittered pause.
        """
        self.collisions += 1
        _busy.put(self._key, True)
        if self._number and self.collisions % COLLISIONS_BEFORE_REJOIN:
            return False
        self.end("")
        try:
            self._join()
            return self._wait()
        except cache.CacheUnavailable:
            self._number = 0
            deadline.pause(full_jitter(self.collisions - 1, RETRY_BASE_S, RETRY_CAP_S))
            return True

    def end(self, message: str) -> None:
        """End the turn, if there is one, and leave the message to the next writer, if there is one."""
        if self._number:
            with contextlib.suppress(cache.CacheUnavailable):  # the others skip this number after `STALL_S`
                self._end_turn(self._number, message)
            self._number = 0

    def hand_over(self, message: str) -> bool:
        """End the turn and leave the message to the next writer; False if nobody is next, and then the turn goes on."""
        with contextlib.suppress(cache.CacheUnavailable):
            return self._end_turn(self._number, message, must_be_next=True)
        return False

    def wait_for_answer(self) -> str | None:
        """The answer to the message that was handed over; None if none comes in time."""
        until = min(self._until, time.monotonic() + ANSWER_WAIT_S + self._stall_s - STALL_S)
        number, self._number = self._number, 0  # handing over has ended the turn
        with contextlib.suppress(cache.CacheUnavailable):
            while time.monotonic() < until:
                if (found := cache.take(self._answer_mailbox(number))) is not None:
                    return found
        return None

    def answer(self, numbers: Iterable[int], answer: str) -> None:
        """Answer the writers who have handed over a message."""
        mailboxes = [self._answer_mailbox(number) for number in numbers]
        if mailboxes:
            with contextlib.suppress(cache.CacheUnavailable):  # they retry when no answer comes
                cache.call(lambda redis: self._push(redis, mailboxes, answer))

    @staticmethod
    def _push(redis: Any, mailboxes: Iterable[str], answer: str) -> None:
        pipeline = redis.pipeline(transaction=False)
        for mailbox in mailboxes:
            pipeline.rpush(mailbox, answer)
            pipeline.pexpire(mailbox, QUEUE_TTL_MS)
        pipeline.execute()

    def _join(self) -> None:
        def join(redis: Any) -> tuple[int, int]:
            number, served = redis.eval(_JOIN, 1, self._key, QUEUE_TTL_MS)
            return number, served

        self._number, self._served = cache.call(join)
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
            served = self._read_served()
            if served >= self._number - 1:  # ending a turn and leaving its message is one step
                self.message = cache.call(lambda redis: redis.lpop(mailbox)) or ""
            if served != self._served:
                self._served, moved_at = served, time.monotonic()
            elif time.monotonic() - moved_at > self._stall_s:
                self._end_turn(served + 1, "")
        return True

    def _read_served(self) -> int:
        found = cache.call(lambda redis: int(redis.hget(self._key, "served") or -1))
        return self._number if found < 0 else found  # Redis has lost the queue: go ahead

    def _mailbox(self, number: int) -> str:
        return f"{self._key}:{number}"

    def _answer_mailbox(self, number: int) -> str:
        return f"{self._mailbox(number)}:answer"

    def _end_turn(self, number: int, message: str, *, must_be_next: bool = False) -> bool:
        keys = self._key, self._mailbox(number + 1)
        arguments = number, message, int(must_be_next), QUEUE_TTL_MS
        return bool(cache.call(lambda redis: redis.eval(_END_TURN, 2, *keys, *arguments)))
