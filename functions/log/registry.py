"""The registry of event types: each domain registers its own types in its `events.py`.

An `EventType` gives the schema of an event's `data`, how it is rendered for many viewers at once, and whether it
changes permissions. The API documents, the frames on sockets and the answers of `/events` and `/sync` are made from
these types. An event of an unregistered type cannot be appended.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from kernel.dynamo import Key, Record
from kernel.late import named
from log.model import Context, Event
from log.rows import Rows

if TYPE_CHECKING:
    from pydantic import BaseModel


class Viewer(Protocol):
    """A reader of events, who sees nothing before the seq `visible_from`."""

    @property
    def user_id(self) -> str: ...

    @property
    def visible_from(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Rendering:
    """Events of one conversation that are rendered for some viewers.

    `context` is that of the only viewer, where it is already loaded. `messages` are the messages among the events and
    those the caller has already read, by seq. `rows` reads records once for all types of events.
    """

    events: Sequence[Event]
    viewers: Sequence[Viewer]
    context: Context | None
    messages: Mapping[int, Event]
    rows: Rows

    @property
    def viewer_ids(self) -> list[str]:
        return [each.user_id for each in self.viewers]

    def of(self, names: Iterable[str]) -> list[Event]:
        """The events of these types."""
        wanted = frozenset(names)
        return [event for event in self.events if event.type in wanted]


DataView = Callable[[Event, str], Any]  # an event's `data` as the viewer with this id sees it
Keys = Callable[[Sequence[Event], Rendering], Sequence[tuple[type[Record], Key]]]
Render = Callable[[Sequence[Event], Rendering], DataView]


def as_stored(_events: Sequence[Event], _rendering: Rendering) -> DataView:
    """Render the event's own data, without the internal `message_seq`."""
    return lambda event, _: {name: value for name, value in event.data.items() if name != "message_seq"}


@dataclass(frozen=True, slots=True)
class EventType:
    """A kind of event.

    `data` names the schema of the data in API answers, as `polls.schemas.PollOut` (None for events without): a process
    knows many types and renders few, and schemas take long to make. `render` is called once for all events of
    the type and all viewers; `keys` returns the records it will need, so that those of all types are read together.
    `viewer_specific`: viewers see different data, so that the fan-out renders it for the people who are online; a
    function decides by the event and the messages already read. `changes_access`: an append that finds such an event
    before its own reads its context again. `durable` is false for frames outside of the log (typing, presence).
    """

    name: str
    data: str | None = None
    render: Render = as_stored
    keys: Keys | None = None
    viewer_specific: bool | Callable[[Event, Sequence[Event]], bool] = False
    changes_access: bool = False
    durable: bool = True

    def data_model(self) -> type[BaseModel] | None:
        """The schema that `data` names."""
        return None if self.data is None else named(self.data)

    def is_viewer_specific(self, event: Event, messages: Sequence[Event]) -> bool:
        """Whether viewers see different data in this event."""
        if isinstance(self.viewer_specific, bool):
            return self.viewer_specific
        return self.viewer_specific(event, messages)


_types: dict[str, EventType] = {}


class UnknownEventType(LookupError):
    """The type of an event is not registered in this process: its domain's `events` was not imported."""


def register(*types: EventType) -> None:
    """Register event types; raises ValueError for a second, different type of the same name."""
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
    """All types registered in this process, sorted by name."""
    return [_types[name] for name in sorted(_types)]


def forget(name: str) -> None:
    """Remove a type, for tests that register one of their own."""
    _types.pop(name, None)
