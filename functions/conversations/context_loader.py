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
from kernel.dynamo import Key, Record, read_together
from kernel.errors import NotFound
from log import api as log
from log.model import Event


class ContextLoader:
    """Loads a context like `store.context`, and with it events, memberships (`people`) and further records.

    As `load` of `log.append` it reads all of them again together with the context. `records` keep the order of their
    keys.
    """

    def __init__(
        self,
        *,
        messages: Iterable[str | None] = (),
        people: Iterable[str] = (),
        records: Sequence[tuple[type[Record], Key]] = (),
    ) -> None:
        self._seqs = list(dict.fromkeys(seq for each in messages if (seq := _position(each)) is not None))
        self._people = list(dict.fromkeys(people))
        self._keys = records
        self._events: dict[int, Event] = {}
        self.members: dict[str, Member] = {}
        self.records: list[Any] = []

    def __call__(self, conversation_id: str, user_id: str) -> MemberContext:
        rows = iter(
            read_together(
                [
                    *store.context_keys(conversation_id, user_id),
                    *((log.EventRecord, (conversation_id, seq)) for seq in self._seqs),
                    *(store.member_key(conversation_id, each) for each in self._people),
                    *self._keys,
                ]
            )
        )
        context = store.context_in([next(rows), next(rows), next(rows)])
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
