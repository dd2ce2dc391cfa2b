"""Forwarding: what somebody may read in one conversation goes into another, with its author but not its place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from conversations.seen import Seen
from conversations.service import known
from kernel.caller import Caller
from kernel.errors import Forbidden, NotFound, ValidationFailed
from messages.model import Source


@dataclass(frozen=True, slots=True)
class Original:
    """What is forwarded; `credit` is what the new message tells of it: the first author, and when they wrote it."""

    text: str
    credit: dict[str, Any]


def original(caller: Caller, source: Source) -> Original:
    """The message to forward, in one round trip.

    Raises ValidationFailed for one that the caller may not see or that is deleted, Forbidden
    `encrypted_conversation` where it would leave an encrypted conversation.
    """
    seen = Seen(messages=[source.message_id])
    try:
        place = seen(known(source.conversation_id), caller.user_id)
        message = seen.message(place, source.message_id)
    except NotFound as error:
        raise ValidationFailed.of("forward", "there is no such message") from error
    if place.profile.settings.encrypted or message.data["type"] == "encrypted":
        raise Forbidden("Nothing is forwarded from an encrypted conversation.", code="encrypted_conversation")
    if message.text is None or message.data["type"] != "text":
        raise ValidationFailed.of("forward", "only text messages that are not deleted can be forwarded")
    credit = message.data.get("forwarded_from") or {"sender_id": message.actor_id, "sent_at": message.at}
    return Original(message.text, dict(credit))
