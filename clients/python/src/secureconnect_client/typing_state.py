"""Who types where, as a client shows it: it is over with the message, when that is told, or after seconds."""

from __future__ import annotations

import time
from collections.abc import Callable

from secureconnect_client.events import Event, MessageCreated, Typing

LASTS_S = 4.0  # the server's own 3 s, and some way there


class TypingState:
    """Hand it each event of a live client; `clock` tells seconds that never run back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until: dict[tuple[str, str], float] = {}

    def apply(self, event: Event) -> None:
        """Take notice of what an event says of typing; any event may be given."""
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
        """Who types in a conversation now, who began first first."""
        now = self._clock()
        self._until = {key: until for key, until in self._until.items() if until > now}
        return [user_id for place, user_id in self._until if place == conversation_id]
