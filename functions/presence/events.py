"""Registers the presence frame and the jobs of its fan-out."""

from __future__ import annotations

from log.api import ContactChanged, EventType, on_loss, register
from realtime.api import Job, register_job


def _tell(job: Job) -> None:
    from presence import presence_fanout

    presence_fanout.notify(user_id=job["user_id"], was=job["was"], until=job.get("until"), after=job.get("after"))


def _due(job: Job) -> None:
    from presence import presence_fanout

    presence_fanout.flush(targets=[(user, connection) for user, connection in job["targets"]], user_ids=job["user_ids"])


def _own(job: Job) -> None:
    from presence import presence_fanout

    presence_fanout.notify_own_devices(user_id=job["user_id"])


def _contact_changed(change: ContactChanged) -> None:
    from presence import presence_fanout

    presence_fanout.notify_pair(user_ids=[change.user_id, change.other_id])


def _recheck(job: Job) -> None:
    from presence import presence_fanout

    presence_fanout.recheck(user_ids=job["user_ids"])


register(EventType("presence", data="presence.schemas.PresenceOut", durable=False))
register_job("presence", _tell, queue="presence")
register_job("presence_due", _due, queue="presence")
register_job("presence_own", _own, queue="presence")
register_job("presence_guard", _recheck, queue="presence")
on_loss(ContactChanged, "presence", _contact_changed)
