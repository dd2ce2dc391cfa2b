"""Reactions by message and person in DynamoDB. Their counts are in the message (`message_store.stage_count`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from pynamodb.attributes import UnicodeAttribute

from kernel.dynamo import Key, Record
from kernel.transactions import Transaction
from log.model import Event

_SCANNED = 1_000


class ReactionRef(NamedTuple):
    """One person's reaction to the message at `seq`."""

    conversation_id: str
    seq: int
    emoji: str
    user_id: str


class ReactionRecord(Record, table="reactions", group="log"):
    message = UnicodeAttribute(hash_key=True)
    entry = UnicodeAttribute(range_key=True)


def _message_key(conversation_id: str, seq: int) -> str:
    return f"{conversation_id}#{seq}"


def key(conversation_id: str, seq: int, emoji: str, user_id: str) -> tuple[type[Record], Key]:
    """The key of one person's reaction."""
    return ReactionRecord, (_message_key(conversation_id, seq), f"{emoji}#{user_id}")


def stage(transaction: Transaction, message: Event, *, emoji: str, user_id: str, added: bool) -> None:
    """Add or remove one person's reaction (label `reaction`)."""
    record = ReactionRecord(*key(message.conversation_id, message.seq, emoji, user_id)[1])
    if added:
        transaction.put("reaction", record, ReactionRecord.entry.does_not_exist())
    else:
        transaction.delete("reaction", record, ReactionRecord.entry.exists())


Read = Callable[[Iterable[tuple[type[Record], Key]]], list[Any]]


def of_people(
    user_ids: Sequence[str], messages: Sequence[Event], *, read: Read
) -> dict[tuple[str, str, int], frozenset[str]]:
    """Which emoji these people reacted with, by (person, conversation, seq).

    For one person a round trip, if any of the messages has reactions; for several a query for each that has.
    """
    if len(user_ids) == 1:
        (user_id,) = user_ids
        return {(user_id, *key): emoji for key, emoji in _mine(user_id, messages, read).items()}
    wanted = frozenset(user_ids)
    return {
        (user_id, each.conversation_id, each.seq): emoji
        for each in messages
        for user_id, emoji in reactors(each).items()
        if user_id in wanted
    }


def keys_of(user_id: str, messages: Iterable[Event]) -> list[tuple[type[Record], Key]]:
    """The keys of the reactions that this person may have made."""
    return [key(each.conversation_id, each.seq, emoji, user_id) for each, emoji in _counted(messages)]


def _counted(messages: Iterable[Event]) -> list[tuple[Event, str]]:
    return [(each, emoji) for each in messages for emoji, count in each.reactions.items() if count > 0]


def _mine(user_id: str, messages: Iterable[Event], read: Read) -> dict[tuple[str, int], frozenset[str]]:
    """Which emoji this person reacted with, per message that has any reactions."""
    wanted = _counted(messages)
    rows = read(key(each.conversation_id, each.seq, emoji, user_id) for each, emoji in wanted)
    found: dict[tuple[str, int], frozenset[str]] = {}
    for (each, emoji), row in zip(wanted, rows, strict=True):
        if row is not None:
            context = (each.conversation_id, each.seq)
            found[context] = found.get(context, frozenset()) | {emoji}
    return found


def reactors(message: Event) -> Mapping[str, frozenset[str]]:
    """Who reacted with what to one message; nothing is read for one without reactions."""
    found: dict[str, frozenset[str]] = {}
    if not any(count > 0 for count in message.reactions.values()):
        return found
    for row in ReactionRecord.query(_message_key(message.conversation_id, message.seq), consistent_read=True):
        emoji, _, user_id = row.entry.rpartition("#")
        found[user_id] = found.get(user_id, frozenset()) | {emoji}
    return found


def erase(conversation_id: str, seq: int) -> int:
    """Delete all reactions to a message; returns their number. Idempotent."""
    return ReactionRecord.delete_found(_message_key(conversation_id, seq))


def page_of(user_id: str, cursor: dict[str, Any] | None) -> tuple[list[ReactionRef], dict[str, Any] | None]:
    """A person's reactions in the next page of a table scan, and the next cursor.

    Former members are in no index of a conversation.
    """
    mine = ReactionRecord.entry.contains(f"#{user_id}")
    rows = ReactionRecord.scan(mine, page_size=_SCANNED, last_evaluated_key=cursor)
    found = [_reaction(ReactionRecord.from_raw_data(item)) for item in next(rows.page_iter)["Items"]]
    return [each for each in found if each.user_id == user_id], rows.last_evaluated_key


def _reaction(row: ReactionRecord) -> ReactionRef:
    conversation_id, _, seq = row.message.rpartition("#")
    emoji, _, user_id = row.entry.rpartition("#")
    return ReactionRef(conversation_id, int(seq), emoji, user_id)


def forget(reaction: ReactionRef) -> None:
    """Delete a reaction that no message counts any more; idempotent."""
    ReactionRecord(*key(*reaction)[1]).delete()
