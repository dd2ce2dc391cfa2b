"""The replies of threads in DynamoDB."""

from __future__ import annotations

from collections.abc import Iterable

from pynamodb.attributes import UnicodeAttribute

from kernel import ids
from kernel.dynamo import Record
from kernel.transactions import Transaction
from log.model import Event

_REPLY = "reply#"


class ReplyRecord(Record, table="message_parts", group="log"):
    """`reply#{seq}`: a reply of the message's thread."""

    message = UnicodeAttribute(hash_key=True)
    part = UnicodeAttribute(range_key=True)


def _key(conversation_id: str, seq: int) -> str:
    return f"{conversation_id}#{seq}"


def _reply(seq: int) -> str:
    return f"{_REPLY}{seq:016}"  # so that they sort by seq


def stage_reply(transaction: Transaction, conversation_id: str, *, root_seq: int, seq: int) -> None:
    transaction.put("reply", ReplyRecord(_key(conversation_id, root_seq), _reply(seq)))


def replies(conversation_id: str, root_seq: int, *, after: int, limit: int) -> list[int]:
    """The seqs of a thread's replies above `after`, ascending."""
    part = ReplyRecord.part
    rows = ReplyRecord.query(
        _key(conversation_id, root_seq),
        part.between(_reply(after + 1), _REPLY + "~"),
        consistent_read=True,
        limit=limit,
    )
    return [int(row.part.removeprefix(_REPLY)) for row in rows]


def forget_replies(replies: Iterable[Event]) -> None:
    """Delete the entries of these replies."""
    ReplyRecord.delete_all(
        ReplyRecord(_key(each.conversation_id, ids.position(each.thread_root or "") or 0), _reply(each.seq))
        for each in replies
    )
