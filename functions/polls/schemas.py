"""Polls as their readers see them."""

from typing import Literal

from kernel.schema import Instant, Output

Results = Literal["live", "after_vote", "after_close"]


class OptionOut(Output):
    """`votes` is null while the results are hidden from the reader."""

    id: str
    text: str
    votes: int | None


class PollOut(Output):
    """A poll as its reader sees it; `total_voters` is null while the results are hidden from them."""

    id: str
    conversation_id: str
    message_id: str
    creator_id: str
    question: str
    options: list[OptionOut]
    multiple: bool
    max_choices: int
    anonymous: bool
    results: Results
    allow_change: bool
    allow_add_options: bool
    total_voters: int | None
    my_votes: list[str]
    state: Literal["open", "closed"]
    created_at: Instant
    closes_at: Instant | None
    closed_at: Instant | None
