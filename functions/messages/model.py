"""Messages: rules. Standard library and kernel only."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from conversations.model import Settings
from kernel import clock
from kernel.errors import Forbidden, Gone, ValidationFailed
from log.model import Event

MESSAGE_UPDATED = "message.updated"
MESSAGE_DELETED = "message.deleted"
REACTION_ADDED = "reaction.added"
REACTION_REMOVED = "reaction.removed"
FORGET_REACTIONS = "forget_reactions"  # follow-up work of a deletion

MAX_TEXT_CHARS = 10_000
MAX_METADATA_BYTES = 4 * 1024
MAX_CIPHERTEXT_CHARS = 64 * 1024
MAX_MENTIONS = 50
MAX_PINS = 50
EDIT_WINDOW_MS = 24 * clock.HOUR
TYPING_TTL_MS = 3 * clock.SECOND
TYPING_RELAY_MS = 2 * clock.SECOND


def lifetime_ms(settings: Settings, type_: str) -> int | None:
    """The lifetime (ms) of a new message, None for no limit: texts, files and encrypted messages disappear."""
    if settings.disappearing_seconds is None or type_ not in ("text", "file", "encrypted"):
        return None
    return settings.disappearing_seconds * clock.SECOND


@dataclass(frozen=True, slots=True)
class Origin:
    """The message to be forwarded."""

    conversation_id: str
    message_id: str


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A message to be sent."""

    client_id: str
    type: Literal["text", "file", "encrypted"]
    text: str | None
    ciphertext: str | None
    reply_to: str | None
    mentions: tuple[str, ...]
    metadata: Mapping[str, Any]
    thread_root: str | None = None
    forward: Origin | None = None
    attachment_ids: tuple[str, ...] = ()

    @property
    def fingerprint(self) -> str:
        """Equal for equal messages; tells a repeated send from another one with the same client_id."""
        parts = [
            self.type,
            self.text,
            self.ciphertext,
            self.reply_to,
            list(self.mentions),
            dict(self.metadata),
        ]
        if self.thread_root is not None:
            parts.append(["thread_root", self.thread_root])
        if self.attachment_ids:
            parts.append(["attachments", *self.attachment_ids])
        if self.forward is not None:
            parts.append(["forward", self.forward.conversation_id, self.forward.message_id])
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    def stored(self, message_id: str, **more: Any) -> dict[str, Any]:
        """The data of the message's event, without empty fields; `more` are fields derived while sending."""
        kept = {
            "ciphertext": self.ciphertext,
            "reply_to": self.reply_to,
            "metadata": dict(self.metadata),
            **more,
        }
        return {"id": message_id, "client_id": self.client_id, "type": self.type, **present(kept)}


def present(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that are not empty."""
    return {name: value for name, value in fields.items() if value}


def require_content(message: NewMessage, *, encrypted_conversation: bool) -> None:
    """Raise ValidationFailed unless the content fits the type and the conversation."""
    if message.type == "encrypted":
        if message.ciphertext is None:
            raise ValidationFailed.of("ciphertext", "an encrypted message carries its ciphertext")
        if message.text is not None:
            raise ValidationFailed.of("text", "an encrypted message carries no text")
        if message.forward is not None:
            raise ValidationFailed.of("forward", "an encrypted message is not forwarded by the server")
        if encrypted_conversation and message.metadata:
            raise ValidationFailed.of("metadata", "what belongs to an encrypted message is encrypted with it")
        return
    if encrypted_conversation:
        raise ValidationFailed.of("type", "this conversation takes only encrypted messages")
    if message.type == "file" and not message.attachment_ids:
        raise ValidationFailed.of("attachment_ids", "a file message has attachments")
    if message.forward is None and message.text is None and not message.attachment_ids:
        raise ValidationFailed.of("text", "a text message has 1 to 10,000 characters")
    if message.forward is not None and message.text is not None:
        raise ValidationFailed.of("text", "a forwarded message brings its own text")
    if message.forward is not None and message.attachment_ids:
        raise ValidationFailed.of("attachment_ids", "a forwarded message brings its own files")
    if message.ciphertext is not None:
        raise ValidationFailed.of("ciphertext", "only encrypted messages carry ciphertext")


def require_editable(message: Event, editor_id: str) -> None:
    """Require that the sender edits a text of their own within 24 h; raises Forbidden, Gone."""
    if message.actor_id != editor_id:
        raise Forbidden("Only its sender may edit a message.")
    if message.deleted_at is not None:
        raise Gone("This message was deleted.")
    if message.data["type"] not in ("text", "file") or "forwarded_from" in message.data:
        raise Forbidden("Only texts that one has written can be edited.")
    if clock.now() - message.at > EDIT_WINDOW_MS:
        raise Forbidden("A message can be edited for 24 hours.", code="edit_window_over")


@dataclass(frozen=True, slots=True)
class Draft:
    """A draft, or (text None) the note that it was cleared. The later `written_at` (ms) wins."""

    conversation_id: str
    text: str | None
    reply_to: str | None
    thread_root: str | None
    written_at: int
