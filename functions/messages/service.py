"""Messages: send, edit, delete, list."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import messages.events  # noqa: F401 - what is appended here
from conversations.api import ContextLoader, require_id, require_member
from conversations.model import MemberContext
from kernel import clock, ids, telemetry
from kernel.after_commit import FollowUp
from kernel.caller import Caller
from kernel.errors import Forbidden, NotFound, ValidationFailed
from kernel.paging import Page, Paginator
from kernel.transactions import Cancelled, Transaction
from log import api as log
from log.model import MESSAGE_CREATED, Event, NewEvent
from messages import attached, forwarding, mentions, message_store, model, slow_mode, typing_notice, views
from messages.changes import history_store, pins, pins_store, threads
from messages.changes.changing import MessageChange, change
from messages.contents import content_of
from messages.model import FORGET_REACTIONS, MESSAGE_DELETED, MESSAGE_UPDATED, NewMessage, lifetime_ms

# --- sending --------------------------------------------------------------------------------------------------


def send(
    *, caller: Caller, conversation_id: str, message: NewMessage, member_since: int | None = None
) -> tuple[dict[str, Any], bool]:
    """Append a message; returns it and whether it is new: a repeated client_id gets the first one.

    With `member_since` (ms) only for who has been a member from then on without a break.

    Two store round trips: context (with what it replies to and the members' sockets), transaction; one more for sockets
    where this process has not met the conversation lately or they have changed within a minute, one for usernames it
    mentions that were not met lately, and one to forward. Raises Unprocessable when the client_id stands for another
    message, NotFound for non-members and where a block stands between, Forbidden where it may not be, RateLimited
    under slow mode.
    """
    send = log.Send(log.send_key(caller.user_id, message.client_id), message.fingerprint)
    try:
        with log.replay_duplicate(send.key, partial(require_member, conversation_id, caller.user_id)):
            return _send(caller, conversation_id, message, send, member_since), True
    except log.DuplicateSend:
        earlier = log.original_event(send, conversation_id)
        return views.messages([earlier], caller.user_id)[0], False


def _send(
    caller: Caller, conversation_id: str, message: NewMessage, send: log.Send, member_since: int | None
) -> dict[str, Any]:
    now = clock.now()
    original = None if message.forward is None else forwarding.original(caller, message.forward)
    file_ids = message.attachment_ids if original is None else original.file_ids
    files = attached.require(caller.user_id, file_ids)
    text, type_ = (message.text, message.type) if original is None else (original.text, original.type)
    named = mentions.named(message.text, message.mentions)
    seen = ContextLoader(messages=[message.reply_to, message.thread_root], people=named.user_ids, sockets=True)

    def plan(context: MemberContext) -> log.AppendPlan:
        if member_since is not None and context.member.joined_at > member_since:
            raise NotFound
        root = _require_sendable(context, message, seen)
        if context.info.settings.encrypted:
            attached.require_opaque(files)
        slow_mode.require_slot(context, now=now, sent_as=send.key)
        seq, at = context.next_seq, log.event_time(context.head)
        stored = message.stored(
            ids.new_at("msg", seq),
            type=type_,
            thread_root=root,
            forwarded_from=None if original is None else original.credit,
            attachments=attached.log_entries(files, conversation_id),
            **named.stored(context, seen),
        )
        lasts_ms = lifetime_ms(context.info.settings, type_)

        def stage(transaction: Transaction) -> None:
            if root is not None:
                threads.stage_reply(transaction, conversation_id, root=root, seq=seq)
            slow_mode.stage(transaction, context, now=now)
            attached.stage(
                transaction, files, conversation_id=conversation_id, seq=seq, expires_at=lasts_ms and at + lasts_ms
            )

        new = NewEvent(MESSAGE_CREATED, caller.user_id, stored, text=text, lasts_ms=lasts_ms, send=send)
        return log.AppendPlan([new], stage, at=at)

    try:
        _, events = slow_mode.append(
            require_id(conversation_id),
            caller.user_id,
            plan,
            load=seen,
            extra=typing_notice.typing_stopped,
            sockets=seen.sockets,
        )
    except Cancelled as refused:
        if attached.were_changed(refused):
            raise ValidationFailed.of("attachment_ids", "a file was changed or deleted meanwhile") from refused
        raise
    telemetry.total("MessagesSent")
    return views.messages(events, caller.user_id)[0]


def check(*, caller: Caller, conversation_id: str, message: NewMessage) -> int:
    """Raise the errors of sending this message now, except those of slow mode; returns when (ms) the sender joined."""
    if message.forward is not None:
        forwarding.original(caller, message.forward)
    attached.require(caller.user_id, message.attachment_ids)
    named = mentions.named(message.text, message.mentions)
    seen = ContextLoader(messages=[message.reply_to, message.thread_root], people=named.user_ids)
    context = seen(require_id(conversation_id), caller.user_id)
    _require_sendable(context, message, seen)
    named.stored(context, seen)
    return context.member.joined_at


def _require_sendable(context: MemberContext, message: NewMessage, seen: ContextLoader) -> str | None:
    """Require that the member may send this message; returns the root of its thread, None outside of one."""
    context.require_send()
    model.require_content(message, encrypted_conversation=context.info.settings.encrypted)
    if context.info.settings.encrypted:
        from keys import api as keys  # where nothing is encrypted, sending loads no keys

        keys.require_current_ciphertext(context.conversation_id, context.head.group, message.ciphertext or "")
    _require_reply(context, seen, message.reply_to)
    return threads.root_of(context, seen, message.thread_root)


def _require_reply(context: MemberContext, seen: ContextLoader, message_id: str | None) -> None:
    if message_id is None:
        return
    try:
        seen.message(context, message_id)
    except NotFound as error:
        raise ValidationFailed.of("reply_to", "there is no such message in this conversation") from error


# --- changing -------------------------------------------------------------------------------------------------


def edit(*, caller: Caller, conversation_id: str, message_id: str, text: str) -> dict[str, Any]:
    """Replace the text of one's own message, within 24 h; the earlier text is kept. The same text changes nothing."""
    now = clock.now()
    named = mentions.named(text)
    present: list[Event] = []

    def plan(context: MemberContext, message: Event, seen: ContextLoader) -> MessageChange | None:
        context.require_send()
        context.require_plain()
        model.require_editable(message, caller.user_id)
        present[:] = [message]
        if text == message.text:
            return None
        data = model.present({**message.data, **named.stored_after_edit(message.data, context, seen)})
        after = replace(message, text=text, data=data, edited_at=now, edits=message.edits + 1)

        def stage(transaction: Transaction, seq: int) -> None:
            message_store.stage_edit(transaction, message, seq, after, text=text, now=now)
            history_store.stage_earlier(transaction, message)

        return MessageChange(MESSAGE_UPDATED, after, stage)

    after = change(
        caller=caller,
        conversation_id=conversation_id,
        message_id=message_id,
        plan=plan,
        people=named.user_ids,
    )
    return views.messages([after or present[0]], caller.user_id)[0]


def delete(*, caller: Caller, conversation_id: str, message_id: str, for_platform: bool = False) -> None:
    """Replace a message by a tombstone (its sender and admins); idempotent.

    With `for_platform` the sender need not be a member any more. The message's earlier texts, pin and count in a thread
    are deleted with it, its reactions within minutes.
    """
    now = clock.now()
    deleted: list[Event] = []
    following: list[FollowUp] = []

    def plan(context: MemberContext, message: Event, seen: ContextLoader) -> MessageChange | None:
        if message.actor_id != caller.user_id and not context.member.is_admin:
            raise Forbidden("Only its sender and admins may delete a message.")
        if message.deleted_at is not None:
            return None
        if message.data["type"] == "system":
            raise Forbidden("What the platform tells the members stays.")

        def stage(transaction: Transaction, seq: int) -> None:
            message_store.stage_deletion(transaction, message, seq, now=now)
            if (content := content_of(message)) is not None:
                following[:] = content.stage_deletion(transaction, message)
            if message.reactions:  # already invisible; deleted by the sweep of follow-up work
                about = {"conversation_id": conversation_id, "seq": message.seq}
                FollowUp.of(FORGET_REACTIONS, about).stage(transaction)
            history_store.stage_forgotten(transaction, message)
            message_store.stage_out_of_thread(transaction, message)
            pins.stage_deletion(transaction, message, seen, seq)
            attached.stage_removal(transaction, conversation_id, message.seq, message.data)

        deleted[:] = [message]
        return MessageChange(MESSAGE_DELETED, message.tombstone(now), stage)

    done = change(
        caller=caller,
        conversation_id=conversation_id,
        message_id=message_id,
        plan=plan,
        records=[pins_store.key(conversation_id)],
        for_platform=for_platform,
    )
    if done is None:
        return
    attached.remove(conversation_id, deleted[0].seq, deleted[0].data)
    for each in following:
        each.complete()


# --- reading --------------------------------------------------------------------------------------------------


def get(*, caller: Caller, conversation_id: str, message_id: str) -> dict[str, Any]:
    """One message in its present state; raises NotFound."""
    seen = ContextLoader(messages=[message_id])
    context = seen(require_id(conversation_id), caller.user_id)
    return views.messages([seen.message(context, message_id)], caller.user_id)[0]


def list_messages(
    *,
    caller: Caller,
    conversation_id: str,
    before: int | None,
    after: int | None,
    limit: int,
    page: str | None,
) -> Page[dict[str, Any]]:
    """Messages by seq: newest first, from below `before`; or oldest first, from above `after`.

    Raises InvalidCursor for a cursor of a list with another `before` or `after`.
    """
    if before is not None and after is not None:
        raise ValidationFailed.of("after", "give before or after, not both")
    context = require_member(conversation_id, caller.user_id)
    paging = Paginator(page, caller.user_id, "messages", conversation_id, begun=[before, after])
    before, after = paging.begun
    newest_first = after is None
    if paging.start is not None:
        before, after = (paging.start, None) if newest_first else (None, paging.start)
    first = max(context.member.visible_from, (after or 0) + 1)
    last = context.head.last_message_seq if before is None else min(before - 1, context.head.last_message_seq)
    found = log.messages(conversation_id, first, last, newest_first=newest_first, limit=limit + 1)
    return paging.fitting_page(
        found,
        limit,
        lambda message: message.seq,
        lambda shown: views.messages(shown, caller.user_id),
    )
