"""Live connections and tickets in DynamoDB."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pynamodb.attributes import MapAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DeleteError, UpdateError

from kernel import clock
from kernel.dynamo import Record, TableName, condition_failed, read_together

# A socket lives at most 2 h; without its $disconnect an entry counts for 10 min more (R11).
CONNECTION_TTL_MS = 2 * clock.HOUR + 10 * clock.MINUTE
# API Gateway says 410 of a socket until its $connect has been answered, and the entry is written before that.
HANDSHAKE_MS = 5 * clock.SECOND
MAX_CONNECTIONS_PER_PERSON = 25


Target = tuple[str, str]  # user_id, connection_id


@dataclass(frozen=True, slots=True)
class Connection:
    """One live socket of a person."""

    connection_id: str
    user_id: str
    session_id: str
    opened_at: int
    late_until: int = 0  # until then nobody waits for it: it was slow, and will be told to sync

    @property
    def is_late(self) -> bool:
        return self.late_until > clock.now()

    @property
    def target(self) -> Target:
        return (self.user_id, self.connection_id)


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a ticket stands for."""

    user_id: str
    session_id: str


class ConnectionsRecord(Record):
    """All live sockets of one person, so that a hundred people are read in one call."""

    class Meta:
        table_name = TableName("connections")

    user_id = UnicodeAttribute(hash_key=True)
    connections: MapAttribute[str, Any] = MapAttribute(null=True)


class TicketRecord(Record):
    class Meta:
        table_name = TableName("tickets")

    ticket_hash = UnicodeAttribute(hash_key=True)
    user_id = UnicodeAttribute()
    session_id = UnicodeAttribute()
    expires_at = NumberAttribute()  # seconds: DynamoDB's TTL
    expires_at_ms = NumberAttribute()


def _live(record: ConnectionsRecord) -> list[Connection]:
    if record.connections is None:
        return []
    oldest = clock.now() - CONNECTION_TTL_MS
    return [
        Connection(
            connection_id,
            record.user_id,
            entry["session_id"],
            int(entry["opened_at"]),
            int(entry.get("late_until", 0)),
        )
        for connection_id, entry in record.connections.as_dict().items()
        if int(entry["opened_at"]) >= oldest
    ]


def connections_of(user_ids: Sequence[str]) -> list[Connection]:
    """The live sockets of these people: one round trip per 100."""
    rows = read_together([(ConnectionsRecord, (user_id,)) for user_id in user_ids])
    return [connection for row in rows if row is not None for connection in _live(row)]


def add(connection: Connection) -> list[str]:
    """Register a socket; returns those of this person that are over the limit or past their time (dropped)."""
    entry = {"session_id": connection.session_id, "opened_at": connection.opened_at}
    record = ConnectionsRecord(connection.user_id)
    try:
        record.update(
            [ConnectionsRecord.connections[connection.connection_id].set(entry)],
            condition=ConnectionsRecord.connections.exists(),
        )
    except UpdateError as error:
        if not condition_failed(error):
            raise
        _add_first(connection, entry)
        return []
    held = record.connections.as_dict()
    newest = sorted(held, key=lambda each: int(held[each]["opened_at"]), reverse=True)
    oldest = clock.now() - CONNECTION_TTL_MS
    over = newest[MAX_CONNECTIONS_PER_PERSON:] + [
        each for each in newest[:MAX_CONNECTIONS_PER_PERSON] if int(held[each]["opened_at"]) < oldest
    ]
    if over:
        remove(connection.user_id, over)
    return over


def _add_first(connection: Connection, entry: dict[str, Any]) -> None:
    record = ConnectionsRecord(connection.user_id)
    try:
        record.update(
            [ConnectionsRecord.connections.set({connection.connection_id: entry})],
            condition=ConnectionsRecord.connections.does_not_exist(),
        )
    except UpdateError as error:
        if not condition_failed(error):
            raise
        record.update([ConnectionsRecord.connections[connection.connection_id].set(entry)])


def remove(user_id: str, connection_ids: Iterable[str]) -> None:
    """Forget sockets of a person; unknown ones are fine."""
    actions = [ConnectionsRecord.connections[each].remove() for each in connection_ids]
    if not actions:
        return
    try:
        ConnectionsRecord(user_id).update(actions, condition=ConnectionsRecord.connections.exists())
    except UpdateError as error:
        if not condition_failed(error):
            raise


def remove_gone(user_id: str, connection_id: str) -> bool:
    """Forget a socket that a post found gone; False, and nothing done, while its handshake may still be going on."""
    entry = ConnectionsRecord.connections[connection_id]
    handshaken = entry["opened_at"] < clock.now() - HANDSHAKE_MS
    try:
        ConnectionsRecord(user_id).update([entry.remove()], condition=entry.does_not_exist() | handshaken)
    except UpdateError as error:
        if not condition_failed(error):
            raise
        return False
    return True


def leave_out(user_id: str, connection_id: str, until: int) -> None:
    """Let nobody wait for a socket until then. One that is forgotten stays so."""
    entry = ConnectionsRecord.connections[connection_id]
    try:
        ConnectionsRecord(user_id).update([entry["late_until"].set(until)], condition=entry.exists())
    except UpdateError as error:
        if not condition_failed(error):
            raise


def take_back(user_id: str, connection_id: str) -> bool:
    """Deliver to a socket again; whether it had been left out."""
    late_until = ConnectionsRecord.connections[connection_id]["late_until"]
    try:
        ConnectionsRecord(user_id).update([late_until.remove()], condition=late_until.exists())
    except UpdateError as error:
        if not condition_failed(error):
            raise
        return False
    return True


def _hash(ticket: str) -> str:
    return hashlib.sha256(ticket.encode()).hexdigest()


def keep_ticket(ticket: str, owner: Ticket, *, ttl_s: int) -> None:
    """Keep a ticket's hash until it is used or too old."""
    expires_at_ms = clock.now() + ttl_s * clock.SECOND
    TicketRecord(
        _hash(ticket),
        user_id=owner.user_id,
        session_id=owner.session_id,
        expires_at=expires_at_ms // clock.SECOND + 1,
        expires_at_ms=expires_at_ms,
    ).save()


def burn_ticket(ticket: str) -> Ticket | None:
    """Use a ticket up: whose it was, or None if it is unknown, used or too old (whatever TTL has left behind)."""
    record = TicketRecord.find(_hash(ticket))
    if record is None:
        return None
    try:
        record.delete(condition=TicketRecord.user_id.exists())
    except DeleteError as error:
        if condition_failed(error):
            return None
        raise
    if int(record.expires_at_ms) < clock.now():
        return None
    return Ticket(record.user_id, record.session_id)
