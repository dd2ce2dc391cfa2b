"""Polls: requests, and answers but for the poll itself, which messages load as well."""

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from kernel.frames import Frame
from kernel.schema import Body, ClientId, Id, Input, Instant, InstantIn, Label, Output, Paging
from polls import model
from polls.schemas import PollOut, Results
from users.schemas import PublicProfile

OptionText = Annotated[Label, Field(min_length=1, max_length=model.MAX_OPTION_CHARS)]


class NewPollIn(Input):
    """`max_choices` goes with `multiple`; without it any number of options may be chosen."""

    client_id: ClientId
    question: Annotated[Body, Field(min_length=1, max_length=model.MAX_QUESTION_CHARS)]
    options: Annotated[list[OptionText], Field(min_length=model.MIN_OPTIONS, max_length=model.MAX_OPTIONS)]
    multiple: bool = False
    max_choices: Annotated[int, Field(ge=1, le=model.MAX_OPTIONS)] | None = None
    anonymous: bool = False
    results: Results = "live"
    allow_change: bool = True
    allow_add_options: bool = False
    closes_at: InstantIn | None = None

    @field_validator("options")
    @classmethod
    def _different(cls, options: list[str]) -> list[str]:
        if len({model.reading(option) for option in options}) != len(options):
            raise ValueError("must be different from each other, as readers see them")
        return options

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.max_choices is not None:
            if not self.multiple and self.max_choices != 1:
                raise ValueError("max_choices above 1 needs multiple")
            if self.max_choices > len(self.options) and not self.allow_add_options:
                raise ValueError("max_choices is at most the number of options")
        return self

    def poll(self) -> model.NewPoll:
        return model.NewPoll(
            client_id=self.client_id,
            question=self.question,
            options=tuple(self.options),
            multiple=self.multiple,
            max_choices=self.max_choices,
            anonymous=self.anonymous,
            results=self.results,
            allow_change=self.allow_change,
            allow_add_options=self.allow_add_options,
            closes_at=self.closes_at,
        )


class Ballot(Input):
    """A vote; it replaces the one before. An option named twice counts once."""

    option_ids: Annotated[list[Id], Field(min_length=1, max_length=model.MAX_OPTIONS)]


class NewOption(Input):
    text: OptionText


class PollQuery(Paging):
    state: Literal["open", "closed"] | None = None


class VoterQuery(Paging):
    option_id: Id | None = None


class PollList(Output):
    items: list[PollOut]
    next_cursor: str | None


class Voter(Output):
    user: PublicProfile
    option_ids: list[str]
    voted_at: Instant


class VoterList(Output):
    items: list[Voter]
    next_cursor: str | None


class VoteFrame(Frame, Ballot):
    """`vote` on the socket."""

    poll_id: Id
