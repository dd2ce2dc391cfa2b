"""When to retry: pure arithmetic with a source of randomness; it never sleeps.

All waits are full jitter, uniform over a window (AWS Architecture Blog, "Exponential Backoff And Jitter").

API Gateway admits 500 new sockets a second. To keep all clients together below that, their *first* reconnect
must be spread over a window, and only the server knows how many clients there are. So the server publishes
the window by the rule `spread_for`: as `after_ms` of a `reconnect` frame, and as `reconnect_spread_ms` of the
ticket for connections that drop without a hint. It is 4 ms per live connection, which is 250 connects/s on
average and leaves the other half for variation, retries and new clients. After a failed try the wait is drawn
from a window at least as long.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

SPREAD_PER_CONNECTION_S = 0.004
MIN_SPREAD_S = 1.0


def spread_for(connections: int) -> float:
    """The seconds over which this many clients should reconnect; times 1,000 it is the `after_ms` to send."""
    return max(MIN_SPREAD_S, connections * SPREAD_PER_CONNECTION_S)


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """Full-jitter exponential backoff; the jitter is added to a server's Retry-After."""

    base_s: float = 1.0
    cap_s: float = 30.0

    def window(self, attempt: int) -> float:
        """The longest wait in seconds before retry number `attempt` (from 0)."""
        return float(min(self.cap_s, self.base_s * 2 ** min(attempt, 30)))

    def delay(self, attempt: int, rng: random.Random, *, retry_after: float | None = None) -> float:
        return (retry_after or 0.0) + rng.uniform(0.0, self.window(attempt))


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconnectPolicy:
    """When a socket reconnects: the published backoff of R15.

    `spread_s` applies if the server announced no window. A connection is replaced after a time drawn from
    `lifetime_s`, before API Gateway ends it at 2 h. One that lived less than `stable_s` counts as a failed
    try, so that a server that accepts and drops connections is not flooded.
    """

    backoff: Backoff = Backoff()
    spread_s: float = 5.0
    lifetime_s: tuple[float, float] = (6_000.0, 6_900.0)
    stable_s: float = 10.0

    def after_hint(self, after_ms: float, rng: random.Random) -> float:
        """Seconds to wait after a `reconnect` frame."""
        return rng.uniform(0.0, max(0.0, after_ms) / 1000)

    def after_drop(self, rng: random.Random, *, spread_s: float | None = None) -> float:
        """Seconds to wait after a healthy connection was lost without a hint."""
        return rng.uniform(0.0, self.spread_s if spread_s is None else spread_s)

    def after_failure(
        self,
        attempt: int,
        rng: random.Random,
        *,
        spread_s: float | None = None,
        retry_after: float | None = None,
    ) -> float:
        """Seconds to wait after the `attempt`-th failure in a row (from 0)."""
        window = max(self.backoff.window(attempt), self.spread_s if spread_s is None else spread_s)
        return (retry_after or 0.0) + rng.uniform(0.0, window)

    def lifetime(self, rng: random.Random) -> float:
        """The seconds after which a connection is replaced."""
        return rng.uniform(*self.lifetime_s)
