"""How conversations, members, messages and events look to one person."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from conversations import log, store
from conversations.model import (
    CONVERSATION_CREATED,
    CONVERSATION_DELETED,
    CONVERSATION_UPDATED,
    MEMBER_ADDED,
    MEMBER_REMOVED,
    MEMBER_UPDATED,
    MESSAGE_DELETED,
    MESSAGE_UPDATED,
    Entry,
    Member,
    Place,
    message_view,
)
from kernel import clock
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
    mine = log.mine(viewer_id, last.values())
    return [_conversation(place, last, mine) for place in places]


def conversation(place: Place) -> dict[str, Any]:
    return conversations([place], place.member.user_id)[0]


def _conversation(
    place: Place, last: Mapping[tuple[str, int], Entry], mine: Mapping[tuple[str, int], frozenset[str]]
) -> dict[str, Any]:
    key = (place.conversation_id, place.head.last_message_seq)
    message = last.get(key)
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
        "last_message": None if message is None else message_view(message, mine.get(key, frozenset())),
        "unread_count": unread_count(place),
        "muted_until": member.muted_until if member.muted_until is not None and member.muted_until > now else None,
        "pinned": member.pinned,
        "archived": member.is_archived(place.head.last_message_seq, now),
        "notifications": member.notifications,
        "created_at": profile.created_at,
    }


def messages(entries: Sequence[Entry], viewer_id: str) -> list[dict[str, Any]]:
    """Messages as this person sees them: one round trip if any has reactions."""
    mine = log.mine(viewer_id, entries)
    return [message_view(entry, mine.get((entry.conversation_id, entry.seq), frozenset())) for entry in entries]


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


def events(place: Place, entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """Events as the member of `place` may see them: `data` is the present state of what each is about."""
    viewer_id = place.member.user_id
    about = {(entry.conversation_id, seq) for entry in entries if (seq := entry.message_seq) is not None}
    known = {(entry.conversation_id, entry.seq): entry for entry in entries if entry.is_message}
    known |= log.at(about - known.keys())
    mine = log.mine(viewer_id, known.values())
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
        if entry.is_message or entry.type in (MESSAGE_UPDATED, MESSAGE_DELETED):
            key = (entry.conversation_id, entry.message_seq or 0)
            message = known.get(key)
            return None if message is None else message_view(message, mine.get(key, frozenset()))
        return {name: value for name, value in entry.data.items() if name != "message_seq"}

    return [event(entry, data(entry)) for entry in entries]


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


def for_members(conversation_id: str, entry: Entry, user_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """One event as each of these members sees it, for events whose `data` differs from person to person."""
    found = {}
    for user_id in user_ids:
        place = store.places([conversation_id], user_id).get(conversation_id)
        if place is not None and entry.seq >= place.member.visible_from:
            found[user_id] = events(place, [entry])[0]
    return found
