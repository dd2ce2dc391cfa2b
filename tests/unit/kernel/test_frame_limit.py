"""The inbound limit of a socket (R16): 120 frames in 60 s, then warnings, then the end of the socket."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kernel import clock, config, sockets, websocket
from kernel.caller import Caller
from kernel.frames import Frame
from kernel.websocket import WARNINGS, Handler, action, unknown_action
from tests.helpers import CONTEXT
from tests.management import Management
from tests.tools import captured_lines, socket_event

LIMIT = 120
START_MS = 1_800_000_017_000  # nowhere near the edge of a minute


@pytest.fixture
def hush(monkeypatch: pytest.MonkeyPatch) -> Handler:
    monkeypatch.setattr(websocket, "ACTIONS", {})

    def view(caller: Caller, frame: Frame) -> None:
        """Say nothing."""

    return action("hush", Frame)(view)


def _socket(name: str) -> Caller:
    return Caller("usr_ada", "ses_ada", name)


def _send(handler: Handler, times: int, *, on: str = "s-1", opened_at: int = START_MS) -> list[str]:
    """What so many frames are answered with: `ack`, or the code of the error."""
    found = []
    for _ in range(times):
        event = socket_event(_socket(on), {"action": "hush", "id": "1"}, connected_at=opened_at)
        told: dict[str, Any] = json.loads(handler(event, CONTEXT)["body"])
        found.append(told["problem"]["code"] if told["type"] == "error" else told["type"])
    return found


def test_a_socket_that_sends_too_much_is_warned_and_then_closed(hush: Handler, management: Management) -> None:
    with clock.held(START_MS):
        assert _send(hush, LIMIT) == ["ack"] * LIMIT
        assert _send(hush, WARNINGS) == ["rate_limited"] * WARNINGS
        assert management.closed == []
        _send(hush, 1)
    assert management.closed == ["s-1"]


def test_the_warning_says_what_comes_and_when_to_go_on(hush: Handler, management: Management) -> None:
    with clock.held(START_MS + 20_000):
        _send(hush, LIMIT)
        event = socket_event(_socket("s-1"), {"action": "hush", "id": "f-9"}, connected_at=START_MS)
        warning = json.loads(hush(event, CONTEXT)["body"])
    assert (warning["type"], warning["id"], warning["problem"]["status"]) == ("error", "f-9", 429)
    assert warning["problem"]["retry_after"] == 40
    assert "closed" in warning["problem"]["detail"]


def test_sockets_are_counted_apart_and_by_their_own_minutes(hush: Handler, management: Management) -> None:
    with clock.held(START_MS) as advance:
        _send(hush, LIMIT)
        assert _send(hush, 1, on="s-2") == ["ack"]
        advance(59_999)
        assert _send(hush, 1) == ["rate_limited"]
        advance(1)
        assert _send(hush, LIMIT + 1) == ["ack"] * LIMIT + ["rate_limited"]


def test_frames_of_unknown_actions_count_too(hush: Handler, management: Management) -> None:
    with clock.held(START_MS):
        assert set(_send(unknown_action, LIMIT)) == {"unknown_action"}
        assert _send(hush, 1) == ["rate_limited"]
        _send(unknown_action, WARNINGS)
    assert management.closed == ["s-1"]


def test_a_deployment_may_count_messages_less_than_other_frames(
    hush: Handler, management: Management, settings: pytest.MonkeyPatch
) -> None:
    settings.setenv("SEND_FRAME_FACTOR", "4")
    config.config.cache_clear()

    def view(caller: Caller, frame: Frame) -> None:
        """Send."""

    send = action("sendMessage", Frame)(view)
    with clock.held(START_MS):
        assert set(_send(send, 4 * (LIMIT - 1))) == {"ack"}
        assert _send(hush, 2) == ["ack", "rate_limited"]


def test_what_is_refused_and_closed_is_counted(hush: Handler, management: Management) -> None:
    with clock.held(START_MS):
        _send(hush, LIMIT + WARNINGS)
        with captured_lines() as lines:
            _send(hush, 1)
    assert (lines.only["FramesRefused"], lines.only["SocketsClosedForFlooding"]) == ([1.0], [1.0])
    assert lines.only["status"] == 429


def test_a_socket_that_cannot_be_closed_is_tried_again_with_its_next_frame(
    hush: Handler, management: Management
) -> None:
    management.status["s-1"] = 500
    with clock.held(START_MS):
        _send(hush, LIMIT + WARNINGS + 2)
    assert management.calls == [("DELETE", "s-1")] * 2
    assert sockets.close("s-2")
