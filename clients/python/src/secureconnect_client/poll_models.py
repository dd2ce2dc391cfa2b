"""The values of polls, which `models` re-exports."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class PollOption:
    """An option of a poll; `votes` is None while the results are hidden from the caller."""

    id: str = ""
    text: str = ""
    votes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Poll:
    """A poll as the caller sees it; `total_voters` is None while the results are hidden from them."""

    id: str = ""
    conversation_id: str = ""
    message_id: str = ""
    creator_id: str = ""
    question: str = ""
    options: tuple[PollOption, ...] = ()
    multiple: bool = False
    max_choices: int = 1
    anonymous: bool = False
    results: Literal["live", "after_vote", "after_close"] = "live"
    allow_change: bool = True
    allow_add_options: bool = False
    total_voters: int | None = None
    my_votes: tuple[str, ...] = ()
    state: Literal["open", "closed"] = "open"
    created_at: datetime | None = None
    closes_at: datetime | None = None
    closed_at: datetime | None = None

    def option(self, text: str) -> PollOption:
        """The option with this text; raises KeyError."""
        for each in self.options:
            if each.text == text:
                return each
        raise KeyError(text)
