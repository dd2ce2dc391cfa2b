"""Counted operations of calls."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from kernel import ids
from perf import gateway
from perf.fixtures import Operation, call, new_conversation, worked
from perf.gateway import Reply
from perf.in_process_stack import InProcessStack
from perf.people import Person

PAYLOAD = {"candidate": "candidate:1 1 udp 2122260223 192.0.2.1 54400 typ host generation 0", "sdpMid": "0"}
MEASURED = {"rtt_ms": 40, "jitter_ms": 5, "packet_loss": 0.5, "bitrate_kbps": 1200}
CALLS = "/conversations/{conversation_id}/calls"


def _act(caller: Person, call_id: str, what: str, body: Any = None, *, method: str = "POST") -> Reply:
    return call("CallsFunction", f"{method} /calls/{{call_id}}{what}", caller, body, call_id=call_id)


class _Live:
    """A call between two people of its own, restarted before turns that change it.

    It has its own people because starting calls is rate-limited.
    """

    def __init__(self) -> None:
        self.conversation_id, (self.ada, self.bob) = new_conversation(2)
        self.call_id = ""

    def start(self, _turn: int = 0) -> Reply:
        body = {"client_id": ids.new("c"), "media": "video"}
        reply = call("CallsFunction", f"POST {CALLS}", self.ada, body, conversation_id=self.conversation_id)
        self.call_id = reply.json()["id"]
        return reply

    def silent(self, _turn: int) -> None:
        if self.call_id:
            _act(self.ada, self.call_id, "/end")

    def ringing(self, turn: int) -> None:
        self.silent(turn)
        self.start()

    def joined(self, turn: int) -> None:
        self.ringing(turn)
        self.to = _act(self.bob, self.call_id, "/join").json()["participant_id"]

    def still_joined(self, turn: int) -> None:
        if not self.call_id:
            self.joined(turn)


def start(_stack: InProcessStack) -> Operation:
    live = _Live()
    return Operation(live.start, before=live.silent)


def by_the_callee(what: str, _stack: InProcessStack, *, joined: bool) -> Operation:
    """An action of the callee that ends a phase of the call."""
    live = _Live()
    return Operation(lambda _: _act(live.bob, live.call_id, what), before=live.joined if joined else live.ringing)


def heartbeat(_stack: InProcessStack) -> Operation:
    live = _Live()

    def run(_turn: int) -> Reply:
        return gateway.frame("CallHeartbeatFunction", live.ada, "L0SM9cOFvHcCIhw=", {"call_id": live.call_id})

    return Operation(run, before=live.still_joined)


def _signal(live: _Live, _turn: int = 0) -> Reply:
    body = {"call_id": live.call_id, "to": live.to, "kind": "ice", "payload": PAYLOAD}
    return gateway.frame("SignalFunction", live.ada, "L0SM9cOFvHcCIhw=", body)


def signal(_stack: InProcessStack) -> Operation:
    live = _Live()
    return Operation(partial(_signal, live), before=live.still_joined)


def poll_signals(_stack: InProcessStack) -> Operation:
    live = _Live()

    def before(turn: int) -> None:
        live.still_joined(turn)
        _signal(live)

    return Operation(lambda _: _act(live.bob, live.call_id, "/signals", method="GET"), before=before)


def show_media(_stack: InProcessStack) -> Operation:
    live = _Live()

    def run(turn: int) -> Reply:
        body = {"audio": True, "video": turn % 2 == 0, "screen": False}
        return _act(live.ada, live.call_id, "/media-state", body, method="PUT")

    return Operation(run, before=live.still_joined)


def report_quality(_stack: InProcessStack) -> Operation:
    live = _Live()
    return Operation(lambda _: _act(live.ada, live.call_id, "/quality", MEASURED), before=live.still_joined)


def get(_stack: InProcessStack) -> Operation:
    live = _Live()
    return Operation(lambda _: _act(live.ada, live.call_id, "", method="GET"), before=live.still_joined)


def ice_servers(_stack: InProcessStack) -> Operation:
    live = _Live()
    return Operation(lambda _: call("CallsFunction", "GET /calls/ice-servers", live.ada))


def _called(times: int) -> _Live:
    live = _Live()
    for turn in range(times):
        live.ringing(turn)
    return live


def history(_stack: InProcessStack) -> Operation:
    live = _called(10)
    return Operation(lambda _: call("CallsFunction", "GET /calls", live.ada))


def history_of_conversation(_stack: InProcessStack) -> Operation:
    live = _called(10)
    return Operation(lambda _: call("CallsFunction", f"GET {CALLS}", live.ada, conversation_id=live.conversation_id))


def look_after(_stack: InProcessStack) -> Operation:
    """The check that the state machine makes every few seconds of a call."""
    live = _Live()

    def run(_turn: int) -> Reply:
        return worked(not gateway.invoke("SweepCallFunction", {"call_id": live.call_id})["over"])

    return Operation(run, before=live.still_joined)


OPERATIONS: dict[str, Callable[[InProcessStack], Operation]] = {
    "start a call": start,
    "join a call": partial(by_the_callee, "/join", joined=False),
    "decline a call": partial(by_the_callee, "/decline", joined=False),
    "signal in a call": signal,
    "poll the signals of a call": poll_signals,
    "heartbeat of a call": heartbeat,
    "look after a call (machine)": look_after,
    "show one's media in a call": show_media,
    "report a call's quality": report_quality,
    "get a call": get,
    "ICE servers": ice_servers,
    "leave a call": partial(by_the_callee, "/leave", joined=True),
    "end a call": partial(by_the_callee, "/end", joined=True),
    "list 10 calls": history,
    "list 10 calls of a conversation": history_of_conversation,
}
