"""The application's position in every log, across connections and restarts. Writes cursors, nothing else.

Within a process an event is delivered once. Its cursor is stored when the application asks for the next event
(or leaves without an error). So after a crash the event in progress, and at most `FLUSH_EVERY_S` of earlier
ones, are delivered again: exactly once while running, at least once over a crash.

A cursor at an event that ended the log for its reader is stored as a negative number: the next process, too,
has to check whether the reader came back before it continues from there.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from secureconnect_client.events import ConversationRemoved, Event, ends_log
from secureconnect_client.sequencer import Sequencer
from secureconnect_client.store import Store

FLUSH_EVERY_S = 0.5


class Bookmarks:
    """The cursors of one account."""

    def __init__(self, store: Store, account: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._flushed_at = clock()
        self._dirty: dict[str, int | None] = {}
        self._in_hand: Event | None = None
        self.account = account
        stored = store.load_cursors(account)
        self.cursors = {each: abs(seq) for each, seq in stored.items()}
        self.in_doubt = {each for each, seq in stored.items() if seq < 0}

    def sequencer(self) -> Sequencer:
        """A sequencer that continues from these cursors."""
        return Sequencer(self.cursors, reader_id=self.account, in_doubt=self.in_doubt)

    def hand_out(self, event: Event) -> Event:
        """Pass an event to the application, which has thereby finished the previous one."""
        self.done()
        self._in_hand = event
        if event.conversation_id is not None:
            if event.seq is not None:
                self.cursors[event.conversation_id] = event.seq
                self.in_doubt.discard(event.conversation_id)
                if ends_log(event, self.account):
                    self.in_doubt.add(event.conversation_id)
            elif isinstance(event, ConversationRemoved):
                self.cursors.pop(event.conversation_id, None)
                self.in_doubt.discard(event.conversation_id)
        if self._clock() - self._flushed_at > FLUSH_EVERY_S:
            self.flush()
        return event

    def done(self) -> None:
        """The application has finished the event in progress."""
        event, self._in_hand = self._in_hand, None
        if event is None or event.conversation_id is None:
            return
        if event.seq is not None:
            self._dirty[event.conversation_id] = -event.seq if ends_log(event, self.account) else event.seq
        elif isinstance(event, ConversationRemoved):
            self._dirty[event.conversation_id] = None

    def flush(self) -> None:
        """Store the cursors of finished events."""
        if self._dirty:
            self._store.save_cursors(self.account, self._dirty)
            self._dirty = {}
        self._flushed_at = self._clock()

    def replace(self, cursors: dict[str, int]) -> None:
        """Start from other cursors; conversations that are not named are forgotten."""
        self._in_hand = None
        self._dirty = {**dict.fromkeys(self.cursors), **cursors}
        self.cursors = dict(cursors)
        self.in_doubt = set()
        self.flush()
