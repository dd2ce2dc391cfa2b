"""Handlers of socket routes: for each frame exactly one `ack` or `error`, as the route's response.

The identity comes from the connect authorizer (the ticket); API Gateway adds it to every frame. Frames are counted per
socket (R16): each one above the limit is answered with a warning, and the socket is closed if it goes on.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from pydantic_core import from_json

from kernel import clock, deadline, limiter, session_marks, snapshot, sockets, telemetry
from kernel.caller import Caller
from kernel.config import config
from kernel.errors import Internal, MalformedJson, PayloadTooLarge, Problem, RateLimited, TokenRevoked, as_problem
from kernel.frames import Frame
from kernel.limiter import Charge, Limit
from kernel.schema import parse_json
from kernel.sockets import MAX_FRAME_BYTES, MAX_POST_BYTES

Event = dict[str, Any]
Handler = Callable[[Event, Any], dict[str, Any]]

FRAMES_WINDOW_S = 60
WARNINGS = 10  # frames above the limit that get a warning, so that frames already on their way do not close the socket
SEND = "sendMessage"


@dataclass(frozen=True, slots=True)
class Action:
    """A registered socket action; the AsyncAPI document is generated from these."""

    name: str
    frame: type[Frame]
    returns: type[BaseModel] | None
    summary: str


ACTIONS: dict[str, Action] = {}


def caller_of(event: Event) -> Caller:
    """The caller on this socket."""
    context = event["requestContext"]
    identity = context["authorizer"]
    return Caller(identity["user_id"], identity["session_id"], context["connectionId"])


def is_identified(event: Event) -> bool:
    """Whether the authorizer has found whose the socket is: it lets `$connect` refuse the others."""
    return "user_id" in (event["requestContext"].get("authorizer") or {})


def action(
    name: str,
    frame: type[Frame],
    *,
    returns: type[BaseModel] | None = None,
    limit: Limit | None = None,
    measured_as: str | None = None,
) -> Callable[[Callable[[Caller, Any], Any]], Handler]:
    """Make a socket handler of `view(caller, frame)`; its result becomes the `data` of the ack.

    `measured_as` is the metric of its duration if a service level objective concerns it.
    """

    def register(view: Callable[[Caller, Any], Any]) -> Handler:
        ACTIONS[name] = Action(name, frame, returns, (view.__doc__ or "").strip().splitlines()[0])

        def respond(caller: Caller, raw: bytes) -> str:
            if len(raw) > MAX_FRAME_BYTES:
                raise PayloadTooLarge
            parsed = parse_json(frame, raw)
            return _ack(parsed.id, view(caller, parsed), returns)

        @snapshot.before
        def build_schemas() -> None:
            for schema in (frame, returns):
                if schema is not None:
                    schema.model_rebuild()

        return lambda event, context: _answer(name, event, context, respond, limit, measured_as)

    return register


class TooManyFrames(RateLimited):
    """The warning to a socket that sends too many frames; it is closed if it goes on."""

    detail = "This socket sends too many frames; it is closed if it goes on."


def _answer(
    name: str,
    event: Event,
    context: Any,
    respond: Callable[[Caller, bytes], str],
    limit: Limit | None,
    measured_as: str | None = None,
) -> dict[str, Any]:
    """Admit a frame and answer it once: with the result of `respond`, or with the error that was raised."""
    with deadline.of(context, at_most_s=deadline.ANSWER_MAX_S), telemetry.call(f"socket.{name}", context) as line:
        caller = caller_of(event)
        line.fields |= {"user_id": caller.user_id, "connection_id": caller.connection_id}
        raw = (event.get("body") or "").encode("utf-8", "surrogatepass")
        started = time.perf_counter()
        try:
            _admit(name, event, caller, limit)
            text = respond(caller, raw)
            line.fields["status"] = 200
        except Exception as error:  # mapped here only, as in `http`
            expected = as_problem(error)
            if expected is None:
                line.error = error
            problem = expected or Internal()
            line.problem(problem)
            text = error_frame(_frame_id(raw), problem, str(event["requestContext"].get("requestId", "")))
        if measured_as is not None:
            line.answered(measured_as, (time.perf_counter() - started) * 1_000, line.fields["status"])
        return {"statusCode": 200, "body": text}


def _admit(name: str, event: Event, caller: Caller, limit: Limit | None) -> None:
    """Count a frame against its socket's limit and the action's, and check that its session has not ended.

    One round trip of Redis; without it the frame is counted in-process. The session is checked because a socket that
    could not be closed outlives it. A socket's windows begin when it was opened. Raises TokenRevoked, TooManyFrames,
    LimitExceeded.
    """
    factor = config().send_frame_factor  # this many sendMessage frames count as one frame
    frames = Limit("frames", config().socket_frames, FRAMES_WINDOW_S)
    opened_at = int(event["requestContext"].get("connectedAt", 0)) // clock.SECOND
    cost = 1 if name == SEND else factor
    charges = [Charge(frames, caller.connection_id, factor, cost, opened_at)]
    if limit is not None:
        charges.append(Charge(limit, caller.user_id))
    (of_socket, *of_action), (session,) = limiter.measure_and_read(charges, session_marks.key(caller.session_id))
    if session == session_marks.ENDED:
        raise TokenRevoked
    if of_socket.used > of_socket.limit:
        telemetry.count("FramesRefused")
        if of_socket.used > of_socket.limit + WARNINGS * factor:
            telemetry.count("SocketsClosedForFlooding")
            sockets.close(caller.connection_id)
        raise TooManyFrames(retry_after_s=max(1, of_socket.reset_s))
    for allowance in of_action:
        allowance.require()


def _ack(frame_id: str, result: Any, returns: type[BaseModel] | None) -> str:
    data = "null" if returns is None or result is None else returns.model_validate(result).model_dump_json()
    text = f'{{"type":"ack","id":{json.dumps(frame_id)},"data":{data}}}'
    if len(text.encode()) > MAX_POST_BYTES:
        raise PayloadTooLarge("The answer does not fit a socket message; ask for it over HTTP.")
    return text


def error_frame(frame_id: str | None, problem: Problem, request_id: str) -> str:
    """The `error` frame that answers the frame with this id (null if it had none)."""
    body = problem.as_dict(request_id)
    if problem.retry_after_s is not None:
        body["retry_after"] = problem.retry_after_s
    return json.dumps({"type": "error", "id": frame_id, "problem": body})


def _frame_id(raw: bytes) -> str | None:
    try:
        frame = from_json(raw)
    except ValueError:
        return None
    found = frame.get("id") if isinstance(frame, dict) else None
    return found if isinstance(found, str) and len(found) <= 64 else None


class UnknownAction(Problem):
    """An action that this server does not know; the socket stays open."""

    status, code, detail = 400, "unknown_action", "There is no such action."


def is_frame(event: Event) -> bool:
    """Whether this is a client's frame: API Gateway leads a frame whose action is called `$connect` to that route."""
    return bool(event["requestContext"].get("eventType") == "MESSAGE")


def unknown_action(event: Event, context: Any) -> dict[str, Any]:
    """The `$default` route: an error frame for frames that match no action."""
    return _answer("unknown", event, context, _refuse, None)


def _refuse(_caller: Caller, raw: bytes) -> str:
    try:
        raise UnknownAction if isinstance(from_json(raw), dict) else MalformedJson
    except ValueError as error:
        raise MalformedJson from error
