"""Receipts: delivered and read markers, published at most once per window, and hidden for those who switch them off."""

from __future__ import annotations

from typing import Any

import pytest

from conversations import model, service, sync
from conversations import store as conversations
from kernel import clock, debounce
from kernel.caller import Caller
from kernel.errors import NotFound
from messages.reading import receipts
from tests.integration.rooms import direct, group, open_socket, people, place_of, remove, send, work
from tests.management import Management
from tests.tools import jobs
from users import service as users

BIG = model.MEMBER_IDS_MAX + 1


@pytest.fixture
def room() -> tuple[Caller, Caller, str]:
    """Ada and Bob in a group with Ada's messages at 2 and 3; each has a socket of their name."""
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob)
    send(ada, conversation_id, "2")
    send(ada, conversation_id, "3")
    for who, name in ((ada, "ada"), (bob, "bob")):
        open_socket(who, name)
    return ada, bob, conversation_id


def _ping(who: Caller, conversation_id: str, seq: int) -> None:
    """Say over a socket how far one is."""
    sync.behind(caller=Caller(who.user_id, who.session_id, "s-1"), cursors={conversation_id: seq})


def _mark(who: Caller, conversation_id: str, seq: int) -> None:
    receipts.mark_read(caller=who, conversation_id=conversation_id, seq=seq)


def _listed(who: Caller, conversation_id: str, seq: int | None = None) -> dict[str, Any]:
    return receipts.list_receipts(caller=who, conversation_id=conversation_id, seq=seq, limit=50, page=None)


def _markers(who: Caller, conversation_id: str) -> dict[str, tuple[int, int]]:
    """The delivered and read markers that somebody sees, by person."""
    items = _listed(who, conversation_id)["items"]
    return {each["user_id"]: (each["delivered_seq"], each["read_seq"]) for each in items}


def _told(management: Management, socket: str) -> list[tuple[str, int, int]]:
    return [
        (frame["data"]["user_id"], frame["data"]["delivered_seq"], frame["data"]["read_seq"])
        for frame in management.frames(socket)
        if frame["type"] == "receipt.updated"
    ]


def _keep_reading_private(who: Caller) -> None:
    users.change(user_id=who.user_id, changes={"settings": {"read_receipts": False}})


# --- delivered ------------------------------------------------------------------------------------------------


def test_what_a_ping_says_one_has_is_delivered(room: tuple[Caller, Caller, str]) -> None:
    ada, bob, conversation_id = room
    sync.behind(caller=bob, cursors={conversation_id: 2})
    assert _markers(ada, conversation_id)[bob.user_id] == (2, 0)


def test_a_sync_delivers_what_it_hands_out(room: tuple[Caller, Caller, str]) -> None:
    ada, bob, conversation_id = room
    sync.missed(caller=bob, cursors={conversation_id: 1})
    assert _markers(ada, conversation_id)[bob.user_id] == (3, 0)


def test_reading_the_events_delivers_them(room: tuple[Caller, Caller, str]) -> None:
    ada, bob, conversation_id = room
    sync.events(caller=bob, conversation_id=conversation_id, after=0, limit=2, page=None)
    assert _markers(ada, conversation_id)[bob.user_id] == (2, 0)


def test_the_delivered_marker_never_moves_back_nor_beyond_the_log(room: tuple[Caller, Caller, str]) -> None:
    _, bob, conversation_id = room
    for seq in (2, 10**15, 1):
        sync.behind(caller=bob, cursors={conversation_id: seq})
    assert place_of(bob, conversation_id).delivered_seq == 3


def test_what_is_delivered_already_writes_nothing_and_tells_nobody(room: tuple[Caller, Caller, str]) -> None:
    _, bob, conversation_id = room
    _ping(bob, conversation_id, 3)
    jobs()
    _ping(bob, conversation_id, 3)
    sync.missed(caller=bob, cursors={conversation_id: 3})
    assert jobs() == []


def test_who_polls_moves_the_marker_without_a_word(room: tuple[Caller, Caller, str]) -> None:
    ada, bob, conversation_id = room
    sync.events(caller=bob, conversation_id=conversation_id, after=0, limit=50, page=None)
    assert (_markers(ada, conversation_id)[bob.user_id], jobs()) == ((3, 0), [])


def test_one_call_moves_a_bounded_number_of_markers() -> None:
    (ada,) = people("ada")
    rooms = [group(ada) for _ in range(receipts.MAX_MOVES + 1)]
    sync.behind(caller=ada, cursors=dict.fromkeys(rooms, 1))
    assert sum(place_of(ada, each).delivered_seq for each in rooms) == receipts.MAX_MOVES
    sync.behind(caller=ada, cursors=dict.fromkeys(rooms, 1))
    assert sum(place_of(ada, each).delivered_seq for each in rooms) == receipts.MAX_MOVES + 1


def test_a_marker_that_cannot_be_moved_costs_nobody_their_events(
    room: tuple[Caller, Caller, str], settings: pytest.MonkeyPatch
) -> None:
    _, bob, conversation_id = room

    def refuse(*_: Any) -> None:
        raise RuntimeError("no writes today")

    settings.setattr(conversations, "move_marker", refuse)
    assert len(sync.missed(caller=bob, cursors={conversation_id: 1}).conversations) == 1


# --- telling --------------------------------------------------------------------------------------------------


def test_receipts_are_told_to_everybody_live(room: tuple[Caller, Caller, str], management: Management) -> None:
    _, bob, conversation_id = room
    _ping(bob, conversation_id, 3)
    work()
    _mark(bob, conversation_id, 2)
    work()
    assert _told(management, "ada") == [(bob.user_id, 3, 0), (bob.user_id, 3, 2)] == _told(management, "bob")
    assert management.frames("ada")[0]["conversation_id"] == conversation_id
    assert "seq" not in management.frames("ada")[0]


def test_many_moves_in_a_window_are_one_frame(
    room: tuple[Caller, Caller, str], management: Management, redis: Any
) -> None:
    ada, bob, conversation_id = room
    with clock.held(clock.now()) as advance:
        _mark(bob, conversation_id, 1)
        work()
        # when more moves within the window
        for seq in (2, 3):
            _mark(bob, conversation_id, seq)
            _mark(ada, conversation_id, seq)
        # then one job comes at its end, and shows the last state of each
        (job,) = jobs()
        assert (job["kind"], job["delay_s"]) == ("receipts", receipts.WINDOW_MS // clock.SECOND)
        management.posts.clear()
        advance(receipts.WINDOW_MS)
        work(job)
    assert len(management.posts["bob"]) == 1
    assert sorted(_told(management, "bob")) == sorted([(ada.user_id, 3, 3), (bob.user_id, 3, 3)])


def test_who_was_removed_is_neither_shown_nor_told(room: tuple[Caller, Caller, str], management: Management) -> None:
    ada, bob, conversation_id = room
    _mark(bob, conversation_id, 2)
    (job,) = jobs()
    remove(ada, conversation_id, bob)
    work(job)
    _mark(ada, conversation_id, 2)
    work(*[each for each in jobs() if each["kind"] == "receipts"])
    assert (_told(management, "ada"), _told(management, "bob")) == ([(ada.user_id, 2, 2)], [])


def test_nobody_is_told_across_a_block(management: Management) -> None:
    ada, bob = people("ada", "bob")
    conversation_id = direct(ada, bob)
    send(ada, conversation_id)
    for who, name in ((ada, "ada"), (bob, "bob")):
        open_socket(who, name)
    service.note_block(ada.user_id, bob.user_id, True)
    _mark(bob, conversation_id, 2)
    work()
    assert (_told(management, "ada"), _told(management, "bob")) == ([], [(bob.user_id, 2, 2)])


def test_nobody_sees_receipts_across_a_block() -> None:
    ada, bob = people("ada", "bob")
    conversation_id = direct(ada, bob)
    send(ada, conversation_id)
    service.note_block(ada.user_id, bob.user_id, True)
    for who, other in ((ada, bob), (bob, ada)):
        _mark(who, conversation_id, 2)
        assert _markers(who, conversation_id) == {who.user_id: (2, 2), other.user_id: (0, 0)}
    service.note_block(ada.user_id, bob.user_id, False)
    assert _markers(ada, conversation_id) == {ada.user_id: (2, 2), bob.user_id: (2, 2)}


def test_a_conversation_that_was_deleted_has_no_receipts(
    room: tuple[Caller, Caller, str], management: Management
) -> None:
    ada, bob, conversation_id = room
    _mark(bob, conversation_id, 2)
    (job,) = jobs()
    service.delete(caller=ada, conversation_id=conversation_id)
    work(job)
    assert _told(management, "ada") == []
    with pytest.raises(NotFound):
        _listed(bob, conversation_id)


# --- privacy --------------------------------------------------------------------------------------------------


def test_who_keeps_reading_private_shows_and_sees_no_read_position(
    room: tuple[Caller, Caller, str], management: Management
) -> None:
    ada, bob, conversation_id = room
    _keep_reading_private(bob)
    _ping(bob, conversation_id, 2)
    work()
    _mark(bob, conversation_id, 3)
    _mark(ada, conversation_id, 3)
    work()
    assert _markers(ada, conversation_id) == {ada.user_id: (3, 3), bob.user_id: (2, 0)}
    assert _markers(bob, conversation_id) == {ada.user_id: (0, 0), bob.user_id: (3, 3)}
    assert {read for user_id, _, read in _told(management, "ada") if user_id == bob.user_id} == {0}
    assert {read for user_id, _, read in _told(management, "bob") if user_id == ada.user_id} == {0}
    assert (bob.user_id, 3, 3) in _told(management, "bob")


# --- many members ---------------------------------------------------------------------------------------------


def test_above_the_number_that_is_shown_receipts_are_counted(
    settings: pytest.MonkeyPatch, management: Management
) -> None:
    settings.setattr(receipts, "LISTED_UP_TO", 3)
    ada, bob, cleo, dan = people("ada", "bob", "cleo", "dan")
    conversation_id = group(ada, bob, cleo, dan)
    for who, name in ((ada, "ada"), (bob, "bob"), (bob, "bob-2")):
        open_socket(who, name)
    send(ada, conversation_id)
    management.posts.clear()
    _keep_reading_private(cleo)
    for who in (bob, cleo, dan):
        _ping(who, conversation_id, 2)
    assert jobs() == []  # nobody would be shown them
    for who in (bob, cleo):
        _mark(who, conversation_id, 2)
    work()
    listed = _listed(ada, conversation_id)
    assert listed["items"] == [{"user_id": ada.user_id, "delivered_seq": 0, "read_seq": 0}]
    assert listed["counts"] == {"seq": 2, "members": 4, "delivered": 3, "read": 1}
    assert _listed(ada, conversation_id, 1)["counts"]["seq"] == 1
    assert _listed(cleo, conversation_id)["counts"]["read"] is None
    # and live only one's own devices are told
    assert (_told(management, "ada"), _told(management, "bob-2")) == ([], [(bob.user_id, 2, 2)])


def test_a_crowd_is_told_less_often(management: Management) -> None:
    everybody = people(*(f"p{n:02}" for n in range(BIG)))
    conversation_id = group(*everybody)
    with clock.held(clock.now()):
        with debounce.drained({f"receipts:{conversation_id}": []}):
            pass
        _mark(everybody[0], conversation_id, 1)
        (job,) = jobs()
    assert job["delay_s"] == receipts.CROWD_WINDOW_MS // clock.SECOND


def test_receipts_come_in_pages() -> None:
    ada, bob, cyd = people("ada", "bob", "cyd")
    conversation_id = group(ada, bob, cyd)
    found: list[str] = []
    page: str | None = None
    for left in (2, 1, 0):
        listed = receipts.list_receipts(caller=bob, conversation_id=conversation_id, seq=None, limit=1, page=page)
        found += [each["user_id"] for each in listed["items"]]
        page = listed["next_cursor"]
        assert (page is not None) == (left > 0)
    assert sorted(found) == sorted([ada.user_id, bob.user_id, cyd.user_id])
