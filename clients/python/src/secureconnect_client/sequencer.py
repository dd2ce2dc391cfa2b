"""Exactly once and in order: decides which events may be delivered, given those received so far. No I/O.

The log is authoritative, and sockets are hints. Events from sockets are *offered*: they may be lost, repeated
or reordered. Events from `GET …/events` are *confirmed*: an answer lacks no event that the caller may see. An
unknown conversation begins where the log begins.

An event that ends the log for its reader leaves the conversation *in doubt*: later events are held until it
is known whether the reader came back, and where the log now begins for them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from secureconnect_client.events import Event, conversation_removed, ends_log

MAX_HELD = 1_000  # per conversation; further ones are read from the log later


class Sequencer:
    """The reader's position in every conversation."""

    def __init__(
        self,
        cursors: Mapping[str, int] | None = None,
        *,
        reader_id: str | None = None,
        in_doubt: Iterable[str] = (),
    ) -> None:
        self._reader_id = reader_id
        self._cursors: dict[str, int] = dict(cursors or {})
        self._highest: dict[str, int] = {}
        self._held: dict[str, dict[int, Event]] = {}
        self._ended: set[str] = set()
        self.in_doubt = set(in_doubt)
        self.duplicates = 0

    @property
    def cursors(self) -> dict[str, int]:
        """The seq of the last delivered event per conversation; all events before it were delivered."""
        return dict(self._cursors)

    def cursor(self, conversation_id: str) -> int | None:
        return self._cursors.get(conversation_id)

    def offer(self, event: Event) -> list[Event]:
        """The events that can be delivered after this one.

        Empty if it is old or early, otherwise itself and the held events that follow it.
        """
        conversation_id, seq = event.conversation_id, event.seq
        if conversation_id is None or seq is None:
            return [event]
        cursor = self._cursors.get(conversation_id)
        if cursor is None and seq == 1 and conversation_id not in self._ended:
            cursor = self._cursors[conversation_id] = 0  # no event can precede it
        if cursor is not None and seq <= cursor:
            self.duplicates += 1
            return []
        if cursor is not None and seq == cursor + 1 and conversation_id not in self.in_doubt:
            return self._advance(conversation_id, event)
        held = self._held.setdefault(conversation_id, {})
        if seq in held:
            self.duplicates += 1
        elif len(held) < MAX_HELD:
            held[seq] = event
        self.note(conversation_id, seq)
        return []

    def offer_log(
        self, conversation_id: str, events: Iterable[Event], *, confirmed: bool = False
    ) -> list[Event]:
        """Like `offer`, for a page of the log after this cursor or an earlier one.

        A gap in a confirmed page means that the caller was out of the conversation meanwhile: its log ends
        and begins anew.
        """
        ready: list[Event] = []
        for event in sorted(events, key=lambda each: each.seq or 0):
            if event.seq is None:
                continue
            cursor = self._cursors.get(conversation_id)
            if cursor is None:
                self._restart(conversation_id, event.seq)
            elif confirmed and event.seq > cursor + 1 and conversation_id not in self.in_doubt:
                ready.append(conversation_removed(conversation_id))
                self._restart(conversation_id, event.seq)
            ready += self.offer(event)
        return ready

    def note(self, conversation_id: str, seq: int) -> None:
        """Note that the log reaches at least this seq."""
        if self._cursors.get(conversation_id, -1) >= seq:
            return
        self._highest[conversation_id] = max(seq, self._highest.get(conversation_id, 0))

    def behind(self) -> list[str]:
        """The conversations whose log has undelivered events, and those in doubt."""
        return [*self._highest, *(self.in_doubt - self._highest.keys())]

    def resolve(self, conversation_id: str, first_seq: int) -> list[Event]:
        """Resolve a doubt: for the reader the log now begins at `first_seq`."""
        self.in_doubt.discard(conversation_id)
        cursor = self._cursors.get(conversation_id, 0)
        if first_seq <= cursor:
            return self._advance(conversation_id)  # the reader is back and sees the whole history
        self._restart(conversation_id, first_seq)
        return [conversation_removed(conversation_id), *self._advance(conversation_id)]

    def give_up(self, conversation_id: str) -> None:
        """Stop waiting for events that the log does not provide."""
        self.in_doubt.discard(conversation_id)
        self._highest.pop(conversation_id, None)
        self._held.pop(conversation_id, None)

    def end(self, conversation_id: str) -> list[Event]:
        """The caller is out: forget the conversation, and return its end once.

        Held events may be from after a return; they are kept, as for an unknown conversation.
        """
        self.in_doubt.discard(conversation_id)
        if conversation_id not in self._held:
            self._highest.pop(conversation_id, None)
        self._ended.add(conversation_id)
        known = self._cursors.pop(conversation_id, None) is not None
        return [conversation_removed(conversation_id)] if known else []

    def _restart(self, conversation_id: str, seq: int) -> None:
        self._cursors[conversation_id] = seq - 1
        self._ended.discard(conversation_id)
        held = self._held.get(conversation_id, {})
        self._held[conversation_id] = {each: event for each, event in held.items() if each >= seq}

    def _advance(self, conversation_id: str, event: Event | None = None) -> list[Event]:
        """Deliver this event, if given, and the held events after it."""
        held = self._held.setdefault(conversation_id, {})
        seq = self._cursors[conversation_id]
        if event is not None:
            held[seq + 1] = event
        ready: list[Event] = []
        while conversation_id not in self.in_doubt and (following := held.pop(seq + 1, None)) is not None:
            ready.append(following)
            seq += 1
            if ends_log(following, self._reader_id):
                self.in_doubt.add(conversation_id)
        if not held:
            del self._held[conversation_id]
        if self._highest.get(conversation_id, seq) <= seq:
            self._highest.pop(conversation_id, None)
        self._cursors[conversation_id] = seq
        return ready
