"""The canary's walk, over real sockets to a server that implements the contract; and its function's metrics."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from kernel import clock, keyrings
from operations import journey
from operations.consumers import canary
from tests.helpers import CONTEXT
from tests.integration.client.loopback import served
from tests.tools import captured_lines
from tests.unit.client.carriers import in_loop
from tests.unit.client.world import Reply, World
from users.model import Profile

SECRET = "Zk3mPq8sTv2wXy5zAb7cDe9fGh4jKl6nMr1tUv0w"
STEPS = ["sign_in", "make_group", "open_socket", "send", "arrive", "read"]
NEXT_STEPS = ["sign_in", "open_socket", "send", "arrive", "read"]
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
async def test_a_walk_times_each_step() -> None:
    walked = await _walked(Server())
    assert (walked.failed_at, walked.why) == ("", "")
    assert list(walked.took_ms) == STEPS
    assert all(took >= 0 for took in walked.took_ms.values())


@in_loop
async def test_walks_go_on_with_sessions_and_group_for_an_hour_and_then_leave_nothing_behind() -> None:
    world = Server()
    with clock.held(1_800_000_000_000) as advance:
        async with served(world) as server:
            assert (await journey.walk(server.http_url, SECRET)).failed_at == ""
            for _ in range(2):
                assert list((await journey.walk(server.http_url, SECRET)).took_ms) == NEXT_STEPS
            assert (world.requests.count(LOGIN), len(world.conversations)) == (2, 1)
            advance(journey.VISIT_MS)
            assert list((await journey.walk(server.http_url, SECRET)).took_ms) == [*NEXT_STEPS, "tidy", "sign_out"]
            assert (world.access, world.conversations) == ({}, {})
            assert (await journey.walk(server.http_url, SECRET)).failed_at == ""
    assert world.requests.count(LOGIN) == 4


@in_loop
async def test_a_walk_in_a_new_process_deletes_the_group_that_the_last_process_has_left() -> None:
    """Lambda may end an idle process between two walks, which are ten minutes apart."""
    world = Server()
    async with served(world) as server:
        for _ in range(3):
            assert (await journey.walk(server.http_url, SECRET)).failed_at == ""
            journey._kept.clear()
    assert len(world.conversations) == 1


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
async def test_a_group_that_cannot_be_deleted_is_told_and_deleted_by_the_next_walk_that_makes_one() -> None:
    world = Server()
    with clock.held(1_800_000_000_000) as advance:
        async with served(world) as server:
            for fault in ([_failing("GET", "/conversations")], []):
                assert (await journey.walk(server.http_url, SECRET)).failed_at == ""
                advance(journey.VISIT_MS)
                world.faults[:] = fault
                walked = await journey.walk(server.http_url, SECRET)
                assert walked.failed_at == ("tidy" if fault else "")
                world.faults.clear()
    assert (world.access, world.conversations) == ({}, {})


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


@pytest.fixture(autouse=True)
def nothing_kept() -> None:
    """No visit of an earlier test goes on."""
    journey._kept.clear()


@pytest.fixture
def canarys_cloud(cloud: object, settings: pytest.MonkeyPatch) -> None:
    settings.setenv("CANARY_URL", NOBODY_LISTENS)


@pytest.mark.usefixtures("canarys_cloud")
def test_a_failed_walk_is_counted_and_told_without_the_secret() -> None:
    with captured_lines() as lines:
        answer = canary.handler({}, CONTEXT)
    assert (answer["failed_at"], answer["why"]) == ("sign_in", "TransportFailed")
    assert lines.only["CanaryFailed"] == 1
    assert (lines.only["failed_at"], lines.only["function"]) == ("sign_in", "operations.canary")
    assert canary._secret() not in lines.text


@pytest.mark.usefixtures("canarys_cloud")
def test_a_walk_that_came_through_is_told_and_writes_no_metric(settings: pytest.MonkeyPatch) -> None:
    @in_loop
    async def walks() -> None:
        async with served(Server()) as server:
            settings.setenv("CANARY_URL", server.http_url)
            answer = await asyncio.to_thread(canary.handler, {}, CONTEXT)
        assert answer["failed_at"] == ""

    with captured_lines() as lines:
        walks()
    assert list(lines.only["steps_ms"]) == STEPS
    assert not [name for name in lines.only if name.startswith("Canary")]


@pytest.mark.usefixtures("canarys_cloud")
def test_the_canarys_accounts_stay_the_same_and_come_from_its_ring() -> None:
    secret = canary._secret()
    assert secret == canary._secret()
    assert len(secret) == 2 * canary.SECRET_BYTES
    assert secret.encode() != keyrings.canary.seeds()[0].value
