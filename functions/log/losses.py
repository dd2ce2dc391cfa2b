"""What people lose while something goes on: a conversation, sessions, contact with somebody, their account.

Whoever keeps what stands on such a right registers what ends with it, in the `events.py` of its domain. A queue carries
a loss to all of them, put there by what is done after the commit that took the right (kernel.after_commit, or the
event in the log), so that it is done even where the process ends in between.
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
    """Since `at` (ms) `user_id` is a member no more; None: nobody is, the conversation is deleted."""

    conversation_id: str
    user_id: str | None
    at: int


@dataclass(frozen=True, slots=True)
class SessionsLost:
    """Since `at` (ms) these sessions of a person have ended."""

    user_id: str
    session_ids: list[str]
    at: int


@dataclass(frozen=True, slots=True)
class AccountLost:
    """Since `at` (ms) a person may not act here: they are banned, or asked to be erased. `code` says which."""

    user_id: str
    code: str
    at: int


@dataclass(frozen=True, slots=True)
class ContactChanged:
    """Since `at` (ms) `user_id` blocks `other_id`, or does so no more. `direct_id` is their direct conversation."""

    user_id: str
    other_id: str
    blocked: bool
    direct_id: str | None
    at: int


Loss = ConversationLost | SessionsLost | AccountLost | ContactChanged
L = TypeVar("L", ConversationLost, SessionsLost, AccountLost, ContactChanged)

_KINDS: Mapping[str, type[Any]] = {
    each.__name__: each for each in (ConversationLost, SessionsLost, AccountLost, ContactChanged)
}
_registered: dict[str, dict[str, Callable[[Any], None]]] = defaultdict(dict)


def when_lost(kind: type[L], name: str, do: Callable[[L], None]) -> None:
    """Have `do` carried out at each loss of a kind; `name` tells what it ends, once.

    It reads what is so by then, as it may run late, twice, or when the right is there again: what was begun after the
    loss stays.
    """
    _registered[kind.__name__][name] = do


def registered(kind: type[Any]) -> list[str]:
    """What ends with losses of a kind in this process, by name."""
    return sorted(_registered[kind.__name__])


def forget_loss(kind: type[Any], name: str) -> None:
    """Take a registration out again: for tests that make one of their own."""
    _registered[kind.__name__].pop(name, None)


def tell_loss(loss: Loss) -> None:
    """Put a loss that is committed into the queue; raises DependencyUnavailable."""
    queues.send(config().queue(LOSSES), [{"lost": type(loss).__name__, **asdict(loss)}])


def told(message: Mapping[str, Any]) -> Loss:
    """The loss that a message of the queue tells of."""
    fields = dict(message)
    loss: Loss = _KINDS[fields.pop("lost")](**fields)
    return loss


def carry_out(loss: Loss) -> None:
    """End what stood on the right. One that fails keeps none of the others; its error is raised at last."""
    telemetry.count(type(loss).__name__)
    failures = []
    for name, do in _registered[type(loss).__name__].items():
        try:
            do(loss)
        except Exception as error:  # raised below, so that all of it is repeated
            telemetry.logger().warning("not ended with the right", exc_info=error, extra={"what": name})
            failures.append(error)
    if failures:
        raise failures[0]
