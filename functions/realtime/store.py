"""Live connections and tickets in DynamoDB, and in Redis whose connections have changed lately."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from pynamodb.attributes import UnicodeAttribute
from pynamodb.expressions.update import Action

from kernel import cache, clock
from kernel.dynamo import Key, Record
from kernel.reads import read_together
from kernel.records import EntriesAttribute, IntegerAttribute, Mapper

# A socket lives at most 2 h; without a $disconnect its entry expires 10 min later (R11).
CONNECTION_TTL_MS = 2 * clock.HOUR + 10 * clock.MINUTE
# API Gateway answers 410 for a socket until its $connect is answered, which is after the entry was written.
HANDSHAKE_MS = 5 * clock.SECOND
# Clients ping at least every 5 min; after this time without a ping a person counts as absent.
PRESENT_MS = 6 * clock.MINUTE
MAX_CONNECTIONS_PER_PERSON = 25
# A change is marked for many times the lag of a replica of DynamoDB, and longer than an invocation goes on after it.
MARK_S = 60
MARKS_WORTH = 5  # for fewer people half of the read units cost less than asking Redis
FOCUS_MS = clock.MINUTE  # clients repeat their focus before that, unless the screen is off


Target = tuple[str, str]  # user_id, connection_id
Ask = Callable[[Any], object]  # adds one command to a pipeline of Redis


@dataclass(frozen=True, slots=True)
class Connection:
    """One live socket of a person."""

    connection_id: str
    user_id: str
    session_id: str
    opened_at: int
    heard_at: int  # when it was opened or last pinged
    slow_until: int = 0  # suspended until then, as it was slow

    @property
    def is_slow(self) -> bool:
        return self.slow_until > clock.now()

    @property
    def target(self) -> Target:
        return (self.user_id, self.connection_id)


NONE_KNOWN: Mapping[str, Sequence[Connection]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Liveness:
    """Whether a person is connected on any device. Times in ms."""

    seen_at: int | None = None  # the last ping or close of a socket; None for never
    present_until: int = 0  # without a further ping; 0 without a socket

    @property
    def present(self) -> bool:
        return self.present_until > clock.now()

    @property
    def lapsed(self) -> bool:
        """Whether the person has sockets, but without a recent ping."""
        return 0 < self.present_until <= clock.now()


@dataclass(frozen=True, slots=True)
class Ticket:
    """The owner of a ticket."""

    user_id: str
    session_id: str


class ConnectionsRecord(Record, table="connections"):
    """All live sockets of one person in one item, so that 100 people are read in one round trip."""

    user_id = UnicodeAttribute(hash_key=True)
    connections = EntriesAttribute(null=True)
    last_seen_at = IntegerAttribute(null=True)  # when a socket was closed last


class TicketRecord(Record, table="tickets", group="access"):
    ticket_hash = UnicodeAttribute(hash_key=True)
    user_id = UnicodeAttribute()
    session_id = UnicodeAttribute()
    expires_at = IntegerAttribute()  # seconds: DynamoDB's TTL
    expires_at_ms = IntegerAttribute()


_TICKET = Mapper(TicketRecord, Ticket)


def _live(record: ConnectionsRecord) -> list[Connection]:
    oldest = clock.now() - CONNECTION_TTL_MS
    return [
        Connection(
            connection_id,
            record.user_id,
            entry["session_id"],
            opened_at=entry["opened_at"],
            heard_at=_heard_at(entry),
            slow_until=entry.get("late_until", 0),
        )
        for connection_id, entry in (record.connections or {}).items()
        if entry["opened_at"] >= oldest
    ]


def _heard_at(entry: Mapping[str, Any]) -> int:
    heard_at: int = entry.get("heard_at", entry["opened_at"])
    return heard_at


def _liveness(record: ConnectionsRecord, *, but: str = "") -> Liveness:
    """The liveness of one person, without regard to the socket `but`."""
    entries = record.connections or {}
    heard = max((_heard_at(entry) for each, entry in entries.items() if each != but), default=0)
    seen_at = max(heard, record.last_seen_at or 0)
    return Liveness(seen_at or None, heard + PRESENT_MS if heard else 0)


def liveness_of(user_ids: Sequence[str]) -> dict[str, Liveness]:
    """The liveness of these people, by id: one round trip per 100."""
    rows = read_together([(ConnectionsRecord, (user_id,)) for user_id in user_ids])
    found = {row.user_id: _liveness(row) for row in rows if row is not None}
    return {user_id: found.get(user_id, Liveness()) for user_id in user_ids}


def connections_of(user_ids: Sequence[str], *, consistent: bool = True) -> list[Connection]:
    """The live sockets of these people: one round trip per 100. At half the price, if not `consistent`, without the
    changes of usually the last second."""
    rows = read_together([(ConnectionsRecord, (user_id,)) for user_id in user_ids], consistent=consistent)
    return [connection for row in rows if row is not None for connection in _live(row)]


def connections_in(record: ConnectionsRecord | None) -> list[Connection]:
    """The live sockets in a record of `connections_key`."""
    return [] if record is None else _live(record)


def receiving_connections_of(user_ids: Sequence[str]) -> list[Connection]:
    """The live sockets of people who get an event, read consistently only where they have changed lately.

    An event can miss a new socket if Redis has lost its mark and a replica of DynamoDB lags at that moment; the
    client's sync after opening, its next event or its next ping closes that gap.
    """
    return receiving_connections(user_ids)[0]


def receiving_connections(
    user_ids: Sequence[str], known: Mapping[str, Sequence[Connection]] = NONE_KNOWN, ask: Ask | None = None
) -> tuple[list[Connection], Any]:
    """`receiving_connections_of`, and the answer to `ask` (None without Redis), which adds a command to the round trip
    for the marks.

    `known` has the sockets of some people as they were read up to `MARK_S` ago, before the event was committed. They
    are read again only where they have changed lately.
    """
    changed, answer = _marked(user_ids, ask, few_too=bool(known))
    live = [each for user_id in user_ids if user_id not in changed for each in known.get(user_id, ())]
    others = [user_id for user_id in user_ids if user_id not in changed and user_id not in known]
    if changed and len(changed) + len(others) < MARKS_WORTH:
        return [*live, *connections_of([*others, *sorted(changed)])], answer
    if others:
        live += connections_of(others, consistent=False)
    if changed:
        live += connections_of(sorted(changed))
    return live, answer


def _mark(user_id: str) -> None:
    """Mark a person before their sockets change."""
    try:
        cache.call(lambda redis: redis.set(_mark_key(user_id), 1, ex=MARK_S))
    except cache.CacheUnavailable:
        return  # declared mode: who cannot reach Redis either reads consistently


def _marked(user_ids: Sequence[str], ask: Ask | None, *, few_too: bool) -> tuple[set[str], Any]:
    """Whom of these people to read consistently: who is marked; all of them without Redis, or if they are few, unless
    `few_too`. And the answer to `ask`, None without Redis."""
    marks = user_ids if few_too or len(user_ids) >= MARKS_WORTH else ()
    found, answer = _read_marks(marks, ask)
    if not marks or found is None:
        return set(user_ids), answer
    return {user_id for user_id, mark in zip(marks, found, strict=True) if mark}, answer


def asked(ask: Ask | None) -> Any:
    """The answer of Redis to one command, None without Redis."""
    return _read_marks((), ask)[1]


def _read_marks(user_ids: Sequence[str], ask: Ask | None) -> tuple[Sequence[str | None] | None, Any]:
    """The marks of people (None without Redis), and the answer to `ask`, in one round trip if any is needed."""
    if not user_ids and ask is None:
        return (), None

    def read(redis: Any) -> list[Any]:
        pipe = redis.pipeline(transaction=False)
        for user_id in user_ids:
            pipe.getex(_mark_key(user_id))  # counts as a write, so a replica refuses it
        if ask is not None:
            ask(pipe)
        found: list[Any] = pipe.execute()
        return found

    try:
        found = cache.call(read)
    except cache.CacheUnavailable:
        return None, None
    return found[: len(user_ids)], None if ask is None else found[-1]


def _mark_key(user_id: str) -> str:
    return f"sockets:{user_id}"


def add(connection: Connection) -> tuple[list[str], Liveness]:
    """Register a socket; returns the ids of the person's removed sockets (above the limit, or expired), and the
    person's liveness before it."""
    entry = {
        "session_id": connection.session_id,
        "opened_at": connection.opened_at,
        "heard_at": connection.heard_at,
    }
    _mark(connection.user_id)
    record = ConnectionsRecord(connection.user_id)
    held_before, added = ConnectionsRecord.connections, ConnectionsRecord.connections[connection.connection_id]
    if not record.update_if(held_before.exists(), added.set(entry)):
        first = held_before.set({connection.connection_id: entry})
        if not record.update_if(held_before.does_not_exist(), first):
            record.update([added.set(entry)])
    held = record.connections
    newest = sorted(held, key=lambda each: held[each]["opened_at"], reverse=True)
    oldest = clock.now() - CONNECTION_TTL_MS
    over = newest[MAX_CONNECTIONS_PER_PERSON:] + [
        each for each in newest[:MAX_CONNECTIONS_PER_PERSON] if held[each]["opened_at"] < oldest
    ]
    before = _liveness(record, but=connection.connection_id)
    if over:
        _drop(connection.user_id, over, [])
    return over, before


def remove(user_id: str, connection_ids: Iterable[str]) -> Liveness:
    """Remove closed sockets; idempotent. Returns the person's liveness after it."""
    _mark(user_id)
    return _drop(user_id, connection_ids, [ConnectionsRecord.last_seen_at.set(clock.now())])


def _drop(user_id: str, connection_ids: Iterable[str], more: list[Action]) -> Liveness:
    actions: list[Action] = [ConnectionsRecord.connections[each].remove() for each in connection_ids]
    record = ConnectionsRecord(user_id)
    if actions:
        record.update_if(ConnectionsRecord.connections.exists(), *actions, *more)
    return _liveness(record)


def touch(user_id: str, connection_id: str) -> None:
    """Note activity on a socket; does nothing if it was removed."""
    entry = ConnectionsRecord.connections[connection_id]
    ConnectionsRecord(user_id).update_if(entry.exists(), entry["heard_at"].set(clock.now()))


def focus(user_id: str, connection_id: str, conversation_id: str | None) -> None:
    """Note the conversation on a socket's screen, None for none; does nothing if the socket was removed."""
    entry = ConnectionsRecord.connections[connection_id]
    shown = entry["focus"]
    actions: list[Action] = (
        [shown.remove()]
        if conversation_id is None
        else [shown.set(conversation_id), entry["focus_until"].set(clock.now() + FOCUS_MS)]
    )
    ConnectionsRecord(user_id).update_if(entry.exists(), *actions)


def connections_key(user_id: str) -> tuple[type[Record], Key]:
    """The key of a person's sockets, for reading them together with other records; see `shows`."""
    return ConnectionsRecord, (user_id,)


def shows(record: ConnectionsRecord | None, conversation_id: str) -> bool:
    """Whether one of a person's sockets has the conversation on its screen (focus)."""
    if record is None or record.connections is None:
        return False
    now = clock.now()
    entries = record.connections.values()
    return any(each.get("focus") == conversation_id and each["focus_until"] > now for each in entries)


def remove_gone(user_id: str, connection_id: str) -> Liveness | None:
    """Remove a socket that a post found gone, and set the person's last seen to its last ping.

    Returns the person's liveness; None, and removes nothing, while the socket's handshake may be incomplete.
    """
    entry, last_seen_at = ConnectionsRecord.connections[connection_id], ConnectionsRecord.last_seen_at
    handshaken = entry["opened_at"] < clock.now() - HANDSHAKE_MS
    earlier = last_seen_at.does_not_exist() | (last_seen_at < entry["heard_at"])
    record = ConnectionsRecord(user_id)
    # entries of an earlier version have only `opened_at`
    seen = last_seen_at.set(entry["heard_at"] | entry["opened_at"])
    forgotten = record.update_if(handshaken & earlier, entry.remove(), seen) or record.update_if(
        entry.does_not_exist() | handshaken, entry.remove()
    )
    return _liveness(record) if forgotten else None


def suspend(user_id: str, connection_id: str, until: int) -> None:
    """Suspend delivery to a socket until then (ms); does nothing if it was removed."""
    entry = ConnectionsRecord.connections[connection_id]
    ConnectionsRecord(user_id).update_if(entry.exists(), entry["late_until"].set(until))


def resume(user_id: str, connection_id: str) -> bool:
    """Resume delivery to a socket; returns whether it was suspended."""
    _mark(user_id)
    slow_until = ConnectionsRecord.connections[connection_id]["late_until"]
    return ConnectionsRecord(user_id).update_if(slow_until.exists(), slow_until.remove())


def _hash(ticket: str) -> str:
    return hashlib.sha256(ticket.encode()).hexdigest()


def keep_ticket(ticket: str, owner: Ticket, *, ttl_s: int) -> None:
    """Store a ticket by its hash until it is used or expires."""
    expires_at_ms = clock.now() + ttl_s * clock.SECOND
    expires_at = expires_at_ms // clock.SECOND + 1
    _TICKET.record(owner, _hash(ticket), expires_at=expires_at, expires_at_ms=expires_at_ms).save()


def redeem_ticket(ticket: str) -> Ticket | None:
    """Use a ticket up; returns its owner, None if it is unknown, used or expired."""
    record = TicketRecord.find(_hash(ticket))
    if record is None or not record.delete_if(TicketRecord.user_id.exists()):
        return None
    return _TICKET.value(record) if record.expires_at_ms >= clock.now() else None
