"""How conversations, members, messages and events look to one person."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from conversations import ballots, log, reactions_store, store, unread
from conversations.entries import (
    CONVERSATION_CREATED,
    CONVERSATION_DELETED,
    CONVERSATION_UPDATED,
    MEMBER_ADDED,
    MEMBER_REMOVED,
    MEMBER_UPDATED,
    MESSAGE_CREATED,
    MESSAGE_DELETED,
    MESSAGE_UPDATED,
    Entry,
    message_view,
)
from conversations.model import Member, Place
from conversations.unread import Unread
from kernel import clock
from polls.model import PollRef
from users import service as users

Key = tuple[str, int]  # conversation and seq of a message
Shown = Callable[[Entry, str], dict[str, Any]]  # a message as a person sees it


def conversations(places: Sequence[Place], viewer_id: str) -> list[dict[str, Any]]:
    """Conversations as their member sees them, each with its last message.

    One round trip, up to two if last messages have reactions or are polls, and the counts of unread ones at once.
    """
    last = log.at(_last_message(place) for place in places if _sees_last_message(place))
    shown = _rendering(last.values(), [viewer_id])
    counts = unread.of_places(places)
    return [_conversation(place, last, shown, counts[place.conversation_id]) for place in places]


def _last_message(place: Place) -> Key:
    return place.conversation_id, place.head.last_message_seq


def _sees_last_message(place: Place) -> bool:
    return place.head.last_message_seq >= place.member.visible_from


def conversation(place: Place) -> dict[str, Any]:
    return conversations([place], place.member.user_id)[0]


def _conversation(place: Place, last: Mapping[Key, Entry], shown: Shown, unread_: Unread) -> dict[str, Any]:
    message = last.get(_last_message(place)) if _sees_last_message(place) else None
    profile, member, now = place.profile, place.member, clock.now()
    return {
        "id": place.conversation_id,
        "type": profile.kind,
        "name": profile.name,
        "description": profile.description,
        "avatar_url": None,  # nothing sets one yet
        "settings": asdict(profile.settings),
        "role": member.role,
        "member_count": profile.member_count,
        "last_seq": place.head.last_seq,
        "last_message": None if message is None else shown(message, place.member.user_id),
        "unread_count": unread_.messages,
        "unread_mentions": unread_.mentions,
        "muted_until": member.muted_until if member.muted_until is not None and member.muted_until > now else None,
        "pinned": member.pinned,
        "archived": member.is_archived(place.head.last_message_seq, now),
        "notifications": member.notifications,
        "created_at": profile.created_at,
    }


def messages(entries: Sequence[Entry], viewer_id: str) -> list[dict[str, Any]]:
    """Messages as this person sees them: one round trip if any has reactions, one if any is a poll."""
    shown = _rendering(entries, [viewer_id])
    return [shown(entry, viewer_id) for entry in entries]


def _rendering(entries: Iterable[Entry], viewer_ids: Sequence[str], polls: ballots.Shown | None = None) -> Shown:
    """What messages look like to each of these people; their polls are read unless they are given."""
    listed = list(entries)
    theirs = reactions_store.of_people(viewer_ids, listed)
    seen = ballots.shown(_polls_of(listed), viewer_ids) if polls is None else polls

    def shown(entry: Entry, viewer_id: str) -> dict[str, Any]:
        poll = None if entry.poll is None else seen.get((entry.poll.id, viewer_id))
        mine = theirs.get((viewer_id, entry.conversation_id, entry.seq), frozenset())
        return message_view(entry, mine, poll)

    return shown


def _polls_of(entries: Iterable[Entry]) -> list[PollRef]:
    return [entry.poll for entry in entries if entry.poll is not None]


def members(people: Iterable[Member]) -> list[dict[str, Any]]:
    listed = list(people)
    profiles = users.directory([member.user_id for member in listed])
    return [
        {"user": profiles[member.user_id], "role": member.role, "joined_at": member.joined_at}
        for member in listed
        if member.user_id in profiles
    ]


def member_ref(member: Member) -> dict[str, Any]:
    """What the log keeps of a member; the name is looked up when somebody reads."""
    return {"user_id": member.user_id, "role": member.role, "joined_at": member.joined_at}


def events(place: Place, entries: Sequence[Entry], known: Iterable[Entry] = ()) -> list[dict[str, Any]]:
    """Events as the member of `place` may see them: `data` is the present state of what each is about.

    Messages that the caller has at hand are `known`, and are not read again.
    """
    viewer_id = place.member.user_id
    whole = {viewer_id: conversation(place)} if any(entry.type in _ABOUT_CONVERSATION for entry in entries) else {}
    return _events([place.member], entries, known, whole)[viewer_id]


def _events(
    viewers: Sequence[Member], entries: Sequence[Entry], known: Iterable[Entry], whole: Mapping[str, dict[str, Any]]
) -> dict[str, list[dict[str, Any]]]:
    """Events as each of these members may see them; `whole` is the conversation to each, where events are about it."""
    viewer_ids = [member.user_id for member in viewers]
    at_hand = {(entry.conversation_id, entry.seq): entry for entry in (*entries, *known) if entry.is_message}
    about = {(each.conversation_id, each.message_seq or 0) for each in entries if each.type in _ABOUT_MESSAGE}
    messages_ = {key: at_hand[key] for key in about & at_hand.keys()} | log.at(about - at_hand.keys())
    polls = ballots.shown(_polls_of([*entries, *messages_.values()]), viewer_ids)
    shown = _rendering(messages_.values(), viewer_ids, polls)
    people = users.directory([entry.data["user_id"] for entry in entries if entry.type in _ABOUT_MEMBERS])

    def data(member: Member, entry: Entry) -> Any:
        if entry.type == CONVERSATION_DELETED or (entry.message_seq or entry.seq) < member.visible_from:
            return None  # nothing is left of it, or it is about a message from before this person came
        if entry.type in _ABOUT_CONVERSATION:
            return whole.get(member.user_id)
        if entry.type in _ABOUT_MEMBERS:
            profile = people.get(entry.data["user_id"])
            return {"user": profile, "role": entry.data["role"], "joined_at": entry.data["joined_at"]}
        if entry.type in _ABOUT_MESSAGE:
            message = messages_.get((entry.conversation_id, entry.message_seq or 0))
            return None if message is None else shown(message, member.user_id)
        if entry.poll is not None:
            return polls.get((entry.poll.id, member.user_id))
        return {name: value for name, value in entry.data.items() if name != "message_seq"}

    return {member.user_id: [event(entry, data(member, entry)) for entry in entries] for member in viewers}


_ABOUT_MESSAGE = frozenset({MESSAGE_CREATED, MESSAGE_UPDATED, MESSAGE_DELETED})
_ABOUT_CONVERSATION = frozenset({CONVERSATION_CREATED, CONVERSATION_UPDATED})
_ABOUT_MEMBERS = frozenset({MEMBER_ADDED, MEMBER_REMOVED, MEMBER_UPDATED})


def event(entry: Entry, data: Any) -> dict[str, Any]:
    return {
        "conversation_id": entry.conversation_id,
        "seq": entry.seq,
        "type": entry.type,
        "actor_id": entry.actor_id,
        "at": entry.at,
        "data": data,
    }


def for_members(entries: Sequence[Entry], members_: Sequence[Member]) -> dict[str, list[dict[str, Any]]]:
    """Events as each of these members sees them, for events whose `data` differs from person to person.

    All is read for all of them together: what it takes grows with them only where people's own votes are shown.
    """
    about = next((entry.conversation_id for entry in entries if entry.type in _ABOUT_CONVERSATION), None)
    whole = {} if about is None else _conversation_for(about, members_)
    seen = _events(members_, entries, (), whole)
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
    head, profile = found
    last = log.at([(conversation_id, head.last_message_seq)])
    shown = _rendering(last.values(), [member.user_id for member in members_])
    counts = unread.of_members(head, members_)
    return {
        member.user_id: _conversation(Place(head, profile, member), last, shown, counts[member.user_id])
        for member in members_
    }
