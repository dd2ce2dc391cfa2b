"""Routes of calls (contract §7)."""

from __future__ import annotations

from typing import Any

from accounts.api import authenticate
from calls import history, ice, quality, service, signals
from calls.participant import MediaState
from calls.schemas import (
    CallList,
    CallOut,
    IceServers,
    Joined,
    MediaStateIn,
    NewCall,
    Quality,
    SignalFields,
    SignalList,
    SignalQuery,
    SignalSent,
)
from kernel.answers import Answer
from kernel.caller import Caller
from kernel.http import App
from kernel.limiter import Limit
from kernel.schema import Paging

app = App("calls", authenticate=authenticate)
START = Limit("calls", requests=60, window_s=60)
CHANGE = Limit("call changes", requests=300, window_s=60)
SIGNAL = Limit("signals", requests=1200, window_s=60)
IN_CALL = ["not_in_call", "answered_elsewhere", "call_ended"]


@app.post(
    "/conversations/{conversation_id}/calls",
    body=NewCall,
    returns=CallOut,
    status=201,
    other_statuses=[200],
    errors=["blocked"],
    limits=[START],
)
def start_call(caller: Caller, conversation_id: str, body: NewCall) -> Answer:
    """Call everybody in the conversation; 200 with the live call if there is one already."""
    call, new = service.start(
        caller=caller, conversation_id=conversation_id, client_id=body.client_id, media=body.media
    )
    return Answer(call, status=201 if new else 200)


@app.get("/conversations/{conversation_id}/calls", query=Paging, returns=CallList)
def list_calls_of_conversation(caller: Caller, conversation_id: str, query: Paging) -> Any:
    """The calls of a conversation, newest first."""
    return history.list_of_conversation(
        caller=caller, conversation_id=conversation_id, limit=query.limit, after=query.cursor
    )


@app.get("/calls", query=Paging, returns=CallList)
def list_calls(caller: Caller, query: Paging) -> Any:
    """The calls that rang for the caller or that they joined, newest first."""
    return history.list_of_caller(caller=caller, limit=query.limit, after=query.cursor)


@app.get("/calls/ice-servers", returns=IceServers)
def list_ice_servers(caller: Caller) -> Any:
    """STUN and TURN servers, with credentials that are valid for an hour."""
    return {"ice_servers": ice.servers(caller.user_id)}


@app.get("/calls/{call_id}", returns=CallOut)
def get_call(caller: Caller, call_id: str) -> Any:
    """The present state of a call."""
    return service.get(caller=caller, call_id=call_id)


@app.post(
    "/calls/{call_id}/join",
    returns=Joined,
    errors=["blocked", "answered_elsewhere", "call_full", "call_ended"],
    limits=[CHANGE],
)
def join_call(caller: Caller, call_id: str) -> Any:
    """Answer, join or rejoin; the first device of a person gets the call, and sends offers to its `peers`."""
    return service.join(caller=caller, call_id=call_id)


@app.post("/calls/{call_id}/decline", returns=CallOut, errors=["answered_elsewhere", "call_ended"], limits=[CHANGE])
def decline_call(caller: Caller, call_id: str) -> Any:
    """Decline a call on all of the caller's devices."""
    return service.decline(caller=caller, call_id=call_id)


@app.post("/calls/{call_id}/leave", returns=CallOut, errors=IN_CALL, limits=[CHANGE])
def leave_call(caller: Caller, call_id: str) -> Any:
    """Hang up; the last to leave ends the call."""
    return service.leave(caller=caller, call_id=call_id)


@app.post("/calls/{call_id}/end", returns=CallOut, limits=[CHANGE])
def end_call(caller: Caller, call_id: str) -> Any:
    """End the call for everybody: either of two people, or in a group its initiator and admins."""
    return service.end(caller=caller, call_id=call_id)


@app.post("/calls/{call_id}/heartbeat", returns=CallOut, errors=["blocked", *IN_CALL])
def keep_call(caller: Caller, call_id: str) -> Any:
    """Renew the caller's lease in a call for 45 s; to be sent every 15 s."""
    return service.heartbeat(caller=caller, call_id=call_id)


@app.put(
    "/calls/{call_id}/media-state",
    body=MediaStateIn,
    returns=CallOut,
    errors=["blocked", *IN_CALL],
    limits=[CHANGE],
)
def show_media(caller: Caller, call_id: str, body: MediaStateIn) -> Any:
    """Set the caller's media state: microphone, camera, screen, raised hand."""
    return service.set_media(caller=caller, call_id=call_id, media=MediaState(**body.model_dump()))


@app.post(
    "/calls/{call_id}/signals",
    body=SignalFields,
    returns=SignalSent,
    status=202,
    errors=["blocked", *IN_CALL],
    limits=[SIGNAL],
)
def send_signal(caller: Caller, call_id: str, body: SignalFields) -> Any:
    """Send a signal to one participant's device; signals to the same one keep the order of their responses."""
    return signals.send(caller=caller, call_id=call_id, to=body.to, kind=body.kind, payload=body.payload)


@app.get(
    "/calls/{call_id}/signals", query=SignalQuery, returns=SignalList, errors=["blocked", *IN_CALL], limits=[SIGNAL]
)
def list_signals(caller: Caller, call_id: str, query: SignalQuery) -> Any:
    """The caller's signals after a number, at most 60 s old, for clients without a socket."""
    return signals.list_received(caller=caller, call_id=call_id, after=query.after)


@app.post("/calls/{call_id}/quality", body=Quality, status=202, errors=["not_in_call"], limits=[CHANGE])
def report_quality(caller: Caller, call_id: str, body: Quality) -> None:
    """Report client statistics, which become metrics and are not stored."""
    quality.report(caller=caller, call_id=call_id, quality=body)
