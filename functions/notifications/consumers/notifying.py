"""The notifications queue's consumer: jobs of `realtime.notify`, and updates after bursts."""

from __future__ import annotations

from collections.abc import Callable

from kernel.consumers import Message, each_message
from notifications import alert_updates, notifier, occurrences, push_jobs
from realtime import api as realtime


def _notice(job: Message) -> None:
    notifier.notify([occurrences.of_notice(job)], to=job["to"], but=job["but"])


def _ring_over(job: Message) -> None:
    push_jobs.call_over(job["call_id"], job["conversation_id"], job["to"], but_session=job["session_id"] or None)
    if job["missed"]:
        notifier.notify([occurrences.of_missed_call(job)], to=job["missed"])


DO: dict[str, Callable[[Message], None]] = {
    realtime.NOTICE: _notice,
    realtime.RING_OVER: _ring_over,
    realtime.WAS_READ: lambda job: alert_updates.dismiss(job["conversation_id"], job["to"]),
    push_jobs.UPDATE: lambda job: alert_updates.update(job["conversation_id"]),
}


def _handle(job: Message) -> None:
    DO[job["do"]](job)


handler = each_message("notifications.notifying", _handle)
