"""A decrypted message, and how encrypted changes alter it.

Every device applies the changes in the order of the log, so all devices that have read the log come to the
same state. Changes by others are checked here, because the server cannot read them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from secureconnect_client.encryption.changes import Change, Changes, changes_of, kept_changes
from secureconnect_client.encryption.content import (
    Content,
    Meant,
    PollContent,
    Voice,
    files_of,
    meant_of,
    poll_of,
    voice_of,
)
from secureconnect_client.encryption.files import SealedFile

UNCHANGED = Changes()
MAX_EMOJI = 50
MAX_EMOJI_CHARS = 32


@dataclass(frozen=True, slots=True)
class DecryptedMessage:
    """A decrypted message. `text` is None if this device has no key for it.

    At `expires_at` (RFC 3339) its content is removed from this device. `hash` is that of its ciphertext (see
    `Meant`), None if an earlier version of the client has read it.
    """

    conversation_id: str
    seq: int
    message_id: str
    sender_id: str
    device_id: str | None
    text: str | None
    files: tuple[SealedFile, ...] = ()
    voice: Voice | None = None
    poll: PollContent | None = None
    changes: Changes = UNCHANGED
    expires_at: str | None = None
    reply: Meant | None = None
    hash: str | None = None

    def with_content(self, content: Content | None, *, device_id: str | None) -> DecryptedMessage:
        """This message with its content from its sender's device; without a text if the content is None."""
        if content is None:
            return replace(self, device_id=device_id)
        return replace(
            self,
            device_id=device_id,
            text=content.text,
            files=content.files,
            voice=content.voice,
            poll=content.poll,
            reply=content.reply,
        )

    def after(self, change: Change, *, by: str, at: str) -> DecryptedMessage:
        """This message after a person's change at a time (RFC 3339); unchanged if they may not make it."""
        own = by == self.sender_id
        if self.text is None or (self.hash is not None and change.hash != self.hash):
            return self
        if change.edit is not None:
            if not (own and change.edit) or self.poll or self.voice:
                return self
            return replace(self, text=change.edit, changes=replace(self.changes, edited_at=at))
        if change.react is not None:
            return self._reacted(change.react, by, remove=change.remove)
        if self.poll is None or self.changes.closed:
            return self
        if change.close:
            return replace(self, changes=replace(self.changes, closed=True)) if own else self
        if change.vote is None or not self.poll.accepts(change.vote):
            return self
        votes = {**self.changes.votes, by: tuple(dict.fromkeys(change.vote))}
        return replace(self, changes=replace(self.changes, votes=votes))

    def _reacted(self, emoji: str, by: str, *, remove: bool) -> DecryptedMessage:
        others = {each: who for each, who in self.changes.reactions.items() if each != emoji}
        if not emoji or len(emoji) > MAX_EMOJI_CHARS or len(others) >= MAX_EMOJI:
            return self
        people = tuple(each for each in self.changes.reactions.get(emoji, ()) if each != by)
        if not remove:
            people = (*people, by)
        reactions = {**others, emoji: people} if people else others
        return replace(self, changes=replace(self.changes, reactions=reactions))

    def emptied(self) -> DecryptedMessage:
        """This message after its deletion or expiry."""
        return replace(self, text=None, files=(), voice=None, poll=None, reply=None, changes=UNCHANGED)

    def as_of(self, now: datetime) -> DecryptedMessage:
        """This message at a time: emptied if it has expired."""
        if self.text is None or self.expires_at is None or now < datetime.fromisoformat(self.expires_at):
            return self
        return self.emptied()


def undecrypted(conversation_id: str, seq: int, message: Mapping[str, Any]) -> DecryptedMessage:
    """A message of the server whose content is not decrypted yet."""
    expires_at = message.get("expires_at")
    return DecryptedMessage(
        conversation_id, seq, message["id"], message["sender_id"], None, None, expires_at=expires_at
    )


def kept(message: DecryptedMessage) -> dict[str, Any]:
    """The JSON form of a message, which is also that of both clients' backups."""
    return {**asdict(message), "changes": kept_changes(message.changes)}


def message_of(fields: Mapping[str, Any]) -> DecryptedMessage:
    """The message of a JSON form; unknown fields are ignored."""
    return DecryptedMessage(
        fields["conversation_id"],
        fields["seq"],
        fields["message_id"],
        fields["sender_id"],
        fields["device_id"],
        fields["text"],
        files_of(fields.get("files")),
        voice_of(fields.get("voice")),
        poll_of(fields.get("poll")),
        changes_of(fields.get("changes")),
        fields.get("expires_at"),
        meant_of(fields.get("reply")),
        fields.get("hash"),
    )
