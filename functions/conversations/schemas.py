"""Conversations: what comes in and what goes out."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from keys.schemas import CommitEvent, KeyLogEntry, ProposalEvent
from pydantic import Field

from calls.schemas import Call
from drive.schemas import File
from kernel.schema import Id, Input, Instant, Name, Note, Opaque, Output, Paging, Query
from polls.schemas import Poll
from users.schemas import PublicProfile

MAX_SYNC_CURSORS = 1_000
Who = Literal["all", "admins"]


class SettingsIn(Input):
    who_can_send: Who | None = None
    who_can_add: Who | None = None
    who_can_create_polls: Who | None = None
    ai_enabled: bool | None = None
    encrypted: bool | None = None
    disappearing_seconds: Annotated[int, Field(ge=1, le=31_536_000)] | None = None
    history_visible: bool | None = None
    slow_mode_seconds: Annotated[int, Field(ge=0, le=3_600)] | None = None
    who_can_pin: Who | None = None


class SettingsOut(Output):
    who_can_send: Who
    who_can_add: Who
    who_can_create_polls: Who
    ai_enabled: bool
    encrypted: bool
    disappearing_seconds: int | None
    history_visible: bool
    slow_mode_seconds: int
    who_can_pin: Who


class NewConversation(Input):
    type: Literal["direct", "group"]
    member_ids: Annotated[list[Id], Field(max_length=1_000)]
    name: Annotated[Name, Field(min_length=1, max_length=100)] | None = None
    description: Annotated[Note, Field(max_length=500)] | None = None
    settings: SettingsIn = SettingsIn()


class ConversationChanges(Input):
    name: Annotated[Name, Field(min_length=1, max_length=100)] | None = None
    description: Annotated[Note, Field(max_length=500)] | None = None
    settings: SettingsIn = SettingsIn()


class NewMembers(Input):
    user_ids: Annotated[list[Id], Field(min_length=1, max_length=1_000)]


class RoleChange(Input):
    role: Literal["owner", "admin", "member"]


class Preferences(Input):
    """One's own view of a conversation; `muted_until` is an RFC 3339 time or null."""

    muted_until: Annotated[Opaque, Field(max_length=40)] | None = None
    pinned: bool | None = None
    archived: bool | None = None
    notifications: Literal["all", "mentions", "none"] | None = None


class Reaction(Output):
    emoji: str
    count: int
    mine: bool


class Forwarded(Output):
    """Who wrote a forwarded message, and when. Where it stood is nobody's business."""

    sender_id: str
    sent_at: Instant


class Message(Output):
    id: str
    conversation_id: str
    seq: int
    sender_id: str
    client_id: str
    type: Literal["text", "file", "poll", "call", "system", "encrypted"]
    text: str | None
    ciphertext: str | None
    attachments: list[File]
    mentions: list[str]
    mentions_all: bool
    reply_to: str | None
    thread_root: str | None
    thread_count: int
    forwarded_from: Forwarded | None
    pinned: bool
    reactions: list[Reaction]
    metadata: dict[str, Any]
    poll: Poll | None
    edited_at: Instant | None
    deleted_at: Instant | None
    expires_at: Instant | None
    created_at: Instant


class Conversation(Output):
    id: str
    type: Literal["direct", "group"]
    name: str | None
    description: str | None
    avatar_url: str | None
    settings: SettingsOut
    role: Literal["owner", "admin", "member"]
    member_count: int
    last_seq: int
    last_message: Message | None
    unread_count: int
    unread_mentions: int
    muted_until: Instant | None
    pinned: bool
    archived: bool
    notifications: Literal["all", "mentions", "none"]
    created_at: Instant


class ConversationQuery(Paging):
    """`archived`: only those that are (true) or are not (false) archived; all of them if absent."""

    archived: bool | None = None


class ConversationList(Output):
    items: list[Conversation]
    next_cursor: str | None


class Member(Output):
    user: PublicProfile | None
    role: Literal["owner", "admin", "member"]
    joined_at: Instant


class MemberList(Output):
    items: list[Member]
    next_cursor: str | None


class Ban(Output):
    """Somebody who was removed from a group; `banned_by` is who removed them."""

    user: PublicProfile
    banned_by: str
    banned_at: Instant


class BanList(Output):
    items: list[Ban]
    next_cursor: str | None


class Added(Output):
    added: list[str]
    skipped: list[str]


class ReactionEvent(Output):
    message_id: str
    user_id: str
    emoji: str


class EventOut(Output):
    """A durable event; `data` is the whole object it is about, or null where that is hidden from the reader."""

    conversation_id: str
    seq: int
    type: str
    actor_id: str
    at: Instant
    data: Message | Conversation | Member | ReactionEvent | Poll | CommitEvent | ProposalEvent | KeyLogEntry | None


class EventList(Output):
    items: list[EventOut]
    next_cursor: str | None


class EventQuery(Query):
    after: int = Field(default=0, ge=0)
    limit: int = Field(default=50, ge=1, le=100)
    cursor: Opaque | None = None


class SyncRequest(Input):
    cursors: Annotated[dict[Id, Annotated[int, Field(ge=0)]], Field(max_length=MAX_SYNC_CURSORS)]


class SyncedConversation(Output):
    conversation: Conversation
    events: list[EventOut]
    more: bool


class Ephemeral(Output):
    calls: list[Call]


class SyncAnswer(Output):
    conversations: list[SyncedConversation]
    removed: list[str]
    more: bool
    ephemeral: Ephemeral
