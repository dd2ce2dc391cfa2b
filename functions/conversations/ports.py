"""Ports: functions that conversations need of domains above, which register them here.

`Messages` provides the previews in lists of conversations, and notes which events a device has received. An `Eraser`
deletes a domain's data of a deleted conversation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from conversations.model import ConversationInfo, Member, MemberContext
from kernel.caller import Caller
from log.model import LogHead


@dataclass(frozen=True, slots=True)
class Preview:
    """The preview of a conversation in a list: the last message as the viewer sees it, and the unread counts."""

    last_message: dict[str, Any] | None
    unread: int
    mentions: int


class Messages(Protocol):
    """The port to the domain `messages`."""

    def previews(self, contexts: Sequence[MemberContext], viewer_id: str) -> Mapping[str, Preview]:
        """The previews of one person's conversations, by id: two round trips and the unread counts."""
        ...

    def previews_of_members(
        self, head: LogHead, info: ConversationInfo, members: Sequence[Member]
    ) -> Mapping[str, Preview]:
        """The previews of one conversation, by member; shared records are read once."""
        ...

    def note_delivered(self, caller: Caller, contexts: Mapping[str, MemberContext], reached: Mapping[str, int]) -> None:
        """Note the seq up to which the caller's device has each conversation's log. Never raises."""
        ...


@dataclass(frozen=True, slots=True)
class Eraser:
    """How a domain erases its data of a deleted conversation. Both functions are idempotent.

    `erase` takes the conversation's id and a cursor (JSON; None: from the beginning), works for a second or two, and
    returns the next cursor, None at the end. `erase_of_members` erases the data of these members in the conversation.
    `derived` data is erased after the data it is derived from.
    """

    name: str
    erase: Callable[[str, Any], Any]
    erase_of_members: Callable[[str, Sequence[str]], None] | None = None
    derived: bool = False


_erasers: dict[str, Eraser] = {}


def register_eraser(eraser: Eraser) -> None:
    """Register a domain's eraser."""
    _erasers[eraser.name] = eraser


def erasers() -> list[Eraser]:
    """The erasers registered in this process, in the order in which they run."""
    return sorted(_erasers.values(), key=lambda each: (each.derived, each.name))


_load: list[Callable[[], Messages]] = []


def register_messages(load: Callable[[], Messages]) -> None:
    """Register the implementation of the port, which is imported at its first use."""
    _load[:] = [load]


def messages() -> Messages:
    """The implementation of the port; raises LookupError if none is registered: import `composition`."""
    if not _load:
        raise LookupError("nobody shows messages here: import `composition`, or `messages.events`")
    return _load[0]()
