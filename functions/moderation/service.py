"""Reporting messages of a group to its admins, and deciding reports.

A report holds a snapshot of the message until it is decided, so that editing or deleting the message hides nothing.
An admin neither sees nor decides reports of their own messages, or of messages from before they joined.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from conversations import api as conversations
from conversations.api import require_member
from kernel import clock, ids, telemetry
from kernel.caller import Caller
from kernel.errors import Conflict, Forbidden, Gone, NotFound, ValidationFailed
from kernel.paging import Page, Paginator
from kernel.resilience import retried
from kernel.schema import as_json
from kernel.transactions import Cancelled
from messages import api as messages
from moderation import schemas, store
from moderation.model import POLICY, Decision, Report, snapshot_of
from realtime.api import notify
from users import api as users


def report(*, caller: Caller, conversation_id: str, message_id: str, reason: str) -> tuple[Report, bool]:
    """Report a message to the group's admins: the report and True, or the caller's earlier report and False.

    Raises NotFound for a message that the caller cannot see, Gone for a deleted one, Forbidden for their own, Conflict
    when another request is making the same report.
    """
    require_member(conversation_id, caller.user_id).require_group()
    message = messages.get(caller=caller, conversation_id=conversation_id, message_id=message_id)
    if message["sender_id"] == caller.user_id:
        raise Forbidden("This message is your own.")
    if message["deleted_at"] is not None:
        raise Gone("This message was deleted.")
    made = Report(
        id=ids.new("rep"),
        conversation_id=conversation_id,
        message_id=message_id,
        sender_id=message["sender_id"],
        reporter_id=caller.user_id,
        reason=reason,
        reported_at=clock.now(),
        snapshot=snapshot_of(message),
    )
    try:
        store.add(made)
    except Cancelled as refused:
        earlier = store.find_by_reporter(conversation_id, message_id, caller.user_id)
        if earlier is None:
            raise Conflict("This report is being made by another request.", retry_after_s=1) from refused
        return earlier, False
    telemetry.count("ReportsMade")
    _notify_admins(made, actor_id=caller.user_id)
    return made, True


def flag(*, conversation_id: str, message: Mapping[str, Any], reason: str) -> bool:
    """Report a message on behalf of the group's policy; False if the policy has reported it before.

    `message` is the sender's view of it. Its content stays as it is: admins decide.
    """
    made = Report(
        id=ids.new("rep"),
        conversation_id=conversation_id,
        message_id=message["id"],
        sender_id=message["sender_id"],
        reporter_id=POLICY,
        reason=reason,
        reported_at=clock.now(),
        snapshot=snapshot_of(message),
    )
    try:
        store.add(made)
    except Cancelled:
        return False
    telemetry.count("MessagesFlagged")
    _notify_admins(made, actor_id=None, by=POLICY)
    return True


def _notify_admins(made: Report, *, actor_id: str | None, **more: str) -> None:
    _publish_to_admins("report.created", made)
    reference = {"conversation_id": made.conversation_id, "message_id": made.message_id, "report_id": made.id, **more}
    notify("admins", "report", reference, actor_id=actor_id, but=made.sender_id)


def list_reports(
    *, caller: Caller, conversation_id: str, is_open: bool, limit: int, after: str | None
) -> Page[dict[str, Any]]:
    """The admins' queue: open reports, oldest first, or decided ones, newest first.

    A page may be shorter than `limit` and still have a next one. Raises Forbidden for members who are no admins.
    """
    context = require_member(conversation_id, caller.user_id)
    context.require_admin()
    paging = Paginator(after, caller.user_id, "reports", conversation_id, str(is_open))
    found = store.reports(conversation_id, is_open=is_open, after=paging.start, limit=limit + 1, now=clock.now())

    def render(page: Sequence[Report]) -> list[dict[str, Any]]:
        return _views([each for each in page if each.is_for(context.member)])

    return paging.page(found, limit, lambda each: each.id, render)


def decide(
    *, caller: Caller, conversation_id: str, report_id: str, decision: Decision, delete_message: bool
) -> dict[str, Any]:
    """Resolve, dismiss or escalate a report and every other open report of its message; may delete the message.

    Idempotent. Raises NotFound for a report that the caller may not decide, Conflict if it was decided otherwise,
    ValidationFailed for `delete_message` without `resolved`.
    """
    if delete_message and decision != "resolved":
        raise ValidationFailed.of("delete_message", "goes with resolving a report")
    attempt = partial(_decide, caller, conversation_id, report_id, decision, delete_message)
    decided = retried(attempt, on=Cancelled)
    return _views([decided])[0]


def _decide(caller: Caller, conversation_id: str, report_id: str, decision: Decision, delete_message: bool) -> Report:
    context = require_member(conversation_id, caller.user_id)
    context.require_admin()
    found = store.find(conversation_id, report_id) if ids.is_id(report_id, "rep") else None
    now = clock.now()
    if found is None or not found.is_for(context.member) or not found.is_kept(now):
        raise NotFound
    if found.state not in ("open", decision):
        raise Conflict("This report was decided otherwise.")
    if delete_message:
        with contextlib.suppress(NotFound):  # a message with a lifetime may have expired meanwhile
            messages.delete(caller=caller, conversation_id=conversation_id, message_id=found.message_id)
    if found.state != "open":
        return found
    others = [each for each in store.open_about(conversation_id, found.message_id) if each.id != found.id]
    pending = [*others, found]  # `found` last: while it is open, a retry decides the others that are left
    decided = [
        replace(
            each,
            state=decision,
            snapshot=each.snapshot if decision == "escalated" else None,
            decided_by=caller.user_id,
            decided_at=now,
        )
        for each in pending
    ]
    store.decide(pending, decided)
    telemetry.count("ReportsDecided", len(decided))
    telemetry.logger().info(
        "audit",
        extra={
            "action": f"report.{decision}",
            "actor_id": caller.user_id,
            "conversation_id": conversation_id,
            "message_id": found.message_id,
            "report_ids": [each.id for each in decided],
            "message_deleted": delete_message,
        },
    )
    _publish_to_admins("report.updated", decided[-1])
    return decided[-1]


def escalated(*, admin: Caller, limit: int, after: str | None) -> Page[dict[str, Any]]:
    """Reports that groups' admins have escalated to platform admins; a short page may still have a next one."""
    paging = Paginator(after, admin.user_id, "escalated")
    found, following = store.escalated(after=paging.start, limit=limit, now=clock.now())
    return Page(_views(found), None if following is None else paging.cursor(following))


def _views(reports: Sequence[Report]) -> list[dict[str, Any]]:
    people = users.public_profiles([each.reporter_id for each in reports])
    return [
        {
            "id": each.id,
            "conversation_id": each.conversation_id,
            "message_id": each.message_id,
            "sender_id": each.sender_id,
            "reporter": people.get(each.reporter_id),
            "reason": each.reason,
            "state": each.state,
            "reported_at": each.reported_at,
            "message": each.snapshot,
            "decided_by": each.decided_by,
            "decided_at": each.decided_at,
        }
        for each in reports
    ]


def _publish_to_admins(event_type: str, report: Report) -> None:
    def render() -> Any:
        return as_json(schemas.ReportOut, _views([report])[0])

    conversations.publish_to_admins(report.conversation_id, event_type, render, may_see=report.is_for)
