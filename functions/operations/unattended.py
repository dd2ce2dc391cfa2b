"""What waits for an operator: dead letters, executions that ended badly, schedules that are off.

AWS has a metric for each queue, machine and schedule, and an alarm on each costs 0.10 $ a month; these calls cost next
to nothing (docs/decisions.md). They change nothing. Each raises DependencyUnavailable if the service does not answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from kernel import aws, clock
from kernel.config import config
from kernel.errors import DependencyUnavailable

# A test compares both with the templates. Transcriptions have a machine only where they are on.
MACHINES = (
    *("account-erasure", "account-export", "call-lifecycle", "file-intake", "poll-closing", "scheduled-message"),
    "transcription",
)
SCHEDULES = ("AuditChain", "DriveSweep", "EraseExpired", "FollowUps", "Keyrings", "SendScheduled")
# An execution that was stopped (ABORTED) was stopped by us: a cancelled message, a closed poll, an ended call.
ENDED_BADLY = ("FAILED", "TIMED_OUT")
# The most on a page. Executions are kept for 90 days, and a look after an incident reads all that failed.
EXECUTIONS_AT_ONCE, RULES_AT_ONCE = 1_000, 100


def dead_letters() -> dict[str, int]:
    """The number of messages in each dead-letter queue that has any, by the queue's name without `-dead`."""
    of_stack = re.compile(rf".*/{re.escape(config().stack)}-(\w+)-dead")
    found: dict[str, int] = {}
    for url in _call("list_queues", "sqs", QueueNamePrefix=f"{config().stack}-").get("QueueUrls", ()):
        if name := of_stack.fullmatch(url):
            answer = _call("get_queue_attributes", "sqs", QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
            if count := int(answer["Attributes"]["ApproximateNumberOfMessages"]):
                found[name[1]] = count
    return found


def ended_badly(*, since_ms: int) -> dict[str, int]:
    """The number of executions that failed or did not end in their time since then, by the machine's name."""
    found: dict[str, int] = {}
    for machine in MACHINES:
        ends = [int(each["stopDate"].timestamp() * clock.SECOND) for each in _executions(machine)]
        if count := sum(end >= since_ms for end in ends):
            found[machine] = count
    return found


def _executions(machine: str) -> Iterator[dict[str, Any]]:
    """All kept executions that ended badly. They are sorted by their start, so the last to end may be on any page."""
    for status in ENDED_BADLY:
        pages = _pages(
            "list_executions",
            "stepfunctions",
            next_page="nextToken",
            absent="StateMachineDoesNotExist",
            stateMachineArn=config().state_machine(machine),
            statusFilter=status,
            maxResults=EXECUTIONS_AT_ONCE,
        )
        for page in pages:
            yield from page.get("executions", ())


def schedules_off(schedules: tuple[str, ...]) -> list[str]:
    """Those of the functions with these names that no enabled rule calls, whether it is off or was deleted."""
    called: set[str] = set()
    pages = _pages("list_rules", "events", next_page="NextToken", NamePrefix=config().stack, Limit=RULES_AT_ONCE)
    for rule in (each for page in pages for each in page["Rules"]):
        if "ScheduleExpression" in rule and rule["State"] == "ENABLED":
            targets = _call("list_targets_by_rule", "events", Rule=rule["Name"])["Targets"]
            called |= {each["Arn"].partition(":function:")[2].partition(":")[0] for each in targets}
    return [name for name in schedules if f"{config().stack}-{name}" not in called]


def _pages(operation: str, service: str, *, next_page: str, **asked: Any) -> Iterator[dict[str, Any]]:
    """The pages of an answer; `next_page` is the field by which a page asks for the next one."""
    while True:
        answer = _call(operation, service, **asked)
        yield answer
        if not answer.get(next_page):
            return
        asked[next_page] = answer[next_page]


def _call(operation: str, service: str, *, absent: str = "", **arguments: Any) -> dict[str, Any]:
    """The answer; an empty one if what is asked about does not exist, which the error `absent` says."""
    try:
        answer: dict[str, Any] = getattr(aws.client(service), operation)(**arguments)
    except ClientError as error:
        if error.response["Error"]["Code"] != absent:
            raise DependencyUnavailable from error
        return {}
    except BotoCoreError as error:
        raise DependencyUnavailable from error
    return answer
