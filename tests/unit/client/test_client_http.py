"""Requests: what is retried, what errors say."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx
import pytest

from secureconnect_client import ApiError, FieldError, TransportFailed
from secureconnect_client.errors import retry_after
from tests.unit.client.carriers import client, in_loop
from tests.unit.client.world import Reply, World

BUSY = Reply(503, {"status": 503, "code": "dependency_unavailable"}, {"Retry-After": "0"})


@in_loop
async def test_an_idempotent_request_is_retried_when_the_service_is_busy() -> None:
    world = World()
    async with client(world) as c:
        await c.login("ada", "a password")
        world.fail("GET", "/users/me", BUSY, httpx.ConnectError("refused"))
        assert (await c.me()).id == "ada"
    assert world.count("GET", "/users/me") == 3


@in_loop
async def test_tries_are_capped() -> None:
    world = World()
    async with client(world, tries=3) as c:
        await c.login("ada", "a password")
        world.fail("GET", "/users/me", *[BUSY] * 9)
        with pytest.raises(ApiError, match="dependency_unavailable"):
            await c.me()
    assert world.count("GET", "/users/me") == 3


@in_loop
async def test_a_request_that_might_happen_twice_is_not_retried() -> None:
    world = World()
    async with client(world) as c:
        world.fail("POST", "/auth/login", httpx.ReadTimeout("slow"))
        with pytest.raises(TransportFailed):
            await c.login("ada", "a password")
    assert world.count("POST", "/auth/login") == 1


@in_loop
async def test_an_idempotency_key_makes_a_post_repeatable() -> None:
    world = World()
    async with client(world) as c:
        await c.login("ada", "a password")
        world.fail("POST", "/nowhere", BUSY)
        with pytest.raises(ApiError, match="404 not_found"):
            await c.request("POST", "/nowhere", json={}, idempotency_key="k")
    assert world.count("POST", "/nowhere") == 2


@in_loop
async def test_a_conflict_that_says_when_to_come_back_is_retried_and_any_other_is_not() -> None:
    world = World()
    async with client(world) as c:
        await c.login("ada", "a password")
        # the first try of a request may still be under way when it is repeated
        under_way, for_good = ({"status": 409, "code": code} for code in ("conflict", "last_owner"))
        world.fail("GET", "/users/me", Reply(409, under_way, {"Retry-After": "0"}), Reply(409, for_good))
        with pytest.raises(ApiError, match="409 last_owner"):
            await c.me()
    assert world.count("GET", "/users/me") == 2


@in_loop
async def test_a_message_whose_answer_was_lost_is_sent_again_and_stored_once() -> None:
    world = World()
    room = world.conversation("ada")
    path = f"/conversations/{room.id}/messages"
    async with client(world) as c:
        await c.login("ada", "a password")
        world.fail("POST", path, httpx.ReadTimeout("slow"))
        await c.messages.send(room.id, "hello")
    assert world.count("POST", path) == 2
    assert len(room.messages) == 1


@in_loop
async def test_a_retry_after_of_minutes_is_the_callers_business() -> None:
    world = World()
    async with client(world) as c:
        await c.login("ada", "a password")
        world.fail("GET", "/users/me", Reply(429, {"code": "rate_limited"}, {"Retry-After": "120"}))
        with pytest.raises(ApiError) as caught:
            await c.me()
    assert (caught.value.status, caught.value.retry_after) == (429, 120)


def test_a_problem_document_is_read_whole() -> None:
    body = {
        "status": 400,
        "code": "validation_failed",
        "detail": "No.",
        "request_id": "r1",
        "errors": [{"field": "text", "message": "too long"}, "odd"],
    }
    error = ApiError.from_response(httpx.Response(400, json=body))
    assert (error.status, error.code, error.detail) == (400, "validation_failed", "No.")
    assert (error.request_id, error.errors) == ("r1", (FieldError("text", "too long"),))
    assert not error.transient


@pytest.mark.parametrize("body", [b"", b"<html>", b"[1]", b'{"message":"Unauthorized"}', b"\xff"])
def test_an_answer_of_the_gateway_itself_gets_a_code_by_its_status(body: bytes) -> None:
    error = ApiError.from_response(httpx.Response(401, content=body))
    assert (error.status, error.code, error.documented) == (401, "unauthenticated", False)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("3", 3),
        ("0.5", 0.5),
        ("-1", 0),
        ("nan", None),
        ("soon", None),
        (None, None),
        ("Sun, 22 Nov 2026 21:24:15 GMT", 10),
        ("Sun, 22 Nov 2026 21:20:00 GMT", 0),
    ],
)
def test_retry_after_is_read_in_both_forms(header: str | None, seconds: float | None) -> None:
    assert retry_after(header, now=datetime(2026, 11, 22, 21, 24, 5, tzinfo=UTC)) == seconds


@in_loop
async def test_a_success_that_is_not_json_is_a_failure_of_transport() -> None:
    world = World()
    async with client(world, transport=httpx.MockTransport(lambda _: httpx.Response(200, text="hi"))) as c:
        with pytest.raises(TransportFailed):
            await c.health()


@in_loop
async def test_path_segments_and_the_base_path_are_kept_apart() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        body = {
            "user": {"id": "ada"},
            "tokens": {"access_token": "a", "refresh_token": "r", "expires_in": 900},
        }
        return httpx.Response(200, json=body)

    async with client(World(), transport=httpx.MockTransport(answer)) as c:
        await c.login("ada", "a password")
        await c.messages.react("cnv_1", "msg_1", "👍🏽")
    raw = seen[1].url.raw_path
    assert raw.decode() == "/v1/conversations/cnv_1/messages/msg_1/reactions/%F0%9F%91%8D%F0%9F%8F%BD"
    assert seen[1].headers["user-agent"] == "secureconnect-python/0.1"
