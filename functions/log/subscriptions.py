"""Who follows the log: each domain subscribes in its `events.py`, and is told of events by a queue of its own.

One dispatcher reads the stream of the event table and puts what it tells into the queues; it reads no table. What
travels has no content: where an event stands, its type, who caused it, when, and what a subscription `carries` of its
data. An event may be told more than once, late and in any order, so a handler must be harmless when it is repeated.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kernel import clock, parallel, queues, telemetry
from kernel.config import config
from kernel.consumers import Change, Image, Message
from log.model import Event
from log.store import event_in

# What of a message's row is its content: reactions to it and its thread change the row as well, and are none.
CONTENT = ("text", "data", "deleted_at")

Carries = Callable[[Event], Mapping[str, Any]]
Handle = Callable[[Sequence[Event]], None]


def nothing(_event: Event) -> Mapping[str, Any]:
    """None of an event's data."""
    return {}


@dataclass(frozen=True, slots=True)
class Subscription:
    """A wish to hear of events of one type. `changes`: of later changes of their content too, and of its end."""

    type: str
    handle: Handle
    queue: str
    changes: bool
    carries: Carries


_subscriptions: dict[tuple[str, str], Subscription] = {}


def subscribe(type_: str, handle: Handle, *, queue: str, changes: bool = False, carries: Carries = nothing) -> None:
    """Have `handle` told of the log's events of a type, some at once, by a queue of infra/streams.yaml.

    It gets them without their text, and of their data what `carries` takes: ids and the like, as messages of queues are
    kept for two weeks when they fail. Whoever needs more reads the log. With `changes` it is told again when the
    content of a message has changed or is gone.
    """
    _subscriptions[queue, type_] = Subscription(type_, handle, queue, changes, carries)


def subscriptions() -> list[Subscription]:
    """All subscriptions that this process knows."""
    return list(_subscriptions.values())


def unsubscribe(type_: str, *, queue: str) -> None:
    """Take a subscription out again: for tests that make one of their own."""
    _subscriptions.pop((queue, type_), None)


# --- from the stream into the queues --------------------------------------------------------------------------


def dispatch(changes: Iterable[Change]) -> None:
    """Put these changes of the event table into the queues of who subscribes to them.

    A queue that takes nothing keeps none of the others waiting; then DependencyUnavailable is raised, and all may be
    dispatched again. What subscribes to a queue that is not deployed (an optional part) is left out.
    """
    deployed = config().queue_urls
    waiting: dict[str, list[Message]] = defaultdict(list)
    for change in changes:
        for wanted in _wishes(change, deployed):
            waiting[wanted.queue].append(_message(change, wanted))
    failures = [failure for failure in parallel.mapped(_sent, waiting.items()) if failure is not None]
    if failures:
        raise failures[0]


def _wishes(change: Change, deployed: Mapping[str, str]) -> list[Subscription]:
    if change.new is None:
        return []
    type_, is_content = change.new["type"]["S"], _content(change.old) != _content(change.new)
    return [
        each
        for each in _subscriptions.values()
        if each.type == type_ and each.queue in deployed and (change.kind == "INSERT" or (each.changes and is_content))
    ]


def _content(image: Image | None) -> tuple[object, ...] | None:
    return None if image is None else tuple(image.get(name) for name in CONTENT)


def _message(change: Change, wanted: Subscription) -> Message:
    assert change.new is not None
    event = event_in(change.new)
    telemetry.traced(event.name)
    told = {
        "conversation_id": event.conversation_id,
        "seq": event.seq,
        "type": event.type,
        "actor_id": event.actor_id,
        "at": event.at,
        "data": dict(wanted.carries(event)),
        "expires_at": event.expires_at,
        "deleted_at": event.deleted_at,
    }
    return {name: value for name, value in told.items() if value is not None}


def _sent(waiting: tuple[str, Sequence[Message]]) -> Exception | None:
    queue, messages = waiting
    try:
        queues.send(config().queue(queue), messages)
    except Exception as error:  # raised by `dispatch`, when all queues have been tried
        return error
    return None


# --- from a queue to who subscribed ---------------------------------------------------------------------------


def deliver(queue: str) -> Callable[[Sequence[Message]], None]:
    """What does the messages of a queue: hands them to those who subscribed by it, as events stand now.

    Raises LookupError for a message that nobody in this process has subscribed to.
    """

    def handle(messages: Sequence[Message]) -> None:
        by_type: dict[str, list[Event]] = defaultdict(list)
        for message in messages:
            by_type[message["type"]].append(Event(**message).as_of(clock.now()))
        for type_, events in by_type.items():
            try:
                subscription = _subscriptions[queue, type_]
            except KeyError as error:
                raise LookupError(f"nobody follows {type_} by the queue {queue}") from error
            subscription.handle(events)

    return handle
