"""Publishes presence when people's first socket is opened or their last one closed; it loads only what that needs."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import presence.events  # noqa: F401 - registers the jobs
from kernel import telemetry
from presence import store
from presence.model import offline_view
from realtime import api as realtime
from realtime.api import Liveness

GRACE_S = 2  # shorter absences are not published


def socket_opened(user_id: str, before: Liveness) -> None:
    """Enqueue the publication of a person's presence when their first socket was opened. Never raises.

    `was` is `offline`, as some watchers may have begun while the person was away.
    """
    if not before.present:
        _enqueue_notify({"kind": "presence", "user_id": user_id, "was": offline_view(user_id).summary})


def socket_closed(user_id: str, after: Liveness) -> None:
    """Enqueue the publication of a person's absence when their last socket was closed. Never raises."""
    if not after.present:
        _enqueue_notify({"kind": "presence", "user_id": user_id, "was": None}, delay_s=GRACE_S)


def _enqueue_notify(job: dict[str, Any], *, delay_s: int = 0) -> None:
    with hint(job["user_id"]):  # the socket's own action has succeeded
        if store.is_watched(job["user_id"]):
            realtime.enqueue([job], delay_s=delay_s)


def hint(user_id: str) -> AbstractContextManager[None]:
    """Go on without telling others of a presence if that fails."""
    return telemetry.best_effort("presence not told", user_id=user_id)
