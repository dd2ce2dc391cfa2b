"""How events look to their readers: every type renders its own, and what they read is read together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from log import registry
from log.model import Context, Event
from log.registry import Keys, Render, Rendering, Shown, Viewer
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
    """Events of one conversation as each of these readers may see them, by reader.

    `data` is the present state of what an event is about, and null where that is from before a reader's time.
    Messages that the caller has at hand are `preloaded`, and are not read again. Up to two round trips, and those of
    what has an index of its own (profiles, who reacted for several readers, unread counts).
    """
    at_hand = {event.seq: event for event in (*events, *preloaded) if event.is_message}
    rendering = Rendering(events, viewers, context, at_hand, Rows())
    shown = _shown(rendering)

    def data(event: Event, viewer: Viewer) -> Any:
        if (event.message_seq or event.seq) < viewer.visible_from:
            return None  # it is about a message from before this person came
        return shown[event.type](event, viewer.user_id)

    return {each.user_id: [event_view(event, data(event, each)) for event in events] for each in viewers}


def _shown(rendering: Rendering) -> dict[str, Shown]:
    """By type of event, how each is shown."""
    groups: dict[tuple[Render, Keys | None], list[str]] = defaultdict(list)
    for name in dict.fromkeys(event.type for event in rendering.events):
        kind = registry.event_type(name)
        groups[kind.render, kind.keys].append(name)
    asked = [
        key for (_, keys), names in groups.items() if keys is not None for key in keys(rendering.of(names), rendering)
    ]
    rendering.rows.read(asked)
    found: dict[str, Shown] = {}
    for (render, _), names in groups.items():
        found |= dict.fromkeys(names, render(rendering.of(names), rendering))
    return found
