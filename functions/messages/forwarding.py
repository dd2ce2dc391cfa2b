"""Forwarding: a message the caller may read is sent to another conversation, with its author but not its context."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from conversations.api import ContextLoader, require_id
from kernel.caller import Caller
from kernel.errors import Forbidden, NotFound, ValidationFailed
from messages.model import Origin


@dataclass(frozen=True, slots=True)
class Original:
    """A message to forward; `credit` is its first author and the time of writing. Its files belong to the caller."""

    type: Literal["text", "file"]
    text: str | None
    file_ids: tuple[str, ...]
    credit: dict[str, Any]


def original(caller: Caller, source: Origin) -> Original:
    """The message to forward, in one round trip.

    Raises ValidationFailed if the caller may not see it, if it is deleted, or if its files belong to somebody else,
    Forbidden `encrypted_conversation` if it is from an encrypted conversation.
    """
    seen = ContextLoader(messages=[source.message_id])
    try:
        context = seen(require_id(source.conversation_id), caller.user_id)
        message = seen.message(context, source.message_id)
    except NotFound as error:
        raise ValidationFailed.of("forward", "there is no such message") from error
    if context.info.settings.encrypted or message.data["type"] == "encrypted":
        raise Forbidden("Nothing is forwarded from an encrypted conversation.", code="encrypted_conversation")
    type_ = message.data["type"]
    if message.deleted_at is not None or type_ not in ("text", "file"):
        raise ValidationFailed.of("forward", "only texts and files that are not deleted can be forwarded")
    attachments = message.data.get("attachments", ())
    if any(each["owner_id"] != caller.user_id for each in attachments):
        raise ValidationFailed.of("forward", "the files of this message are somebody else's to share")
    credit = message.data.get("forwarded_from") or {"sender_id": message.actor_id, "sent_at": message.at}
    return Original(type_, message.text, tuple(each["id"] for each in attachments), dict(credit))
