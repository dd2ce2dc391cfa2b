"""The evidence of a finished history: plain values, collected by `history`, judged by `checker`."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

Kind = Literal["send", "edit", "delete", "react", "unreact", "add", "remove"]
NEVER = math.inf


@dataclass(frozen=True, slots=True)
class Logged:
    """An event of a conversation's log; `about` is the id of the user or message, `emoji` that of a reaction."""

    seq: int
    type: str
    actor_id: str
    about: str = ""
    emoji: str = ""
    client_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """A requested write. `ended` is the time of its acknowledgement, NEVER without one.

    `about` is the message or the user. A send has its `client_id`, the `root` of its thread, if any, and once it is
    acknowledged the message and its seq. `loose`: its socket died, so a first try may have been carried out after the
    acknowledgement.
    """

    kind: Kind
    conversation_id: str
    user_id: str
    began: float
    ended: float = NEVER
    about: str = ""
    client_id: str = ""
    root: str = ""
    text: str = ""
    emoji: str = ""
    seq: int = 0
    loose: bool = False

    @property
    def over(self) -> float:
        """The time from which on the write cannot change anything any more."""
        return NEVER if self.loose else self.ended

    @property
    def acknowledged(self) -> bool:
        return self.ended != NEVER


def acknowledged(write: Write, *, about: str = "", seq: int = 0, loose: bool = False) -> Write:
    """The same write, acknowledged now; a send with the message that it made."""
    return replace(write, ended=time.monotonic(), about=about or write.about, seq=seq or write.seq, loose=loose)


@dataclass(frozen=True, slots=True)
class Delivered:
    """An event as the device's application received it."""

    conversation_id: str
    seq: int


@dataclass(frozen=True, slots=True)
class Out:
    """The device learned that its person is no longer in a conversation."""

    conversation_id: str


@dataclass(frozen=True, slots=True)
class Restarted:
    """The device's process ended and started again; after a crash the last events may be delivered again."""

    crashed: bool


Step = Delivered | Out | Restarted


@dataclass(slots=True)
class Device:
    """The observations of a device: `steps` in the order given to its application, `heard` raw from its sockets."""

    name: str
    user_id: str
    steps: list[Step] = field(default_factory=list)
    heard: set[tuple[str, int]] = field(default_factory=set)
    sent_in_order: dict[str, list[str]] = field(default_factory=dict)  # conversation → client_ids in the outbox's order
    states: dict[str, tuple[Any, ...]] = field(default_factory=dict)  # conversation → the messages made from events


@dataclass(frozen=True, slots=True)
class Marked:
    """A request to move a read marker; `ended` is NEVER if it was not answered."""

    conversation_id: str
    user_id: str
    began: float
    ended: float
    asked: int
    read_seq: int


@dataclass(frozen=True, slots=True)
class Peeked:
    """The result of reading a conversation's log: the seqs, None for a 404."""

    conversation_id: str
    user_id: str
    began: float
    ended: float
    seqs: tuple[int, ...] | None


@dataclass(frozen=True, slots=True)
class Message:
    """A message of the message list, with the fields that counting needs."""

    id: str
    seq: int
    sender_id: str
    client_id: str
    text: str | None
    deleted: bool
    reactions: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Seen:
    """A member's view of a conversation at the end; `shown` are the messages as their devices have them."""

    unread_count: int
    read_seq: int
    messages: tuple[Message, ...]
    shown: tuple[Any, ...]


@dataclass(slots=True)
class Room:
    """A conversation: its creator, and at the end its log and each member's view."""

    id: str
    founders: tuple[str, ...]
    history_visible: bool
    log: list[Logged] = field(default_factory=list)
    seen: dict[str, Seen] = field(default_factory=dict)


@dataclass(slots=True)
class Evidence:
    """The evidence of a history.

    `tries` counts requests, including unanswered ones, by (kind, user_id, about, emoji).
    """

    rooms: dict[str, Room] = field(default_factory=dict)
    writes: list[Write] = field(default_factory=list)
    devices: list[Device] = field(default_factory=list)
    marked: list[Marked] = field(default_factory=list)
    peeked: list[Peeked] = field(default_factory=list)
    tries: Counter[tuple[str, str, str, str]] = field(default_factory=Counter)
    troubles: list[str] = field(default_factory=list)
