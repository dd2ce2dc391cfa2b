"""Every function accepts its sample event (events/)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kernel import aws
from tests.conftest import Cloud
from tests.helpers import CONTEXT
from tests.infra.deployed import FUNCTIONS, QUEUE_CONSUMERS, STREAM_CONSUMERS, Resource, functions
from tests.management import serving
from tests.tools import ROOT

pytestmark = pytest.mark.usefixtures("settings")


def test_every_function_has_a_sample_event_and_every_sample_a_function() -> None:
    assert sorted(path.stem for path in (ROOT / "events").glob("*.json")) == FUNCTIONS


# answers of the drive's steps for bytes that nobody expects
DRIVE_STEPS: dict[str, Any] = {
    "IntakeInspectFunction": {},
    "IntakeVerdictFunction": {},
    "IntakeThumbnailFunction": None,
    "IntakeSettleFunction": {"outcome": "stale"},
    "DriveSweepFunction": {"done": 0},
}


def _prepare(name: str, event: Resource, settings: pytest.MonkeyPatch) -> None:
    """Prepare the data that a sample needs."""
    if name == "AuthorizeFunction":
        from realtime import store

        owner = store.Ticket("usr_01kb0000000000000000000001", "ses_01kb0000000000000000000003")
        store.keep_ticket(event["queryStringParameters"]["ticket"], owner, ttl_s=60)
    if name == "MailFunction":
        aws.client("sesv2").create_email_identity(EmailIdentity="no-reply@secureconnect.example")
    if name == "CanaryFunction":
        settings.setenv("CANARY_URL", "http://127.0.0.1:9/v1")  # nobody listens there


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_sample_event_passes_through_its_function(name: str, cloud: Cloud, settings: pytest.MonkeyPatch) -> None:
    event = json.loads((ROOT / "events" / f"{name}.json").read_text())
    _prepare(name, event, settings)
    with serving(settings):
        answer = functions()[name].load()(event, CONTEXT)
    if name in QUEUE_CONSUMERS + STREAM_CONSUMERS:
        assert answer == {"batchItemFailures": []}
    elif name == "AuthorizeFunction":
        assert answer["policyDocument"]["Statement"][0]["Effect"] == "Allow"
    elif name == "ClosePollFunction":
        assert answer == {"done": True, "closes_at": None}
    elif name == "SendScheduledFunction":
        assert answer == {"done": True, "wait_s": None, "again_at": None}
    elif name == "EraseExpiredFunction":
        assert answer == {"erased": 0, "finished": True}
    elif name == "FollowUpsFunction":
        assert answer == {"done": 0, "failed": 0}
    elif name == "LookoutFunction":
        assert (answer["dead_letters"], answer["ended_badly"]) == ({}, {})
        assert "FollowUps" in answer["schedules_off"]  # this cloud has no rules
    elif name in ("EraseFunction", "MakeExportFunction"):
        assert answer["done"] is True
    elif name == "AuditChainFunction":
        assert answer == {"chained": 0}
    elif name == "CanaryFunction":
        assert answer["failed_at"] == "sign_in"
    elif name in DRIVE_STEPS:
        assert answer == DRIVE_STEPS[name] or answer["verdict"] == "stale"
    elif name == "TranscribeFunction":
        assert answer["status"] == "gone"
    elif name == "SweepCallFunction":
        assert answer["over"] is True
    elif name != "KeyringsFunction":
        assert answer["statusCode"] < 500
        assert '"internal"' not in answer.get("body", "")
