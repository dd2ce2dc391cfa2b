"""Losses of rights: somebody loses a conversation, sessions, contact with another person, or their account; or all in
a conversation lose the right to plain text, as it becomes encrypted.

A domain whose data depends on such a right registers a handler with `on_loss` in its `events.py`. The loss reaches all
handlers by a queue, into which it is put after the commit that took the right (by kernel.after_commit or by the event
in the log), so that the handlers run even if the process ends in between.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from kernel import queues, telemetry
from kernel.config import config

LOSSES = "losses"  # the queue


@dataclass(frozen=True, slots=True)
class ConversationLost:
    """Since `at` (ms) `user_id` is no longer a member; None if the conversation was deleted."""

    conversation_id: str
    user_id: str | None
    at: int


@dataclass(frozen=True, slots=True)
class PlainTextLost:
    """Since `at` (ms) a conversation takes only what clients have encrypted."""

    conversation_id: str
    at: int


@dataclass(frozen=True, slots=True)
class SessionsLost:
    """Since `at` (ms) these sessions of a person have ended."""

    user_id: str
    session_ids: list[str]
    at: int


@dataclass(frozen=True, slots=True)
class AccountLost:
    """Since `at` (ms) a person may not act: they are banned or have asked for erasure. `code` says which."""

    user_id: str
    code: str
    at: int


@dataclass(frozen=True, slots=True)
class ContactChanged:
    """Since `at` (ms) `user_id` blocks `other_id`, or no longer does. `direct_id` is their direct conversation."""

    user_id: str
    other_id: str
    blocked: bool
    direct_id: str | None
    at: int


Loss = ConversationLost | PlainTextLost | SessionsLost | AccountLost | ContactChanged
L = TypeVar("L", ConversationLost, PlainTextLost, SessionsLost, AccountLost, ContactChanged)

_KINDS: Mapping[str, type[Any]] = {
    each.__name__: each for each in (ConversationLost, PlainTextLost, SessionsLost, AccountLost, ContactChanged)
}
_registered: dict[str, dict[str, Callable[[Any], None]]] = defaultdict(dict)


def on_loss(kind: type[L], name: str, do: Callable[[L], None]) -> None:
    """Register `do` as a handler of a kind of loss; `name` says what it ends, and is unique within the kind.

    A handler reads the present state, as it may run late, twice, or when the right has been given back. Whatever began
    after the loss stays.
    """
    _registered[kind.__name__][name] = do


def registered(kind: type[Any]) -> list[str]:
    """The names of the handlers of a kind of loss in this process, sorted."""
    return sorted(_registered[kind.__name__])


def forget_loss(kind: type[Any], name: str) -> None:
    """Remove a handler, for tests that register one of their own."""
    _registered[kind.__name__].pop(name, None)


def enqueue_loss(loss: Loss) -> None:
    """Put a committed loss into the queue; raises DependencyUnavailable."""
    queues.send(config().queue(LOSSES), [{"lost": type(loss).__name__, **asdict(loss)}])


def parse(message: Mapping[str, Any]) -> Loss:
    """The loss in a message of the queue."""
    fields = dict(message)
    loss: Loss = _KINDS[fields.pop("lost")](**fields)
    return loss


def handle_loss(loss: Loss) -> None:
    """Run all handlers of a loss; if one fails, the others run all the same and its error is raised at the end."""
    telemetry.count(type(loss).__name__)
    failures = []
    for name, do in _registered[type(loss).__name__].items():
        try:
            do(loss)
        except Exception as error:  # raised below, so that the message is delivered again
            telemetry.logger().warning("not ended with the right", exc_info=error, extra={"what": name})
            failures.append(error)
    if failures:
        raise failures[0]
