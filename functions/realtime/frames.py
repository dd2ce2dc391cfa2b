"""What is known of the texts that go to sockets, whatever they tell."""

from __future__ import annotations

import json

from kernel import clock


def has_expired(frame: str) -> bool:
    """Whether a frame that waited shows something whose time has come meanwhile (R26): `expires_at` in its `data`.

    Only what we say of a message counts: its metadata are its sender's, whatever they are called.
    """
    if '"expires_at":"' not in frame:
        return False
    about = json.loads(frame).get("data") or {}
    times = (each.get("expires_at") for each in (about, about.get("last_message") or {}))
    return any(clock.parse(at) <= clock.now() for at in times if at is not None)
