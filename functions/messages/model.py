"""Messages: rules. Standard library and kernel only."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from kernel import clock
from kernel.errors import Forbidden, Gone, ValidationFailed

MAX_TEXT_CHARS = 10_000
MAX_METADATA_BYTES = 4 * 1024
MAX_CIPHERTEXT_CHARS = 64 * 1024
MAX_MENTIONS = 50
MAX_REACTION_KINDS = 20
MAX_EMOJI_CHARS = 16
EDIT_WINDOW_MS = 24 * clock.HOUR
TYPING_TTL_MS = 3 * clock.SECOND
TYPING_RELAY_MS = 2 * clock.SECOND
_KEYCAP = re.compile("[0-9#*]\ufe0f?\u20e3")
RECEIPTS_SHOWN_UP_TO = 200  # members; above, receipts are not sent to everybody


@dataclass(frozen=True, slots=True)
class NewMessage:
    """What somebody wants to send."""

    client_id: str
    type: Literal["text", "encrypted"]
    text: str | None
    ciphertext: str | None
    reply_to: str | None
    mentions: tuple[str, ...]
    metadata: Mapping[str, Any]

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
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    def stored(self, message_id: str) -> dict[str, Any]:
        """What the log keeps beside the text; absent where there is nothing to keep."""
        kept = {
            "ciphertext": self.ciphertext,
            "reply_to": self.reply_to,
            "mentions": list(self.mentions),
            "metadata": dict(self.metadata),
        }
        present = {name: value for name, value in kept.items() if value}
        return {"id": message_id, "client_id": self.client_id, "type": self.type, **present}


def require_content(message: NewMessage, *, encrypted_conversation: bool) -> None:
    """Raises ValidationFailed unless the content fits the type and the conversation."""
    if message.type == "encrypted":
        if message.ciphertext is None:
            raise ValidationFailed.of("ciphertext", "an encrypted message carries its ciphertext")
        if message.text is not None:
            raise ValidationFailed.of("text", "an encrypted message carries no text")
        return
    if encrypted_conversation:
        raise ValidationFailed.of("type", "this conversation takes only encrypted messages")
    if message.text is None:
        raise ValidationFailed.of("text", "a text message has 1 to 10,000 characters")
    if message.ciphertext is not None:
        raise ValidationFailed.of("ciphertext", "only encrypted messages carry ciphertext")


def require_editable(*, sender_id: str, created_at: int, deleted_at: int | None, type_: str, editor_id: str) -> None:
    """The sender may edit a text for 24 h."""
    if sender_id != editor_id:
        raise Forbidden("Only its sender may edit a message.")
    if deleted_at is not None:
        raise Gone("This message was deleted.")
    if type_ != "text":
        raise Forbidden("Only text messages can be edited.")
    if clock.now() - created_at > EDIT_WINDOW_MS:
        raise Forbidden("A message can be edited for 24 hours.", code="edit_window_over")


def require_emoji(text: str) -> str:
    """An emoji as reactions take it: short, a symbol in it, no letters, spaces, control or ASCII characters."""
    if not 1 <= len(text) <= MAX_EMOJI_CHARS:
        raise ValidationFailed.of("emoji", f"one emoji of at most {MAX_EMOJI_CHARS} code points")
    if not _KEYCAP.fullmatch(text) and (not any(map(_is_symbol, text)) or any(map(_is_foreign, text))):
        raise ValidationFailed.of("emoji", "not an emoji")
    return text


def _is_symbol(char: str) -> bool:
    return char >= "\u00a9" and unicodedata.category(char) in ("So", "Sk", "Sm")


def _is_foreign(char: str) -> bool:
    return char.isascii() or (unicodedata.category(char)[0] in "LZC" and char != "\u200d" and not _is_tag(char))


def _is_tag(char: str) -> bool:
    return "\U000e0020" <= char <= "\U000e007f"
