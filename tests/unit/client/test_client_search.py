"""Search and scheduled messages: what the client asks, and what it makes of the answers."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from secureconnect_client.models import File, Message, ScheduledMessage
from tests.unit.client.answering import Answering, asked
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


@in_loop
async def test_a_search_asks_with_its_filters_alone() -> None:
    request, page = await asked(
        lambda client: client.messages.search("hel", sender_id="usr_2", before=AT, has_file=True),
        {"items": [{"kind": "message", "id": "msg_1", "text": "hello"}], "next_cursor": "on"},
    )
    assert ([found.text for found in page.messages], page.next_cursor) == (["hello"], "on")
    assert dict(request.url.params) == {
        "q": "hel",
        "from": "usr_2",
        "before": "2026-12-24T18:00:00+00:00",
        "has": "file",
    }


@in_loop
async def test_a_search_finds_messages_and_files_in_the_order_of_the_answer() -> None:
    file = {"kind": "file", "id": "fil_1", "name": "Hello.txt", "size": 12, "updated_at": "2026-12-24T18:00:00.000Z"}
    newer = {"kind": "a newer server's", "id": "new_1"}
    message = {"kind": "message", "id": "msg_1", "text": "hello", "attachments": [file]}
    answer = {"items": [file, newer, message], "next_cursor": None}
    _, found = await asked(lambda client: client.messages.search("hello"), answer)
    assert [(type(hit), hit.id) for hit in found.items] == [(File, "fil_1"), (Message, "msg_1")]
    assert [(each.name, each.size, each.updated_at) for each in found.files] == [("Hello.txt", 12, AT)]
    assert [(each.text, each.attachments[0].id) for each in found.messages] == [("hello", "fil_1")]


@in_loop
async def test_a_message_is_scheduled_listed_and_taken_back() -> None:
    server = Answering({**KEPT, "items": [KEPT], "next_cursor": None})
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
