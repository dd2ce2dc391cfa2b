"""Registers the presence frame and the jobs of its fan-out."""

from __future__ import annotations

from kernel.late import late
from kernel.personal_data import register_personal
from log.api import ContactChanged, EventType, on_loss, register
from realtime.api import calling, register_job


def _contact_changed(change: ContactChanged) -> None:
    from presence import presence_fanout

    presence_fanout.notify_pair(user_ids=[change.user_id, change.other_id])


register(EventType("presence", data="presence.schemas.PresenceOut", durable=False))
register_job(
    "presence", calling("presence.presence_fanout.notify", "user_id", "was", "until", "after"), queue="presence"
)
register_job("presence_due", calling("presence.presence_fanout.flush", "targets", "user_ids"), queue="presence")
register_job("presence_own", calling("presence.presence_fanout.notify_own_devices", "user_id"), queue="presence")
register_job("presence_guard", calling("presence.presence_fanout.recheck", "user_ids"), queue="presence")
on_loss(ContactChanged, "presence", _contact_changed)
register_personal("presence", late("presence.own_data.presence"))
