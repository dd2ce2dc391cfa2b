"""Search and scheduled messages: what the client asks, and what it makes of the answers."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import httpx

from secureconnect_client import Client
from secureconnect_client.models import ScheduledMessage
from tests.unit.client.carriers import in_loop

KEPT = {
    "id": "sch_1",
    "conversation_id": "cnv_1",
    "send_at": "2026-12-24T18:00:00.000Z",
    "state": "failed",
    "reason": "not_found",
    "client_id": "one",
    "type": "text",
    "text": "good morning",
    "created_at": "2026-11-22T18:00:00.000Z",
}
AT = datetime(2026, 12, 24, 18, tzinfo=UTC)


class Server:
    """Answers every request alike and remembers what it was asked."""

    def __init__(self, answer: object) -> None:
        self.answer = answer
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/auth/login"):
            tokens = {"access_token": "a", "refresh_token": "r", "expires_in": 900, "session_id": "ses_1"}
            return httpx.Response(200, json={"user": {"id": "usr_1"}, "tokens": tokens})
        self.asked.append(request)
        return httpx.Response(200, json=self.answer)

    def client(self) -> Client:
        return Client("http://chat.test/v1", transport=httpx.MockTransport(self))


@in_loop
async def test_a_search_asks_with_its_filters_alone() -> None:
    server = Server({"items": [{"kind": "message", "id": "msg_1", "text": "hello"}], "next_cursor": "on"})
    async with server.client() as client:
        await client.login("ada", "a password")
        page = await client.messages.search("hel", sender_id="usr_2", before=AT, has_file=True)
    assert ([found.text for found in page.items], page.next_cursor) == (["hello"], "on")
    assert dict(server.asked[-1].url.params) == {
        "q": "hel",
        "from": "usr_2",
        "before": "2026-12-24T18:00:00+00:00",
        "has": "file",
    }


@in_loop
async def test_a_message_is_scheduled_listed_and_taken_back() -> None:
    server = Server({**KEPT, "items": [KEPT], "next_cursor": None})
    async with server.client() as client:
        await client.login("ada", "a password")
        kept = await client.messages.schedule("cnv_1", "good morning", send_at=AT, client_id="one")
        listed = await client.messages.scheduled("cnv_1")
        await client.messages.cancel_scheduled("cnv_1", "sch_1")
    assert json.loads(server.asked[0].content) == {
        "client_id": "one",
        "text": "good morning",
        "send_at": "2026-12-24T18:00:00+00:00",
    }
    assert listed.items == (kept,)
    assert isinstance(kept, ScheduledMessage)
    assert (kept.send_at, kept.state, kept.reason) == (AT, "failed", "not_found")
    assert (server.asked[2].method, server.asked[2].url.path) == (
        "DELETE",
        "/v1/conversations/cnv_1/scheduled/sch_1",
    )
