"""Rendering events for viewers: every type renders its own events, and the records of all types are read together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from log import registry
from log.model import Context, Event
from log.registry import DataView, Keys, Render, Rendering, Viewer
from log.rows import Rows


def event_view(event: Event, data: Any) -> dict[str, Any]:
    return {
        "conversation_id": event.conversation_id,
        "seq": event.seq,
        "type": event.type,
        "actor_id": event.actor_id,
        "at": event.at,
        "data": data,
    }


def event_views(
    events: Sequence[Event],
    viewers: Sequence[Viewer],
    *,
    context: Context | None = None,
    preloaded: Iterable[Event] = (),
) -> Mapping[str, list[dict[str, Any]]]:
    """Events of one conversation as each viewer may see them, by viewer id.

    `data` is the present state of the object an event is about; null if that is a message from before the viewer's
    `visible_from`. `preloaded` messages are not read again. Up to two round trips, plus those for records with an index
    of their own (profiles, reactions of several viewers, unread counts).
    """
    messages = {event.seq: event for event in (*events, *preloaded) if event.is_message}
    views = _data_views(Rendering(events, viewers, context, messages, Rows()))

    def data(event: Event, viewer: Viewer) -> Any:
        if (event.message_seq or event.seq) < viewer.visible_from:
            return None
        return views[event.type](event, viewer.user_id)

    return {each.user_id: [event_view(event, data(event, each)) for event in events] for each in viewers}


def _data_views(rendering: Rendering) -> dict[str, DataView]:
    """The data views of the events, by event type."""
    groups: dict[tuple[Render, Keys | None], list[str]] = defaultdict(list)
    for name in dict.fromkeys(event.type for event in rendering.events):
        kind = registry.event_type(name)
        groups[kind.render, kind.keys].append(name)
    rendering.rows.read(
        key for (_, keys), names in groups.items() if keys is not None for key in keys(rendering.of(names), rendering)
    )
    views: dict[str, DataView] = {}
    for (render, _), names in groups.items():
        views |= dict.fromkeys(names, render(rendering.of(names), rendering))
    return views
