"""What conversations need of domains that they do not know, which register here.

Messages: a list of conversations carries each one's last message and what is unread in it, and whoever is handed
events is noted to have them. All domains: what they keep of a conversation goes with it.
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
    """What is shown of a conversation's messages in a list: the last one as its reader sees it, and what is unread."""

    last_message: dict[str, Any] | None
    unread: int
    mentions: int


class Messages(Protocol):
    """The port; `messages` is behind it."""

    def previews(self, contexts: Sequence[MemberContext], viewer_id: str) -> Mapping[str, Preview]:
        """By conversation, for one person: two round trips and the counts of what is unread."""
        ...

    def previews_of_members(
        self, head: LogHead, info: ConversationInfo, members: Sequence[Member]
    ) -> Mapping[str, Preview]:
        """By person, for members of one conversation, read for all of them together."""
        ...

    def note_delivered(self, caller: Caller, contexts: Mapping[str, MemberContext], reached: Mapping[str, int]) -> None:
        """Note how far the caller's device has the log of each of these by now. Never raises."""
        ...


@dataclass(frozen=True, slots=True)
class Eraser:
    """How a domain erases what it keeps of a conversation that has ended. All of it is repeatable.

    `erase` takes the conversation's id and where to begin (None: at the beginning), works for a second or two, and
    returns where to go on (JSON), None when nothing is left. `erase_of_members` erases what is kept of these members in
    it. What is `derived` from other domains' rows is erased after all of those.
    """

    name: str
    erase: Callable[[str, Any], Any]
    erase_of_members: Callable[[str, Sequence[str]], None] | None = None
    derived: bool = False


_erasers: dict[str, Eraser] = {}


def register_eraser(eraser: Eraser) -> None:
    """Name how a domain erases what it keeps of a conversation."""
    _erasers[eraser.name] = eraser


def erasers() -> list[Eraser]:
    """Those of all domains that are known in this process, in the order in which they erase."""
    return sorted(_erasers.values(), key=lambda each: (each.derived, each.name))


_load: list[Callable[[], Messages]] = []


def register_messages(load: Callable[[], Messages]) -> None:
    """Name what is behind the port; it is loaded when it is first asked."""
    _load[:] = [load]


def messages() -> Messages:
    """What is behind the port; raises LookupError where nobody has registered: import `composition`."""
    if not _load:
        raise LookupError("nobody shows messages here: import `composition`, or `messages.events`")
    return _load[0]()
