"""Polls: types and rules. Standard library and kernel only.

A poll has a question with options (fixed, except for added options) and a tally, which changes with the votes. `view`
alone decides who may see the tally.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple

from kernel import clock, ids
from kernel.errors import Conflict, Forbidden, ValidationFailed
from kernel.text import sameness

POLL_CREATED = "poll.created"
POLL_UPDATED = "poll.updated"
POLL_VOTED = "poll.voted"
POLL_CLOSED = "poll.closed"
FORGET_VOTES = "forget_votes_of_a_deleted_poll"  # what follows the deletion of its message

Results = Literal["live", "after_vote", "after_close"]
State = Literal["open", "closed"]
Choice = tuple[str, ...]

MIN_OPTIONS, MAX_OPTIONS = 2, 20
MAX_QUESTION_CHARS, MAX_OPTION_CHARS = 500, 200
# A state machine lives for a year at most (Step Functions, "Quotas").
MAX_OPEN_MS = 364 * clock.DAY
# Who acts in the log when a vote, or who has voted, is secret.
ANONYMOUS = "anonymous"


class PollClosed(Conflict):
    code, detail = "poll_closed", "This poll is closed."


class VoteFinal(Conflict):
    code, detail = "vote_final", "Votes in this poll cannot be changed."


class PollRef(NamedTuple):
    """A poll in the data of events: enough to find its parts and a person's vote."""

    id: str
    anonymous: bool


def poll_of(data: Mapping[str, Any]) -> PollRef | None:
    """The poll in the data of a message or event, None if there is none."""
    found = data.get("poll")
    return None if found is None else PollRef(found["id"], found["anonymous"])


def reading(option: str) -> str:
    """A key that is equal for options that readers cannot tell apart. Accents count: `si` and `sí` are two answers."""
    return sameness(option, with_accents=True)


@dataclass(frozen=True, slots=True)
class Option:
    id: str
    text: str


@dataclass(frozen=True, slots=True)
class Tally:
    """The number of votes per option and of voters; `closed_at` (ms) is set when the poll is closed."""

    counts: Mapping[str, int] = field(default_factory=dict)
    voters: int = 0
    closed_at: int | None = None

    def changed(self, before: Choice, after: Choice) -> Tally:
        """The tally after one person's vote has changed."""
        counts = dict(self.counts)
        for option_id, step in steps(before, after).items():
            counts[option_id] = counts.get(option_id, 0) + step
        return replace(self, counts=counts, voters=self.voters + bool(after) - bool(before))


def steps(before: Choice, after: Choice) -> dict[str, int]:
    """The changes of the options' counts when a vote is replaced."""
    return dict.fromkeys(set(after) - set(before), 1) | dict.fromkeys(set(before) - set(after), -1)


@dataclass(frozen=True, slots=True)
class Poll:
    """A poll as stored. Times in ms; `message_seq` is the seq of its message. `added_by` has the author of each option
    that was added later."""

    id: str
    conversation_id: str
    message_id: str
    message_seq: int
    creator_id: str
    question: str
    options: tuple[Option, ...]
    multiple: bool
    max_choices: int
    anonymous: bool
    results: Results
    allow_change: bool
    allow_add_options: bool
    created_at: int
    closes_at: int | None = None
    added_by: Mapping[str, str] = field(default_factory=dict)
    tally: Tally = Tally()

    @property
    def ref(self) -> PollRef:
        return PollRef(self.id, self.anonymous)

    @property
    def about(self) -> dict[str, Any]:
        """The data of an event about the poll; the poll itself is read when the event is rendered."""
        return {"poll": self.ref._asdict(), "message_seq": self.message_seq}

    def closed_at(self, now: int) -> int | None:
        """When (ms) the poll closed, by hand or at `closes_at` (inclusive); None while it is open."""
        if self.tally.closed_at is not None:
            return self.tally.closed_at
        return self.closes_at if self.closes_at is not None and self.closes_at <= now else None

    def state(self, now: int) -> State:
        return "open" if self.closed_at(now) is None else "closed"

    def require_open(self, now: int) -> None:
        if self.closed_at(now) is not None:
            raise PollClosed

    def require_options(self, field: str, option_ids: Sequence[str]) -> list[str]:
        """The ids of the poll's options, in its order; raises ValidationFailed, naming `field`, for unknown ones."""
        known = [option.id for option in self.options]
        if not set(option_ids) <= set(known):
            raise ValidationFailed.of(field, "there is no such option in this poll")
        return known

    def choice(self, option_ids: Sequence[str]) -> Choice:
        """A vote for these options, in the poll's order; raises ValidationFailed for unknown or too many options."""
        known = self.require_options("option_ids", option_ids)
        wanted = set(option_ids)
        if not 1 <= len(wanted) <= self.max_choices:
            most = "one option" if self.max_choices == 1 else f"1 to {self.max_choices} options"
            raise ValidationFailed.of("option_ids", f"choose {most}")
        return tuple(option_id for option_id in known if option_id in wanted)

    def require_change(self, before: Choice, after: Choice) -> None:
        """Require that a vote may be changed; raises VoteFinal."""
        if before and before != after and not self.allow_change:
            raise VoteFinal

    def voted(self, before: Choice, after: Choice) -> Poll:
        """The poll after one person's vote has changed."""
        return replace(self, tally=self.tally.changed(before, after))

    def with_option(self, text: str, author_id: str) -> Poll:
        """The poll with one more option, of this person.

        Raises Forbidden, ValidationFailed if it reads like another, Conflict.
        """
        if not self.allow_add_options:
            raise Forbidden("No options can be added to this poll.")
        if reading(text) in (reading(option.text) for option in self.options):
            raise ValidationFailed.of("text", "an option that reads the same is there already")
        if len(self.options) >= MAX_OPTIONS:
            raise Conflict(f"A poll has at most {MAX_OPTIONS} options.", code="too_many_options")
        added = Option(ids.new("opt"), text)
        return replace(self, options=(*self.options, added), added_by={**self.added_by, added.id: author_id})

    def without_texts_of(self, user_id: str) -> Poll:
        """The poll without the texts of the options that a person has added. The options and others' votes stay."""
        kept = {option_id: author for option_id, author in self.added_by.items() if author != user_id}
        options = tuple(
            replace(each, text=f"deleted option {number}") if self.added_by.get(each.id) == user_id else each
            for number, each in enumerate(self.options, start=1)
        )
        return replace(self, options=options, added_by=kept)

    def closed(self, since: int) -> Poll:
        """The poll, closed at `since` (ms)."""
        return replace(self, tally=replace(self.tally, closed_at=since))

    def shows_results(self, chosen: Choice, now: int) -> bool:
        """Whether a person with this vote may see the tally at `now` (ms)."""
        if self.results == "live" or self.closed_at(now) is not None:
            return True
        return self.results == "after_vote" and bool(chosen)

    def actor_of_votes(self, user_id: str) -> str:
        """The actor of a vote's event, which all members read: `anonymous` unless the results are live and public."""
        return user_id if self.results == "live" and not self.anonymous else ANONYMOUS

    def require_voters(self, chosen: Choice, now: int) -> None:
        """Require that a person with this vote may see the voters; raises Forbidden."""
        if self.anonymous:
            raise Forbidden("Votes in this poll are secret.", code="anonymous_poll")
        if not self.shows_results(chosen, now):
            raise Forbidden("The results of this poll are not shown yet.", code="results_hidden")

    def view(self, chosen: Choice, now: int) -> dict[str, Any]:
        """The poll as a person with this vote sees it; the tally is null while it is hidden from them."""
        shown = self.shows_results(chosen, now)
        return {
            "id": self.id,
            "conversation_id": self.conversation_id,
            "message_id": self.message_id,
            "creator_id": self.creator_id,
            "question": self.question,
            "options": [
                {"id": each.id, "text": each.text, "votes": self.tally.counts.get(each.id, 0) if shown else None}
                for each in self.options
            ],
            "multiple": self.multiple,
            "max_choices": self.max_choices,
            "anonymous": self.anonymous,
            "results": self.results,
            "allow_change": self.allow_change,
            "allow_add_options": self.allow_add_options,
            "total_voters": self.tally.voters if shown else None,
            "my_votes": list(chosen),
            "state": self.state(now),
            "created_at": self.created_at,
            "closes_at": self.closes_at,
            "closed_at": self.closed_at(now),
        }


@dataclass(frozen=True, slots=True)
class NewPoll:
    """A poll to be created."""

    client_id: str
    question: str
    options: tuple[str, ...]
    multiple: bool
    max_choices: int | None
    anonymous: bool
    results: Results
    allow_change: bool
    allow_add_options: bool
    closes_at: int | None

    @property
    def fingerprint(self) -> str:
        """Equal for equal polls; tells a repeated request from another one with the same client_id."""
        parts = [
            "poll",
            self.question,
            list(self.options),
            self.most,
            self.anonymous,
            self.results,
            self.allow_change,
            self.allow_add_options,
            self.closes_at,
        ]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    @property
    def most(self) -> int:
        """The number of options a voter may choose, including options that may be added later."""
        if not self.multiple:
            return 1
        return self.max_choices or (MAX_OPTIONS if self.allow_add_options else len(self.options))

    def require_time(self, now: int) -> None:
        """Raise ValidationFailed for a closing time that has passed or is too far away."""
        if self.closes_at is None:
            return
        if self.closes_at <= now:
            raise ValidationFailed.of("closes_at", "must lie in the future")
        if self.closes_at > now + MAX_OPEN_MS:
            raise ValidationFailed.of("closes_at", "must lie within a year")

    def poll(
        self, poll_id: str, *, creator_id: str, conversation_id: str, message_id: str, message_seq: int, at: int
    ) -> Poll:
        return Poll(
            id=poll_id,
            conversation_id=conversation_id,
            message_id=message_id,
            message_seq=message_seq,
            creator_id=creator_id,
            question=self.question,
            options=tuple(Option(ids.new("opt"), text) for text in self.options),
            multiple=self.multiple,
            max_choices=self.most,
            anonymous=self.anonymous,
            results=self.results,
            allow_change=self.allow_change,
            allow_add_options=self.allow_add_options,
            created_at=at,
            closes_at=self.closes_at,
        )
