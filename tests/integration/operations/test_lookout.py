"""The lookout counts dead letters, executions that ended badly and schedules that are off, if there are any."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from moto.stepfunctions.models import stepfunctions_backends

from kernel import aws, clock, config
from kernel.errors import DependencyUnavailable
from operations import unattended
from operations.consumers import lookout
from tests.conftest import REGION, STACK
from tests.helpers import CONTEXT
from tests.tools import ACCOUNT, captured_lines

METRICS = ("DeadLetters", "ExecutionsEndedBadly", "SchedulesOff")


@pytest.fixture(autouse=True)
def scheduled(cloud: object) -> None:
    """A rule for each function that has a schedule, as the templates make them."""
    events = aws.client("events")
    for name in unattended.SCHEDULES:
        rule = f"{STACK}-Workflows-1ABC-{name}FunctionEveryMinute-2DEF"
        events.put_rule(Name=rule, ScheduleExpression="rate(1 minute)", State="ENABLED")
        arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{STACK}-{name}:live"
        events.put_targets(Rule=rule, Targets=[{"Id": "it", "Arn": arn}])


def _rule_of(name: str) -> str:
    (found,) = (
        each["Name"] for each in aws.client("events").list_rules()["Rules"] if f"-{name}Function" in each["Name"]
    )
    return str(found)


def _queue(name: str, messages: int) -> None:
    sqs = aws.client("sqs")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    for _ in range(messages):
        sqs.send_message(QueueUrl=url, MessageBody="{}")


def _ended(machine: str, status: str, *, ago_ms: int = 0) -> None:
    """An execution that has ended."""
    states = aws.client("stepfunctions")
    arn = config.config().state_machine(machine)
    begun = states.start_execution(stateMachineArn=arn, input="{}")["executionArn"]
    for each in stepfunctions_backends[ACCOUNT][REGION].state_machines:
        for execution in each.executions:
            if execution.execution_arn == begun:
                execution.status = status
                execution.stop_date = datetime.fromtimestamp((clock.now() - ago_ms) / clock.SECOND, UTC)


def test_where_all_is_well_no_metric_is_written() -> None:
    _queue(f"{STACK}-mail-dead", 0)
    with captured_lines() as lines:
        found = lookout.handler({}, CONTEXT)
    assert found == {"dead_letters": {}, "ended_badly": {}, "schedules_off": []}
    assert not set(METRICS) & lines.only.keys()


def test_messages_are_counted_by_dead_letter_queue_of_this_stack() -> None:
    _queue(f"{STACK}-mail-dead", 2)
    _queue(f"{STACK}-schedules-dead", 1)
    _queue(f"{STACK}-waiting", 3)
    _queue(f"{STACK}-other-mail-dead", 5)  # of a stack whose name begins alike
    with captured_lines() as lines:
        found = lookout.handler({}, CONTEXT)
    assert found["dead_letters"] == {"mail": 2, "schedules": 1}
    assert (lines.only["DeadLetters"], lines.only["function"]) == ([3], "operations.lookout")
    assert lines.only["dead_letters"] == {"mail": 2, "schedules": 1}


def test_executions_that_ended_badly_of_late_are_counted_by_machine() -> None:
    """moto says of no execution that timed out when it did, so those are not played here."""
    assert unattended.ENDED_BADLY == ("FAILED", "TIMED_OUT")
    _ended("poll-closing", "FAILED")
    _ended("poll-closing", "FAILED", ago_ms=lookout.LOOKS_BACK_MS - clock.MINUTE)
    _ended("call-lifecycle", "ABORTED")  # stopped by us
    _ended("file-intake", "SUCCEEDED")
    _ended("account-erasure", "FAILED", ago_ms=lookout.LOOKS_BACK_MS + clock.MINUTE)
    with captured_lines() as lines:
        found = lookout.handler({}, CONTEXT)
    assert found["ended_badly"] == {"poll-closing": 2}
    assert lines.only["ExecutionsEndedBadly"] == [2]


def test_many_failed_executions_are_read_a_thousand_at_a_time() -> None:
    """With pages of 100, those of one incident would use up Step Functions' quota of requests for the 90 days that
    executions are kept."""
    for _ in range(101):
        _ended("call-lifecycle", "FAILED")
    asked: list[str] = []
    hear = aws.client("stepfunctions").meta.events.register
    hear("before-call.sfn.ListExecutions", lambda **_: asked.append("page"))
    assert unattended.ended_badly(since_ms=0) == {"call-lifecycle": 101}
    assert len(asked) == len(unattended.MACHINES) * len(unattended.ENDED_BADLY)


def test_schedules_are_found_behind_a_page_of_other_rules() -> None:
    events = aws.client("events")
    for n in range(unattended.RULES_AT_ONCE):
        events.put_rule(Name=f"{STACK}-Data-{n}", ScheduleExpression="rate(1 day)", State="ENABLED")
    pages: list[str] = []
    events.meta.events.register("before-call.eventbridge.ListRules", lambda **_: pages.append("page"))
    assert unattended.schedules_off(unattended.SCHEDULES) == []
    assert len(pages) == 2


def test_a_schedule_that_is_off_or_was_deleted_is_named() -> None:
    events = aws.client("events")
    events.disable_rule(Name=_rule_of("FollowUps"))
    gone = _rule_of("AuditChain")
    events.remove_targets(Rule=gone, Ids=["it"])
    events.delete_rule(Name=gone)
    with captured_lines() as lines:
        found = lookout.handler({}, CONTEXT)
    assert found["schedules_off"] == ["AuditChain", "FollowUps"]
    assert lines.only["SchedulesOff"] == [2]


def test_the_canary_must_walk_only_where_it_has_a_schedule(settings: pytest.MonkeyPatch) -> None:
    settings.setenv("CANARY", "on")
    assert lookout.handler({}, CONTEXT)["schedules_off"] == ["Canary"]


def test_a_machine_that_this_deployment_has_not_is_passed_over() -> None:
    arn = config.config().state_machine("transcription")
    aws.client("stepfunctions").delete_state_machine(stateMachineArn=arn)
    assert lookout.handler({}, CONTEXT)["ended_badly"] == {}


def test_a_look_that_is_refused_is_a_failure_of_the_function(settings: pytest.MonkeyPatch) -> None:
    settings.setenv("STATE_MACHINES", "no-arn:")
    config.config.cache_clear()
    with pytest.raises(DependencyUnavailable):
        lookout.handler({}, CONTEXT)
