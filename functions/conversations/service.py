"""Conversations: creating, finding, changing and deleting them; a member's preferences."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from conversations import erasure, listings, plans, publish, record_store, store, views
from conversations.model import (
    CONVERSATION_CREATED,
    CONVERSATION_DELETED,
    CONVERSATION_UPDATED,
    MAX_MEMBERS,
    MEMBER_IDS_MAX,
    PREFERENCES_UPDATED,
    ConversationInfo,
    Kind,
    Member,
    MemberContext,
    PolicyUnavailable,
    Settings,
)
from kernel import clock, ids
from kernel.caller import Caller
from kernel.errors import Conflict, Forbidden, NotFound, ValidationFailed
from kernel.paging import Page, Paginator, fitting
from kernel.resilience import retried
from kernel.transactions import Cancelled, Transaction
from log import api as log
from log.model import MESSAGE_CREATED, Event, LogHead, NewEvent
from users import api as users
from users.model import refuse

# Settings that let software read messages, and what all members are told when one is switched on or off.
_TOLD_SWITCHES = (
    ("ai_enabled", "AI help was switched on.", "AI help was switched off."),
    ("moderation", "What looks harmful is reported to the admins.", "Messages are not looked at any more."),
)
MEMBERS_IN_LAST_WRITE = 90  # a transaction takes 100 actions; further members are written before it


def require_member(conversation_id: str, user_id: str) -> MemberContext:
    """The caller's context in a conversation; raises NotFound if the caller is not a member."""
    return store.context(require_id(conversation_id), user_id)


def require_id(conversation_id: str) -> str:
    """The id, if it has the form of a conversation's id; raises NotFound."""
    if not ids.is_id(conversation_id, "cnv"):
        raise NotFound
    return conversation_id


def create(
    *,
    caller: Caller,
    kind: Kind,
    member_ids: Sequence[str],
    name: str | None,
    description: str | None,
    settings: Mapping[str, Any],
) -> tuple[dict[str, Any], bool]:
    """Create a conversation, or find the direct one of the two people; returns it, and whether it is new.

    People who block the caller are silently left out of a group. Raises ValidationFailed for unknown people, Forbidden
    `blocked` for somebody whom the caller blocks, NotFound for a direct conversation with somebody who blocks the
    caller.
    """
    others = [user_id for user_id in dict.fromkeys(member_ids) if user_id != caller.user_id]
    if kind == "direct":
        return _create_direct(caller, others, settings)
    if len(others) + 1 > MAX_MEMBERS:
        raise ValidationFailed.of("member_ids", f"a group has at most {MAX_MEMBERS} members")
    known = users.existing(others)
    unknown = [user_id for user_id in others if user_id not in known]
    if unknown:
        raise ValidationFailed.of("member_ids", f"there is no user {unknown[0]}")
    hearing = users.reachable("invitation", caller.user_id, others)
    others = [user_id for user_id in others if user_id in hearing]
    return views.conversation(_write_new("group", caller, others, name, description, settings)), True


def _create_direct(caller: Caller, others: Sequence[str], settings: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
    if len(others) != 1:
        raise ValidationFailed.of("member_ids", "a direct conversation is with exactly one other person")
    for name, value in settings.items():
        if value == "admins" or (name == "slow_mode_seconds" and value):
            raise ValidationFailed.of(f"settings.{name}", "a direct conversation has no admins")
    try:
        return retried(partial(_find_or_create_direct, caller, others[0], settings), on=Cancelled)
    except Cancelled as refused:
        raise Conflict("Somebody changed this at the same time; try again.", retry_after_s=1) from refused


def _find_or_create_direct(caller: Caller, other: str, settings: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
    """The direct conversation of two people; raises Cancelled if somebody else creates it at the same time."""
    existing = store.direct_between(caller.user_id, other)
    if existing is not None:
        return views.conversation(store.context(existing, caller.user_id)), False
    users.require_user(other)
    try:
        return views.conversation(_write_new("direct", caller, [other], None, None, settings)), True
    except Cancelled as refused:
        if {"blocks", "blocked"} & refused.failed.keys():
            refuse(blocks="blocks" in refused.failed)
        raise


def _write_new(
    kind: Kind,
    caller: Caller,
    others: Sequence[str],
    name: str | None,
    description: str | None,
    settings: Mapping[str, Any],
) -> MemberContext:
    """Write a new conversation, which exists from its last transaction on.

    Most members of a large group are written before that, together with follow-up work that erases them. The last
    transaction cancels this work; it is done only if the process ends before.
    """
    conversation_id, now = ids.new("cnv"), clock.now()
    people = [caller.user_id, *others]
    head = LogHead(conversation_id, last_seq=1, last_message_seq=0, last_at=now, access_seq=1)
    info = ConversationInfo(
        conversation_id=conversation_id,
        kind=kind,
        name=name,
        description=description,
        settings=_merged(Settings(), settings),
        created_at=now,
        created_by=caller.user_id,
        member_count=len(people),
        member_ids=tuple(people) if len(people) <= MEMBER_IDS_MAX else None,
    )
    founders = [
        Member(
            conversation_id,
            user_id,
            role="owner" if kind == "group" and user_id == caller.user_id else "member",
            joined_at=now,
            visible_from=1,
        )
        for user_id in people
    ]
    first = Event(conversation_id, 1, CONVERSATION_CREATED, caller.user_id, now, {})
    transaction = Transaction()
    if len(founders) > MEMBERS_IN_LAST_WRITE:
        unfinished = erasure.of_conversation(conversation_id)
        unfinished.keep()
        record_store.save_members(founders[MEMBERS_IN_LAST_WRITE:])
        unfinished.stage_off(transaction)
    store.stage_new(transaction, head, info, founders[:MEMBERS_IN_LAST_WRITE])
    log.stage_event(transaction, first)
    if kind == "direct":  # a block at the same time would not find this conversation to note itself in
        users.require_no_block_in(transaction, user_id=caller.user_id, other_id=others[0])
    transaction.commit()
    context = MemberContext(head, info, founders[0])
    publish.publish_events(context, [first])
    return context


def get(*, caller: Caller, conversation_id: str) -> dict[str, Any]:
    return views.conversation(require_member(conversation_id, caller.user_id))


def list_conversations(
    *, caller: Caller, limit: int, after: str | None, archived: bool | None = None
) -> Page[dict[str, Any]]:
    """The caller's conversations, most recent activity first; `archived` filters them.

    With more than 2,000 conversations, the youngest 2,000 come first in this order, then the next ones. A page may be
    short or empty even if more follow. Raises LimitExceeded if the caller's reads of this minute are spent.
    """
    paging = Paginator(after, caller.user_id, "conversation list", str(archived))
    below, behind = paging.start or (None, None)
    listing = listings.Listing.of(caller.user_id, below=below, behind=behind, limit=limit)
    now = clock.now()
    found = listing.first(
        lambda context: archived is None or context.member.is_archived(context.head.last_message_seq, now) == archived
    )
    rendered = views.conversations(found, caller.user_id)
    fit = fitting(rendered)
    return Page(rendered[:fit], paging.cursor(listing.position(found[:fit], whole=fit == len(found))))


def change(*, caller: Caller, conversation_id: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Change name, description or settings of a group (owner and admins); no event if nothing changes.

    In a direct conversation either person may switch AI help. Switching AI help or moderation adds a system message for
    all members.
    """

    def plan(context: MemberContext) -> log.AppendPlan:
        if context.info.kind == "group" or fields.keys() != {"settings"} or fields["settings"].keys() != {"ai_enabled"}:
            context.require_admin()
        settings = _merged(context.info.settings, fields.get("settings", {}))
        if context.info.settings.encrypted and not settings.encrypted:
            raise Forbidden("Encryption cannot be switched off again.")
        rest = {name: value for name, value in fields.items() if name in ("name", "description")}
        info = replace(context.info, settings=settings, **rest)
        if info == context.info:
            return log.AppendPlan([])
        encrypts = settings.encrypted and not context.info.settings.encrypted
        changed = [NewEvent(CONVERSATION_UPDATED, caller.user_id, {"encrypts": True} if encrypts else {})]
        for kind, on, off in _TOLD_SWITCHES:
            now = getattr(settings, kind)
            if now != getattr(context.info.settings, kind):
                enabled = now not in (False, "off")
                seq, about = context.next_seq + len(changed), {"kind": kind, "enabled": enabled}
                changed.append(_system_message(caller.user_id, seq, about, on if enabled else off))
        return plans.with_info(context, info, changed)

    context, events = plans.append(require_id(conversation_id), caller.user_id, plan)
    publish.publish_events(context, events)
    return views.conversation(context)


def _system_message(user_id: str, seq: int, about: dict[str, Any], text: str) -> NewEvent:
    """A system message about a changed setting that lets software read messages."""
    message_id = ids.new_at("msg", seq)
    data = {"id": message_id, "client_id": message_id, "type": "system", "metadata": about}
    return NewEvent(MESSAGE_CREATED, user_id, data, text=text)


def delete(*, caller: Caller, conversation_id: str) -> None:
    """Delete a group for everybody (owner only); its erasure begins a minute later."""

    def plan(context: MemberContext) -> log.AppendPlan:
        context.require_owner()
        return plans.with_deletion(context, context.info, [NewEvent(CONVERSATION_DELETED, caller.user_id)])

    context, events = plans.append(require_id(conversation_id), caller.user_id, plan)
    publish.publish_events(context, events)


def update_preferences(*, caller: Caller, conversation_id: str, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Change the caller's preferences: mute, pin, archive, notifications; their other devices are told.

    Raises ValidationFailed, NotFound.
    """
    context = require_member(conversation_id, caller.user_id)
    values = dict(changes)
    if values.get("muted_until") is not None:
        values["muted_until"] = _instant(values["muted_until"])
    for name in ("pinned", "archived", "notifications"):
        if name in values and values[name] is None:
            raise ValidationFailed.of(name, "must not be null")
    if values.get("archived"):
        values["archived_seq"] = context.head.last_message_seq
    if not values:
        return views.conversation(context)
    context = replace(context, member=store.save_preferences(conversation_id, caller.user_id, values))
    view = views.conversation(context)
    from conversations.schemas import PreferencesOut
    from kernel.schema import as_json

    chosen = {name: view[name] for name in PreferencesOut.model_fields}
    publish.publish_ephemeral(context, PREFERENCES_UPDATED, as_json(PreferencesOut, chosen), to=[caller.user_id])
    return view


def _instant(text: str) -> int:
    try:
        instant = clock.parse(text)
    except ValueError as error:
        raise ValidationFailed.of("muted_until", f"{error}, or null") from error
    if instant < 0:
        raise ValidationFailed.of("muted_until", "a time after 1970")
    return instant


def note_block(blocker_id: str, blocked_id: str, blocked: bool) -> str | None:
    """Note a block, or its end, in the direct conversation of two people; returns its id, None if there is none."""
    existing = store.direct_between(blocker_id, blocked_id)
    if existing is not None:
        store.note_block(existing, blocker_id, blocked)
    return existing


def members(*, caller: Caller, conversation_id: str, limit: int, after: str | None) -> Page[dict[str, Any]]:
    """The members, ordered by id."""
    require_member(conversation_id, caller.user_id)
    paging = Paginator(after, caller.user_id, "members", conversation_id)
    found = store.members_page(conversation_id, after=paging.start, limit=limit + 1)
    return paging.page(found, limit, lambda member: member.user_id, views.members)


def _merged(settings: Settings, changes: Mapping[str, Any]) -> Settings:
    """Settings after changes. Encryption switches off what reads messages: AI help and moderation.

    Raises Forbidden `encrypted_conversation` for switching one of them on there, PolicyUnavailable for moderation in a
    deployment without it.
    """
    merged = replace(settings, **changes)
    if merged.encrypted:
        if changes.get("ai_enabled") or changes.get("moderation") == "flag":
            raise Forbidden("AI help and moderation cannot read encrypted messages.", code="encrypted_conversation")
        return replace(merged, ai_enabled=False, moderation="off")
    if changes.get("moderation") == "flag" and os.environ.get("AI_MODERATION", "off") != "on":
        raise PolicyUnavailable
    return merged
