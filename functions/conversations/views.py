"""How conversations, members, messages and events look to one person."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from conversations import ballots, log, reactions_store, store, unread
from conversations.events import (
    CONVERSATION_CREATED,
    CONVERSATION_DELETED,
    CONVERSATION_UPDATED,
    MEMBER_ADDED,
    MEMBER_REMOVED,
    MEMBER_UPDATED,
    MESSAGE_CREATED,
    MESSAGE_DELETED,
    MESSAGE_UPDATED,
    Event,
    message_view,
)
from conversations.model import Member, MemberContext
from conversations.unread import Unread
from kernel import clock
from polls.model import PollRef
from users import service as users

Key = tuple[str, int]  # conversation and seq of a message
Shown = Callable[[Event, str], dict[str, Any]]  # a message as a person sees it


def conversations(contexts: Sequence[MemberContext], viewer_id: str) -> list[dict[str, Any]]:
    """Conversations as their member sees them, each with its last message.

    One round trip, up to two if last messages have reactions or are polls, and the counts of unread ones at once.
    """
    last = log.at(_last_message(context) for context in contexts if _sees_last_message(context))
    shown = _rendering(last.values(), [viewer_id])
    counts = unread.of_places(contexts)
    return [_conversation(context, last, shown, counts[context.conversation_id]) for context in contexts]


def _last_message(context: MemberContext) -> Key:
    return context.conversation_id, context.head.last_message_seq


def _sees_last_message(context: MemberContext) -> bool:
    return context.head.last_message_seq >= context.member.visible_from


def conversation(context: MemberContext) -> dict[str, Any]:
    return conversations([context], context.member.user_id)[0]


def _conversation(context: MemberContext, last: Mapping[Key, Event], shown: Shown, unread_: Unread) -> dict[str, Any]:
    message = last.get(_last_message(context)) if _sees_last_message(context) else None
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
        "last_message": None if message is None else shown(message, context.member.user_id),
        "unread_count": unread_.messages,
        "unread_mentions": unread_.mentions,
        "muted_until": member.muted_until if member.muted_until is not None and member.muted_until > now else None,
        "pinned": member.pinned,
        "archived": member.is_archived(context.head.last_message_seq, now),
        "notifications": member.notifications,
        "created_at": info.created_at,
    }


def messages(events: Sequence[Event], viewer_id: str) -> list[dict[str, Any]]:
    """Messages as this person sees them: one round trip if any has reactions, one if any is a poll."""
    shown = _rendering(events, [viewer_id])
    return [shown(event, viewer_id) for event in events]


def _rendering(events: Iterable[Event], viewer_ids: Sequence[str], polls: ballots.Shown | None = None) -> Shown:
    """What messages look like to each of these people; their polls are read unless they are given."""
    listed = list(events)
    theirs = reactions_store.of_people(viewer_ids, listed)
    seen = ballots.shown(_polls_of(listed), viewer_ids) if polls is None else polls

    def shown(event: Event, viewer_id: str) -> dict[str, Any]:
        poll = None if event.poll is None else seen.get((event.poll.id, viewer_id))
        mine = theirs.get((viewer_id, event.conversation_id, event.seq), frozenset())
        return message_view(event, mine, poll)

    return shown


def _polls_of(events: Iterable[Event]) -> list[PollRef]:
    return [event.poll for event in events if event.poll is not None]


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
    """Events as the member of `context` may see them: `data` is the present state of what each is about.

    Messages that the caller has at hand are `preloaded`, and are not read again.
    """
    viewer_id = context.member.user_id
    whole = {viewer_id: conversation(context)} if any(event.type in _ABOUT_CONVERSATION for event in events) else {}
    return _event_views([context.member], events, preloaded, whole)[viewer_id]


def _event_views(
    viewers: Sequence[Member], events: Sequence[Event], preloaded: Iterable[Event], whole: Mapping[str, dict[str, Any]]
) -> dict[str, list[dict[str, Any]]]:
    """Events as each of these members may see them; `whole` is the conversation to each, where events are about it."""
    viewer_ids = [member.user_id for member in viewers]
    at_hand = {(event.conversation_id, event.seq): event for event in (*events, *preloaded) if event.is_message}
    about = {(each.conversation_id, each.message_seq or 0) for each in events if each.type in _ABOUT_MESSAGE}
    messages_ = {key: at_hand[key] for key in about & at_hand.keys()} | log.at(about - at_hand.keys())
    polls = ballots.shown(_polls_of([*events, *messages_.values()]), viewer_ids)
    shown = _rendering(messages_.values(), viewer_ids, polls)
    people = users.public_profiles([event.data["user_id"] for event in events if event.type in _ABOUT_MEMBERS])

    def data(member: Member, event: Event) -> Any:
        if event.type == CONVERSATION_DELETED or (event.message_seq or event.seq) < member.visible_from:
            return None  # nothing is left of it, or it is about a message from before this person came
        if event.type in _ABOUT_CONVERSATION:
            return whole.get(member.user_id)
        if event.type in _ABOUT_MEMBERS:
            profile = people.get(event.data["user_id"])
            return {"user": profile, "role": event.data["role"], "joined_at": event.data["joined_at"]}
        if event.type in _ABOUT_MESSAGE:
            message = messages_.get((event.conversation_id, event.message_seq or 0))
            return None if message is None else shown(message, member.user_id)
        if event.poll is not None:
            return polls.get((event.poll.id, member.user_id))
        return {name: value for name, value in event.data.items() if name != "message_seq"}

    return {member.user_id: [event_view(event, data(member, event)) for event in events] for member in viewers}


_ABOUT_MESSAGE = frozenset({MESSAGE_CREATED, MESSAGE_UPDATED, MESSAGE_DELETED})
_ABOUT_CONVERSATION = frozenset({CONVERSATION_CREATED, CONVERSATION_UPDATED})
_ABOUT_MEMBERS = frozenset({MEMBER_ADDED, MEMBER_REMOVED, MEMBER_UPDATED})


def event_view(event: Event, data: Any) -> dict[str, Any]:
    return {
        "conversation_id": event.conversation_id,
        "seq": event.seq,
        "type": event.type,
        "actor_id": event.actor_id,
        "at": event.at,
        "data": data,
    }


def for_members(events: Sequence[Event], members_: Sequence[Member]) -> dict[str, list[dict[str, Any]]]:
    """Events as each of these members sees them, for events whose `data` differs from person to person.

    All is read for all of them together: what it takes grows with them only where people's own votes are shown.
    """
    about = next((event.conversation_id for event in events if event.type in _ABOUT_CONVERSATION), None)
    whole = {} if about is None else _conversation_for(about, members_)
    seen = _event_views(members_, events, (), whole)
    return {
        member.user_id: [each for each in seen[member.user_id] if each["seq"] >= member.visible_from]
        for member in members_
        if about is None or member.user_id in whole
    }


def _conversation_for(conversation_id: str, members_: Sequence[Member]) -> dict[str, dict[str, Any]]:
    """A conversation as each of these members sees it; nothing if it is gone."""
    found = store.outline(conversation_id)
    if found is None:
        return {}
    head, info = found
    last = log.at([(conversation_id, head.last_message_seq)])
    shown = _rendering(last.values(), [member.user_id for member in members_])
    counts = unread.of_members(head, members_)
    return {
        member.user_id: _conversation(MemberContext(head, info, member), last, shown, counts[member.user_id])
        for member in members_
    }
