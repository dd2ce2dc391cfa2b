"""Lists of messages, read markers and unread counts (R5)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from conversations import service as conversations
from conversations import sync
from kernel import aws, ids, paging
from kernel.caller import Caller
from kernel.errors import InvalidCursor, NotFound, ValidationFailed
from messages import service
from messages.changes import reactions, threads
from messages.reading import receipts
from tests.integration.rooms import add, group, people, place_of, recount_unread, remove, send
from tests.tools import caller


def _list(who: Caller, conversation_id: str, **options: Any) -> Any:
    asked = {"before": None, "after": None, "limit": 50, "page": None, **options}
    return service.list_messages(caller=who, conversation_id=conversation_id, **asked)


def _seqs(page: Any) -> list[int]:
    return [message["seq"] for message in page.items]


def _mark(who: Caller, conversation_id: str, seq: int) -> dict[str, int]:
    return receipts.mark_read(caller=who, conversation_id=conversation_id, seq=seq)


def _unread(who: Caller, conversation_id: str) -> int:
    count: int = conversations.get(caller=who, conversation_id=conversation_id)["unread_count"]
    return count


@pytest.fixture
def room() -> tuple[Caller, Caller, str]:
    """Two people in a group with messages at 2, 3, 5 and 6; at 4 is an edit."""
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob)
    first = send(ada, conversation_id, "2")
    send(ada, conversation_id, "3")
    service.edit(caller=ada, conversation_id=conversation_id, message_id=first["id"], text="two")
    send(bob, conversation_id, "5")
    send(ada, conversation_id, "6")
    return ada, bob, conversation_id


# --- lists ----------------------------------------------------------------------------------------------------


def test_messages_come_newest_first_in_their_present_state(room: tuple[Caller, Caller, str]) -> None:
    _, bob, conversation_id = room
    page = _list(bob, conversation_id)
    assert [message["text"] for message in page.items] == ["6", "5", "3", "two"]
    assert page.next_cursor is None


@pytest.mark.parametrize(
    ("options", "seqs"),
    [
        ({"before": 6}, [5, 3, 2]),
        ({"before": 7}, [6, 5, 3, 2]),
        ({"before": 10**40}, [6, 5, 3, 2]),
        ({"before": 2}, []),
        ({"before": 0}, []),
        ({"after": 0}, [2, 3, 5, 6]),
        ({"after": 3}, [5, 6]),
        ({"after": 6}, []),
        ({"after": 10**40}, []),
    ],
)
def test_before_goes_down_and_after_goes_up(
    room: tuple[Caller, Caller, str], options: dict[str, int], seqs: list[int]
) -> None:
    _, bob, conversation_id = room
    assert _seqs(_list(bob, conversation_id, **options)) == seqs


@pytest.mark.parametrize(("options", "seqs"), [({}, [6, 5, 3, 2]), ({"after": 0}, [2, 3, 5, 6])])
@pytest.mark.parametrize("limit", [1, 2, 3])
def test_pages_join_without_a_hole_or_a_double(
    room: tuple[Caller, Caller, str], options: dict[str, int], seqs: list[int], limit: int
) -> None:
    _, bob, conversation_id = room
    page = _list(bob, conversation_id, limit=limit, **options)
    found = _seqs(page)
    while page.next_cursor is not None:
        page = _list(bob, conversation_id, limit=limit, page=page.next_cursor)
        found += _seqs(page)
    assert found == seqs


@pytest.mark.parametrize("options", [{}, {"after": 0}])
def test_after_the_last_message_there_is_no_further_page(
    room: tuple[Caller, Caller, str], options: dict[str, int]
) -> None:
    _, bob, conversation_id = room
    assert _list(bob, conversation_id, limit=4, **options).next_cursor is None
    half = _list(bob, conversation_id, limit=2, **options)
    assert _list(bob, conversation_id, limit=2, page=half.next_cursor).next_cursor is None


def test_before_and_after_together_are_refused(room: tuple[Caller, Caller, str]) -> None:
    ada, _, conversation_id = room
    with pytest.raises(ValidationFailed):
        _list(ada, conversation_id, before=6, after=1)


def test_a_cursor_of_another_person_or_conversation_is_refused(room: tuple[Caller, Caller, str]) -> None:
    ada, bob, conversation_id = room
    cursor = _list(ada, conversation_id, limit=1).next_cursor
    for who, other in ((bob, conversation_id), (ada, group(ada))):
        with pytest.raises(InvalidCursor):
            _list(who, other, page=cursor)


def test_a_cursor_leads_on_in_its_own_list_only(room: tuple[Caller, Caller, str]) -> None:
    ada, _, conversation_id = room
    newest, oldest = (_list(ada, conversation_id, limit=1, **way).next_cursor for way in ({}, {"after": 0}))
    assert _seqs(_list(ada, conversation_id, limit=1, page=newest)) == [5]
    assert _seqs(_list(ada, conversation_id, limit=1, page=oldest, after=0)) == [3]
    for page, way in ((newest, {"after": 0}), (newest, {"before": 6}), (oldest, {"before": 6}), (oldest, {"after": 1})):
        with pytest.raises(InvalidCursor):
            _list(ada, conversation_id, page=page, **way)


def test_a_newcomer_lists_no_message_from_before() -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada)
    send(ada, conversation_id, "before")
    add(ada, conversation_id, bob)
    send(ada, conversation_id, "after")
    assert [message["text"] for message in _list(bob, conversation_id).items] == ["after"]
    assert _seqs(_list(bob, conversation_id, after=0)) == [4]


def test_who_is_out_lists_nothing(room: tuple[Caller, Caller, str]) -> None:
    ada, bob, conversation_id = room
    cursor = _list(bob, conversation_id, limit=1).next_cursor
    remove(ada, conversation_id, bob)
    for page in (None, cursor):
        with pytest.raises(NotFound):
            _list(bob, conversation_id, page=page)


def _two_messages_and_edits_between(edits: int) -> tuple[Caller, str]:
    (ada,) = people("ada")
    conversation_id = group(ada)
    first = send(ada, conversation_id, "first")
    for number in range(edits):
        service.edit(caller=ada, conversation_id=conversation_id, message_id=first["id"], text=str(number))
    send(ada, conversation_id, "last")
    return ada, conversation_id


def test_messages_are_found_behind_many_other_events() -> None:
    ada, conversation_id = _two_messages_and_edits_between(40)
    assert [message["text"] for message in _list(ada, conversation_id, limit=2).items] == ["last", "39"]


def test_messages_behind_very_many_other_events_take_few_round_trips() -> None:
    ada, conversation_id = _two_messages_and_edits_between(100)
    queries: list[str] = []

    def note(**call: Any) -> None:
        queries.append(call["params"]["body"])

    events = aws.client("dynamodb").meta.events
    events.register("before-call.dynamodb.Query", note)
    try:
        assert [message["text"] for message in _list(ada, conversation_id, limit=2).items] == ["last", "99"]
    finally:
        events.unregister("before-call.dynamodb.Query", note)
    assert len(queries) == 2


def test_long_messages_come_in_pages_that_fit_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    (ada,) = people("ada")
    conversation_id = group(ada)
    root = send(ada, conversation_id, "root")
    sent = [send(ada, conversation_id, "\u4f60" * 1_000, client_id=str(n), thread_root=root["id"]) for n in range(5)]
    monkeypatch.setattr(paging, "MAX_PAGE_BYTES", 17_000)  # 6 bytes a character, when it is escaped
    expected = [message["seq"] for message in sent]
    of_thread = {"caller": ada, "conversation_id": conversation_id, "message_id": root["id"], "limit": 100}
    for ask in (
        lambda page: _list(ada, conversation_id, after=root["seq"] if page is None else None, limit=100, page=page),
        lambda page: threads.list_replies(**of_thread, page=page),
        lambda page: sync.events(caller=ada, conversation_id=conversation_id, after=root["seq"], limit=100, page=page),
    ):
        seqs: list[int] = []
        sizes: list[int] = []
        page: str | None = None
        while not sizes or page is not None:
            found = ask(page)
            seqs += [item["seq"] for item in found.items]
            sizes.append(len(found.items))
            page = found.next_cursor
        assert (seqs, sizes) == (expected, [2, 2, 1])


# --- read markers ---------------------------------------------------------------------------------------------


def test_reading_moves_the_marker_and_the_count(room: tuple[Caller, Caller, str]) -> None:
    _, bob, conversation_id = room
    assert _unread(bob, conversation_id) == 3
    assert _mark(bob, conversation_id, 2) == {"read_seq": 2, "unread_count": 2}
    assert _mark(bob, conversation_id, 6) == {"read_seq": 6, "unread_count": 0}


def test_the_marker_never_moves_back(room: tuple[Caller, Caller, str]) -> None:
    _, bob, conversation_id = room
    _mark(bob, conversation_id, 5)
    for seq in (4, 5, 0):
        assert _mark(bob, conversation_id, seq) == {"read_seq": 5, "unread_count": 1}
    assert place_of(bob, conversation_id).read_seq == 5


def test_of_many_devices_at_once_each_is_told_a_marker_no_less_than_its_own(room: tuple[Caller, Caller, str]) -> None:
    _, bob, conversation_id = room
    for number in range(10):
        send(bob, conversation_id, f"more {number}")
    asked = list(range(16, 0, -1))
    with ThreadPoolExecutor(8) as threads:
        told = list(threads.map(lambda seq: _mark(bob, conversation_id, seq)["read_seq"], asked))
    assert [seq for seq, read_seq in zip(asked, told, strict=True) if read_seq < seq] == []
    assert place_of(bob, conversation_id).read_seq == 16


def test_the_marker_stops_at_the_end_of_the_log(room: tuple[Caller, Caller, str]) -> None:
    ada, bob, conversation_id = room
    assert _mark(bob, conversation_id, 2**53)["read_seq"] == 6
    send(ada, conversation_id, "7")
    assert _unread(bob, conversation_id) == 1


def test_one_s_own_messages_are_not_unread(room: tuple[Caller, Caller, str]) -> None:
    ada, _, conversation_id = room
    assert _unread(ada, conversation_id) == 1


def test_a_deleted_message_is_not_unread(room: tuple[Caller, Caller, str]) -> None:
    ada, bob, conversation_id = room
    message = _list(ada, conversation_id).items[0]
    service.delete(caller=ada, conversation_id=conversation_id, message_id=message["id"])
    assert _unread(bob, conversation_id) == 2


def test_who_is_out_marks_nothing(room: tuple[Caller, Caller, str]) -> None:
    ada, bob, conversation_id = room
    remove(ada, conversation_id, bob)
    with pytest.raises(NotFound):
        _mark(bob, conversation_id, 3)


# --- any history ----------------------------------------------------------------------------------------------

STEPS = ["send", "send", "read", "edit", "delete", "react", "leave", "come"]
steps = st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 1), st.integers(0, 9)), max_size=14)


@examples(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(steps)
def test_after_any_history_unread_equals_a_recount_and_markers_never_moved_back(
    history: list[tuple[str, int, int]],
) -> None:
    two = [caller(f"p{n}{ids.new('x')[12:]}") for n in range(2)]
    conversation_id = group(*two)
    sent: list[tuple[Caller, dict[str, Any]]] = []
    marker = dict.fromkeys((who.user_id for who in two), 0)
    for step, number, where in history:
        who = two[number]
        try:
            if step == "send":
                sent.append(
                    (who, send(who, conversation_id, str(len(sent)), client_id=f"{conversation_id}{len(sent)}"))
                )
            elif step == "read":
                answer = _mark(who, conversation_id, where)
                assert answer["read_seq"] >= marker[who.user_id]
                assert answer["unread_count"] == recount_unread(who, conversation_id)
                marker[who.user_id] = answer["read_seq"]
            elif step in ("edit", "delete", "react") and sent:
                sender, message = sent[where % len(sent)]
                _touch(step, sender, conversation_id, message["id"])
            elif step == "leave":
                remove(two[0], conversation_id, two[1])
                marker[two[1].user_id] = 0
            elif step == "come":
                add(two[0], conversation_id, two[1])
        except NotFound:
            continue
        except Exception as error:
            if getattr(error, "status", 500) not in (410,):
                raise
    for who in two:
        try:
            assert _unread(who, conversation_id) == recount_unread(who, conversation_id)
        except NotFound:
            continue


def _touch(step: str, who: Caller, conversation_id: str, message_id: str) -> None:
    about: dict[str, Any] = {"caller": who, "conversation_id": conversation_id, "message_id": message_id}
    if step == "edit":
        service.edit(**about, text="new")
    elif step == "delete":
        service.delete(**about)
    else:
        reactions.react(**about, emoji="👍", added=True)
