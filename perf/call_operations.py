"""Counted operations of calls."""

from __future__ import annotations

from typing import Any

from kernel import ids
from perf import gateway
from perf.gateway import Reply
from perf.people import Person
from perf.scenes import Operation, conversation
from perf.stage import Stage

PAYLOAD = {"candidate": "candidate:1 1 udp 2122260223 192.0.2.1 54400 typ host generation 0", "sdpMid": "0"}


def _start(caller: Person, conversation_id: str) -> Reply:
    path, body = {"conversation_id": conversation_id}, {"client_id": ids.new("c"), "media": "video"}
    return gateway.http("CallsFunction", "POST /conversations/{conversation_id}/calls", caller, path=path, body=body)


def _act(caller: Person, call_id: str, what: str, body: Any = None) -> Reply:
    return gateway.http(
        "CallsFunction", f"POST /calls/{{call_id}}/{what}", caller, path={"call_id": call_id}, body=body
    )


class _Live:
    """A call of two. It is made anew only before turns that change it: starting calls is limited."""

    def __init__(self, stage: Stage) -> None:
        self.conversation_id, (self.ada, self.bob) = conversation(stage, 2)
        self.call_id = ""

    def silent(self, _turn: int) -> None:
        if self.call_id:
            _act(self.ada, self.call_id, "end")

    def ringing(self, turn: int) -> None:
        self.silent(turn)
        self.call_id = _start(self.ada, self.conversation_id).json()["id"]

    def joined(self, turn: int) -> None:
        self.ringing(turn)
        self.to = _act(self.bob, self.call_id, "join").json()["participant_id"]

    def still_joined(self, turn: int) -> None:
        if not self.call_id:
            self.joined(turn)


def start(stage: Stage) -> Operation:
    live = _Live(stage)

    def run(_turn: int) -> Reply:
        reply = _start(live.ada, live.conversation_id)
        live.call_id = reply.json()["id"]
        return reply

    return Operation(run, before=live.silent)


def join(stage: Stage) -> Operation:
    live = _Live(stage)
    return Operation(lambda _: _act(live.bob, live.call_id, "join"), before=live.ringing)


def heartbeat(stage: Stage) -> Operation:
    live = _Live(stage)

    def run(_turn: int) -> Reply:
        return gateway.frame("CallHeartbeatFunction", live.ada, "L0SM9cOFvHcCIhw=", {"call_id": live.call_id})

    return Operation(run, before=live.still_joined)


def signal(stage: Stage) -> Operation:
    live = _Live(stage)

    def run(_turn: int) -> Reply:
        body = {"call_id": live.call_id, "to": live.to, "kind": "ice", "payload": PAYLOAD}
        return gateway.frame("SignalFunction", live.ada, "L0SM9cOFvHcCIhw=", body)

    return Operation(run, before=live.still_joined)


def end(stage: Stage) -> Operation:
    live = _Live(stage)
    return Operation(lambda _: _act(live.bob, live.call_id, "end"), before=live.joined)
