"""Messages: send, edit, delete, react, read, type."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from conversations import ballots, log, publish, slow_mode, store, views
from conversations.model import (
    MESSAGE_CREATED,
    MESSAGE_DELETED,
    MESSAGE_UPDATED,
    REACTION_ADDED,
    REACTION_REMOVED,
    Draft,
    Entry,
    Place,
)
from conversations.service import known, require_place
from kernel import clock, cursor, ids
from kernel.caller import Caller
from kernel.cursor import Page
from kernel.dynamo import Cancelled, Transaction
from kernel.errors import Conflict, Forbidden, Gone, NotFound, Unprocessable, ValidationFailed
from messages import model
from messages.model import NewMessage

# --- sending --------------------------------------------------------------------------------------------------


def send(*, caller: Caller, conversation_id: str, message: NewMessage) -> tuple[dict[str, Any], bool]:
    """Append a message; a repeated client_id returns the first one and False.

    Three store round trips: place, transaction, connections. Raises Unprocessable when the client_id stands for
    another message, NotFound for non-members and where a block stands between, Forbidden where it may not be,
    RateLimited under slow mode.
    """
    key = log.send_key(caller.user_id, message.client_id)
    fingerprint = message.fingerprint
    now = clock.now()

    def plan(place: Place) -> log.Plan:
        place.require_send()
        slow_mode.require_turn(place, now=now, sent_as=key)
        model.require_content(message, encrypted_conversation=place.profile.settings.encrypted)
        if message.reply_to is not None:
            _require_reply(place, message.reply_to)
        seq = place.next_seq
        stored = message.stored(ids.new_at("msg", seq))

        def stage(transaction: Transaction) -> None:
            log.stage_send(transaction, key=key, conversation_id=conversation_id, seq=seq, fingerprint=fingerprint)
            slow_mode.stage(transaction, place, now=now)

        return log.Plan([Draft(MESSAGE_CREATED, caller.user_id, stored, text=message.text)], stage)

    try:
        place, entries = slow_mode.append(known(conversation_id), caller.user_id, plan)
    except log.Sent:
        return _earlier(caller, conversation_id, key, fingerprint), False
    publish.committed(place, entries)
    return views.messages(entries, caller.user_id)[0], True


def _earlier(caller: Caller, conversation_id: str, key: str, fingerprint: str) -> dict[str, Any]:
    earlier = log.earlier(key)
    if earlier is None:
        raise Conflict("This client_id is being used by another request; try again.", retry_after_s=1)
    if (earlier.conversation_id, earlier.fingerprint) != (conversation_id, fingerprint):
        raise Unprocessable("This client_id stands for another message.")
    place = (earlier.conversation_id, earlier.seq)
    return views.messages([log.at([place])[place]], caller.user_id)[0]


def _require_reply(place: Place, message_id: str) -> None:
    try:
        _message(place, message_id)
    except NotFound as error:
        raise ValidationFailed.of("reply_to", "there is no such message in this conversation") from error


def _message(place: Place, message_id: str) -> Entry:
    """The message with this id, if the caller may see it; raises NotFound."""
    seq = ids.position(message_id) if ids.is_id(message_id, "msg") else None
    if seq is None or not place.member.visible_from <= seq <= place.head.last_seq:
        raise NotFound
    at = (place.conversation_id, seq)
    entry = log.at([at]).get(at)
    if entry is None or not entry.is_message or entry.data["id"] != message_id:
        raise NotFound
    return entry


# --- changing -------------------------------------------------------------------------------------------------


def edit(*, caller: Caller, conversation_id: str, message_id: str, text: str) -> dict[str, Any]:
    """Replace the text of one's own message, for 24 h after it was sent."""
    message = _message(require_place(conversation_id, caller.user_id), message_id)
    now = clock.now()

    def plan(place: Place) -> log.Plan:
        place.require_send()
        model.require_editable(
            sender_id=message.actor_id,
            created_at=message.at,
            deleted_at=message.deleted_at,
            type_=message.data["type"],
            editor_id=caller.user_id,
        )
        return _about(message, MESSAGE_UPDATED, caller, lambda it: log.stage_edit(it, message, text=text, now=now))

    _change(message, caller, plan)
    return views.messages([replace(message, text=text, edited_at=now)], caller.user_id)[0]


def delete(*, caller: Caller, conversation_id: str, message_id: str) -> None:
    """Leave a tombstone in place of a message (its sender and admins); deleting it again changes nothing."""
    message = _message(require_place(conversation_id, caller.user_id), message_id)

    def plan(place: Place) -> log.Plan:
        if message.actor_id != caller.user_id and not place.member.is_admin:
            raise Forbidden("Only its sender and admins may delete a message.")
        if message.deleted_at is not None:
            return log.Plan([])
        return _about(message, MESSAGE_DELETED, caller, lambda it: log.stage_deletion(it, message, now=clock.now()))

    with contextlib.suppress(Gone):  # somebody else deleted it at the same moment
        _change(message, caller, plan)
    if message.poll is not None:
        ballots.forget_votes(message.poll.id)


def react(*, caller: Caller, conversation_id: str, message_id: str, emoji: str, added: bool) -> None:
    """Add or take back one's reaction; doing it twice changes nothing."""
    model.require_emoji(emoji)
    message = _message(require_place(conversation_id, caller.user_id), message_id)
    if message.deleted_at is not None:
        raise Gone("This message was deleted.")
    kinds = {kind for kind, count in message.reactions.items() if count > 0}
    if added and emoji not in kinds and len(kinds) >= model.MAX_REACTION_KINDS:
        raise Conflict(f"A message takes at most {model.MAX_REACTION_KINDS} kinds of reactions.")
    kind = REACTION_ADDED if added else REACTION_REMOVED

    def stage(transaction: Transaction) -> None:
        log.stage_reaction(transaction, message, emoji=emoji, user_id=caller.user_id, added=added)

    def plan(place: Place) -> log.Plan:
        place.require_not_blocked()
        return _about(message, kind, caller, stage, user_id=caller.user_id, emoji=emoji)

    try:
        _change(message, caller, plan)
    except Cancelled as refused:
        if "reaction" not in refused.failed:  # else it is as asked for already
            raise


def _about(message: Entry, kind: str, caller: Caller, stage: Callable[[Transaction], None], **details: str) -> log.Plan:
    """An event about a message, and the message's new state with it."""
    about = {"message_seq": message.seq, "message_id": message.data["id"], **details}
    return log.Plan([Draft(kind, caller.user_id, about)], stage)


def _change(message: Entry, caller: Caller, plan: Callable[[Place], log.Plan]) -> None:
    """Append an event about a message; raises Gone if the message was deleted meanwhile."""
    try:
        place, entries = log.append(message.conversation_id, caller.user_id, plan)
    except Cancelled as refused:
        if "message" in refused.failed:
            raise Gone("This message was deleted.") from refused
        raise
    publish.committed(place, entries)


# --- reading --------------------------------------------------------------------------------------------------


def get(*, caller: Caller, conversation_id: str, message_id: str) -> dict[str, Any]:
    message = _message(require_place(conversation_id, caller.user_id), message_id)
    return views.messages([message], caller.user_id)[0]


def listing(
    *,
    caller: Caller,
    conversation_id: str,
    before: int | None,
    after: int | None,
    limit: int,
    page: str | None,
) -> Page[dict[str, Any]]:
    """Messages by seq: newest first, from below `before`; or oldest first, from above `after`."""
    if before is not None and after is not None:
        raise ValidationFailed.of("after", "give before or after, not both")
    place = require_place(conversation_id, caller.user_id)
    bound_to = (caller.user_id, "messages", conversation_id)
    if page is not None:
        before, after = cursor.unseal(page, bound_to=bound_to)
    newest_first = after is None
    first = max(place.member.visible_from, (after or 0) + 1)
    last = place.head.last_message_seq if before is None else min(before - 1, place.head.last_message_seq)
    found = log.messages(conversation_id, first, last, newest_first=newest_first, limit=limit)
    following = None
    if len(found) == limit:
        end = found[-1].seq
        following = cursor.seal([end, None] if newest_first else [None, end], bound_to=bound_to)
    return Page(views.messages(found, caller.user_id), following)


def mark_read(*, caller: Caller, conversation_id: str, seq: int) -> dict[str, int]:
    """Move the read marker forward, at most to the end of the log; it never moves back."""
    place = require_place(conversation_id, caller.user_id)
    seq = min(seq, place.head.last_seq)
    moved = seq > place.member.read_seq
    member = store.move_read_marker(conversation_id, caller.user_id, seq) if moved else None
    if moved and member is None:  # another device has moved it further meanwhile
        place = require_place(conversation_id, caller.user_id)
    if member is not None:
        place = replace(place, member=member)
        receipt = _receipt(place.member.user_id, member.delivered_seq, member.read_seq)
        if place.profile.member_count <= model.RECEIPTS_SHOWN_UP_TO:
            publish.passing(place, "receipt.updated", receipt)
        publish.passing(place, "receipt.updated", receipt, to=[caller.user_id])
    return {"read_seq": place.member.read_seq, "unread_count": views.unread_count(place)}


def _receipt(user_id: str, delivered_seq: int, read_seq: int) -> dict[str, Any]:
    return {"user_id": user_id, "delivered_seq": max(delivered_seq, read_seq), "read_seq": read_seq}


def receipts(*, caller: Caller, conversation_id: str) -> Page[dict[str, Any]]:
    """How far each member has received and read."""
    require_place(conversation_id, caller.user_id)
    people = store.members(conversation_id)
    return Page([_receipt(each.user_id, each.delivered_seq, each.read_seq) for each in people], None)
