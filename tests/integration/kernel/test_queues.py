"""Sending to queues."""

from __future__ import annotations

from typing import Any

import pytest

from kernel import queues
from kernel.config import config
from kernel.errors import DependencyUnavailable
from tests.tools import jobs


def _send(*messages: dict[str, Any], delay_s: int = 0) -> None:
    queues.send(config().queue("fanout"), messages, delay_s=delay_s)


def test_messages_of_any_number_are_sent_in_order() -> None:
    _send(*({"n": number} for number in range(23)))
    assert [job["n"] for job in jobs()] == list(range(23))


def test_no_messages_are_fine() -> None:
    _send()
    assert jobs() == []


def test_messages_can_be_delayed() -> None:
    _send({"n": 1}, delay_s=3)
    assert jobs() == [{"n": 1, "delay_s": 3}]


def test_messages_too_long_together_go_in_several_calls() -> None:
    _send(*({"n": number, "text": "é" * 30_000} for number in range(10)))
    assert [job["n"] for job in jobs()] == list(range(10))


def test_any_text_comes_through() -> None:
    _send({"text": "é👍\u2028\u0001\ud7ff"})
    assert jobs()[0]["text"] == "é👍\u2028\u0001\ud7ff"


def test_a_queue_that_is_not_there_is_unavailable() -> None:
    with pytest.raises(DependencyUnavailable):
        queues.send("https://sqs.us-east-1.amazonaws.com/123456789012/nowhere", [{"n": 1}])
