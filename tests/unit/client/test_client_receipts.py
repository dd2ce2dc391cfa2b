"""Receipts: everybody's in a small conversation, counts in a large one."""

from __future__ import annotations

from typing import Any

from secureconnect_client.models import Receipt
from secureconnect_client.pages import ReceiptCounts, Receipts
from tests.unit.client.answering import asked
from tests.unit.client.carriers import in_loop

OWN: dict[str, Any] = {"user_id": "usr_1", "delivered_seq": 9, "read_seq": 7}


async def _receipts(answer: dict[str, Any], **question: Any) -> tuple[dict[str, str], Receipts]:
    """The parameters that this question sends, and what comes of the answer."""
    request, receipts = await asked(lambda client: client.conversations.receipts("cnv_1", **question), answer)
    assert request.url.path == "/v1/conversations/cnv_1/receipts"
    return dict(request.url.params), receipts


@in_loop
async def test_a_small_conversation_shows_each_receipt_and_no_counts() -> None:
    params, receipts = await _receipts({"items": [OWN], "next_cursor": "on", "counts": None}, limit=1, cursor="here")
    assert params == {"limit": "1", "cursor": "here"}
    assert receipts == Receipts((Receipt(**OWN),), "on", counts=None)


@in_loop
async def test_a_large_one_counts_who_has_and_who_has_read_the_seq_in_question() -> None:
    counts = {"seq": 8, "members": 201, "delivered": 120, "read": 0}
    params, receipts = await _receipts({"items": [OWN], "next_cursor": None, "counts": counts}, seq=8)
    assert params == {"seq": "8"}
    assert receipts.counts == ReceiptCounts(seq=8, members=201, delivered=120, read=0)
    assert receipts.items == (Receipt(**OWN),)


@in_loop
async def test_who_keeps_reading_private_is_not_told_how_many_have_read() -> None:
    counts = {"seq": 8, "members": 201, "delivered": 120, "read": None}
    _, receipts = await _receipts({"items": [OWN], "next_cursor": None, "counts": counts})
    assert receipts.counts is not None
    assert receipts.counts.read is None
