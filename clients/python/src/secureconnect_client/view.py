"""The present state of conversations, computed from their events: the same as `GET …/messages` returns.

Takes the events of a `Sequencer` in order; applying one twice changes nothing. A view that begins in the
middle of a log only knows the messages from there on.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from secureconnect_client.events import (
    ConversationDeleted,
    ConversationEvent,
    ConversationRemoved,
    Event,
    MessageCreated,
    MessageDeleted,
    MessageEvent,
    PollEvent,
    ReactionAdded,
    ReactionEvent,
)
from secureconnect_client.models import Conversation, Message, ReactionCount


@dataclass(frozen=True, slots=True)
class ConversationState:
    """The state of one conversation after `last_seq`; messages by seq, including tombstones."""

    id: str
    last_seq: int
    conversation: Conversation | None
    messages: tuple[Message, ...]


@dataclass(slots=True)
class _Entry:
    message: Message
    reactions: dict[str, set[str]] = field(default_factory=dict)


@dataclass(slots=True)
class _Log:
    seq: int = 0
    conversation: Conversation | None = None
    entries: dict[str, _Entry] = field(default_factory=dict)


class View:
    """The states of all conversations as one person sees them.

    `encrypted_from` tells the seq after which a conversation is encrypted, or None. What comes in the clear
    after it has no content, and the type `in_the_clear`: the server may have written it in somebody's name.
    """

    def __init__(self, user_id: str, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._user_id = user_id
        self._now = now
        self._logs: dict[str, _Log] = {}
        self.encrypted_from: Callable[[str], int | None] = lambda conversation_id: None

    def apply(self, event: Event) -> None:
        """Apply an event. Ephemeral ones and those applied already change nothing."""
        if event.conversation_id is None:
            return
        if isinstance(event, ConversationRemoved):
            self._logs.pop(event.conversation_id, None)
            return
        if event.seq is None:
            return
        log = self._logs.setdefault(event.conversation_id, _Log())
        if event.seq <= log.seq:
            return
        log.seq = event.seq
        if isinstance(event, MessageEvent):
            _apply_message(log, event)
        elif isinstance(event, ReactionEvent):
            _apply_reaction(log, event)
        elif isinstance(event, PollEvent):
            _apply_poll(log, event)
        elif isinstance(event, ConversationEvent) and not isinstance(event, ConversationDeleted):
            log.conversation = event.conversation

    def state(self, conversation_id: str) -> ConversationState | None:
        """The state of a conversation; None if nothing of it is known."""
        log = self._logs.get(conversation_id)
        if log is None:
            return None
        entries = sorted(log.entries.values(), key=lambda each: each.message.seq)
        replies = Counter(each.message.thread_root for each in entries if each.message.deleted_at is None)
        messages = tuple(
            self._message(each, replies[each.message.id], self.encrypted_from(conversation_id))
            for each in entries
        )
        return ConversationState(conversation_id, log.seq, log.conversation, messages)

    def conversation_ids(self) -> tuple[str, ...]:
        return tuple(self._logs)

    def clear(self) -> None:
        self._logs.clear()

    def _message(self, entry: _Entry, replies: int, encrypted_from: int | None) -> Message:
        """The message with its reactions and replies, which can be counted because all come after the
        root."""
        if _has_expired(entry.message, self._now()):
            entry.message, entry.reactions = _tombstone(entry.message), {}
        if encrypted_from is not None and entry.message.seq > encrypted_from:
            return _without_content(entry.message, replies)
        if entry.message.deleted_at is not None:
            return dataclasses.replace(_tombstone(entry.message), thread_count=replies)
        counts = tuple(
            ReactionCount(emoji=emoji, count=len(users), mine=self._user_id in users)
            for emoji, users in sorted(entry.reactions.items())
        )
        return dataclasses.replace(entry.message, reactions=counts, thread_count=replies)


def _has_expired(message: Message, now: datetime) -> bool:
    """Whether a disappearing message has expired; no event reports that."""
    return message.deleted_at is None and message.expires_at is not None and message.expires_at <= now


def _without_content(message: Message, replies: int) -> Message:
    """A message of an encrypted conversation without what only its sender could say."""
    is_servers = message.type in ("system", "call")
    is_encrypted = message.type == "encrypted" and message.ciphertext is not None
    is_deleted = message.deleted_at is not None
    return dataclasses.replace(
        _tombstone(message),
        type=message.type if is_servers or is_encrypted or is_deleted else "in_the_clear",
        ciphertext=message.ciphertext if is_encrypted and not is_deleted else None,
        text=message.text if message.type == "system" else None,
        mentions_all=False,
        forwarded_from=None,
        poll=None,
        thread_count=replies,
        deleted_at=message.deleted_at,
    )


def _tombstone(message: Message) -> Message:
    return dataclasses.replace(
        message,
        text=None,
        ciphertext=None,
        attachments=(),
        mentions=(),
        reply_to=None,
        reactions=(),
        metadata={},
        edited_at=None,
        deleted_at=message.deleted_at or message.expires_at,
    )


def _apply_message(log: _Log, event: MessageEvent) -> None:
    message = event.message
    known = log.entries.get(message.id)
    if isinstance(event, MessageCreated):
        message = dataclasses.replace(message, seq=event.seq or message.seq)
        log.entries[message.id] = _Entry(message)
    elif known is not None:
        deleted_at = message.deleted_at
        if isinstance(event, MessageDeleted) and deleted_at is None:
            deleted_at = event.at
        known.message = dataclasses.replace(message, seq=known.message.seq, deleted_at=deleted_at)


def _apply_poll(log: _Log, event: PollEvent) -> None:
    poll = event.poll
    known = log.entries.get(poll.message_id)
    if known is not None and known.message.deleted_at is None:
        known.message = dataclasses.replace(known.message, poll=poll)


def _apply_reaction(log: _Log, event: ReactionEvent) -> None:
    reaction = event.reaction
    known = log.entries.get(reaction.message_id)
    if known is None:
        return
    users = known.reactions.setdefault(reaction.emoji, set())
    if isinstance(event, ReactionAdded):
        users.add(reaction.user_id)
    else:
        users.discard(reaction.user_id)
    if not users:
        del known.reactions[reaction.emoji]
