"""The notifications queue's consumer: what domains tell by `realtime.notify`, and updates after bursts."""

from __future__ import annotations

from collections.abc import Callable

from kernel.consumers import Message, each_message
from notifications import occurrences, telling
from realtime import api as realtime


def _notice(job: Message) -> None:
    telling.tell(occurrences.of_notice(job), to=job["to"], but=job["but"])


def _ring_over(job: Message) -> None:
    telling.call_over(job["call_id"], job["conversation_id"], job["to"], but_session=job["session_id"] or None)
    if job["missed"]:
        telling.tell(occurrences.of_missed_call(job), to=job["missed"])


DO: dict[str, Callable[[Message], None]] = {
    realtime.NOTICE: _notice,
    realtime.RING_OVER: _ring_over,
    realtime.WAS_READ: lambda job: telling.read(job["conversation_id"], job["to"]),
    telling.UPDATE: lambda job: telling.update(job["conversation_id"]),
}


def _handle(job: Message) -> None:
    DO[job["do"]](job)


handler = each_message("notifications.notifying", _handle)
