"""What hangs on a message beside its reactions, in DynamoDB: the replies of its thread, its earlier texts."""

from __future__ import annotations

from dataclasses import dataclass

from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from conversations.events import Event
from kernel.dynamo import Record, TableName, Transaction

MAX_EARLIER_TEXTS = 50
_REPLY, _TEXT = "reply#", "text#"


class MessagePartRecord(Record):
    """`reply#{seq}`: a reply of the message's thread. `text#{n}`: what it said before, and since when."""

    class Meta:
        table_name = TableName("message_parts")

    message = UnicodeAttribute(hash_key=True)
    part = UnicodeAttribute(range_key=True)
    text = UnicodeAttribute(null=True)
    written_at = NumberAttribute(null=True)


@dataclass(frozen=True, slots=True)
class EarlierText:
    """What a message said from `written_at` (ms) until its next edit."""

    text: str
    written_at: int


def _key(conversation_id: str, seq: int) -> str:
    return f"{conversation_id}#{seq}"


def _reply(seq: int) -> str:
    return f"{_REPLY}{seq:016}"  # so that they sort by seq


def stage_reply(transaction: Transaction, conversation_id: str, *, root_seq: int, seq: int) -> None:
    transaction.put("reply", MessagePartRecord(_key(conversation_id, root_seq), _reply(seq)))


def replies(conversation_id: str, root_seq: int, *, after: int, limit: int) -> list[int]:
    """The seqs of a thread's replies above `after`, ascending."""
    part = MessagePartRecord.part
    rows = MessagePartRecord.query(
        _key(conversation_id, root_seq),
        part.between(_reply(after + 1), _REPLY + "~"),
        consistent_read=True,
        limit=limit,
    )
    return [int(row.part.removeprefix(_REPLY)) for row in rows]


def stage_earlier(transaction: Transaction, message: Event) -> None:
    """Keep what a message says now; of more than 50 the oldest goes."""
    row = MessagePartRecord(
        _key(message.conversation_id, message.seq),
        f"{_TEXT}{message.edits % MAX_EARLIER_TEXTS:02}",
        text=message.text,
        written_at=message.edited_at or message.at,
    )
    transaction.put("earlier", row)


def stage_forgotten(transaction: Transaction, message: Event) -> None:
    """Forget everything that a message said before."""
    for number in range(min(message.edits, MAX_EARLIER_TEXTS)):
        row = MessagePartRecord(_key(message.conversation_id, message.seq), f"{_TEXT}{number:02}")
        transaction.delete("earlier", row)


def forget_earlier(conversation_id: str, seq: int) -> None:
    """The same for a message of which it is not known any more how often it was edited. Twice is fine."""
    texts = MessagePartRecord.part.startswith(_TEXT)
    rows = list(MessagePartRecord.query(_key(conversation_id, seq), texts, consistent_read=True))
    with MessagePartRecord.batch_write() as batch:
        for row in rows:
            batch.delete(row)


def earlier(conversation_id: str, seq: int) -> list[EarlierText]:
    """What a message said before, oldest first."""
    rows = MessagePartRecord.query(
        _key(conversation_id, seq), MessagePartRecord.part.startswith(_TEXT), consistent_read=True
    )
    found = [EarlierText(row.text or "", int(row.written_at or 0)) for row in rows]
    return sorted(found, key=lambda each: each.written_at)
