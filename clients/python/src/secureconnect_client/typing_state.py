"""The people who are typing: until their message arrives, they stop, or some seconds have passed."""

from __future__ import annotations

import time
from collections.abc import Callable

from secureconnect_client.events import Event, MessageCreated, Typing

LASTS_S = 4.0  # the server's 3 s and the time of transmission


class TypingState:
    """Processes the events of a live client; `clock` returns monotonic seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until: dict[tuple[str, str], float] = {}

    def apply(self, event: Event) -> None:
        """Process an event of any type."""
        if event.conversation_id is None:
            return
        if isinstance(event, MessageCreated) and event.actor_id is not None:
            self._until.pop((event.conversation_id, event.actor_id), None)
        elif isinstance(event, Typing):
            key = (event.conversation_id, event.user_id)
            if event.typing:
                self._until[key] = self._clock() + LASTS_S
            else:
                self._until.pop(key, None)

    def of(self, conversation_id: str) -> list[str]:
        """The people who are typing in a conversation, in the order in which they began."""
        now = self._clock()
        self._until = {key: until for key, until in self._until.items() if until > now}
        return [user_id for place, user_id in self._until if place == conversation_id]
