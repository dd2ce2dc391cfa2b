"""Errors of calls, with the codes of the contract."""

from __future__ import annotations

from kernel.errors import Conflict, Forbidden, Gone


class NotInCall(Forbidden):
    code, detail = "not_in_call", "Only who has joined this call may do this."


class CallEnded(Gone):
    code, detail = "call_ended", "This call has ended."


class AnsweredElsewhere(Conflict):
    code, detail = "answered_elsewhere", "Another device of yours has this call."


class CallFull(Conflict):
    code, detail = "call_full", "This call has as many participants as it takes."
