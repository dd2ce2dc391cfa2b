"""Pinned messages: at most 50 in a conversation, the same for all members."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from conversations.api import ContextLoader, require_id
from conversations.model import MemberContext
from kernel import clock
from kernel.caller import Caller
from kernel.errors import Conflict, Gone
from kernel.paging import Page, Paginator
from kernel.transactions import Transaction
from log import api as log
from log.model import Event
from messages import message_store, views
from messages.changes import pins_store
from messages.changes.changing import MessageChange, change
from messages.changes.pins_store import Pin, Pins, pins_of
from messages.model import MAX_PINS, MESSAGE_UPDATED


def pin(*, caller: Caller, conversation_id: str, message_id: str) -> None:
    """Pin a message; idempotent. Raises Conflict `too_many_pins` for a 51st, Gone for a deleted one."""

    def plan(context: MemberContext, message: Event, seen: ContextLoader) -> MessageChange | None:
        context.require_pin()
        if message.deleted_at is not None:
            raise Gone("This message was deleted.")
        if message.pinned:
            return None
        before = pins_of(seen.records[0])
        others = before.without(message.seq)
        if len(others) >= MAX_PINS:
            others = _undeleted(context.conversation_id, others)
        if len(others) >= MAX_PINS:
            raise Conflict(f"A conversation has at most {MAX_PINS} pinned messages.", code="too_many_pins")
        after = (*others, Pin(message.seq, caller.user_id, clock.now()))
        return _change(message, before, after, pinned=True)

    _carry_out(caller, conversation_id, message_id, plan)


def unpin(*, caller: Caller, conversation_id: str, message_id: str) -> None:
    """Unpin a message; idempotent."""

    def plan(context: MemberContext, message: Event, seen: ContextLoader) -> MessageChange | None:
        context.require_pin()
        before = pins_of(seen.records[0])
        if not message.pinned:
            return None
        return _change(message, before, before.without(message.seq), pinned=False)

    _carry_out(caller, conversation_id, message_id, plan)


def _undeleted(conversation_id: str, items: tuple[Pin, ...]) -> tuple[Pin, ...]:
    """The pins of messages that are neither deleted nor expired."""
    found = log.events_at((conversation_id, each.seq) for each in items)
    return tuple(
        each for each in items if (event := found.get((conversation_id, each.seq))) and event.deleted_at is None
    )


def _carry_out(caller: Caller, conversation_id: str, message_id: str, plan: Any) -> None:
    records = [pins_store.key(conversation_id)]
    change(caller=caller, conversation_id=conversation_id, message_id=message_id, plan=plan, records=records)


def _change(message: Event, before: Pins, after: tuple[Pin, ...], *, pinned: bool) -> MessageChange:
    def stage(transaction: Transaction, seq: int) -> None:
        pins_store.stage(transaction, message.conversation_id, before, after, seq)
        message_store.stage_pinned(transaction, message, seq, pinned)

    return MessageChange(MESSAGE_UPDATED, replace(message, pinned=pinned), stage)


def stage_deletion(transaction: Transaction, message: Event, seen: ContextLoader, seq: int) -> None:
    """Unpin a message in the transaction that deletes it; `seen` has read the pins."""
    if message.pinned:
        pins = pins_of(seen.records[0])
        pins_store.stage(transaction, message.conversation_id, pins, pins.without(message.seq), seq)


def list_pins(*, caller: Caller, conversation_id: str, limit: int, page: str | None) -> Page[dict[str, Any]]:
    """The pinned messages that the caller may see, the last pinned first, with the person and time of pinning.

    Two round trips, a third if any has reactions.
    """
    seen = ContextLoader(records=[pins_store.key(conversation_id)])
    context = seen(require_id(conversation_id), caller.user_id)
    paging = Paginator(page, caller.user_id, "pins", conversation_id)
    before = paging.start
    pins = {
        pin.seq: pin
        for pin in sorted(pins_of(seen.records[0]).items, key=lambda each: (each.at, each.seq), reverse=True)
        if pin.seq >= context.member.visible_from and (before is None or [pin.at, pin.seq] < before)
    }
    found = log.events_at((conversation_id, seq) for seq in pins)
    undeleted = [event for event in found.values() if event.deleted_at is None]

    def show(shown: Sequence[Event]) -> list[dict[str, Any]]:
        return [
            {**each, "pinned_by": pins[each["seq"]].by, "pinned_at": pins[each["seq"]].at}
            for each in views.messages(shown, caller.user_id)
        ]

    return paging.fitting_page(undeleted, limit, lambda event: [pins[event.seq].at, event.seq], show)
