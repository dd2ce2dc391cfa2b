"""A group that was deleted: nobody's lists read its rows any more, and no table keeps anything of it."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest

from conversations import erasure, service, store
from drive.consumers import sweep_drive
from drive.sharing import service as sharing
from kernel import clock
from kernel.caller import Caller
from kernel.errors import NotFound
from messages import service as messages
from messages.changes import pins, reactions
from messages.erasing import clearing
from messages.reading import receipts
from messages.unsent import drafts
from operations.consumers import follow_ups
from tests.conftest import STACK, table_properties
from tests.helpers import CONTEXT
from tests.integration import desk
from tests.integration.following import follow
from tests.integration.invitations.test_invitations import link
from tests.integration.moderation.test_reports import report_by
from tests.integration.polls.ballot_boxes import ask, vote
from tests.integration.rooms import group, people, remove, send
from tests.support.killing import Killed, killed_before_write
from tests.tools import rows

KEPT = {"idempotency", "audit", "limits"}  # for their day, or their 400
MANY = 5


@pytest.fixture
def cast() -> list[Caller]:
    return people("ada", "bob", "cyd")


def _lived_in(ada: Caller, bob: Caller, cyd: Caller) -> str:
    """A group in which everything has happened that leaves a row somewhere."""
    here: dict[str, Any] = {"conversation_id": group(ada, bob, cyd)}
    first = send(ada, **here, text="the first")
    send(bob, **here, text="an answer", thread_root=first["id"])
    gone = send(bob, **here, text="gone soon", thread_root=first["id"])
    messages.edit(caller=ada, message_id=first["id"], text="the first, again", **here)
    for who, message in ((bob, first), (cyd, first), (ada, gone)):
        reactions.react(caller=who, message_id=message["id"], emoji="👍", added=True, **here)
    pins.pin(caller=ada, message_id=first["id"], **here)
    messages.delete(caller=bob, message_id=gone["id"], **here)
    send(ada, **here, text="a file", attachment_ids=[desk.put(ada)])
    send(bob, **here, text="another", attachment_ids=[desk.put(bob, conversation_id=here["conversation_id"])])
    shared = desk.put(ada, b"shared by hand")
    sharing.share(caller=ada, node_id=shared, file=True, user_id=None, role="viewer", **here)
    poll = ask(ada, **here)
    vote(bob, poll, "Tea")
    for who in (ada, cyd):
        drafts.keep(caller=who, text="not sent", reply_to=None, thread_root=None, written_at=None, **here)
    receipts.mark_read(caller=bob, seq=first["seq"], **here)
    report_by(bob, first)
    link(ada, here["conversation_id"])
    remove(ada, here["conversation_id"], cyd)
    follow()
    return str(here["conversation_id"])


def _left(conversation_id: str) -> dict[str, int]:
    """How many rows of each table name the conversation."""
    tables = {each["TableName"].removeprefix(f"{STACK}-") for each in table_properties()} - KEPT
    named = {table: sum(_names(row, conversation_id) for row in rows(table)) for table in tables}
    return {table: count for table, count in named.items() if count}


def _names(row: dict[str, Any], conversation_id: str) -> bool:
    """Whether a row names the conversation; that a file of one's own was shared stays in that file's history."""
    is_history = row.get("part", "").startswith("activity#")
    return not is_history and conversation_id in json.dumps(row, default=str, ensure_ascii=False)


def _sweep(after_ms: int = 2 * clock.MINUTE) -> dict[str, Any]:
    with clock.held(clock.now() + after_ms):
        swept: dict[str, Any] = follow_ups.handler({}, CONTEXT)
        sweep_drive.handler({}, CONTEXT)  # deletes the files that nobody has any more
        return swept


def test_a_group_that_was_lived_in_leaves_rows_in_many_tables(cast: list[Caller]) -> None:
    assert _left(_lived_in(*cast)).keys() >= {
        "conversations", "members", "events", "sends", "reactions", "message_parts", "polls", "drafts", "drive",
        "reports", "invitations", "search",
    }  # fmt: skip


def test_nothing_is_left_in_any_table_of_a_group_that_was_deleted(cast: list[Caller]) -> None:
    ada, bob, cyd = cast
    other = group(ada, bob)
    send(ada, other, "elsewhere")
    conversation_id = _lived_in(ada, bob, cyd)
    before = _left(other)
    service.delete(caller=ada, conversation_id=conversation_id)
    assert _sweep()["failed"] == 0
    assert _left(conversation_id) == {}
    assert [row for row in rows("polls") if row["part"].startswith("vote#")] == []
    assert _left(other) == before


def test_a_group_that_its_last_member_leaves_goes_in_the_same_way(cast: list[Caller]) -> None:
    ada, bob, cyd = cast
    conversation_id = _lived_in(ada, bob, cyd)
    for each in (bob, ada):
        remove(each, conversation_id, each)
    _sweep()
    assert _left(conversation_id) == {}


def test_no_list_reads_its_rows_any_more(cast: list[Caller]) -> None:
    ada, bob, cyd = cast
    conversation_id = _lived_in(ada, bob, cyd)
    service.delete(caller=ada, conversation_id=conversation_id)
    assert service.list_conversations(caller=bob, limit=100, after=None).items == []
    _sweep()
    assert store.conversations_of(bob.user_id) == []
    with pytest.raises(NotFound):
        service.get(caller=bob, conversation_id=conversation_id)


def test_its_members_are_there_until_the_fan_out_has_told_them(cast: list[Caller]) -> None:
    ada, bob, cyd = cast
    conversation_id = _lived_in(ada, bob, cyd)
    service.delete(caller=ada, conversation_id=conversation_id)
    assert _sweep(after_ms=0) == {"done": 0, "failed": 0}
    assert len(store.members(conversation_id)) == 2


def test_an_erasure_whose_process_ends_before_any_of_its_writes_goes_on_where_it_was(
    cast: list[Caller], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clearing, "EVENTS_PER_STEP", 5)
    monkeypatch.setattr(erasure, "MEMBERS_PER_STEP", 1)
    ada, bob, cyd = cast
    conversation_id = _lived_in(ada, bob, cyd)
    service.delete(caller=ada, conversation_id=conversation_id)
    kills = 0
    for number in range(1, 100):
        with contextlib.suppress(Killed), killed_before_write(number):
            assert _sweep()["failed"] == 0
            break
        kills += 1
    _sweep()
    assert _left(conversation_id) == {}
    assert kills >= MANY


def test_the_files_of_others_are_theirs_again(cast: list[Caller]) -> None:
    ada, bob, cyd = cast
    conversation_id = _lived_in(ada, bob, cyd)
    file_id = desk.put(bob, b"of the group, and Cyd's too", conversation_id=conversation_id)
    sharing.share(caller=bob, node_id=file_id, file=True, user_id=cyd.user_id, conversation_id=None, role="viewer")
    service.delete(caller=ada, conversation_id=conversation_id)
    _sweep()
    (node,) = [row for row in rows("drive") if row["node_id"] == file_id and row["part"] == "node"]
    assert (node["state"], "conversation_id" in node) == ("ready", False)
