"""Events as typed values: one frozen class per type, to be told apart with `isinstance` or `match`.

Maps the `type` of a frame to a class. `data` is always the received object; typed properties decode it on
access, so that a malformed event never stops a stream.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from secureconnect_client.decoding import decode, parse_time
from secureconnect_client.models import (
    Call,
    CallSignal,
    Conversation,
    Draft,
    JoinRequest,
    Member,
    Message,
    Poll,
    Presence,
    Reaction,
    Receipt,
    Report,
    ScheduledMessage,
)
from secureconnect_client.notification_models import Notification


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """An event. With a `seq` it is in its conversation's log; without, it is ephemeral."""

    type: str
    data: Mapping[str, Any]
    conversation_id: str | None = None
    seq: int | None = None
    actor_id: str | None = None
    at: datetime | None = None


class MessageEvent(Event):
    """An event about one message."""

    __slots__ = ()

    @property
    def message(self) -> Message:
        return decode(Message, self.data)


class MessageCreated(MessageEvent):
    __slots__ = ()


class MessageUpdated(MessageEvent):
    __slots__ = ()


class MessageDeleted(MessageEvent):
    __slots__ = ()


class ReactionEvent(Event):
    __slots__ = ()

    @property
    def reaction(self) -> Reaction:
        return decode(Reaction, self.data)


class ReactionAdded(ReactionEvent):
    __slots__ = ()


class ReactionRemoved(ReactionEvent):
    __slots__ = ()


class ConversationEvent(Event):
    __slots__ = ()

    @property
    def conversation(self) -> Conversation:
        return decode(Conversation, self.data)


class ConversationCreated(ConversationEvent):
    __slots__ = ()


class ConversationUpdated(ConversationEvent):
    __slots__ = ()


class ConversationDeleted(ConversationEvent):
    __slots__ = ()


class ConversationRemoved(Event):
    """Made by this client when the log ends for the caller.

    If they are added again, the log begins anew with the events that they may then see.
    """

    __slots__ = ()


class MemberEvent(Event):
    __slots__ = ()

    @property
    def member(self) -> Member:
        return decode(Member, self.data)


class MemberAdded(MemberEvent):
    __slots__ = ()


class MemberRemoved(MemberEvent):
    __slots__ = ()


class MemberUpdated(MemberEvent):
    __slots__ = ()


class JoinRequestEvent(Event):
    """For admins: somebody requests to join, or the request was decided."""

    __slots__ = ()

    @property
    def request(self) -> JoinRequest:
        return decode(JoinRequest, self.data)


class ReportEvent(Event):
    """For admins: a message was reported, or its reports were decided."""

    __slots__ = ()

    @property
    def report(self) -> Report:
        return decode(Report, self.data)


class ReceiptUpdated(Event):
    __slots__ = ()

    @property
    def receipt(self) -> Receipt:
        return decode(Receipt, self.data)


class DraftUpdated(Event):
    """The caller's draft was changed on another device; without text it was cleared."""

    __slots__ = ()

    @property
    def draft(self) -> Draft:
        return decode(Draft, self.data)


class PreferencesUpdated(Event):
    """The caller muted, pinned or archived a conversation on another device, or chose its notifications.

    `data` has `muted_until`, `pinned`, `archived` and `notifications`, as a conversation has.
    """

    __slots__ = ()


class ScheduledFailed(Event):
    """A scheduled message of the caller was not sent, with the reason."""

    __slots__ = ()

    @property
    def scheduled(self) -> ScheduledMessage:
        return decode(ScheduledMessage, self.data)


class Typing(Event):
    __slots__ = ()

    @property
    def user_id(self) -> str:
        return str(self.data.get("user_id", ""))

    @property
    def typing(self) -> bool:
        return bool(self.data.get("typing"))


class NotificationAdded(Event):
    """A new entry of the in-app list, or one that was `read` on some device, with all older ones."""

    __slots__ = ()

    @property
    def notification(self) -> Notification:
        return decode(Notification, self.data)


class PresenceChanged(Event):
    __slots__ = ()

    @property
    def presence(self) -> Presence:
        return decode(Presence, self.data)


class PollEvent(Event):
    """An event about one poll. The `actor_id` of a secret vote is `anonymous`."""

    __slots__ = ()

    @property
    def poll(self) -> Poll:
        """The poll as the caller sees it now.

        It has no id if it was deleted, or is older than their membership.
        """
        return decode(Poll, self.data)


class PollCreated(PollEvent):
    __slots__ = ()


class PollUpdated(PollEvent):
    """An option was added."""

    __slots__ = ()


class PollVoted(PollEvent):
    """Somebody voted, changed their vote or retracted it."""

    __slots__ = ()


class PollClosed(PollEvent):
    __slots__ = ()


class CallEvent(Event):
    """An event about one call."""

    __slots__ = ()

    @property
    def call(self) -> Call:
        return decode(Call, self.data)


class CallRinging(CallEvent):
    __slots__ = ()


class CallUpdated(CallEvent):
    __slots__ = ()


class CallAnsweredElsewhere(CallEvent):
    """Another device of the caller has the call: stop ringing."""

    __slots__ = ()


class CallEnded(CallEvent):
    __slots__ = ()


class CallSignalled(Event):
    """A signal from another participant's peer connection."""

    __slots__ = ()

    @property
    def signal(self) -> CallSignal:
        return CallSignal.parse(self.data)


class FileEvent(Event):
    """An event about a file, which is its `data`."""

    __slots__ = ()


class KeysChanged(Event):
    """A device was added, removed or has another key; with a `seq` in an encrypted conversation's log."""

    __slots__ = ()

    @property
    def user_id(self) -> str:
        return str(self.data.get("user_id", ""))

    @property
    def device_id(self) -> str:
        return str(self.data.get("device_id", ""))

    @property
    def action(self) -> str:
        """The kind of change: `added`, `changed` or `removed`."""
        return str(self.data.get("action", ""))


class KeysLow(Event):
    """A device of the caller has few key packages left: call `Encryption.leave_packages`."""

    __slots__ = ()


class MlsEvent(Event):
    """An event for `Encryption`: a commit, a proposal or a change in the log, or a pending Welcome."""

    __slots__ = ()


class SessionRevoked(Event):
    """This session has ended; the next call raises an error."""

    __slots__ = ()


_CLASSES: Final[dict[str, type[Event]]] = {
    "message.created": MessageCreated,
    "message.updated": MessageUpdated,
    "message.deleted": MessageDeleted,
    "reaction.added": ReactionAdded,
    "reaction.removed": ReactionRemoved,
    "conversation.created": ConversationCreated,
    "conversation.updated": ConversationUpdated,
    "conversation.deleted": ConversationDeleted,
    "conversation.removed": ConversationRemoved,
    "member.added": MemberAdded,
    "member.removed": MemberRemoved,
    "member.updated": MemberUpdated,
    "poll.created": PollCreated,
    "poll.updated": PollUpdated,
    "poll.voted": PollVoted,
    "poll.closed": PollClosed,
    "receipt.updated": ReceiptUpdated,
    "draft.updated": DraftUpdated,
    "preferences.updated": PreferencesUpdated,
    "scheduled.failed": ScheduledFailed,
    "call.ringing": CallRinging,
    "call.updated": CallUpdated,
    "call.answered_elsewhere": CallAnsweredElsewhere,
    "call.ended": CallEnded,
    "call.signal": CallSignalled,
    "typing": Typing,
    "presence": PresenceChanged,
    "keys.changed": KeysChanged,
    "keys.low": KeysLow,
    "notification": NotificationAdded,
    "session.revoked": SessionRevoked,
}
_FAMILIES: Final[dict[str, type[Event]]] = {
    "poll": PollEvent,
    "call": CallEvent,
    "file": FileEvent,
    "mls": MlsEvent,
    "join_request": JoinRequestEvent,
    "report": ReportEvent,
}


def parse_event(raw: Mapping[str, Any], *, conversation_id: str | None = None) -> Event:
    """An event from a frame or a log entry; unknown types become a plain `Event`."""
    kind = str(raw.get("type", ""))
    cls = _CLASSES.get(kind) or _FAMILIES.get(kind.partition(".")[0], Event)
    data, seq = raw.get("data"), raw.get("seq")
    return cls(
        type=kind,
        data=data if isinstance(data, Mapping) else {},
        conversation_id=raw.get("conversation_id") or conversation_id,
        seq=seq if isinstance(seq, int) and not isinstance(seq, bool) else None,
        actor_id=raw.get("actor_id"),
        at=parse_time(raw.get("at")),
    )


def conversation_removed(conversation_id: str) -> ConversationRemoved:
    """The synthetic end of a log, without a seq."""
    return ConversationRemoved(type="conversation.removed", data={}, conversation_id=conversation_id)


def ends_log(event: Event, reader_id: str | None) -> bool:
    """Whether the log ends with this event for its reader, until they are added again."""
    mine = isinstance(event, MemberRemoved) and event.member.user.id == reader_id
    return mine or isinstance(event, ConversationDeleted)
