"""The log's types and rules. Standard library and kernel only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, Self

from kernel import clock

EVERYONE = "*"  # among those whom a message mentions
MESSAGE_CREATED = "message.created"
ENCRYPTED = "encrypted"  # the type of a message that clients have encrypted


@dataclass(frozen=True, slots=True)
class MlsGroup:
    """The epochs of an encrypted conversation's MLS group (RFC 9420).

    `epoch` is the present one; messages of `oldest_epoch` and later are accepted. `rekey_due`: a member or a device
    has left, and no commit has been made since.
    """

    epoch: int = 0
    oldest_epoch: int = 0
    rekey_due: bool = False

    def after_commit(self) -> MlsGroup:
        """The group after its next commit: the epoch before stays valid, unless somebody who has its keys has left."""
        epoch = self.epoch + 1
        return MlsGroup(epoch, epoch if self.rekey_due else max(self.oldest_epoch, self.epoch))


@dataclass(frozen=True, slots=True)
class LogHead:
    """The end of a log. `access_seq` is the seq of the last event that changed permissions; `live_call` the id of the
    call that rings or is active, at most one; `last_at` the time of the last event (ms)."""

    conversation_id: str
    last_seq: int
    last_message_seq: int
    last_at: int
    access_seq: int
    live_call: str | None = None
    group: MlsGroup = MlsGroup()


@dataclass(frozen=True, slots=True)
class Send:
    """The deduplication of a send: `key` names the sender's client_id, `fingerprint` the content sent under it.

    Two sends have equal fingerprints if they ask for the same event.
    """

    key: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event before it has its seq. `lasts_ms` is the lifetime of a disappearing message.

    `send` claims the client_id of the request: an append raises DuplicateSend if that client_id has made an event.
    """

    type: str
    actor_id: str
    data: Mapping[str, Any] = field(default_factory=dict)
    text: str | None = None
    lasts_ms: int | None = None
    send: Send | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """One event of the log as stored; a `message.created` holds the message's present state. Times are in ms.

    `sent_as` is the key of the `Send` it was made with, `fingerprint` the keyed fingerprint, which is erased with the
    message's content. `changed_seq` is the seq of the event that changed the message last.
    """

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
    sent_as: str | None = None
    fingerprint: str | None = None

    @property
    def name(self) -> str:
        """The event's name in traces and log lines."""
        return f"{self.conversation_id}/{self.seq}"

    def as_of(self, now: int) -> Event:
        """The event at `now` (ms): an expired message is a tombstone, even if its content is still stored."""
        if self.expires_at is None or self.expires_at > now or self.deleted_at is not None:
            return self
        return self.tombstone(self.expires_at)

    def tombstone(self, deleted_at: int) -> Event:
        """The tombstone of a message that was deleted or expired at that time."""
        return replace(
            self,
            data=tombstone_data(self.data),
            text=None,
            edited_at=None,
            deleted_at=deleted_at,
            reactions={},
            pinned=False,
            edits=0,
            fingerprint=None,
        )

    @property
    def is_message(self) -> bool:
        return self.type == MESSAGE_CREATED

    @property
    def is_encrypted(self) -> bool:
        """Whether clients have encrypted this message, so that nothing here can read it."""
        return self.data.get("type") == ENCRYPTED

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
        """The ids of the people a message mentions; `EVERYONE` means all members."""
        return frozenset(self.data.get("mentions", ())) | ({EVERYONE} if self.data.get("everyone") else frozenset())


def readable(event: Event) -> bool:
    """Whether an event is no message that clients have encrypted."""
    return not event.is_encrypted


def tombstone_data(data: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a message's data that its tombstone keeps."""
    return {name: value for name, value in data.items() if name in ("id", "client_id", "type", "thread_root")}


class Context(Protocol):
    """The state an append is planned on: the log's head, and the records that a domain reads with it."""

    @property
    def conversation_id(self) -> str: ...

    @property
    def head(self) -> LogHead: ...

    def head_after(self, head: LogHead, new: NewEvent) -> LogHead:
        """The head after an event, for changes beside its seqs and its time."""
        ...

    def at_head(self, head: LogHead) -> Self:
        """The same context at a later head, with no change of permissions in between."""
        ...


def event_time(head: LogHead) -> int:
    """The time (ms) of an event appended now: never before the log's last event, even if a writer's clock is behind."""
    return max(clock.now(), head.last_at)
