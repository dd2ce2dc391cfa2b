"""Subscriptions to the log: each domain subscribes in its `events.py`, and receives events by a queue of its own.

One dispatcher reads the stream of the event table and fills the queues; it reads no table. A queued message has no
content: it has the event's place, type, actor and time, and the part of its data that the subscription `carries`. An
event may be delivered late, repeatedly and in any order, so handlers are idempotent.
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
from log.store import event_of_image

# The attributes of a message's row that are its content; reactions and threads change the row, too, but not these.
CONTENT = ("text", "data", "deleted_at")

Carries = Callable[[Event], Mapping[str, Any]]
Handle = Callable[[Sequence[Event]], None]


def nothing(_event: Event) -> Mapping[str, Any]:
    """None of an event's data."""
    return {}


@dataclass(frozen=True, slots=True)
class Subscription:
    """A subscription to one type of event. `changes`: also to later changes of the content and to its deletion."""

    type: str
    handle: Handle
    queue: str
    changes: bool
    carries: Carries


_subscriptions: dict[tuple[str, str], Subscription] = {}


def subscribe(type_: str, handle: Handle, *, queue: str, changes: bool = False, carries: Carries = nothing) -> None:
    """Have `handle` called with batches of events of a type, by a queue of infra/streams.yaml.

    The events have no text, and only the data that `carries` returns: ids and the like, as failed messages stay in
    queues for two weeks. Handlers that need more read the log. With `changes`, the event is delivered again when the
    content of its message has changed or was deleted.
    """
    _subscriptions[queue, type_] = Subscription(type_, handle, queue, changes, carries)


def subscriptions() -> list[Subscription]:
    """All subscriptions registered in this process."""
    return list(_subscriptions.values())


def unsubscribe(type_: str, *, queue: str) -> None:
    """Remove a subscription, for tests that register one of their own."""
    _subscriptions.pop((queue, type_), None)


# --- from the stream into the queues --------------------------------------------------------------------------


def dispatch(changes: Iterable[Change]) -> None:
    """Put changes of the event table into the queues of their subscribers.

    A queue that fails does not hold up the others; DependencyUnavailable is raised at the end, and all changes may be
    dispatched again. Queues that are not deployed (optional parts) are skipped.
    """
    deployed = config().queue_urls
    messages: dict[str, list[Message]] = defaultdict(list)
    for change in changes:
        for subscription in _subscribers(change, deployed):
            messages[subscription.queue].append(_message(change, subscription))
    failures = [failure for failure in parallel.mapped(_try_send, messages.items()) if failure is not None]
    if failures:
        raise failures[0]


def _subscribers(change: Change, deployed: Mapping[str, str]) -> list[Subscription]:
    if change.new is None:
        return []
    type_, has_changed = change.new["type"]["S"], _content(change.old) != _content(change.new)
    return [
        each
        for each in _subscriptions.values()
        if each.type == type_ and each.queue in deployed and (change.kind == "INSERT" or (each.changes and has_changed))
    ]


def _content(image: Image | None) -> tuple[object, ...] | None:
    return None if image is None else tuple(image.get(name) for name in CONTENT)


def _message(change: Change, subscription: Subscription) -> Message:
    assert change.new is not None
    event = event_of_image(change.new)
    telemetry.traced(event.name)
    message = {
        "conversation_id": event.conversation_id,
        "seq": event.seq,
        "type": event.type,
        "actor_id": event.actor_id,
        "at": event.at,
        "data": dict(subscription.carries(event)),
        "expires_at": event.expires_at,
        "deleted_at": event.deleted_at,
    }
    return {name: value for name, value in message.items() if value is not None}


def _try_send(batch: tuple[str, Sequence[Message]]) -> Exception | None:
    queue, messages = batch
    try:
        queues.send(config().queue(queue), messages)
    except Exception as error:  # raised by `dispatch` after all queues have been tried
        return error
    return None


# --- from a queue to who subscribed ---------------------------------------------------------------------------


def deliver(queue: str) -> Callable[[Sequence[Message]], None]:
    """A handler of a queue's messages that passes them to the subscribers as events, expired messages as tombstones.

    The handler raises LookupError for a message to which nobody in this process has subscribed.
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
