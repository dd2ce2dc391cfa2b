"""Socket handlers: one frame in, exactly one `ack` or `error` out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from kernel import websocket
from kernel.caller import Caller
from kernel.errors import DependencyUnavailable, Forbidden
from kernel.frames import Frame
from kernel.limiter import Limit
from kernel.schema import Output
from kernel.sockets import MAX_FRAME_BYTES, MAX_POST_BYTES
from kernel.telemetry import NO_ANSWER_MS
from kernel.transactions import Cancelled
from kernel.websocket import Handler, action, unknown_action
from tests.helpers import CONTEXT
from tests.tools import Lines, captured_lines, socket_event

ADA = Caller("usr_ada", "ses_ada", "L0SM9cOFvHcCIhw=")
CANARY = "c4n4ry-of-a-person"

pytestmark = pytest.mark.usefixtures("settings", "no_sockets")


class Say(Frame):
    text: str = ""


class Said(Output):
    text: str


def _say(caller: Caller, frame: Say) -> Any:
    """Say it back."""
    if frame.text == "forbidden":
        raise Forbidden("Not here.", code="blocked")
    if frame.text == "busy":
        raise DependencyUnavailable(retry_after_s=7)
    if frame.text == "crowded":
        raise Cancelled({}, contended=True)
    if frame.text == "boom":
        raise LookupError(CANARY)
    if frame.text == "wrong":
        return {"text": {"inner": CANARY}}
    if frame.text == "long":
        return Said(text="x" * MAX_POST_BYTES)
    return Said(text=f"{caller.user_id} {caller.connection_id}: {frame.text}")


def _hush(caller: Caller, frame: Frame) -> None:
    """Say nothing."""


@pytest.fixture
def actions(monkeypatch: pytest.MonkeyPatch) -> dict[str, websocket.Action]:
    """A table of actions of this test's own."""
    found: dict[str, websocket.Action] = {}
    monkeypatch.setattr(websocket, "ACTIONS", found)
    return found


@pytest.fixture
def say(actions: dict[str, websocket.Action]) -> Handler:
    return action("say", Say, returns=Said)(_say)


@pytest.fixture
def lines(settings: pytest.MonkeyPatch) -> Iterator[Lines]:
    with captured_lines() as found:
        yield found


def _answer(handler: Handler, frame: Any) -> dict[str, Any]:
    """The one frame that comes back."""
    answer = handler(socket_event(ADA, frame), CONTEXT)
    assert answer["statusCode"] == 200
    sent: dict[str, Any] = json.loads(answer["body"])
    return sent


def _frame_of(size: int) -> str:
    """A frame of so many bytes."""
    empty = json.dumps({"action": "say", "id": "1", "text": ""})
    return json.dumps({"action": "say", "id": "1", "text": "x" * (size - len(empty))})


# --- acks -----------------------------------------------------------------------------------------------------


def test_a_frame_is_answered_with_an_ack_that_repeats_its_id(say: Handler) -> None:
    assert _answer(say, {"action": "say", "id": "f-1", "text": "hello"}) == {
        "type": "ack",
        "id": "f-1",
        "data": {"text": "usr_ada L0SM9cOFvHcCIhw=: hello"},
    }


@pytest.mark.parametrize("frame_id", ["1", 'a"b\\c', "é👍", "\u202e", "x" * 64])
def test_an_id_comes_back_as_it_was(say: Handler, frame_id: str) -> None:
    assert _answer(say, {"action": "say", "id": frame_id})["id"] == frame_id
    assert _answer(say, {"action": "say", "id": frame_id, "text": "forbidden"})["id"] == frame_id


def test_an_action_without_an_answer_is_acknowledged_with_null(actions: dict[str, websocket.Action]) -> None:
    handler = action("hush", Frame)(_hush)
    assert _answer(handler, {"action": "hush", "id": "1"}) == {"type": "ack", "id": "1", "data": None}


def test_an_action_is_registered_with_the_first_line_of_its_docstring(
    say: Handler, actions: dict[str, websocket.Action]
) -> None:
    assert actions["say"] == websocket.Action("say", Say, Said, "Say it back.")


# --- sizes (R12) ----------------------------------------------------------------------------------------------


def test_a_frame_of_32768_bytes_is_taken(say: Handler) -> None:
    assert MAX_FRAME_BYTES == 32_768
    assert _answer(say, _frame_of(32_768))["type"] == "ack"


def test_a_frame_of_32769_bytes_is_too_large(say: Handler) -> None:
    answer = _answer(say, _frame_of(32_769))
    assert (answer["type"], answer["id"], answer["problem"]["code"]) == ("error", "1", "payload_too_large")


def test_bytes_are_counted_and_not_characters(say: Handler) -> None:
    frame = json.dumps({"action": "say", "id": "1", "text": "é" * 16_384}, ensure_ascii=False)
    assert len(frame) < 32_768
    assert _answer(say, frame)["problem"]["code"] == "payload_too_large"


def test_an_answer_that_fits_no_post_is_an_error(say: Handler) -> None:
    answer = _answer(say, {"action": "say", "id": "1", "text": "long"})
    assert (answer["type"], answer["problem"]["code"]) == ("error", "payload_too_large")


# --- errors ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "frame",
    ["", "{", "nul", '{"id": "1", "action": "say"} x', '{"id":"1","text":' + "[" * 30_000, "[" * 15_000 + "]" * 15_000],
)
def test_what_is_no_json_is_an_error_without_an_id(say: Handler, frame: str) -> None:
    answer = _answer(say, frame)
    assert (answer["type"], answer["id"], answer["problem"]["code"]) == ("error", None, "malformed_json")


def test_a_lone_surrogate_is_an_error(say: Handler) -> None:
    assert _answer(say, '{"action": "say", "id": "1", "text": "\ud800"}')["problem"]["code"] == "malformed_json"


@pytest.mark.parametrize("frame", ["[]", "7", "null", '"say"'])
def test_json_that_is_no_object_is_an_error(say: Handler, frame: str) -> None:
    answer = _answer(say, frame)
    assert (answer["type"], answer["id"], answer["problem"]["code"]) == ("error", None, "validation_failed")


def test_an_unknown_field_is_named(say: Handler) -> None:
    answer = _answer(say, {"action": "say", "id": "1", "colour": "red"})
    assert answer["id"] == "1"
    assert [error["field"] for error in answer["problem"]["errors"]] == ["colour"]


@pytest.mark.parametrize("frame_id", [None, "", "x" * 65, 7, ["1"]])
def test_a_frame_without_a_good_id_is_an_error(say: Handler, frame_id: Any) -> None:
    answer = _answer(say, {"action": "say", "id": frame_id})
    assert (answer["type"], answer["problem"]["code"]) == ("error", "validation_failed")
    assert answer["id"] == (frame_id if frame_id == "" else None)


def test_an_expected_error_is_told_as_a_problem(say: Handler) -> None:
    problem = _answer(say, {"action": "say", "id": "1", "text": "forbidden"})["problem"]
    assert problem == {
        "type": "urn:secureconnect:problem:blocked",
        "title": "Forbidden",
        "status": 403,
        "detail": "Not here.",
        "code": "blocked",
        "request_id": "request-2",
        "errors": [],
    }


def test_an_error_says_when_to_come_again(say: Handler) -> None:
    assert _answer(say, {"action": "say", "id": "1", "text": "busy"})["problem"]["retry_after"] == 7


def test_who_met_others_each_time_is_told_to_come_again(say: Handler) -> None:
    problem = _answer(say, {"action": "say", "id": "1", "text": "crowded"})["problem"]
    assert (problem["status"], problem["code"], problem["retry_after"]) == (503, "dependency_unavailable", 1)


@pytest.mark.parametrize("text", ["boom", "wrong"])
def test_an_unexpected_exception_is_told_without_its_trace(say: Handler, text: str) -> None:
    answer = _answer(say, {"action": "say", "id": "1", "text": text})
    assert (answer["id"], answer["problem"]["status"], answer["problem"]["code"]) == ("1", 500, "internal")
    assert CANARY not in json.dumps(answer)


def test_above_its_limit_an_action_refuses(actions: dict[str, websocket.Action]) -> None:
    handler = action("hush", Frame, limit=Limit("hush", requests=1, window_s=86_400))(_hush)
    assert _answer(handler, {"action": "hush", "id": "1"})["type"] == "ack"
    answer = _answer(handler, {"action": "hush", "id": "2"})
    assert (answer["id"], answer["problem"]["code"]) == ("2", "rate_limited")
    assert answer["problem"]["retry_after"] >= 1


# --- unknown actions ------------------------------------------------------------------------------------------


def test_an_unknown_action_is_an_error_and_closes_nothing() -> None:
    answer = _answer(unknown_action, {"action": "dance", "id": "1"})
    assert (answer["type"], answer["id"], answer["problem"]["code"]) == ("error", "1", "unknown_action")


@pytest.mark.parametrize("frame", ["", "{", "[]", "7", "x" * 40_000, "[" * 100_000])
def test_what_names_no_action_is_malformed(frame: str) -> None:
    answer = _answer(unknown_action, frame)
    assert (answer["type"], answer["id"], answer["problem"]["code"]) == ("error", None, "malformed_json")


# --- the line -------------------------------------------------------------------------------------------------


def test_a_frame_writes_one_line(say: Handler, lines: Lines) -> None:
    _answer(say, {"action": "say", "id": "1", "text": "hello"})
    line = lines.only
    assert (line["function"], line["status"]) == ("socket.say", 200)
    assert (line["user_id"], line["connection_id"]) == (ADA.user_id, ADA.connection_id)


def test_no_canary_reaches_the_log(say: Handler, lines: Lines) -> None:
    frames: list[Any] = [
        {"action": "say", "id": "1", "text": CANARY},
        {"action": "say", "id": CANARY, "text": "forbidden"},
        {"action": "say", "id": "1", "text": [CANARY], CANARY: 1},
        {"action": "say", "id": "1", "text": "wrong"},
        f"{{{CANARY}",
    ]
    for frame in frames:
        _answer(say, frame)
        _answer(unknown_action, frame)
    assert len(lines.all) == 2 * len(frames)
    assert CANARY not in lines.text


@pytest.mark.usefixtures("actions")
def test_a_frame_that_an_objective_is_about_is_measured_and_a_failed_one_counts_as_late(lines: Lines) -> None:
    promised = action("say", Say, returns=Said, measured_as="PromiseDuration")(_say)
    for text in ("hello", "forbidden", "boom"):
        _answer(promised, {"action": "say", "id": "1", "text": text})
    (well,), (refused,), failed = (line["PromiseDuration"] for line in lines.all)
    assert max(well, refused) < NO_ANSWER_MS
    assert failed == [NO_ANSWER_MS]
