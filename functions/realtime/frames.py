"""What is known of the texts that go to sockets, whatever they tell."""

import json
import re

from kernel import clock

# As `log.schemas.frame` writes an event of the log; what is told and stands nowhere has no `seq`.
_OF_THE_LOG = re.compile(r'\{"conversation_id":"([^"]*)","seq":(\d+),"type":"[^"]*","actor_id":"[^"]*","at":"([^"]*)"')


def age_ms(frame: str) -> int | None:
    """How long ago the event of a frame was committed; None for what stands in no log."""
    found = _OF_THE_LOG.match(frame)
    return None if found is None else max(0, clock.now() - clock.parse(found[3]))


def event_of(frame: str) -> str | None:
    """What the event of a frame is called in lines (`Event.name`); None for what stands in no log."""
    found = _OF_THE_LOG.match(frame)
    return None if found is None else f"{found[1]}/{found[2]}"


def has_expired(frame: str) -> bool:
    """Whether a frame that waited shows something whose time has come meanwhile (R26): `expires_at` in its `data`.

    Only what we say of a message counts: its metadata are its sender's, whatever they are called.
    """
    if '"expires_at":"' not in frame:
        return False
    about = json.loads(frame).get("data") or {}
    times = (each.get("expires_at") for each in (about, about.get("last_message") or {}))
    return any(clock.parse(at) <= clock.now() for at in times if at is not None)
