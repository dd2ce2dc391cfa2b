"""Changes of messages, whose present state is in their events of the log (`log.EventRecord`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pynamodb.expressions.update import Action

from kernel import clock, ids
from kernel.records import set_or_remove
from kernel.transactions import Transaction
from log.api import EventRecord, not_deleted
from log.model import Event


def stage_change(transaction: Transaction, message: Event, seq: int, actions: Sequence[Action]) -> None:
    """Change a message with the event at `seq`; label `message` fails if it has changed since it was read."""
    last = EventRecord.changed_seq
    unchanged = last.does_not_exist() if message.changed_seq is None else last == message.changed_seq
    condition = unchanged & not_deleted(clock.now()) & EventRecord.type.exists()
    record = EventRecord(message.conversation_id, message.seq)
    transaction.update("message", record, [last.set(seq), *actions], condition)


def stage_edit(transaction: Transaction, message: Event, seq: int, after: Event, *, text: str, now: int) -> None:
    """Replace a message's text and the data derived from it."""
    actions = [
        EventRecord.text.set(text),
        EventRecord.edited_at.set(now),
        EventRecord.edits.set(after.edits),
        EventRecord.data.set(dict(after.data)),
        EventRecord.mentioned.set(after.mentioned),
    ]
    stage_change(transaction, message, seq, actions)


def stage_system_update(
    transaction: Transaction, conversation_id: str, message_seq: int, seq: int, data: Mapping[str, Any]
) -> None:
    """Replace the data of a system message; label `message` fails if it was deleted."""
    record = EventRecord(conversation_id, message_seq)
    actions: list[Action] = [EventRecord.changed_seq.set(seq), EventRecord.data.set(dict(data))]
    transaction.update("message", record, actions, not_deleted(clock.now()) & EventRecord.type.exists())


def stage_deletion(transaction: Transaction, message: Event, seq: int, *, now: int) -> None:
    """Replace a message by its tombstone."""
    stage_change(transaction, message, seq, to_tombstone(message, now))


def to_tombstone(message: Event, deleted_at: int) -> list[Action]:
    """The actions that remove everything of a message except the tombstone's fields."""
    return [
        EventRecord.deleted_at.set(deleted_at),
        EventRecord.data.set(dict(message.tombstone(deleted_at).data)),
        EventRecord.text.remove(),
        EventRecord.fingerprint.remove(),
        EventRecord.edited_at.remove(),
        EventRecord.edits.remove(),
        EventRecord.reactions.remove(),
        EventRecord.mentioned.remove(),
        EventRecord.pinned.remove(),
        EventRecord.expiry_shard.remove(),
    ]


def stage_count(transaction: Transaction, message: Event, seq: int, emoji: str, count: int) -> None:
    """Set the number of people who reacted with this emoji; 0 removes it."""
    field = EventRecord.reactions[emoji]
    stage_change(transaction, message, seq, [set_or_remove(field, count if count > 0 else None)])


def stage_pinned(transaction: Transaction, message: Event, seq: int, pinned: bool) -> None:
    stage_change(transaction, message, seq, [set_or_remove(EventRecord.pinned, True if pinned else None)])


def stage_into_thread(transaction: Transaction, conversation_id: str, root: str) -> None:
    """Count a new reply in its thread; the root may be deleted (label `root`)."""
    _stage_counted(transaction, conversation_id, root, 1)


def stage_out_of_thread(transaction: Transaction, message: Event) -> None:
    """Remove a message from the count of its thread, if it is a reply."""
    if message.thread_root is not None:
        _stage_counted(transaction, message.conversation_id, message.thread_root, -1)


def _stage_counted(transaction: Transaction, conversation_id: str, root: str, step: int) -> None:
    record = EventRecord(conversation_id, ids.position(root))
    transaction.update("root", record, [EventRecord.thread_count.add(step)], EventRecord.type.exists())
