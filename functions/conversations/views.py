"""How conversations, members, messages and events look to one person."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from conversations import ballots, log, store
from conversations.model import (
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
    Member,
    Place,
    message_view,
)
from kernel import clock
from polls.model import PollRef
from users import service as users


def unread_count(place: Place) -> int:
    """Messages of others after the read marker that stand undeleted (R5)."""
    member = place.member
    after = max(member.read_seq, member.visible_from - 1)
    if place.head.last_message_seq <= after:
        return 0
    return log.count_unread(place.conversation_id, member.user_id, after=after, last=place.head.last_message_seq)


def conversations(places: Sequence[Place], viewer_id: str) -> list[dict[str, Any]]:
    """Conversations as their member sees them, each with its last message: two round trips, and one per unread one."""
    last = log.at(
        (place.conversation_id, place.head.last_message_seq)
        for place in places
        if place.head.last_message_seq >= place.member.visible_from
    )
    shown = _rendering(last.values(), viewer_id)
    return [_conversation(place, last, shown) for place in places]


def conversation(place: Place) -> dict[str, Any]:
    return conversations([place], place.member.user_id)[0]


def _conversation(
    place: Place, last: Mapping[tuple[str, int], Entry], shown: Callable[[Entry], dict[str, Any]]
) -> dict[str, Any]:
    message = last.get((place.conversation_id, place.head.last_message_seq))
    profile, member, now = place.profile, place.member, clock.now()
    return {
        "id": place.conversation_id,
        "type": profile.kind,
        "name": profile.name,
        "description": profile.description,
        "avatar_url": None,
        "settings": asdict(profile.settings),
        "role": member.role,
        "member_count": profile.member_count,
        "last_seq": place.head.last_seq,
        "last_message": None if message is None else shown(message),
        "unread_count": unread_count(place),
        "muted_until": member.muted_until if member.muted_until is not None and member.muted_until > now else None,
        "pinned": member.pinned,
        "archived": member.is_archived(place.head.last_message_seq, now),
        "notifications": member.notifications,
        "created_at": profile.created_at,
    }


def messages(entries: Sequence[Entry], viewer_id: str) -> list[dict[str, Any]]:
    """Messages as this person sees them: one round trip if any has reactions, one if any is a poll."""
    shown = _rendering(entries, viewer_id)
    return [shown(entry) for entry in entries]


def _rendering(
    entries: Iterable[Entry], viewer_id: str, polls: ballots.Shown | None = None
) -> Callable[[Entry], dict[str, Any]]:
    """What messages look like to this person; their polls are read unless they are given."""
    listed = list(entries)
    mine = log.mine(viewer_id, listed)
    seen = ballots.shown(_polls_of(listed), [viewer_id]) if polls is None else polls

    def shown(entry: Entry) -> dict[str, Any]:
        poll = None if entry.poll is None else seen.get((entry.poll.id, viewer_id))
        return message_view(entry, mine.get((entry.conversation_id, entry.seq), frozenset()), poll)

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


def events(place: Place, entries: Sequence[Entry], *, polls: ballots.Shown | None = None) -> list[dict[str, Any]]:
    """Events as the member of `place` may see them: `data` is the present state of what each is about.

    `polls` are those of the events, where they have been read for several people together.
    """
    viewer_id = place.member.user_id
    known = {(entry.conversation_id, entry.seq): entry for entry in entries if entry.is_message}
    about = {(each.conversation_id, each.message_seq or 0) for each in entries if each.type in _ABOUT_MESSAGE}
    known |= log.at(about - known.keys())
    seen = ballots.shown(_polls_of([*entries, *known.values()]), [viewer_id]) if polls is None else polls
    shown = _rendering(known.values(), viewer_id, seen)
    people = users.directory([entry.data["user_id"] for entry in entries if entry.type in _ABOUT_MEMBERS])
    whole = conversation(place) if any(entry.type in _ABOUT_CONVERSATION for entry in entries) else None

    def data(entry: Entry) -> Any:
        if entry.type == CONVERSATION_DELETED or (entry.message_seq or entry.seq) < place.member.visible_from:
            return None  # nothing is left of it, or it is about a message from before this person came
        if entry.type in _ABOUT_CONVERSATION:
            return whole
        if entry.type in _ABOUT_MEMBERS:
            profile = people.get(entry.data["user_id"])
            return {"user": profile, "role": entry.data["role"], "joined_at": entry.data["joined_at"]}
        if entry.type in _ABOUT_MESSAGE:
            message = known.get((entry.conversation_id, entry.message_seq or 0))
            return None if message is None else shown(message)
        if entry.poll is not None:
            return seen.get((entry.poll.id, viewer_id))
        return {name: value for name, value in entry.data.items() if name != "message_seq"}

    return [event(entry, data(entry)) for entry in entries]


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


def for_members(
    conversation_id: str, entries: Sequence[Entry], user_ids: Sequence[str]
) -> dict[str, list[dict[str, Any]]]:
    """Events as each of these members sees them, for events whose `data` differs from person to person.

    Places and polls are read for all of them together: two round trips per 100 people, however many events.
    """
    polls = ballots.shown(_polls_of(entries), user_ids)
    return {
        user_id: events(place, [each for each in entries if each.seq >= place.member.visible_from], polls=polls)
        for user_id, place in store.places_in(conversation_id, user_ids).items()
    }
