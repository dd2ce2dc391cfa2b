"""The metrics of calls: numbers, durations, end reasons, and clients' measurements."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from calls import quality, service
from calls.schemas import Quality
from kernel import clock, telemetry
from tests.helpers import CONTEXT
from tests.integration.calls.calling import NOW, join, refusal, ring, swept, two
from tests.integration.rooms import group, people
from tests.tools import captured_lines


def _line(step: Callable[[], object]) -> dict[str, Any]:
    with captured_lines() as lines, telemetry.call("test", CONTEXT):
        step()
    return lines.only


def test_calls_are_counted_from_their_beginning_to_their_end() -> None:
    ada, bob, chat = two()
    with clock.held(NOW) as advance:
        calls: list[dict[str, Any]] = []
        assert _line(lambda: calls.append(ring(ada, chat)))["CallsStarted"] == [1.0]
        call = calls[0]
        advance(3_000)
        answered = _line(lambda: join(bob, call))
        assert (answered["CallsAnswered"], answered["CallAnswerTime"]) == ([1.0], [3000.0])
        with captured_lines() as lines:
            swept(call)
        assert lines.only["CallsLive"] == [1.0]
        advance(20_000)
        ended = _line(lambda: service.end(caller=ada, call_id=call["id"]))
    assert (ended["CallsEnded"], ended["CallsEndedCompleted"], ended["CallDuration"]) == ([1.0], [1.0], [20.0])


def test_a_call_that_nobody_answers_is_counted_as_missed() -> None:
    ada, _, chat = two()
    with clock.held(NOW) as advance:
        call = ring(ada, chat)
        advance(45_000)
        with captured_lines() as lines:
            swept(call)
    assert (lines.only["CallsEndedMissed"], lines.only["CallsLive"]) == ([1.0], [0.0])


def _measured(**given: Any) -> Quality:
    return Quality.model_validate({"rtt_ms": 40, "jitter_ms": 5, "packet_loss": 0.5, "bitrate_kbps": 900, **given})


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, {"CallRtt": [40.0], "CallJitter": [5.0], "CallPacketLoss": [0.5], "CallBitrate": [900.0]}),
        ({}, {"CallPoorQuality": [0.0]}),
        ({"rtt_ms": 401}, {"CallPoorQuality": [1.0]}),
        ({"jitter_ms": 51}, {"CallPoorQuality": [1.0]}),
        ({"packet_loss": 5.1}, {"CallPoorQuality": [1.0]}),
        ({"setup_ms": 700}, {"CallSetupTime": [700.0]}),
        ({"setup_failed": True}, {"CallSetupFailures": [1.0]}),
    ],
)
def test_what_clients_measure_becomes_metrics(given: dict[str, Any], expected: dict[str, list[float]]) -> None:
    ada, _, chat = two()
    call = ring(ada, chat)
    line = _line(lambda: quality.report(caller=ada, call_id=call["id"], quality=_measured(**given)))
    assert {name: line[name] for name in expected} == expected


def test_only_who_is_or_was_in_a_call_reports_on_it() -> None:
    ada, bob, zoe = people("ada", "bob", "zoe")
    call = ring(ada, group(ada, bob))
    for who, code in ((bob, "not_in_call"), (zoe, "not_found")):
        step = lambda who=who: quality.report(caller=who, call_id=call["id"], quality=_measured())  # noqa: E731
        assert refusal(step) == code
    service.end(caller=ada, call_id=call["id"])
    quality.report(caller=ada, call_id=call["id"], quality=_measured())
