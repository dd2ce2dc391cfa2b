"""The log's events: events and the messages among them, and how people see those. Standard library only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from conversations.model import Settings
from polls.model import PollRef

EVERYONE = "*"  # among those whom a message mentions
MESSAGE_CREATED = "message.created"
MESSAGE_UPDATED = "message.updated"
MESSAGE_DELETED = "message.deleted"
REACTION_ADDED = "reaction.added"
REACTION_REMOVED = "reaction.removed"
CONVERSATION_CREATED = "conversation.created"
CONVERSATION_UPDATED = "conversation.updated"
CONVERSATION_DELETED = "conversation.deleted"
MEMBER_ADDED = "member.added"
MEMBER_REMOVED = "member.removed"
MEMBER_UPDATED = "member.updated"
POLL_CREATED = "poll.created"
POLL_UPDATED = "poll.updated"
POLL_VOTED = "poll.voted"
POLL_CLOSED = "poll.closed"
MLS_COMMIT = "mls.commit"
MLS_PROPOSAL = "mls.proposal"
KEYS_CHANGED = "keys.changed"


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event before it has its place in the log."""

    type: str
    actor_id: str
    data: Mapping[str, Any] = field(default_factory=dict)
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """One event of the log as stored. For `message.created` it holds the message's present state."""

    conversation_id: str
    seq: int
    type: str
    actor_id: str
    at: int
    data: Mapping[str, Any]
    text: str | None = None
    edited_at: int | None = None
    deleted_at: int | None = None
    expires_at: int | None = None
    reactions: Mapping[str, int] = field(default_factory=dict)
    thread_count: int = 0
    pinned: bool = False
    edits: int = 0
    changed_seq: int | None = None

    def as_of(self, now: int) -> Event:
        """The event as it stands then: a message whose time has come is a tombstone, whatever is still stored of it."""
        if self.expires_at is None or self.expires_at > now or self.deleted_at is not None:
            return self
        return self.tombstone(self.expires_at)

    def tombstone(self, deleted_at: int) -> Event:
        """What is left of a message that was deleted then, or whose time had come."""
        return replace(
            self,
            data=tombstone_data(self.data),
            text=None,
            edited_at=None,
            deleted_at=deleted_at,
            reactions={},
            pinned=False,
            edits=0,
        )

    @property
    def is_message(self) -> bool:
        return self.type == MESSAGE_CREATED

    @property
    def poll(self) -> PollRef | None:
        """The poll that this message holds or this event is about."""
        found = self.data.get("poll")
        return None if found is None else PollRef(found["id"], found["anonymous"])

    @property
    def message_seq(self) -> int | None:
        """The seq of the message that this event is about; None for other events."""
        return self.seq if self.is_message else self.data.get("message_seq")

    @property
    def thread_root(self) -> str | None:
        """The id of the message whose thread this message is in."""
        return self.data.get("thread_root")

    @property
    def mentioned(self) -> frozenset[str]:
        """Whom a message mentions; `EVERYONE` stands for all members."""
        return frozenset(self.data.get("mentions", ())) | ({EVERYONE} if self.data.get("everyone") else frozenset())


def voids_keys(new: NewEvent) -> bool:
    """Whether somebody or some device goes with this event, who has keys of the group until its next commit."""
    return new.type == MEMBER_REMOVED or (new.type == KEYS_CHANGED and new.data["action"] != "added")


def tombstone_data(data: Mapping[str, Any]) -> dict[str, Any]:
    """What a tombstone keeps of a message's data."""
    return {name: value for name, value in data.items() if name in ("id", "client_id", "type", "thread_root")}


def lifetime_ms(settings: Settings, data: Mapping[str, Any]) -> int | None:
    """How long a new message lasts; None for ever. What people write disappears, polls and calls do not."""
    if settings.disappearing_seconds is None or data["type"] not in ("text", "file", "encrypted"):
        return None
    return settings.disappearing_seconds * 1_000


def attachment_view(kept: Mapping[str, Any]) -> dict[str, Any]:
    """A file as its message shows it: as it was when it was sent. Its thumbnail comes with the file itself."""
    unknown = {"width": None, "height": None}  # of what was sent before they were kept
    return {**unknown, **kept, "folder_id": None, "state": "ready", "reject_reason": None, "thumbnail_url": None}


def message_view(
    event: Event, mine: frozenset[str] = frozenset(), poll: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The message as one person sees it: `mine` are the emoji they reacted with, `poll` is its poll as they see it.

    A deleted one is a tombstone.
    """
    gone = event.deleted_at is not None
    data = event.data
    return {
        "id": data["id"],
        "conversation_id": event.conversation_id,
        "seq": event.seq,
        "sender_id": event.actor_id,
        "client_id": data["client_id"],
        "type": data["type"],
        "text": None if gone else event.text,
        "ciphertext": None if gone else data.get("ciphertext"),
        "attachments": [] if gone else [attachment_view(each) for each in data.get("attachments", ())],
        "mentions": [] if gone else data.get("mentions", []),
        "mentions_all": not gone and bool(data.get("everyone")),
        "reply_to": None if gone else data.get("reply_to"),
        "thread_root": event.thread_root,
        "thread_count": event.thread_count,
        "forwarded_from": None if gone else data.get("forwarded_from"),
        "pinned": event.pinned and not gone,
        "reactions": []
        if gone
        else [
            {"emoji": emoji, "count": count, "mine": emoji in mine}
            for emoji, count in sorted(event.reactions.items())
            if count > 0
        ],
        "metadata": {} if gone else data.get("metadata", {}),
        "poll": None if gone else poll,
        "edited_at": None if gone else event.edited_at,
        "deleted_at": event.deleted_at,
        "expires_at": event.expires_at,
        "created_at": event.at,
    }
