"""Loads a caller's context together with further records that a rule needs, in one round trip.

A batch read is not a snapshot: the head may be newer than the other records, so writes that depend on those need
conditions of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from conversations import record_store, store
from conversations.model import Member, MemberContext
from kernel import ids
from kernel.cache import Memo
from kernel.dynamo import Key, Record
from kernel.errors import NotFound
from kernel.reads import read_beside
from log import api as log
from log.model import Event
from realtime import api as realtime
from realtime.api import Connection

# The members of conversations as they were read last; only a guess at whose sockets will be needed.
_members: Memo[Sequence[str]] = Memo(max_entries=2_000, ttl_s=600)


class ContextLoader:
    """Loads a context like `store.context`, and with it events, memberships (`people`) and further records.

    As `load` of `log.append` it reads all of them again together with the context. `records` keep the order of their
    keys. With `sockets`, it also reads the sockets of the members as this process knew them last, for publishing. With
    `for_platform` the context is `store.system_context`, which needs no membership.
    """

    def __init__(
        self,
        *,
        messages: Iterable[str | None] = (),
        people: Iterable[str] = (),
        records: Sequence[tuple[type[Record], Key]] = (),
        sockets: bool = False,
        for_platform: bool = False,
    ) -> None:
        self._seqs = list(dict.fromkeys(seq for each in messages if (seq := _position(each)) is not None))
        self._people = list(dict.fromkeys(people))
        self._keys = records
        self._with_sockets = sockets
        self._for_platform = for_platform
        self._events: dict[int, Event] = {}
        self.members: dict[str, Member] = {}
        self.records: list[Any] = []
        self.sockets: dict[str, Sequence[Connection]] = {}  # by person; of those who were read

    def __call__(self, conversation_id: str, user_id: str) -> MemberContext:
        known = (_members.get(conversation_id) or ()) if self._with_sockets else ()
        found, sockets = read_beside(
            [
                *store.context_keys(conversation_id, user_id),
                *((log.EventRecord, (conversation_id, seq)) for seq in self._seqs),
                *(store.member_key(conversation_id, each) for each in self._people),
                *self._keys,
            ],
            [realtime.connections_key(each) for each in known],
        )
        rows = iter(found)
        head, info, member = next(rows), next(rows), next(rows)
        if self._for_platform:
            context = store.system_context_in(head, info, user_id)
        else:
            context = store.context_in([head, info, member])
        if self._with_sockets:
            _members.put(conversation_id, context.info.member_ids or ())
            self.sockets.clear()
            self.sockets.update((each, realtime.connections_in(row)) for (each,), row in sockets.items())
        events = [next(rows) for _ in self._seqs]
        people = [next(rows) for _ in self._people]
        self._events = {int(row.seq): log.event_of(row) for row in events if row is not None}
        self.members = {row.user_id: record_store.member_of(row) for row in people if row is not None}
        self.records = list(rows)
        return context

    def at(self, message_id: str) -> Event | None:
        """One of the requested messages, even if the caller may not see it."""
        seq = _position(message_id)
        event = None if seq is None else self._events.get(seq)
        return event if event is not None and event.is_message and event.data["id"] == message_id else None

    def message(self, context: MemberContext, message_id: str) -> Event:
        """One of the requested messages; raises NotFound if there is none or the caller may not see it."""
        event = self.at(message_id)
        if event is None or not context.member.visible_from <= event.seq <= context.head.last_seq:
            raise NotFound
        return event


def _position(message_id: str | None) -> int | None:
    if message_id is None or not ids.is_id(message_id, "msg"):
        return None
    return ids.position(message_id)
