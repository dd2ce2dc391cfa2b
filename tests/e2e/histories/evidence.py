"""What is known of a history when it is over: plain values, collected by `history`, judged by `checker`."""

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
    """One event of a conversation's log; `about` is the user or the message's id, `emoji` that of a reaction."""

    seq: int
    type: str
    actor_id: str
    about: str = ""
    emoji: str = ""
    client_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """Something that was asked for. `ended` is when it was acknowledged, NEVER if it was not.

    `about` is the message or the user; a send has its `client_id`, the `root` of the thread it goes to, if any, and
    once acknowledged the message and its seq.
    `loose`: a socket died under it, so that a first try may have been carried out after the acknowledgement.
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
        """From when on it cannot change anything any more."""
        return NEVER if self.loose else self.ended

    @property
    def acknowledged(self) -> bool:
        return self.ended != NEVER


def acknowledged(write: Write, *, about: str = "", seq: int = 0, loose: bool = False) -> Write:
    """The same, answered just now; of a send with the message that it made."""
    return replace(write, ended=time.monotonic(), about=about or write.about, seq=seq or write.seq, loose=loose)


@dataclass(frozen=True, slots=True)
class Delivered:
    """An event as a device's application got it."""

    conversation_id: str
    seq: int


@dataclass(frozen=True, slots=True)
class Out:
    """The device was told that it is out of a conversation."""

    conversation_id: str


@dataclass(frozen=True, slots=True)
class Restarted:
    """The device's process ended and began again; after a crash the last events may come a second time."""

    crashed: bool


Step = Delivered | Out | Restarted


@dataclass(slots=True)
class Device:
    """What one device saw: `steps` in order as handed to its application, `heard` raw from its sockets."""

    name: str
    user_id: str
    steps: list[Step] = field(default_factory=list)
    heard: set[tuple[str, int]] = field(default_factory=set)
    sent_in_order: dict[str, list[str]] = field(default_factory=dict)  # an outbox's client_ids per conversation
    states: dict[str, tuple[Any, ...]] = field(default_factory=dict)  # the messages as made from events


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
    """What somebody got who read a conversation's log: the seqs, None for a 404."""

    conversation_id: str
    user_id: str
    began: float
    ended: float
    seqs: tuple[int, ...] | None


@dataclass(frozen=True, slots=True)
class Message:
    """A message in the list of messages, as far as counting needs it."""

    id: str
    seq: int
    sender_id: str
    client_id: str
    text: str | None
    deleted: bool
    reactions: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Seen:
    """What a member is shown of a conversation at the end; `shown` are the messages as their devices know them."""

    unread_count: int
    read_seq: int
    messages: tuple[Message, ...]
    shown: tuple[Any, ...]


@dataclass(slots=True)
class Room:
    """A conversation: who began it, and at the end its log and how each member sees it."""

    id: str
    founders: tuple[str, ...]
    history_visible: bool
    log: list[Logged] = field(default_factory=list)
    seen: dict[str, Seen] = field(default_factory=dict)


@dataclass(slots=True)
class Evidence:
    """Everything that is known of one history.

    `tries` counts how often something was asked for at all, by (kind, user_id, about, emoji).
    """

    rooms: dict[str, Room] = field(default_factory=dict)
    writes: list[Write] = field(default_factory=list)
    devices: list[Device] = field(default_factory=list)
    marked: list[Marked] = field(default_factory=list)
    peeked: list[Peeked] = field(default_factory=list)
    tries: Counter[tuple[str, str, str, str]] = field(default_factory=Counter)
    troubles: list[str] = field(default_factory=list)
