"""The driver starts, finds and stops its own servers, and no others."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from infra.local import process, services
from infra.local.config import ROOT, Instance
from infra.local.console import Problem
from infra.local.locks import locked
from infra.local.stack import Stack
from infra.local.up import start_servers
from tests.infra import local_cloud


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[Instance]:
    made = local_cloud.instance(tmp_path / "home")
    services.prepare(made)
    yield made
    services.redis(made).stop(wait_s=services.STOP_WAIT_S)


def test_a_server_is_found_again_without_its_pid_file(instance: Instance) -> None:
    redis = services.redis(instance)
    redis.start(wait_s=services.START_WAIT_S)
    pid = redis.pid()
    redis.pid_file.unlink()
    assert services.redis(instance).pid() == pid
    assert services.redis(instance).current()


def test_a_server_outlives_the_process_that_started_it_without_a_warning(instance: Instance) -> None:
    code = (
        "from pathlib import Path; from infra.local import services; from infra.local.config import Instance; "
        f"of = Instance('default', {instance.port}, {instance.redis_port}, Path({str(instance.home)!r})); "
        "services.redis(of).start(wait_s=services.START_WAIT_S)"
    )
    command = [sys.executable, "-X", "dev", "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert services.redis(instance).listening()


def test_a_stopped_server_has_ended_for_who_started_it(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    daemon = services.redis(instance)
    daemon.start(wait_s=services.START_WAIT_S)
    (started,) = (each for pid, each in process._started.items() if pid == daemon.pid())
    lines = iter([[daemon.mark]])  # a process that ends loses its command line first
    monkeypatch.setattr(process, "arguments", lambda pid: next(lines, []))
    assert daemon.stop(wait_s=services.STOP_WAIT_S) == "stopped"
    assert started.returncode is not None


def test_a_pid_file_that_names_somebody_elses_process_is_ignored(instance: Instance) -> None:
    redis = services.redis(instance)
    redis.pid_file.write_text(str(os.getpid()))
    assert redis.pid() is None
    assert redis.stop(wait_s=1) == "was not running"


def test_a_taken_port_is_refused_with_its_holder(instance: Instance) -> None:
    with socket.create_server(("127.0.0.1", instance.redis_port)), pytest.raises(Problem) as refused:
        services.redis(instance).require_free_port("SC_REDIS_PORT")
    assert f"taken by process {os.getpid()}" in str(refused.value)
    assert "SC_REDIS_PORT" in refused.value.advice


def test_a_server_of_another_port_is_not_taken_for_the_one_asked_for(instance: Instance) -> None:
    services.redis(instance).start(wait_s=services.START_WAIT_S)
    moved = Instance("default", instance.port, local_cloud.free_port(), instance.home)
    assert not services.redis(moved).listening()
    assert not services.redis(moved).current()


def test_the_cloud_goes_on_when_redis_has_stopped_and_is_started_again(instance: Instance) -> None:
    with local_cloud.running(instance) as cloud:
        local_cloud.add_function(cloud, "modules")
        services.redis(instance).start(wait_s=services.START_WAIT_S)
        services.redis(instance).stop(wait_s=services.STOP_WAIT_S)
        start_servers(instance)
        answer = cloud.client("lambda").invoke(FunctionName="modules", Payload=b'["json"]')
        assert json.loads(answer["Payload"].read()) == ["json"]


def test_the_cloud_keeps_its_data_over_a_stop(instance: Instance) -> None:
    with local_cloud.running(instance) as cloud:
        cloud.client("sqs").create_queue(QueueName="kept")
        cloud.client("s3").create_bucket(Bucket="kept")
        cloud.client("s3").put_object(Bucket="kept", Key="file", Body=b"content")
    with local_cloud.running(instance) as cloud:
        assert "QueueUrls" in cloud.client("sqs").list_queues()
        assert cloud.client("s3").get_object(Bucket="kept", Key="file")["Body"].read() == b"content"


def test_a_request_that_never_ends_does_not_cost_the_cloud_its_data(instance: Instance) -> None:
    daemon = services.cloud(instance)
    with local_cloud.running(instance) as cloud:
        cloud.client("sqs").create_queue(QueueName="kept")
        with socket.create_connection(("127.0.0.1", instance.port)) as open_request:
            open_request.sendall(b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 9\r\n\r\nhalf")
            assert daemon.stop(wait_s=services.STOP_WAIT_S) == "stopped"
    with local_cloud.running(instance) as cloud:
        assert "QueueUrls" in cloud.client("sqs").list_queues()


def test_a_streams_changes_are_followed_after_a_stop_too(instance: Instance) -> None:
    with local_cloud.running(instance) as cloud:
        table = cloud.client("dynamodb").create_table(
            TableName="followed",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"},
        )["TableDescription"]
        local_cloud.add_function(cloud, "follow")
        cloud.client("lambda").create_event_source_mapping(
            EventSourceArn=table["LatestStreamArn"], FunctionName="follow", StartingPosition="TRIM_HORIZON"
        )
        for number in range(3):
            _write_and_wait(cloud, f"before-{number}")
    with local_cloud.running(instance) as cloud:
        _write_and_wait(cloud, "after")


def _write_and_wait(cloud: Stack, written: str) -> None:
    """Put an item into the table, and wait until the function on its stream has received it."""
    cloud.client("dynamodb").put_item(TableName="followed", Item={"id": {"S": written}})
    logs = cloud.client("logs")
    until = time.monotonic() + 30
    while time.monotonic() < until:
        with suppress(logs.exceptions.ResourceNotFoundException):  # the log group is created by the first call
            lines = logs.filter_log_events(logGroupName="/aws/lambda/follow")["events"]
            if any(written in line["message"] for line in lines):
                return
        time.sleep(0.2)
    pytest.fail(f"the change of {written} was not followed")


def test_a_newer_ministack_without_a_corrected_name_is_refused() -> None:
    code = "from infra.local.patching import wrap; wrap('ministack.core.lambda_runtime', 'Worker.gone', lambda f: f)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "has no ministack.core.lambda_runtime.Worker.gone" in done.stderr


def test_a_command_that_is_asked_to_end_cleans_up_as_at_an_interrupt() -> None:
    with (
        locked("default"),
        subprocess.Popen(
            [sys.executable, "-m", "infra.local", "down"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, env=os.environ | {"PYTHONUNBUFFERED": "1"},
        ) as command,
    ):  # fmt: skip
        assert command.stdout
        assert "waiting" in command.stdout.readline()
        command.terminate()
        _, said = command.communicate(timeout=10)
    assert command.returncode == 130
    assert "Interrupted" in said
