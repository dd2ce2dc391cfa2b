"""Each kind of job goes into the queue that it was registered with, so that no kind waits behind another."""

from __future__ import annotations

import json
from typing import Any

import pytest
from moto.backends import get_backend

import composition  # noqa: F401 - the jobs of all domains
from realtime import delivery
from tests.conftest import JOB_QUEUES, REGION, STACK
from tests.tools import ACCOUNT

QUEUES: dict[str, set[str]] = {
    "fanout": {"connections", "members", "personal"},
    "presence": {"gone", "presence", "presence_due", "presence_own", "presence_guard"},
    "receipts": {"receipts", "typing_over"},
    "sockets": {"close", "close_sessions", "hint", "session_ended"},
    "jobs": set(),  # what names no queue goes there
}


def _waiting() -> dict[str, list[Any]]:
    """The kinds of the jobs in each queue."""
    queues = {name: get_backend("sqs")[ACCOUNT][REGION].get_queue(f"{STACK}-{name}") for name in JOB_QUEUES}
    return {name: [json.loads(each.body)["kind"] for each in queue._messages] for name, queue in queues.items()}


def test_jobs_of_all_kinds_sent_together_are_parted_by_queue() -> None:
    delivery.enqueue([{"kind": kind} for kinds in QUEUES.values() for kind in sorted(kinds)])
    assert {name: set(kinds) for name, kinds in _waiting().items()} == QUEUES


def test_a_flood_of_one_kind_leaves_the_other_queues_empty() -> None:
    delivery.enqueue([{"kind": "presence", "user_id": f"usr_{n}", "was": None} for n in range(200)])
    delivery.enqueue([{"kind": "close", "connection_ids": ["c"]}])
    assert {name: len(kinds) for name, kinds in _waiting().items() if kinds} == {"presence": 200, "sockets": 1}


def test_a_kind_that_nobody_registered_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(LookupError, match="nonsense"):
        delivery.enqueue([{"kind": "close", "connection_ids": []}, {"kind": "nonsense"}])
    assert not any(_waiting().values())
