"""Views of conversations, members and their events for one viewer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, cast

from conversations import ports, store
from conversations.model import CONVERSATION_CREATED, CONVERSATION_UPDATED, Member, MemberContext
from conversations.ports import Preview
from kernel import clock
from log import api as log
from log.api import DataView, Rendering
from log.model import Event
from users import api as users

_ABOUT_CONVERSATION = frozenset({CONVERSATION_CREATED, CONVERSATION_UPDATED})


def conversations(contexts: Sequence[MemberContext], viewer_id: str) -> list[dict[str, Any]]:
    """Conversations as the viewer sees them, with their last messages: up to two round trips and the unread counts."""
    previews = ports.messages().previews(contexts, viewer_id)
    return [_conversation(context, previews[context.conversation_id]) for context in contexts]


def conversation(context: MemberContext) -> dict[str, Any]:
    return conversations([context], context.member.user_id)[0]


def _conversation(context: MemberContext, preview: Preview) -> dict[str, Any]:
    info, member, now = context.info, context.member, clock.now()
    return {
        "id": context.conversation_id,
        "type": info.kind,
        "name": info.name,
        "description": info.description,
        "avatar_url": None,  # nothing sets one yet
        "settings": asdict(info.settings),
        "role": member.role,
        "member_count": info.member_count,
        "last_seq": context.head.last_seq,
        "last_message": preview.last_message,
        "unread_count": preview.unread,
        "unread_mentions": preview.mentions,
        "muted_until": member.muted_until if member.muted_until is not None and member.muted_until > now else None,
        "pinned": member.pinned,
        "archived": member.is_archived(context.head.last_message_seq, now),
        "notifications": member.notifications,
        "created_at": info.created_at,
    }


def members(people: Iterable[Member]) -> list[dict[str, Any]]:
    listed = list(people)
    profiles = users.public_profiles([member.user_id for member in listed])
    return [
        {"user": profiles[member.user_id], "role": member.role, "joined_at": member.joined_at}
        for member in listed
        if member.user_id in profiles
    ]


def member_ref(member: Member) -> dict[str, Any]:
    """A member in the data of an event; the profile is read when the event is rendered."""
    return {"user_id": member.user_id, "role": member.role, "joined_at": member.joined_at}


def event_views(
    context: MemberContext, events: Sequence[Event], preloaded: Iterable[Event] = ()
) -> list[dict[str, Any]]:
    """Events as the member of `context` may see them (log.rendering)."""
    viewer = context.member
    return log.event_views(events, [viewer], context=context, preloaded=preloaded)[viewer.user_id]


def for_members(events: Sequence[Event], members_: Sequence[Member]) -> dict[str, list[dict[str, Any]]]:
    """Viewer-specific events as these members see them, by member id.

    Shared records are read once; only votes in polls are read per member. Members for whom the conversation of an event
    no longer exists are left out.
    """
    rendered = log.event_views(events, members_)
    visible = {
        each.user_id: [view for view in rendered[each.user_id] if view["seq"] >= each.visible_from] for each in members_
    }
    return {user_id: views for user_id, views in visible.items() if not any(_is_gone(each) for each in views)}


def _is_gone(view: dict[str, Any]) -> bool:
    return view["type"] in _ABOUT_CONVERSATION and view["data"] is None


# --- renderers of this domain's event types -------------------------------------------------------------------


def conversations_for_viewers(events: Sequence[Event], rendering_: Rendering) -> DataView:
    """Render `conversation.created` and `.updated` as the present conversation; None if it no longer exists."""
    whole: Mapping[str, dict[str, Any]]
    if rendering_.context is not None:
        context = cast(MemberContext, rendering_.context)
        whole = {context.member.user_id: conversation(context)}
    else:
        whole = _conversation_for(events[0].conversation_id, cast(Sequence[Member], rendering_.viewers))
    return lambda _, user_id: whole.get(user_id)


def _conversation_for(conversation_id: str, members_: Sequence[Member]) -> dict[str, dict[str, Any]]:
    """A conversation as these members see it, by member id; empty if it no longer exists."""
    found = store.head_and_info(conversation_id)
    if found is None:
        return {}
    head, info = found
    previews = ports.messages().previews_of_members(head, info, members_)
    return {
        member.user_id: _conversation(MemberContext(head, info, member), previews[member.user_id])
        for member in members_
    }


def members_for_viewers(events: Sequence[Event], _rendering: Rendering) -> DataView:
    """Render `member.added`, `.removed` and `.updated` with the present profile."""
    people = users.public_profiles([event.data["user_id"] for event in events])
    return lambda event, _: {
        "user": people.get(event.data["user_id"]),
        "role": event.data["role"],
        "joined_at": event.data["joined_at"],
    }


def nothing_left(_events: Sequence[Event], _rendering: Rendering) -> DataView:
    """Render the data of a deleted conversation: None."""
    return lambda _event, _user_id: None
