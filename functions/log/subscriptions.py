"""Subscriptions to the log: each domain subscribes in its `events.py`, and receives events by a queue of its own.

One dispatcher reads the stream of the event table and fills the queues. A queued message has no content: it has the
event's place, type, actor and time, and the part of its data that the subscription `carries`. An event may be delivered
late, repeatedly and in any order, so handlers are idempotent.

A subscriber with a quick handler may have it called by the dispatcher itself while little happens, which saves the
three requests of a queue and an invocation. Its queue then gets what fails, waits or comes in large batches, so it
holds up nobody else.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kernel import clock, deadline, parallel, queues, telemetry
from kernel.config import config
from kernel.consumers import Change, Image, Message
from log.model import Event
from log.store import event_of_image

# The attributes of a message's row that are its content; reactions and threads change the row, too, but not these.
CONTENT = ("text", "data", "deleted_at")
# Larger batches and older events go through the queues, so a subscriber that is slow, or that ends the process, delays
# the stream by one try.
AT_ONCE = 10
AT_ONCE_MS = 5 * clock.SECOND
AT_ONCE_LIMIT_S = 4.0

Carries = Callable[[Event], Mapping[str, Any]]
Where = Callable[[Event], bool]
Handle = Callable[[Sequence[Event]], None]


def nothing(_event: Event) -> Mapping[str, Any]:
    """None of an event's data."""
    return {}


def every(_event: Event) -> bool:
    """All events of a type."""
    return True


@dataclass(frozen=True, slots=True)
class Subscription:
    """A subscription to the events of a type for which `where` is true.

    `changes`: also to later changes of the content and to its deletion.
    """

    type: str
    handle: Handle
    queue: str
    changes: bool
    where: Where
    carries: Carries
    at_once: Handle | None


_subscriptions: dict[tuple[str, str], Subscription] = {}


def subscribe(
    type_: str,
    handle: Handle,
    *,
    queue: str,
    changes: bool = False,
    where: Where = every,
    carries: Carries = nothing,
    at_once: Handle | None = None,
) -> None:
    """Have `handle` called with batches of events of a type, by a queue of infra/streams.yaml.

    The dispatcher asks `where` of each whole event, and queues none for which it is false. Queued events have no text,
    and only the data that `carries` returns: ids and the like, as failed messages stay in queues for two weeks.
    Handlers that need more read the log. With `changes`, the event is delivered again when the content of its message
    has changed or was deleted. `at_once` takes whole new events from the dispatcher, within 4 s and with the
    dispatcher's rights; what it raises, `handle` gets by the queue.
    """
    _subscriptions[queue, type_] = Subscription(type_, handle, queue, changes, where, carries, at_once)


def subscriptions() -> list[Subscription]:
    """All subscriptions registered in this process."""
    return list(_subscriptions.values())


def unsubscribe(type_: str, *, queue: str) -> None:
    """Remove a subscription, for tests that register one of their own."""
    _subscriptions.pop((queue, type_), None)


# --- from the stream into the queues --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Delivery:
    """An event for a subscription. `at_once`: the dispatcher calls the handler."""

    event: Event
    to: Subscription
    at_once: bool


def dispatch(changes: Sequence[Change]) -> None:
    """Deliver changes of the event table to their subscribers: at once, or by their queues.

    A queue that fails does not hold up the others; DependencyUnavailable is raised at the end, and all changes may be
    dispatched again. Queues that are not deployed (optional parts) are skipped.
    """
    deployed = config().queue_urls
    few = len(changes) <= AT_ONCE
    waiting: dict[tuple[str, bool], list[_Delivery]] = defaultdict(list)
    for change in changes:
        for delivery in _deliveries(change, deployed, few=few):
            waiting[delivery.to.queue, delivery.at_once].append(delivery)
    failures = [failure for failure in parallel.mapped(_try, waiting.values()) if failure is not None]
    if failures:
        raise failures[0]


def _deliveries(change: Change, deployed: Mapping[str, str], *, few: bool) -> list[_Delivery]:
    subscribers = _subscribers(change, deployed)
    if change.new is None or not subscribers:
        return []
    event = event_of_image(change.new)
    new = few and change.kind == "INSERT" and clock.now() - event.at < AT_ONCE_MS
    found = [_Delivery(event, to, at_once=new and to.at_once is not None) for to in subscribers if to.where(event)]
    if found:
        telemetry.traced(event.name)
    return found


def _subscribers(change: Change, deployed: Mapping[str, str]) -> list[Subscription]:
    """The subscriptions to this type of change, whatever the event holds."""
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


def _try(deliveries: Sequence[_Delivery]) -> Exception | None:
    """Deliver events of one queue; returns what went wrong, which `dispatch` raises after it has tried all queues."""
    try:
        if not (deliveries[0].at_once and _handled(deliveries)):
            queues.send(config().queue(deliveries[0].to.queue), [_message(each) for each in deliveries])
    except Exception as error:
        return error
    return None


def _handled(deliveries: Sequence[_Delivery]) -> bool:
    """Whether the subscriber has handled these events at once; a failure is counted and logged."""
    by_subscription: dict[Subscription, list[Event]] = defaultdict(list)
    for each in deliveries:
        by_subscription[each.to].append(each.event)
    queue = deliveries[0].to.queue
    try:
        with deadline.within(AT_ONCE_LIMIT_S):
            for subscription, events in by_subscription.items():
                assert subscription.at_once is not None
                subscription.at_once(events)
    except Exception as error:
        telemetry.total("EventsQueued", len(deliveries))
        telemetry.logger().warning("not handled at once", exc_info=error, extra={"queue": queue})
        return False
    return True


def _message(delivery: _Delivery) -> Message:
    event = delivery.event
    message = {
        "conversation_id": event.conversation_id,
        "seq": event.seq,
        "type": event.type,
        "actor_id": event.actor_id,
        "at": event.at,
        "data": dict(delivery.to.carries(event)),
        "expires_at": event.expires_at,
        "deleted_at": event.deleted_at,
    }
    return {name: value for name, value in message.items() if value is not None}


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
