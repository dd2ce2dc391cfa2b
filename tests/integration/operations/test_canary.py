"""The canary's walk, over real sockets to a server that implements the contract; and its function's metrics."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from kernel import aws, clock
from operations import journey
from operations.consumers import canary
from tests.helpers import CONTEXT
from tests.integration.client.loopback import served
from tests.tools import captured_lines
from tests.unit.client.carriers import in_loop
from tests.unit.client.world import Reply, World
from users.model import Profile

SECRET = "Zk3mPq8sTv2wXy5zAb7cDe9fGh4jKl6nMr1tUv0w"
STEPS = ["sign_in", "make_group", "open_socket", "send", "arrive", "read", "tidy"]
LOGIN = ("POST", "/auth/login")
NOBODY_LISTENS = "http://127.0.0.1:9/v1"


class Server(World):
    """A test server with the routes that the walk needs in addition."""

    def _route(self, method: str, path: list[str], headers: dict[str, str], body: Any, params: dict[str, str]) -> Reply:
        match method, path:
            case "DELETE", ["conversations", conversation_id]:
                del self.conversations[conversation_id]
                return Reply(204)
            case "GET", ["conversations", conversation_id, "messages", message_id]:
                conversation = self.conversations[conversation_id]
                return Reply(200, self.message(conversation, message_id, self.caller(headers)))
        return super()._route(method, path, headers, body, params)


async def _walked(world: World) -> journey.Walk:
    async with served(world) as server:
        return await journey.walk(server.http_url, SECRET)


@in_loop
async def test_a_walk_times_each_step_and_leaves_nothing_behind() -> None:
    world = Server()
    walked = await _walked(world)
    assert (walked.failed_at, walked.why) == ("", "")
    assert list(walked.took_ms) == STEPS
    assert all(took >= 0 for took in walked.took_ms.values())
    assert world.conversations == {}


@in_loop
async def test_walks_go_on_with_their_sessions_for_an_hour_and_then_sign_out() -> None:
    world = Server()
    with clock.held(1_800_000_000_000) as advance:
        async with served(world) as server:
            for _ in range(3):
                assert (await journey.walk(server.http_url, SECRET)).failed_at == ""
            assert world.requests.count(LOGIN) == 2
            advance(journey.SESSION_MS)
            assert list((await journey.walk(server.http_url, SECRET)).took_ms) == [*STEPS, "sign_out"]
            assert world.access == {}
            assert (await journey.walk(server.http_url, SECRET)).failed_at == ""
    assert world.requests.count(LOGIN) == 4


@in_loop
async def test_after_a_failure_the_next_walk_signs_in_anew() -> None:
    world = Server()
    async with served(world) as server:
        world.faults.append(_failing("POST", "/messages"))
        assert (await journey.walk(server.http_url, SECRET)).failed_at == "send"
        assert world.access == {}
        world.faults.clear()
        assert (await journey.walk(server.http_url, SECRET)).failed_at == ""
    assert world.requests.count(LOGIN) == 4


@pytest.mark.parametrize(
    ("step", "method", "ends"),
    [
        ("make_group", "POST", "/conversations"),
        ("open_socket", "POST", "/realtime/tickets"),
        ("send", "POST", "/messages"),
        ("tidy", "GET", "/conversations"),
    ],
)
def test_the_step_that_fails_is_told_and_what_was_begun_is_tidied_up(step: str, method: str, ends: str) -> None:
    world = Server()
    world.faults.append(_failing(method, ends))

    @in_loop
    async def walks() -> None:
        walked = await _walked(world)
        assert (walked.failed_at, walked.why) == (step, "ApiError internal")
        assert step not in walked.took_ms
        if step != "tidy":
            assert world.conversations == {}
        assert world.access == {}, "both have signed out"

    walks()


def _failing(method: str, ends: str) -> Callable[[str, str], Reply | None]:
    problem = {
        "status": 500,
        "code": "internal",
        "title": "x",
        "type": "x",
        "detail": "",
        "request_id": "",
        "errors": [],
    }
    return lambda asked, path: Reply(500, problem) if asked == method and path.endswith(ends) else None


@in_loop
async def test_a_message_that_never_arrives_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journey, "STEP_S", 0.3)
    world = Server()
    sockets = world.sockets
    world.faults.append(lambda method, path: sockets.clear() if path.endswith("/messages") else None)
    walked = await _walked(world)
    assert (walked.failed_at, walked.why) == ("arrive", "TimeoutError")


@in_loop
async def test_what_an_earlier_walk_left_behind_is_deleted() -> None:
    world = Server()
    hers, his = journey.accounts(SECRET)
    world.conversation(hers.username, his.username)
    await _walked(world)
    assert world.conversations == {}


@in_loop
async def test_the_first_walk_makes_the_accounts() -> None:
    world = Server()
    problem = {"status": 401, "code": "invalid_credentials", "title": "x", "type": "x", "detail": "", "errors": []}
    world.faults.append(lambda _, path: Reply(401, problem) if path == "/auth/login" else None)
    walked = await _walked(world)
    assert walked.failed_at == ""
    assert world.requests.count(("POST", "/auth/register")) == 2


def test_the_accounts_are_found_by_nobody_and_their_letters_go_nowhere() -> None:
    for each in journey.accounts(SECRET):
        profile = Profile("usr_1", username=each.username, display_name="Canary", email=each.email, created_at=0)
        assert profile.terms == frozenset()
        assert each.email.endswith("@simulator.amazonses.com")
        assert len(each.username) <= 30
        assert SECRET not in repr(each)
        assert SECRET not in each.username
    someone = Profile("usr_2", username="canary_bird", display_name="Canary", email="", created_at=0)
    assert "canary" in someone.terms


# --- the function ---------------------------------------------------------------------------------------------


@pytest.fixture
def secret_arn(cloud: object, settings: pytest.MonkeyPatch) -> str:
    made = aws.client("secretsmanager").create_secret(Name="canary", SecretString=json.dumps({"secret": SECRET}))
    settings.setenv("CANARY_SECRET_ARN", made["ARN"])
    settings.setenv("CANARY_URL", NOBODY_LISTENS)
    return str(made["ARN"])


@pytest.mark.usefixtures("secret_arn")
def test_a_failed_walk_is_counted_and_told_without_the_secret() -> None:
    with captured_lines() as lines:
        answer = canary.handler({}, CONTEXT)
    assert (answer["failed_at"], answer["why"]) == ("sign_in", "TransportFailed")
    assert lines.only["CanaryFailed"] == 1
    assert (lines.only["failed_at"], lines.only["function"]) == ("sign_in", "operations.canary")
    assert "CanaryDuration" not in lines.only
    assert SECRET not in lines.text


@pytest.mark.usefixtures("secret_arn")
def test_a_walk_that_came_through_is_timed(settings: pytest.MonkeyPatch) -> None:
    @in_loop
    async def walks() -> None:
        async with served(Server()) as server:
            settings.setenv("CANARY_URL", server.http_url)
            answer = await asyncio.to_thread(canary.handler, {}, CONTEXT)
        assert answer["failed_at"] == ""

    with captured_lines() as lines:
        walks()
    assert list(lines.only["steps_ms"]) == STEPS
    assert lines.only["CanaryDuration"] == [pytest.approx(sum(lines.only["steps_ms"].values()), abs=0.1)]
    assert "CanaryFailed" not in lines.only
