"""Chosen status and watches in DynamoDB."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from pynamodb.attributes import BooleanAttribute, UnicodeAttribute

from kernel import clock
from kernel.dynamo import Record
from kernel.reads import read_together
from kernel.records import IntegerAttribute, Mapper, NamesAttribute
from presence.model import Choice
from realtime.api import CONNECTION_TTL_MS

CROWD = 20  # a socket that watches more people than this gets frames less often


@dataclass(frozen=True, slots=True)
class Watcher:
    """A socket that watches somebody."""

    user_id: str
    connection_id: str
    crowd: bool = False


class PresenceRecord(Record, table="presence"):
    user_id = UnicodeAttribute(hash_key=True)
    status = UnicodeAttribute()
    text = UnicodeAttribute(null=True)
    until = IntegerAttribute(null=True)
    hidden_seen_at = IntegerAttribute(null=True)


class WatchRecord(Record, table="watches"):
    """A socket's watch of a person; or, where both keys are the socket's id, the list of all people it watches.

    It expires after a socket's longest life, if the socket was not closed properly.
    """

    watched = UnicodeAttribute(hash_key=True)
    connection_id = UnicodeAttribute(range_key=True)
    user_id = UnicodeAttribute(null=True)
    crowd = BooleanAttribute(null=True)
    user_ids = NamesAttribute()
    expires_at = IntegerAttribute()  # seconds: DynamoDB's TTL


_CHOICE = Mapper(PresenceRecord, Choice)
_WATCHER = Mapper(WatchRecord, Watcher)


def choices(user_ids: Sequence[str]) -> dict[str, Choice]:
    """The chosen statuses by user id, without people who have not set one: one round trip per 100."""
    rows = read_together([(PresenceRecord, (user_id,)) for user_id in user_ids])
    return {row.user_id: _CHOICE.value(row) for row in rows if row is not None}


def choose(user_id: str, choice: Choice) -> None:
    """Store a chosen status in place of the one before."""
    _CHOICE.record(choice, user_id).save()


def watched_by(connection_id: str) -> set[str]:
    """The ids of the people a socket watches."""
    row = WatchRecord.find(connection_id, connection_id)
    return set() if row is None or row.expires_at <= clock.now_s() else set(row.user_ids)


def watch(user_id: str, connection_id: str, wanted: Collection[str], before: Collection[str]) -> None:
    """Let a socket watch `wanted` instead of `before`: one round trip per 25 changes."""
    expires_at = clock.now_s() + CONNECTION_TTL_MS // clock.SECOND
    crowd = len(wanted) > CROWD
    with WatchRecord.batch_write() as batch:
        for each in sorted(set(before) - set(wanted)):
            batch.delete(WatchRecord(each, connection_id))
        for each in sorted(set(wanted) - set(before) if crowd == (len(before) > CROWD) else wanted):
            batch.save(WatchRecord(each, connection_id, user_id=user_id, crowd=crowd, expires_at=expires_at))
        if wanted:
            everybody = WatchRecord(connection_id, connection_id, user_ids=frozenset(wanted), expires_at=expires_at)
            batch.save(everybody)
        elif before:
            batch.delete(WatchRecord(connection_id, connection_id))


def is_watched(user_id: str) -> bool:
    """Whether a socket watches this person; closed sockets may still count."""
    return next(iter(WatchRecord.query(user_id, limit=1)), None) is not None


def watchers(user_id: str, *, after: str | None, limit: int) -> tuple[list[Watcher], str | None]:
    """A page of the sockets that watch a person, ordered by id, and the next `after`, None at the end."""
    condition = None if after is None else WatchRecord.connection_id > after
    rows = list(WatchRecord.query(user_id, condition, limit=limit, consistent_read=True))
    now_s = clock.now_s()
    found = _WATCHER.values(row for row in rows if row.expires_at > now_s)
    return found, rows[-1].connection_id if len(rows) == limit else None


def forget(user_id: str, connection_ids: Iterable[str]) -> None:
    """Delete watches of closed sockets."""
    WatchRecord.delete_all(WatchRecord(user_id, each) for each in connection_ids)
