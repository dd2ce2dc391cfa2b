"""What kinds of events there are: each domain registers its own in its `events.py`, and nobody else knows them.

An `EventType` says what an event's `data` looks like to its readers, how it is rendered for many readers at once, and
whether it changes who may do what. The documents of the API, the frames of sockets and the answers of `/events` and
`/sync` are made from these. What was not registered cannot be appended.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pydantic import BaseModel

from kernel.dynamo import Key, Record
from log.model import Context, Event
from log.rows import Rows


class Viewer(Protocol):
    """A reader of events: nothing before `visible_from` is shown to them."""

    @property
    def user_id(self) -> str: ...

    @property
    def visible_from(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Rendering:
    """Events of one conversation on their way to some readers.

    `context` is the reader's own where there is one reader who has it at hand. `at_hand` are the messages among the
    events and those that the caller has read already, by seq. `rows` reads what is read for all of them.
    """

    events: Sequence[Event]
    viewers: Sequence[Viewer]
    context: Context | None
    at_hand: Mapping[int, Event]
    rows: Rows

    @property
    def viewer_ids(self) -> list[str]:
        return [each.user_id for each in self.viewers]

    def of(self, names: Iterable[str]) -> list[Event]:
        """The events of these types."""
        wanted = frozenset(names)
        return [event for event in self.events if event.type in wanted]


Shown = Callable[[Event, str], Any]  # an event's `data` as a person sees it
Keys = Callable[[Sequence[Event], Rendering], Sequence[tuple[type[Record], Key]]]
Render = Callable[[Sequence[Event], Rendering], Shown]


def as_stored(_events: Sequence[Event], _rendering: Rendering) -> Shown:
    """The event's own data, but for where its message stands."""
    return lambda event, _: {name: value for name, value in event.data.items() if name != "message_seq"}


@dataclass(frozen=True, slots=True)
class EventType:
    """A kind of event.

    `data` is what readers get (None: nothing but the event itself). `render` is asked once for all events of its kind
    and all of their readers; `keys` names the records that it is going to want, so that those of all kinds are read
    together. `viewer_specific`: people see different things in it, so the fan-out renders it for who is there; a
    function decides by the event and the messages at hand. `changes_access`: an append that meets one on its way reads
    its context again. `durable` is false for frames that never stand in the log (typing, presence).
    """

    name: str
    data: type[BaseModel] | None = None
    render: Render = as_stored
    keys: Keys | None = None
    viewer_specific: bool | Callable[[Event, Sequence[Event]], bool] = False
    changes_access: bool = False
    durable: bool = True

    def differs(self, event: Event, at_hand: Sequence[Event]) -> bool:
        """Whether people see different things in this event."""
        if isinstance(self.viewer_specific, bool):
            return self.viewer_specific
        return self.viewer_specific(event, at_hand)


_types: dict[str, EventType] = {}


class UnknownEventType(LookupError):
    """Nobody has registered this type of event in this process: its domain's `events` was not imported."""


def register(*types: EventType) -> None:
    """Make types of events known. Each name once: a second, different one is a mistake in the code."""
    for each in types:
        known = _types.setdefault(each.name, each)
        if known != each:
            raise ValueError(f"{each.name} is registered twice")


def event_type(name: str) -> EventType:
    """The type with this name; raises UnknownEventType."""
    try:
        return _types[name]
    except KeyError as error:
        raise UnknownEventType(name) from error


def event_types() -> list[EventType]:
    """All types that are known in this process, by name."""
    return [_types[name] for name in sorted(_types)]


def forget(name: str) -> None:
    """Take a type out again: for tests that register one of their own."""
    _types.pop(name, None)
