"""The operators' commands and pages, on a local cloud with the stack's tables, queues and state machines.

It has none of the stack's functions: commands that call one, ask the API or look at the deployment are run on the
deployed stack (tests/e2e/operations/test_runbooks.py).
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.local import watch
from infra.local.config import ACCOUNT, REGION, STACK
from infra.local.stack import Stack
from tests.e2e.tools import eventually
from tests.infra import local_cloud
from tests.infra.deployed import of_type
from tests.runbook_pages import LIMIT_S, PAGES, follow, operators_shell, run

MACHINES = ("account-erasure", "account-export", "call-lifecycle", "file-intake", "poll-closing", "scheduled-message")
FAILS = {"StartAt": "Fail", "States": {"Fail": {"Type": "Fail", "Error": "States.TaskFailed", "Cause": "no store"}}}


@dataclass(frozen=True, slots=True)
class Desk:
    """A local cloud, and the environment of an operator's shell."""

    cloud: Stack
    shell: tuple[tuple[str, str], ...]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A cloud with a failure in a function's log, in each machine and in the queue of pushes."""
    home = tmp_path_factory.mktemp("cloud")
    with local_cloud.running(local_cloud.instance(home)) as cloud:
        _fill(cloud)
        addresses = {"stack": STACK, "region": REGION, "aws_endpoint_url": cloud.instance.endpoint}
        nowhere = {"http_url": f"{cloud.instance.endpoint}/nowhere", "redis_url": cloud.instance.redis_url}
        cloud.instance.endpoints_file.write_text(json.dumps(addresses | nowhere))
        shell = operators_shell(cloud.instance.endpoints_file) | {"TABLE": "drafts"}
        run("python -m infra.restore --on", tuple(shell.items()))
        shell["AT"] = datetime.fromtimestamp(time.time() + 1, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        time.sleep(1.5)  # recovery is exact to the second
        yield Desk(cloud, tuple(shell.items()))


def _fill(cloud: Stack) -> None:
    dynamodb, sqs, logs = (cloud.client(each) for each in ("dynamodb", "sqs", "logs"))
    for table in of_type("AWS::DynamoDB::Table").values():
        made = table["Properties"]
        taken = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")
        about: dict[str, Any] = {name: made[name] for name in taken if name in made}
        name = made["TableName"]["Fn::Sub"].replace("${Prefix}", STACK)
        dynamodb.create_table(TableName=name, BillingMode="PAY_PER_REQUEST", **about)
    for queue in of_type("AWS::SQS::Queue").values():
        sqs.create_queue(QueueName=f"{STACK}-{queue['Properties']['QueueName']['Fn::Sub'].partition('}-')[2]}")
    cloud.client("s3").create_bucket(Bucket=f"{STACK}-drive-{ACCOUNT}")
    cloud.client("events").put_rule(Name=f"{STACK}-Sweep", ScheduleExpression="rate(1 minute)", State="ENABLED")
    states = cloud.client("stepfunctions")
    for name in MACHINES:
        made = states.create_state_machine(
            name=f"{STACK}-{name}", roleArn="arn:aws:iam::000000000000:role/any", definition=json.dumps(FAILS)
        )
        states.start_execution(stateMachineArn=made["stateMachineArn"], input="{}")
    for each in of_type("AWS::Logs::LogGroup").values():
        name = each["Properties"]["LogGroupName"]["Fn::Sub"]
        logs.create_log_group(logGroupName=name.replace("${Prefix}", STACK))
    group = f"/aws/lambda/{STACK}-Messages"
    logs.create_log_stream(logGroupName=group, logStreamName="one")
    failed = {"level": "ERROR", "message": "call failed", "Duration": 3, "exception": "Traceback\nKeyError: 'x'"}
    sent = {"level": "INFO", "message": "call", "Duration": 3, "StoreThrottles": 2, "route": "GET /x", "status": 200}
    at = int(time.time() * 1000)
    lines = [{"timestamp": at, "message": json.dumps(each)} for each in (failed, sent)]
    logs.put_log_events(logGroupName=group, logStreamName="one", logEvents=lines)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_commands_of_a_runbook_work_as_they_stand(page: Path, desk: Desk) -> None:
    follow(page, lambda text: run(text, desk.shell), with_functions=False)


def test_errors_metrics_and_failed_executions_are_told_with_their_reasons(desk: Desk) -> None:
    assert "Messages  KeyError: 'x'" in run("python -m infra.show errors Messages", desk.shell)[1]
    assert "StoreThrottles: 2 in" in run("python -m infra.show metric StoreThrottles", desk.shell)[1]
    code, said = run("python -m infra.show errors Sockets", desk.shell)
    assert (code, said.strip()[:65]) == (1, "no function's name begins with Sockets; there are Administration,")
    assert "FAILED States.TaskFailed no store" in run("python -m infra.machines call-lifecycle", desk.shell)[1]
    again = run("python -m infra.machines call-lifecycle --go", desk.shell)[1]
    assert "started again as" in again


def test_a_command_on_a_local_stack_that_is_down_says_how_to_start_it(tmp_path: Path) -> None:
    addresses = {"stack": STACK, "region": REGION, "aws_endpoint_url": f"http://127.0.0.1:{local_cloud.free_port()}"}
    (tmp_path / "endpoints.json").write_text(json.dumps(addresses))
    shell = tuple(operators_shell(tmp_path / "endpoints.json").items())
    for command in ("infra.show health", "infra.admin ada", "infra.unlock ada", "infra.redrive mail"):
        assert run(f"python -m {command}", shell) == (1, "the local stack does not run: start it with `make up`\n")


def test_the_page_and_the_terminal_show_what_lies_in_dead_letters_with_its_runbook(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    sqs = desk.cloud.client("sqs")
    sqs.send_message(QueueUrl=sqs.get_queue_url(QueueName=f"{STACK}-mail-dead")["QueueUrl"], MessageBody="{}")
    page = f"{desk.cloud.instance.endpoint}/_secureconnect/status"

    eventually(lambda: "MailDeadLetters" in httpx.get(page, timeout=LIMIT_S).text, within_s=LIMIT_S)
    answer = httpx.get(page, timeout=LIMIT_S)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    for part in ("docs/runbooks/dead-letters.md", "<svg", "HTTP: time to answer, ms"):
        assert part in answer.text
    watch.watch(desk.cloud.instance, every_s=0, times=1)
    said = capsys.readouterr().out
    for part in ("Health: down", "MailDeadLetters: ", "-> docs/runbooks/dead-letters.md", "Store: queries", "▁"):
        assert part in said
