"""The end of a poll: by its time (a state machine watches it) or by hand. One `poll.closed` event whatever races.

Votes are refused by the time itself; the machine only tells of the end, so a late or lost one loses no more than that.
"""

from __future__ import annotations

from typing import Any

import polls.events  # noqa: F401 - what is appended here
from conversations import api as conversations
from conversations.model import MemberContext
from kernel import clock, telemetry, workflows
from kernel.errors import DependencyUnavailable, NotFound
from log import api as log
from log.model import NewEvent
from polls import store
from polls.model import POLL_CLOSED, Poll

MACHINE = "poll-closing"


def start(poll_id: str, closes_at: int) -> None:
    """Have a poll closed at its time; raises DependencyUnavailable."""
    workflows.start(MACHINE, poll_id, {"poll_id": poll_id, "closes_at": clock.rfc3339(closes_at)})


def stop(poll_id: str) -> None:
    """Nobody need wait for this poll any more. Never raises: a machine that wakes all the same finds it closed."""
    try:
        workflows.stop(MACHINE, poll_id)
    except DependencyUnavailable as error:
        telemetry.logger().warning("a machine was not stopped", exc_info=error)


def plan(poll: Poll, at: int, *, actor_id: str) -> tuple[Poll, log.AppendPlan]:
    """Close a poll that has no `poll.closed` yet. What its time has closed was closed then, not now."""
    if poll.tally.closed_at is not None:
        return poll, log.AppendPlan([])
    since = poll.closed_at(at) or at
    event = NewEvent(POLL_CLOSED, actor_id, poll.about)
    return poll.closed(since), log.AppendPlan([event], lambda it: store.stage_closing(it, poll, at=since), at=at)


def when_due(poll_id: str) -> dict[str, Any]:
    """What the state machine asks for: close the poll if its time is over, else say when to ask again.

    Repeating it changes nothing. Answers `{done, closes_at}`.
    """
    poll = store.find(poll_id)
    if poll is None or poll.closes_at is None:
        return {"done": True, "closes_at": None}
    if poll.state(clock.now()) == "open":
        return {"done": False, "closes_at": clock.rfc3339(poll.closes_at)}

    def plan_now(context: MemberContext) -> log.AppendPlan:
        now = store.find(poll_id)
        return (
            log.AppendPlan([]) if now is None else plan(now, log.event_time(context.head), actor_id=now.creator_id)[1]
        )

    try:
        context, events = conversations.append(
            poll.conversation_id, poll.creator_id, plan_now, load=conversations.system_context
        )
    except NotFound:  # the conversation is gone
        return {"done": True, "closes_at": None}
    if events:
        telemetry.count("PollsClosed")
    conversations.publish_events(context, events)
    return {"done": True, "closes_at": None}
