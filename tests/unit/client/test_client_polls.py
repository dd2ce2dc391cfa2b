"""Polls of the client: bodies and paths, typed events, and messages that show their poll as it is now."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from secureconnect_client import Client, View
from secureconnect_client.events import PollClosed, PollCreated, PollEvent, PollUpdated, PollVoted, parse_event
from secureconnect_client.models import Poll
from tests.unit.client.answering import asked
from tests.unit.client.carriers import in_loop
from tests.unit.client.streams import online
from tests.unit.client.world import World

POLL: dict[str, Any] = {
    "id": "pol_1",
    "conversation_id": "cnv_1",
    "message_id": "m1",
    "question": "Tea?",
    "options": [{"id": "opt_1", "text": "yes", "votes": 2}, {"id": "opt_2", "text": "no", "votes": None}],
    "my_votes": ["opt_1"],
    "total_voters": 2,
    "state": "open",
    "closes_at": "2026-11-22T21:24:05.123Z",
}


@in_loop
async def test_asking_sends_what_was_given_and_nothing_else() -> None:
    closes_at = datetime(2026, 11, 22, 23, 24, 5, 123_000, tzinfo=timezone(timedelta(hours=2)))
    request, poll = await asked(
        lambda client: client.polls.create("cnv_1", "Tea?", ["yes", "no"], client_id="c", closes_at=closes_at), POLL
    )
    assert (request.method, request.url.path) == ("POST", "/v1/conversations/cnv_1/polls")
    body = json.loads(request.content)
    assert datetime.fromisoformat(body.pop("closes_at")) == closes_at
    assert body == {"client_id": "c", "question": "Tea?", "options": ["yes", "no"]}
    assert poll.closes_at == datetime(2026, 11, 22, 21, 24, 5, 123_000, tzinfo=UTC)
    assert (poll.option("yes").votes, poll.option("no").votes, poll.my_votes) == (2, None, ("opt_1",))
    with pytest.raises(KeyError):
        poll.option("perhaps")


@pytest.mark.parametrize(
    ("do", "route", "answer"),
    [
        (lambda c: c.polls.get("pol_1"), "GET /v1/polls/pol_1", POLL),
        (lambda c: c.polls.vote("pol_1", ["opt_1"]), "PUT /v1/polls/pol_1/vote", POLL),
        (lambda c: c.polls.retract("pol_1"), "DELETE /v1/polls/pol_1/vote", None),
        (lambda c: c.polls.add_option("pol_1", "maybe"), "POST /v1/polls/pol_1/options", POLL),
        (lambda c: c.polls.close("pol_1"), "POST /v1/polls/pol_1/close", POLL),
        (
            lambda c: c.polls.list("cnv_1", state="open"),
            "GET /v1/conversations/cnv_1/polls",
            {"items": [POLL], "next_cursor": None},
        ),
        (
            lambda c: c.polls.voters("pol_1", option_id="opt_1"),
            "GET /v1/polls/pol_1/voters",
            {"items": [{"user": {"id": "usr_2"}, "option_ids": ["opt_1"]}], "next_cursor": "x"},
        ),
    ],
)
def test_each_method_has_its_route(do: Callable[[Client], Awaitable[Any]], route: str, answer: Any) -> None:
    async def ask() -> None:
        request, _ = await asked(do, answer)
        assert f"{request.method} {request.url.path}" == route

    in_loop(ask)()


def _event(seq: int, kind: str, data: Any) -> Any:
    return parse_event({"type": kind, "conversation_id": "cnv_1", "seq": seq, "data": data})


@pytest.mark.parametrize(
    ("kind", "cls"),
    [
        ("poll.created", PollCreated),
        ("poll.updated", PollUpdated),
        ("poll.voted", PollVoted),
        ("poll.closed", PollClosed),
        ("poll.painted", PollEvent),
    ],
)
def test_events_of_polls_are_typed(kind: str, cls: type[PollEvent]) -> None:
    event = _event(3, kind, POLL)
    assert type(event) is cls
    assert event.poll.question == "Tea?"


def test_an_event_without_its_poll_is_still_one() -> None:
    assert _event(3, "poll.voted", None).poll == Poll()


def test_a_message_shows_its_poll_as_it_is_now() -> None:
    view = View("ada")
    empty = {**POLL, "total_voters": 0, "my_votes": []}
    message = {"id": "m1", "seq": 1, "type": "poll", "text": "Tea?", "poll": empty}
    for event in (
        _event(1, "message.created", message),
        _event(2, "poll.created", empty),
        _event(3, "poll.voted", POLL),
        _event(4, "poll.voted", {**POLL, "message_id": "unknown"}),
    ):
        view.apply(event)
    state = view.state("cnv_1")
    assert state is not None
    (shown,) = state.messages
    assert shown.poll is not None
    assert (shown.poll.total_voters, shown.poll.my_votes) == (2, ("opt_1",))


@in_loop
async def test_a_vote_goes_over_the_socket_and_over_http_when_that_fails() -> None:
    world = World()
    room = world.conversation("ada")
    poll = Poll(id="pol_1", conversation_id=room.id)
    async with online(world, start="now") as (_, live):

        async def voted(poll_id: str, option_ids: Any) -> Poll:
            return Poll(id=poll_id, my_votes=tuple(option_ids))

        live._polls.vote = voted  # type: ignore[method-assign]
        live.drop_connection()
        assert (await live.vote(poll, ["opt_1"])).my_votes == ("opt_1",)
