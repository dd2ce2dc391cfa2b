"""WebSocket APIs of the local cloud behave like API Gateway's in the points that the driver corrects."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from infra.local.stack import Stack
from tests.infra import local_cloud


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    home: Path = tmp_path_factory.mktemp("cloud")
    with local_cloud.running(local_cloud.instance(home)) as running:
        yield running


@pytest.fixture(scope="module")
def url(cloud: Stack) -> str:
    return local_cloud.add_socket_api(cloud)


def handshake_status(url: str, query: str) -> int:
    async def attempt() -> int:
        try:
            async with connect(f"{url}?{query}"):
                return 101
        except InvalidStatus as refused:
            return refused.response.status_code

    return asyncio.run(attempt())


async def exchange(connection: ClientConnection, **frame: Any) -> dict[str, Any]:
    await connection.send(json.dumps(frame))
    answer: dict[str, Any] = json.loads(await asyncio.wait_for(connection.recv(), 10))
    return answer


@pytest.mark.parametrize(
    ("query", "status"),
    [
        pytest.param("ticket=good", 101, id="allowed"),
        pytest.param("ticket=bad", 401, id="authorizer raises Unauthorized"),
        pytest.param("ticket=deny", 403, id="authorizer denies"),
        pytest.param("ticket=broken", 500, id="authorizer fails"),
        pytest.param("", 401, id="no identity source"),
        pytest.param("ticket=good&status=401", 401, id="integration answers 401"),
        pytest.param("ticket=good&status=409", 409, id="integration answers 409"),
        pytest.param("ticket=good&status=403", 403, id="integration answers 403"),
    ],
)
def test_a_handshake_is_answered_with_the_status_of_its_reason(url: str, query: str, status: int) -> None:
    assert handshake_status(url, query) == status


def test_frames_of_different_connections_run_at_the_same_time(url: str) -> None:
    async def scenario() -> list[dict[str, Any]]:
        async with connect(f"{url}?ticket=1") as one, connect(f"{url}?ticket=2") as two:
            return list(await asyncio.gather(*(exchange(c, action="slow", sleep=2) for c in (one, two))))

    first, second = asyncio.run(scenario())
    assert max(first["began"], second["began"]) < min(first["ended"], second["ended"])


def test_frames_of_one_connection_are_answered_in_order(url: str) -> None:
    async def scenario() -> list[int]:
        async with connect(f"{url}?ticket=1") as connection:
            for n in range(20):
                await connection.send(json.dumps({"action": "slow", "n": n}))
            return [json.loads(await asyncio.wait_for(connection.recv(), 10))["n"] for _ in range(20)]

    assert asyncio.run(scenario()) == list(range(20))


def test_frames_count_against_the_reserved_concurrency(cloud: Stack, url: str) -> None:
    lambda_ = cloud.client("lambda")
    lambda_.put_function_concurrency(FunctionName="slow", ReservedConcurrentExecutions=1)

    async def scenario() -> tuple[dict[str, Any], dict[str, Any]]:
        async with connect(f"{url}?ticket=1") as one, connect(f"{url}?ticket=2") as two:
            running = asyncio.create_task(exchange(one, action="slow", sleep=2))
            await asyncio.sleep(1)
            return await exchange(two, action="slow"), await running

    try:
        refused, done = asyncio.run(scenario())
    finally:
        lambda_.delete_function_concurrency(FunctionName="slow")
    assert refused["message"] == "Internal server error"
    assert "ended" in done


def test_a_failing_route_tells_its_client_nothing_of_the_exception(url: str) -> None:
    async def scenario() -> dict[str, Any]:
        async with connect(f"{url}?ticket=1") as connection:
            return await exchange(connection, action="boom")

    answer = asyncio.run(scenario())
    assert answer.keys() == {"message", "connectionId", "requestId"}
    assert answer["message"] == "Internal server error"


def test_frames_leave_log_events(cloud: Stack, url: str) -> None:
    assert handshake_status(url, "ticket=good") == 101
    events = cloud.client("logs").filter_log_events(logGroupName="/aws/lambda/connect")["events"]
    assert any(event["message"].startswith("START") for event in events)
