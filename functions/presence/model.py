"""Presence: the status people choose, its combination with their live sockets, and what others may see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kernel import clock
from users.model import Audience

Chosen = Literal["online", "away", "busy", "invisible"]
Status = Literal["online", "away", "busy", "invisible", "offline"]

MAX_WATCHED = 200  # people that one socket watches
MAX_ASKED = 100  # people in one GET /presence
MAX_TEXT_CHARS = 100
MAX_UNTIL_MS = 366 * clock.DAY


@dataclass(frozen=True, slots=True)
class Choice:
    """A chosen status, which ends at `until` (ms). `hidden_seen_at`: the last time seen before becoming invisible."""

    status: Chosen = "online"
    text: str | None = None
    until: int | None = None
    hidden_seen_at: int | None = None

    def over(self, now: int) -> bool:
        return self.until is not None and self.until <= now


@dataclass(frozen=True, slots=True)
class Presence:
    """One person's presence as another person or they themselves see it."""

    user_id: str
    status: Status
    last_seen_at: int | None = None
    text: str | None = None

    @property
    def summary(self) -> list[str | None]:
        """The fields whose change is published, as a JSON value for jobs."""
        return [self.status, self.text]


@dataclass(frozen=True, slots=True)
class PresenceState:
    """A person's presence before rules of visibility. `seen_at` (ms) is the last sign of a socket, None for never."""

    user_id: str
    choice: Choice
    present: bool
    seen_at: int | None
    last_seen_for: Audience

    def choice_at(self, now: int) -> Choice:
        return Choice() if self.choice.over(now) else self.choice

    @property
    def hidden(self) -> bool:
        return self.choice_at(clock.now()).status == "invisible"

    def for_others(self, *, is_contact: bool = False) -> Presence:
        """The presence as another person sees it, if there is no block between the two."""
        now = clock.now()
        choice = self.choice_at(now)
        told = self.last_seen_for == "everyone" or (self.last_seen_for == "contacts" and is_contact)
        last_seen_at = self.last_visible_at(now) if told else None
        if not self.present or choice.status == "invisible":
            return Presence(self.user_id, "offline", last_seen_at)
        return Presence(self.user_id, choice.status, last_seen_at, choice.text)

    def for_oneself(self) -> Presence:
        """The person's own view: `invisible` is shown as such, and `offline` never."""
        now = clock.now()
        choice = self.choice_at(now)
        seen_at = now if self.present else self.seen_at
        return Presence(self.user_id, choice.status, seen_at, choice.text)

    def last_visible_at(self, now: int) -> int | None:
        """When others could last see the person online; time spent invisible never shows, not even afterwards."""
        choice = self.choice
        if choice.status == "invisible":
            hid_until = now if choice.until is None else min(now, choice.until)
            if not choice.over(now) or (not self.present and (self.seen_at or 0) <= hid_until):
                return choice.hidden_seen_at
        return now if self.present else self.seen_at


def offline_view(user_id: str) -> Presence:
    """The view of a person who does not exist, or with whom there is a block."""
    return Presence(user_id, "offline")
