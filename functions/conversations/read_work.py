"""The limit of reads per person and minute.

Listing conversations, catching up and searching read more the more conversations a person has. Each such request is
bounded, and all of them together are limited per minute. A unit is a batch of 100 records or a page of an index (up to
a megabyte): about 100 read units of DynamoDB.
"""

from __future__ import annotations

from kernel import limiter
from kernel.limiter import Limit

UNITS = Limit("read_work", requests=1_200, window_s=60)
RECORDS_PER_UNIT = 100
CONVERSATIONS_AT_ONCE = 2_000


def spend(user_id: str, units: int) -> None:
    """Count units before they are read; raises LimitExceeded if the limit of this minute is spent."""
    limiter.spend(UNITS, user_id, cost=units)


def units(records: int) -> int:
    """The units of this many records."""
    return -(-records // RECORDS_PER_UNIT)


def spend_on_records(user_id: str, count: int) -> None:
    """Count records before they are read. The first 100 of a request are covered by the limits of requests."""
    if count > RECORDS_PER_UNIT:
        spend(user_id, units(count) - 1)
