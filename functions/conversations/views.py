"""How conversations, members and events about them look to one person."""

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
    """Conversations as their member sees them, each with its last message.

    Two round trips at most, and the counts of unread messages at once.
    """
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
    """What the log keeps of a member; the name is looked up when somebody reads."""
    return {"user_id": member.user_id, "role": member.role, "joined_at": member.joined_at}


def event_views(
    context: MemberContext, events: Sequence[Event], preloaded: Iterable[Event] = ()
) -> list[dict[str, Any]]:
    """Events as the member of `context` may see them; see `log.rendering`."""
    viewer = context.member
    return log.event_views(events, [viewer], context=context, preloaded=preloaded)[viewer.user_id]


def for_members(events: Sequence[Event], members_: Sequence[Member]) -> dict[str, list[dict[str, Any]]]:
    """Events as each of these members sees them, for events whose `data` differs from person to person.

    All is read for all of them together: what it takes grows with them only where people's own votes are shown. Nobody
    gets anything where the conversation that an event is about is gone.
    """
    seen = log.event_views(events, members_)
    since = {each.user_id: [it for it in seen[each.user_id] if it["seq"] >= each.visible_from] for each in members_}
    return {user_id: views for user_id, views in since.items() if not any(_is_gone(each) for each in views)}


def _is_gone(view: dict[str, Any]) -> bool:
    return view["type"] in _ABOUT_CONVERSATION and view["data"] is None


# --- how the log shows our events -----------------------------------------------------------------------------


def conversations_for_viewers(events: Sequence[Event], rendering_: Rendering) -> DataView:
    """`conversation.created` and `.updated` show the whole conversation as it is now; nothing if it is gone."""
    whole: Mapping[str, dict[str, Any]]
    if rendering_.context is not None:
        context = cast(MemberContext, rendering_.context)
        whole = {context.member.user_id: conversation(context)}
    else:
        whole = _conversation_for(events[0].conversation_id, cast(Sequence[Member], rendering_.viewers))
    return lambda _, user_id: whole.get(user_id)


def _conversation_for(conversation_id: str, members_: Sequence[Member]) -> dict[str, dict[str, Any]]:
    """A conversation as each of these members sees it; nothing if it is gone."""
    found = store.outline(conversation_id)
    if found is None:
        return {}
    head, info = found
    previews = ports.messages().previews_of_members(head, info, members_)
    return {
        member.user_id: _conversation(MemberContext(head, info, member), previews[member.user_id])
        for member in members_
    }


def members_for_viewers(events: Sequence[Event], _rendering: Rendering) -> DataView:
    """`member.added`, `.removed` and `.updated` show who it is about, by their profile of now."""
    people = users.public_profiles([event.data["user_id"] for event in events])
    return lambda event, _: {
        "user": people.get(event.data["user_id"]),
        "role": event.data["role"],
        "joined_at": event.data["joined_at"],
    }


def nothing_left(_events: Sequence[Event], _rendering: Rendering) -> DataView:
    """Nothing is left of what the event is about."""
    return lambda _event, _user_id: None
