"""What conversations show of messages, which they do not know: the messages' side registers here.

So a list of conversations carries each one's last message and what is unread in it, and whoever is handed events is
noted to have them.
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


_load: list[Callable[[], Messages]] = []


def register_messages(load: Callable[[], Messages]) -> None:
    """Name what is behind the port; it is loaded when it is first asked."""
    _load[:] = [load]


def messages() -> Messages:
    """What is behind the port; raises LookupError where nobody has registered: import `composition`."""
    if not _load:
        raise LookupError("nobody shows messages here: import `composition`, or `messages.events`")
    return _load[0]()
