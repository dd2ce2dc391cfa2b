"""The JSON texts of frames: making ephemeral ones, and reading others without knowing their types."""

import json
import re
from typing import Any

from kernel import clock

# An event of the log as `log.schemas.frame` writes it; ephemeral frames have no `seq`.
_OF_THE_LOG = re.compile(r'\{"conversation_id":"([^"]*)","seq":(\d+),"type":"[^"]*","actor_id":"[^"]*","at":"([^"]*)"')


def age_ms(frame: str) -> int | None:
    """The age (ms) of the event in a frame; None for ephemeral frames."""
    found = _OF_THE_LOG.match(frame)
    return None if found is None else max(0, clock.now() - clock.parse(found[3]))


def event_of(frame: str) -> str | None:
    """The name of the event in a frame (`Event.name`); None for ephemeral frames."""
    found = _OF_THE_LOG.match(frame)
    return None if found is None else f"{found[1]}/{found[2]}"


def has_expired(frame: str) -> bool:
    """Whether a frame shows a message that has expired while the frame waited (R26).

    Reads `expires_at` of the message only, as the sender's metadata may have a field of that name.
    """
    if '"expires_at":"' not in frame:
        return False
    about = json.loads(frame).get("data") or {}
    times = (each.get("expires_at") for each in (about, about.get("last_message") or {}))
    return any(clock.parse(at) <= clock.now() for at in times if at is not None)


def ephemeral(kind: str, data: Any) -> str:
    """A frame of now that no log has."""
    return json.dumps({"type": kind, "at": clock.rfc3339(clock.now()), "data": data})
