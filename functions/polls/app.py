"""Routes of polls (contract §6)."""

from __future__ import annotations

from typing import Any

from accounts.api import authenticate
from kernel.answers import Answer
from kernel.caller import Caller
from kernel.http import App
from kernel.limiter import Limit
from polls import service
from polls.schemas import PollOut
from polls.voting_schemas import Ballot, NewOption, NewPollIn, PollList, PollQuery, VoterList, VoterQuery

app = App("polls", authenticate=authenticate)
SEND = Limit("send", requests=1200, window_s=60)


@app.post(
    "/conversations/{conversation_id}/polls",
    body=NewPollIn,
    returns=PollOut,
    status=201,
    other_statuses=[200],
    errors=["blocked", "encrypted_conversation"],
    limits=[SEND],
)
def create_poll(caller: Caller, conversation_id: str, body: NewPollIn) -> Answer:
    """Create a poll; a repeated client_id returns the first one with 200."""
    poll, new = service.create(caller=caller, conversation_id=conversation_id, draft=body.poll())
    return Answer(poll, status=201 if new else 200)


@app.get("/conversations/{conversation_id}/polls", query=PollQuery, returns=PollList)
def list_polls(caller: Caller, conversation_id: str, query: PollQuery) -> Any:
    """A conversation's polls, newest first. With `state` a page may be shorter than `limit`."""
    return service.list_polls(
        caller=caller, conversation_id=conversation_id, state=query.state, limit=query.limit, after=query.cursor
    )


@app.get("/polls/{poll_id}", returns=PollOut)
def get_poll(caller: Caller, poll_id: str) -> Any:
    """A poll with as much of its tally as the caller may see."""
    return service.get(caller=caller, poll_id=poll_id)


@app.put("/polls/{poll_id}/vote", body=Ballot, returns=PollOut, errors=["poll_closed", "vote_final"], limits=[SEND])
def vote(caller: Caller, poll_id: str, body: Ballot) -> Any:
    """Vote, or replace one's vote."""
    return service.vote(caller=caller, poll_id=poll_id, option_ids=body.option_ids)


@app.delete("/polls/{poll_id}/vote", status=204, errors=["poll_closed", "vote_final"], limits=[SEND])
def retract_vote(caller: Caller, poll_id: str) -> None:
    """Retract one's vote."""
    service.retract(caller=caller, poll_id=poll_id)


@app.post(
    "/polls/{poll_id}/options",
    body=NewOption,
    returns=PollOut,
    status=201,
    errors=["poll_closed", "too_many_options"],
    limits=[SEND],
)
def add_option(caller: Caller, poll_id: str, body: NewOption) -> Any:
    """Add an option, where the poll allows it."""
    return service.add_option(caller=caller, poll_id=poll_id, text=body.text)


@app.post("/polls/{poll_id}/close", returns=PollOut, limits=[SEND])
def close_poll(caller: Caller, poll_id: str) -> Any:
    """Close a poll now (its creator and admins)."""
    return service.close(caller=caller, poll_id=poll_id)


@app.get(
    "/polls/{poll_id}/voters",
    query=VoterQuery,
    returns=VoterList,
    errors=["anonymous_poll", "results_hidden"],
)
def list_voters(caller: Caller, poll_id: str, query: VoterQuery) -> Any:
    """The votes by person; not of anonymous polls, nor before the caller may see the results."""
    return service.voters(
        caller=caller, poll_id=poll_id, option_id=query.option_id, limit=query.limit, after=query.cursor
    )
