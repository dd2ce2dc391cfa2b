"""What stands in the log: types and rules. Standard library and kernel only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, Self

from kernel import clock

EVERYONE = "*"  # among those whom a message mentions
MESSAGE_CREATED = "message.created"


@dataclass(frozen=True, slots=True)
class MlsGroup:
    """How far the MLS group of an encrypted conversation is: `epoch` is the present one, messages are taken from
    `oldest_epoch` on. `rekey_due`: somebody or some device is gone, and no commit has come since."""

    epoch: int = 0
    oldest_epoch: int = 0
    rekey_due: bool = False

    def after_commit(self) -> MlsGroup:
        """The group after its next commit: the epoch before stays good, unless somebody who has its keys is gone."""
        epoch = self.epoch + 1
        return MlsGroup(epoch, epoch if self.rekey_due else max(self.oldest_epoch, self.epoch))


@dataclass(frozen=True, slots=True)
class LogHead:
    """The moving end of the log. `access_seq` is the last event that changed who may do what; `live_call` the call
    that rings or goes on, of which there is one at most; `group` is where its MLS group stands."""

    conversation_id: str
    last_seq: int
    last_message_seq: int
    last_at: int
    access_seq: int
    live_call: str | None = None
    group: MlsGroup = MlsGroup()


@dataclass(frozen=True, slots=True)
class Send:
    """What makes a repeated send harmless: `key` names a sender's client_id, `fingerprint` what was sent under it.

    Two sends have equal fingerprints if they ask for the same. The log keeps it under a key of its own.
    """

    key: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event before it has its place in the log. `lasts_ms`: how long a message lasts that disappears by itself.

    `send` claims the client_id that the event was asked for with: an append raises DuplicateSend if it made another.
    """

    type: str
    actor_id: str
    data: Mapping[str, Any] = field(default_factory=dict)
    text: str | None = None
    lasts_ms: int | None = None
    send: Send | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """One event of the log as stored. For `message.created` it holds the message's present state.

    `sent_as` is the key of the `Send` that it was asked for with, `fingerprint` the keyed form of that one's, which
    goes with the message's content.
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
        """What it is called in the lines of those who write it, pass it on or deliver it."""
        return f"{self.conversation_id}/{self.seq}"

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
            fingerprint=None,
        )

    @property
    def is_message(self) -> bool:
        return self.type == MESSAGE_CREATED

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


def tombstone_data(data: Mapping[str, Any]) -> dict[str, Any]:
    """What a tombstone keeps of a message's data."""
    return {name: value for name, value in data.items() if name in ("id", "client_id", "type", "thread_root")}


class Context(Protocol):
    """What an append is planned on: the log's head, and whatever the domain above has read with it."""

    @property
    def conversation_id(self) -> str: ...

    @property
    def head(self) -> LogHead: ...

    def head_with(self, head: LogHead, new: NewEvent) -> LogHead:
        """What else of the head an event changes, beside its seqs and its time."""
        ...

    def moved_to(self, head: LogHead) -> Self:
        """The same with a head that has moved on, where nothing that changes access lies between."""
        ...


def moment(head: LogHead) -> int:
    """The instant of an event appended now: the log's time never runs back, whatever the clocks of its writers say."""
    return max(clock.now(), head.last_at)
