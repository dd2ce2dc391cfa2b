"""Closing polls: at their time (by a state machine) or by hand, with exactly one `poll.closed` event.

Votes are refused by the closing time itself; a late or lost state machine only delays the event.
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
    """Start the state machine that closes a poll at its time; raises DependencyUnavailable."""
    workflows.start(MACHINE, poll_id, {"poll_id": poll_id, "closes_at": clock.rfc3339(closes_at)})


def stop(poll_id: str) -> None:
    """Stop the state machine of a poll. Never raises: a machine that wakes finds the poll closed."""
    try:
        workflows.stop(MACHINE, poll_id)
    except DependencyUnavailable as error:
        telemetry.logger().warning("a machine was not stopped", exc_info=error)


def plan(poll: Poll, at: int, *, actor_id: str) -> tuple[Poll, log.AppendPlan]:
    """Plan to close a poll, if it has no `poll.closed` yet; `closed_at` is its closing time, if that has passed."""
    if poll.tally.closed_at is not None:
        return poll, log.AppendPlan([])
    since = poll.closed_at(at) or at
    event = NewEvent(POLL_CLOSED, actor_id, poll.about)
    return poll.closed(since), log.AppendPlan([event], lambda it: store.stage_closing(it, poll, at=since), at=at)


def when_due(poll_id: str) -> dict[str, Any]:
    """Close a poll if its time has passed; returns `{done, closes_at}` for the state machine. Idempotent."""
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
