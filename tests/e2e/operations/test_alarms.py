"""Some faults are caused in the local stack itself and repaired: alarms fire and clear by its metrics.

No test waits for the end of a minute: alarms are evaluated as of the end of the minute, and one period later. All other
alarms are tested on a simulated clock (tests/infra/test_alarm_drills.py).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from infra import generate
from infra.local.alarms import definitions, in_alarm
from infra.local.figures import Figures, metric
from infra.local.stack import Stack
from tests.e2e.people import Person
from tests.e2e.tools import eventually, instance_at, operators_client

PERIOD_S = 300
PATIENT_S = 120.0  # on a busy machine, reading the stack's metrics takes seconds


def _end_of_minute() -> float:
    return (time.time() // 60 + 1) * 60


class Watch:
    """The alarms of the running stack, evaluated on metrics since the test began."""

    def __init__(self, endpoints: Mapping[str, str]) -> None:
        self._endpoints = dict(endpoints)
        self.stack = endpoints["stack"]
        self._figures = Figures(Stack(instance_at(endpoints)), name=self.stack, since_s=time.time())
        self._alarms = definitions(generate.observability()["Resources"].values(), self.stack)

    def client(self, service: str) -> Any:
        return operators_client(self._endpoints, service)

    def fires(self, name: str, *, later_s: float = 0) -> bool:
        """Whether an alarm is in ALARM at the end of this minute, or `later_s` after it, if nothing else happens."""
        self._figures.read()
        return in_alarm(f"{self.stack}-{name}", self._alarms, self._figures.measured, _end_of_minute() + later_s)

    def values(self, name: str) -> list[float]:
        """The values of one of our metrics over the whole stack since the test began."""
        self._figures.read()
        of = metric(f"SecureConnect/{name}", {}, stack=self.stack)
        return self._figures.measured.within(of, 0.0, time.time() + 60)


@pytest.fixture
def watch(endpoints: dict[str, str]) -> Watch:
    return Watch(endpoints)


@pytest.fixture
def timed(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Prints how long after the fault an alarm's metric was available."""
    started = time.monotonic()

    def say(name: str) -> None:
        with capsys.disabled():
            print(f"{name}: its value was there {time.monotonic() - started:.1f} s after the fault")

    return say


def test_what_was_given_up_raises_its_alarm_until_it_is_taken_out(watch: Watch, timed: Callable[[str], None]) -> None:
    sqs = watch.client("sqs")
    url = sqs.get_queue_url(QueueName=f"{watch.stack}-mail-dead")["QueueUrl"]
    assert not watch.fires("MailDeadLetters")
    sqs.send_message(QueueUrl=url, MessageBody='{"kind":"unknown"}')
    eventually(lambda: watch.fires("MailDeadLetters"), within_s=PATIENT_S)
    timed("MailDeadLetters")
    found = _look(watch)
    assert found["dead_letters"]["mail"] >= 1
    assert found["schedules_off"] == []
    eventually(lambda: watch.fires("DeadLetters"), within_s=PATIENT_S)
    timed("DeadLetters")
    sqs.purge_queue(QueueUrl=url)
    eventually(lambda: not watch.fires("MailDeadLetters"), within_s=PATIENT_S)
    assert "mail" not in _look(watch)["dead_letters"]


def _look(watch: Watch) -> dict[str, Any]:
    """What the lookout finds now; its schedule may have it look at the same time."""
    answer = watch.client("lambda").invoke(FunctionName=f"{watch.stack}-Lookout")
    assert "FunctionError" not in answer
    found: dict[str, Any] = json.loads(answer["Payload"].read())
    return found


def test_calls_that_end_without_an_answer_raise_the_alarm_of_their_function_and_of_all(
    watch: Watch, timed: Callable[[str], None]
) -> None:
    lambdas = watch.client("lambda")
    assert not watch.fires("CallHeartbeatErrors")
    for _ in range(5):
        answer = lambdas.invoke(FunctionName=f"{watch.stack}-Mail", Payload=b'{"Records":[{}]}')
        assert "FunctionError" in answer
    eventually(lambda: watch.fires("MailErrors"), within_s=PATIENT_S)
    assert watch.fires("Errors")
    timed("MailErrors")
    assert not watch.fires("CallHeartbeatErrors")
    assert not watch.fires("MailErrors", later_s=PERIOD_S)


def test_sends_that_are_answered_burn_no_budget(watch: Watch, ada: Person, bob: Person) -> None:
    tea = ada.direct_with(bob)
    for number in range(20):
        ada.send(tea, f"hello {number}")
    assert not watch.fires("SendBurns5m")


def test_the_canary_comes_through_and_raises_no_alarm(watch: Watch) -> None:
    lambdas = watch.client("lambda")
    for _ in range(2):  # on a busy machine, functions may still be starting at the first one
        told = json.loads(lambdas.invoke(FunctionName=f"{watch.stack}-Canary")["Payload"].read())
        if not told["failed_at"]:
            break
    assert told["failed_at"] == "", told
    assert set(told["steps_ms"]) >= {"sign_in", "open_socket", "send", "arrive", "read"}
    assert not watch.fires("CanaryFailed")
