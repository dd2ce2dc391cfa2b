"""Routes of moderation: reports of messages, and the admins' queue of them."""

from __future__ import annotations

from typing import Any

import composition  # noqa: F401 - registers every domain's message and event types
from accounts.api import authenticate
from kernel.answers import Answer
from kernel.caller import Caller
from kernel.http import App
from kernel.limiter import Limit
from moderation import service
from moderation.schemas import Decision, NewReport, ReportList, ReportOut, ReportQuery, ReportReceipt

REPORT = Limit("report", requests=30, window_s=60)

app = App("moderation", authenticate=authenticate)


@app.post(
    "/conversations/{conversation_id}/messages/{message_id}/reports",
    body=NewReport,
    returns=ReportReceipt,
    status=201,
    other_statuses=[200],
    limits=[REPORT],
)
def report_message(caller: Caller, conversation_id: str, message_id: str, body: NewReport) -> Answer:
    """Report a message to the group's admins; 200 with the caller's first report if they have reported it before."""
    made, new = service.report(
        caller=caller, conversation_id=conversation_id, message_id=message_id, reason=body.reason
    )
    receipt = {name: getattr(made, name) for name in ReportReceipt.model_fields}
    return Answer(receipt, status=201 if new else 200)


@app.get("/conversations/{conversation_id}/reports", query=ReportQuery, returns=ReportList)
def list_reports(caller: Caller, conversation_id: str, query: ReportQuery) -> Any:
    """The admins' queue: open reports, oldest first, or decided ones, newest first."""
    return service.list_reports(
        caller=caller,
        conversation_id=conversation_id,
        is_open=query.state == "open",
        limit=query.limit,
        after=query.cursor,
    )


@app.patch("/conversations/{conversation_id}/reports/{report_id}", body=Decision, returns=ReportOut)
def decide_report(caller: Caller, conversation_id: str, report_id: str, body: Decision) -> Any:
    """Resolve, dismiss or escalate every open report of this report's message, and optionally delete the message."""
    return service.decide(
        caller=caller,
        conversation_id=conversation_id,
        report_id=report_id,
        decision=body.state,
        delete_message=body.delete_message,
    )
