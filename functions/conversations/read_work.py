"""How much one person may have read in a minute.

Some reads grow with everything that somebody has: their list of conversations, catching up, searching everywhere. Each
request of these reads so much at the most, and all of them together so much a minute. A unit is a batch of 100 records,
or a page of an index (up to a megabyte): about 100 read units of DynamoDB.
"""

from __future__ import annotations

from kernel import limiter
from kernel.limiter import Limit

UNITS = Limit("read_work", requests=1_200, window_s=60)
RECORDS_PER_UNIT = 100
CONVERSATIONS_AT_ONCE = 2_000


def spend(user_id: str, units: int) -> None:
    """Count units that are about to be read; raises LimitExceeded where they are too many for this minute."""
    limiter.spend(UNITS, user_id, cost=units)


def units(records: int) -> int:
    """The units of so many records."""
    return -(-records // RECORDS_PER_UNIT)


def spend_on_records(user_id: str, count: int) -> None:
    """Count records that are about to be read. The first hundred of a request are covered by the limit of requests."""
    if count > RECORDS_PER_UNIT:
        spend(user_id, units(count) - 1)
