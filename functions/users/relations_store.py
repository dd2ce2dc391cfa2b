"""Blocks and contacts in DynamoDB: a row per block; a contact is two rows, which change in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pynamodb.attributes import UnicodeAttribute

from kernel import clock
from kernel.dynamo import Record
from kernel.errors import Conflict
from kernel.reads import read_together
from kernel.records import IntegerAttribute, Mapper
from kernel.transactions import Cancelled, Transaction
from users.model import ContactLink, ContactState, Profile, Relationship
from users.store import PROFILE, UserRecord

_BLOCK, _CONTACT = "block#", "contact#"
_FILTERED_PAGE = 1_000  # rows that a filtered query reads in one round trip


class RelationRecord(Record, table="relations"):
    user_id = UnicodeAttribute(hash_key=True)
    other = UnicodeAttribute(range_key=True)
    state = UnicodeAttribute(null=True)
    at = IntegerAttribute()


def _block(user_id: str, other_id: str) -> tuple[type[Record], tuple[str, str]]:
    return RelationRecord, (user_id, f"{_BLOCK}{other_id}")


_LINK = Mapper(
    RelationRecord,
    ContactLink,
    renamed={"created_at": "at"},
    user_id=lambda row: row.other.removeprefix(_CONTACT),
)


def relationship(user_id: str, other_id: str) -> Relationship:
    """The relationship of `user_id` to `other_id`, in one round trip."""
    person, blocks, blocked, contact = read_together(
        [
            (UserRecord, (other_id,)),
            _block(user_id, other_id),
            _block(other_id, user_id),
            (RelationRecord, (user_id, f"{_CONTACT}{other_id}")),
        ]
    )
    other = PROFILE.found(person)
    known = other is not None and not other.public.is_gone(clock.now())
    return Relationship(known, blocks is not None, blocked is not None, _LINK.found(contact))


def blocks(pairs: Sequence[tuple[str, str]]) -> list[bool]:
    """For each (blocker, blocked), whether there is a block: one round trip per 100."""
    return [row is not None for row in read_together([_block(*pair) for pair in pairs])]


def accepted(pairs: Sequence[tuple[str, str]]) -> list[bool]:
    """For each pair, whether the two are contacts: one round trip per 100."""
    rows = read_together([(RelationRecord, (one, f"{_CONTACT}{other}")) for one, other in pairs])
    return [row is not None and row.state == "accepted" for row in rows]


def profiles_visible_to(user_id: str, others: Sequence[str]) -> dict[str, Profile]:
    """The profiles of the people among `others` who do not block `user_id`: one round trip per 50."""
    unique = list(dict.fromkeys(others))
    people = [(UserRecord, (each,)) for each in unique]
    rows = read_together([*people, *(_block(each, user_id) for each in unique)])
    found, blocks = rows[: len(unique)], rows[len(unique) :]
    pairs = zip(found, blocks, strict=True)
    return {row.user_id: PROFILE.value(row) for row, block in pairs if row is not None and block is None}


def block(user_id: str, other_id: str, at: int, stage: Callable[[Transaction], None]) -> None:
    """Store a block and delete the contact of the two; raises Conflict after a concurrent change."""
    transaction = Transaction()
    stage(transaction)
    transaction.put("block", RelationRecord(user_id, f"{_BLOCK}{other_id}", at=at))
    _stage_removal(transaction, user_id, other_id)
    _commit(transaction)


def unblock(user_id: str, other_id: str, stage: Callable[[Transaction], None]) -> None:
    """Delete a block; idempotent. Raises Conflict after a concurrent change."""
    transaction = Transaction()
    stage(transaction)
    transaction.delete("block", RelationRecord(user_id, f"{_BLOCK}{other_id}"))
    _commit(transaction)


def request(user_id: str, other_id: str, at: int) -> None:
    """Store both sides of a new request; raises Conflict if there is a contact, a request or a block."""
    transaction = Transaction()
    stage_no_block(transaction, user_id, other_id)
    for owner, other, state in ((user_id, other_id, "pending_out"), (other_id, user_id, "pending_in")):
        row = RelationRecord(owner, f"{_CONTACT}{other}", state=state, at=at)
        transaction.put(state, row, RelationRecord.user_id.does_not_exist())
    _commit(transaction)


def stage_no_block(transaction: Transaction, user_id: str, other_id: str) -> None:
    """Check that neither blocks the other (labels `blocks` and `blocked`, from `user_id`'s side)."""
    for label, (model, key) in (("blocks", _block(user_id, other_id)), ("blocked", _block(other_id, user_id))):
        transaction.check(label, model, key, RelationRecord.user_id.does_not_exist())


def accept(user_id: str, other_id: str) -> None:
    """Accept the request that `user_id` received; raises Conflict if it no longer exists."""
    transaction = Transaction()
    for owner, other, state in ((user_id, other_id, "pending_in"), (other_id, user_id, "pending_out")):
        row = RelationRecord(owner, f"{_CONTACT}{other}")
        transaction.update(state, row, [RelationRecord.state.set("accepted")], RelationRecord.state == state)
    _commit(transaction)


def remove(user_id: str, other_id: str) -> None:
    """Delete a contact or request, both sides; raises Conflict after a concurrent change."""
    transaction = Transaction()
    _stage_removal(transaction, user_id, other_id)
    _commit(transaction)


def _stage_removal(transaction: Transaction, user_id: str, other_id: str) -> None:
    transaction.delete("contact", RelationRecord(user_id, f"{_CONTACT}{other_id}"))
    transaction.delete("their contact", RelationRecord(other_id, f"{_CONTACT}{user_id}"))


def _commit(transaction: Transaction) -> None:
    try:
        transaction.commit()
    except Cancelled as error:
        raise Conflict("Somebody changed this at the same time; try again.", retry_after_s=1) from error


def blocked_by(user_id: str, *, after: str | None, limit: int | None) -> list[str]:
    """The ids of the people whom `user_id` blocks, ascending, from after `after`; without a limit all of them."""
    found = RelationRecord.query(
        user_id,
        RelationRecord.other.startswith(_BLOCK),
        limit=limit,
        last_evaluated_key=_start(user_id, _BLOCK, after),
    )
    return [row.other.removeprefix(_BLOCK) for row in found]


def links(user_id: str, state: ContactState | None, *, after: str | None, limit: int | None) -> list[ContactLink]:
    """The contacts and requests of `user_id`, ordered by the other's id, from after `after`; without a limit all."""
    found = RelationRecord.query(
        user_id,
        RelationRecord.other.startswith(_CONTACT),
        filter_condition=None if state is None else RelationRecord.state == state,
        limit=limit,
        page_size=limit if state is None else _FILTERED_PAGE,
        last_evaluated_key=_start(user_id, _CONTACT, after),
    )
    return _LINK.values(found)


def _start(user_id: str, kind: str, after: str | None) -> dict[str, Any] | None:
    return None if after is None else RelationRecord.start(user_id, f"{kind}{after}")
