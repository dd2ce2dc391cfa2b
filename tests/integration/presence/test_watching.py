"""Watching: sockets receive the presence of the people they watch, once per window, and of nobody else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from kernel import clock
from kernel.caller import Caller
from kernel.errors import NotFound, ValidationFailed
from log import api as log
from presence import model, presence_fanout, service, store
from presence.actions import watch_presence
from realtime import store as connections
from tests.helpers import CONTEXT
from tests.integration.presence.sockets import connected, disconnected
from tests.integration.rooms import group, people, work
from tests.management import Management
from tests.tools import jobs, rows, socket_event
from users import relations
from users.service import blocks_between as relations_between

pytestmark = pytest.mark.usefixtures("management")


@pytest.fixture
def now() -> Iterator[Any]:
    with clock.held(clock.now()) as advance:
        yield advance


def _watch(device: Caller, *watched: Caller, conversation_id: str | None = None) -> list[str]:
    """The statuses that a socket is answered with."""
    user_ids = [each.user_id for each in watched]
    return [each.status for each in service.watch(caller=device, user_ids=user_ids, conversation_id=conversation_id)]


def _choose(who: Caller, status: Any, text: str | None = None, until: int | None = None) -> None:
    service.choose(caller=who, status=status, text=text, until=None if until is None else clock.rfc3339(until))


def _told(management: Management, name: str, about: Caller) -> list[tuple[str, str | None]]:
    return [
        (frame["data"]["status"], frame["data"]["text"])
        for frame in management.frames(name)
        if frame["type"] == "presence" and frame["data"]["user_id"] == about.user_id
    ]


def _run() -> None:
    """Run the jobs that are due, and leave delayed ones."""
    due = [job for job in jobs() if job["kind"] != "presence_guard"]
    if due:
        work(*due)


# --- who is told ----------------------------------------------------------------------------------------------


def test_a_watched_person_s_changes_are_told_to_whom_watches_and_to_nobody_else(management: Management) -> None:
    ada, bob, cleo = people("ada", "bob", "cleo")
    group(ada, bob, cleo)
    phone, _ = connected(ada, "ada-phone"), connected(ada, "ada-laptop")
    connected(cleo, "cleo-1")
    assert _watch(phone, bob) == ["offline"]
    connected(bob, "bob-1")
    _run()
    (frame,) = management.frames("ada-phone")
    assert (frame["type"], sorted(frame["data"])) == ("presence", ["last_seen_at", "status", "text", "user_id"])
    assert (frame["data"]["status"], frame["data"]["user_id"]) == ("online", bob.user_id)
    assert management.frames("ada-laptop") == management.frames("cleo-1") == []


def test_each_change_is_told_as_it_is_then(management: Management, now: Any, redis: Any) -> None:
    ada, bob = people("ada", "bob")
    _watch(connected(ada, "ada-1"), bob)
    device = connected(bob, "bob-1")
    changes: list[Callable[[], None]] = [
        lambda: _choose(bob, "away", "Lunch"),
        lambda: _choose(bob, "busy"),
        lambda: disconnected(device),
    ]
    for change in changes:
        _run()
        now(presence_fanout.WINDOW_MS)
        change()
    _run()
    assert _told(management, "ada-1", bob) == [("online", None), ("away", "Lunch"), ("busy", None), ("offline", None)]


def test_one_s_other_devices_are_shown_what_one_set(management: Management) -> None:
    (bob,) = people("bob")
    connected(bob, "bob-1")
    connected(bob, "bob-2")
    _choose(bob, "invisible", "hush")
    work()
    assert _told(management, "bob-1", bob) == _told(management, "bob-2", bob) == [("invisible", "hush")]


def test_a_second_device_is_no_news(management: Management) -> None:
    ada, bob = people("ada", "bob")
    _watch(connected(ada, "ada-1"), bob)
    connected(bob, "phone")
    _run()
    management.posts.clear()
    disconnected(connected(bob, "laptop"))
    _run()
    assert management.frames("ada-1") == []


def test_who_begins_to_watch_during_a_short_absence_is_told_of_the_return(management: Management, now: Any) -> None:
    ada, bob = people("ada", "bob")
    disconnected(connected(bob, "phone"))
    now(500)
    assert _watch(connected(ada, "ada-1"), bob) == ["offline"]
    now(500)
    connected(bob, "phone-again")
    _run()
    assert _told(management, "ada-1", bob) == [("online", None)]


def test_setting_what_is_set_already_is_no_news(management: Management) -> None:
    ada, bob = people("ada", "bob")
    _watch(connected(ada, "ada-1"), bob)
    _choose(bob, "away")  # who is offline looks so whatever they choose
    connected(bob, "bob-1")
    _run()
    _choose(bob, "away")
    _run()
    assert _told(management, "ada-1", bob) == [("away", None)]


def test_watching_takes_the_place_of_whom_one_watched_before(management: Management) -> None:
    ada, bob, cleo = people("ada", "bob", "cleo")
    device = connected(ada, "ada-1")
    _watch(device, bob)
    _watch(device, cleo)
    connected(bob, "bob-1")
    connected(cleo, "cleo-1")
    _run()
    assert (_told(management, "ada-1", bob), _told(management, "ada-1", cleo)) == ([], [("online", None)])
    _watch(device)
    assert rows("watches") == []


def test_watching_the_same_again_writes_nothing() -> None:
    ada, bob = people("ada", "bob")
    device = connected(ada, "ada-1")
    with clock.held(clock.now()) as advance:
        _watch(device, bob)
        before = rows("watches")
        advance(60_000)
        _watch(device, bob)
    assert rows("watches") == before


def test_an_open_conversation_s_members_are_watched(management: Management) -> None:
    ada, bob, cleo, eve = people("ada", "bob", "cleo", "eve")
    tea = group(ada, bob, cleo)
    assert len(_watch(connected(ada, "ada-1"), eve, conversation_id=tea)) == 3
    for who in (bob, cleo, eve):
        connected(who, f"{who.user_id}-1")
    _run()
    _run()
    seen = {frame["data"]["user_id"] for frame in management.frames("ada-1")}
    assert seen <= {bob.user_id, cleo.user_id, eve.user_id}
    assert store.watched_by("ada-1") == {bob.user_id, cleo.user_id, eve.user_id}
    with pytest.raises(NotFound):
        _watch(connected(eve, "eve-1"), conversation_id=tea)


def test_a_socket_watches_a_bounded_number_of_people(settings: pytest.MonkeyPatch) -> None:
    ada, *others = people("ada", *(f"p{n}" for n in range(4)))
    tea = group(ada, *others)
    device = connected(ada, "ada-1")
    settings.setattr(service, "MAX_WATCHED", 3)
    with pytest.raises(ValidationFailed):
        _watch(device, *others)
    with pytest.raises(ValidationFailed):
        _watch(device, conversation_id=tea)
    assert rows("watches") == []


def test_a_frame_with_too_many_people_is_refused() -> None:
    (ada,) = people("ada")
    too_many = [f"usr_{n}" for n in range(model.MAX_WATCHED + 1)]
    frame = {"action": "watchPresence", "id": "1", "user_ids": too_many}
    answer = watch_presence.handler(socket_event(connected(ada, "ada-1"), frame), CONTEXT)
    assert '"validation_failed"' in answer["body"]


def _contact_changed(one: Caller, other: Caller) -> None:
    stands, _ = relations_between(one.user_id, other.user_id)
    log.handle_loss(log.ContactChanged(one.user_id, other.user_id, stands, None, clock.now()))


# --- blocks ---------------------------------------------------------------------------------------------------


def test_a_block_is_shown_as_leaving_and_then_nothing_is_told(management: Management, now: Any) -> None:
    ada, bob = people("ada", "bob")
    watching, watched = connected(ada, "ada-1"), connected(bob, "bob-1")
    _watch(watching, bob)
    _watch(watched, ada)
    relations.block(user_id=bob.user_id, other_id=ada.user_id)
    _contact_changed(bob, ada)
    _run()
    assert _told(management, "ada-1", bob) == _told(management, "bob-1", ada) == [("offline", None)]
    management.posts.clear()
    for status in ("away", "busy"):
        now(presence_fanout.CROWD_WINDOW_MS)
        _choose(bob, status)
        _run()
    assert _told(management, "ada-1", bob) == []
    relations.unblock(user_id=bob.user_id, other_id=ada.user_id)
    _contact_changed(bob, ada)
    _run()
    assert _told(management, "ada-1", bob) == [("busy", None)]


# --- paced ----------------------------------------------------------------------------------------------------


def test_many_changes_in_a_window_are_one_frame(management: Management, redis: Any, now: Any) -> None:
    ada, *others = people("ada", *(f"p{n}" for n in range(6)))
    _watch(connected(ada, "ada-1"), *others)
    for who in others:
        connected(who, f"{who.user_id}-1")
    work(*[job for job in jobs() if job["kind"] == "presence"])
    first = len(management.posts["ada-1"])
    (later,) = [job for job in jobs() if job["kind"] == "presence_due"]
    assert (first, later["delay_s"]) == (1, presence_fanout.WINDOW_MS // clock.SECOND)
    now(presence_fanout.WINDOW_MS)
    work(later)
    assert len(management.posts["ada-1"]) == 2
    assert {frame["data"]["user_id"] for frame in management.frames("ada-1")} == {each.user_id for each in others}


def test_who_watches_many_is_told_less_often(
    management: Management, settings: pytest.MonkeyPatch, redis: Any, now: Any
) -> None:
    settings.setattr(store, "CROWD", 1)
    ada, bob, cleo = people("ada", "bob", "cleo")
    _watch(connected(ada, "ada-1"), bob, cleo)
    connected(bob, "bob-1")
    _run()
    _choose(bob, "away")
    work(*[job for job in jobs() if job["kind"] == "presence"])
    assert [job["delay_s"] for job in jobs() if job["kind"] == "presence_due"] == [30]


def test_without_redis_every_change_is_told_within_its_window(management: Management, now: Any) -> None:
    ada, *others = people("ada", "bob", "cleo")
    _watch(connected(ada, "ada-1"), *others)
    for who in others:
        connected(who, f"{who.user_id}-1")
    while waiting := [job for job in jobs() if job["kind"] != "presence_guard"]:
        assert max(job["delay_s"] for job in waiting) <= 60
        now(max(job["delay_s"] for job in waiting) * clock.SECOND)
        work(*waiting)
    assert [_told(management, "ada-1", who) for who in others] == [[("online", None)]] * 2


# --- ends without a word --------------------------------------------------------------------------------------


def test_who_vanishes_without_a_word_is_told_of(management: Management, now: Any) -> None:
    ada, bob = people("ada", "bob")
    device = connected(ada, "ada-1")
    connected(bob, "bob-1")
    _watch(device, bob)
    (guard,) = [job for job in jobs() if job["kind"] == "presence_guard"]
    assert guard["user_ids"] == [bob.user_id]
    now(guard["delay_s"] * clock.SECOND)
    work(guard)
    assert _told(management, "ada-1", bob) == [("offline", None)]


def test_who_is_still_there_is_looked_at_again_while_somebody_watches(management: Management, now: Any) -> None:
    ada, bob = people("ada", "bob")
    device, watched = connected(ada, "ada-1"), connected(bob, "bob-1")
    _watch(device, bob)
    (guard,) = [job for job in jobs() if job["kind"] == "presence_guard"]
    now(guard["delay_s"] * clock.SECOND - 1)
    connections.touch(watched.user_id, "bob-1")
    now(1)
    service._rechecks._entries.clear()
    work(guard)
    (again,) = jobs()
    assert (again["kind"], _told(management, "ada-1", bob)) == ("presence_guard", [])
    _watch(device)
    service._rechecks._entries.clear()
    work(again)
    assert jobs() == []


def test_the_end_of_what_was_set_is_told(management: Management, now: Any) -> None:
    ada, bob = people("ada", "bob")
    _watch(connected(ada, "ada-1"), bob)
    watched = connected(bob, "bob-1")
    _run()
    now(presence_fanout.WINDOW_MS)
    _choose(bob, "busy", "Workshop", clock.now() + 40 * clock.MINUTE)
    waiting = jobs()
    ends = [job for job in waiting if "until" in job]
    work(*[job for job in waiting if "until" not in job])
    for delay_s in (900, 900, 600):
        (end,) = ends
        assert end["delay_s"] == delay_s
        jobs()
        connections.touch(watched.user_id, "bob-1")
        now(delay_s * clock.SECOND)
        connections.touch(watched.user_id, "bob-1")
        work(end)
        ends = [job for job in jobs() if "until" in job]
    assert _told(management, "ada-1", bob)[1:] == [("busy", "Workshop"), ("online", None)]


def test_the_end_of_what_was_set_over_is_no_news(management: Management, now: Any) -> None:
    ada, bob = people("ada", "bob")
    _watch(connected(ada, "ada-1"), bob)
    connected(bob, "bob-1")
    _run()
    now(presence_fanout.WINDOW_MS)
    _choose(bob, "busy", None, clock.now() + clock.MINUTE)
    waiting = jobs()
    (end,) = [job for job in waiting if "until" in job]
    work(*[job for job in waiting if "until" not in job])
    now(presence_fanout.WINDOW_MS)
    _choose(bob, "away")
    _run()
    told = len(management.frames("ada-1"))
    now(clock.MINUTE)
    work(end)
    assert len(management.frames("ada-1")) == told


def test_a_watching_socket_that_is_closed_is_forgotten_without_a_post(management: Management) -> None:
    ada, bob = people("ada", "bob")
    device = connected(ada, "ada-1")
    _watch(device, bob)
    disconnected(device)
    connected(bob, "bob-1")
    _run()
    assert management.calls == []
    assert [row for row in rows("watches") if row["watched"] == bob.user_id] == []


def test_a_watch_that_is_over_counts_no_more_whatever_ttl_has_left_behind(management: Management, now: Any) -> None:
    ada, bob = people("ada", "bob")
    _watch(connected(ada, "ada-1"), bob)
    now(connections.CONNECTION_TTL_MS)
    assert store.watched_by("ada-1") == set()
    assert store.watchers(bob.user_id, after=None, limit=10) == ([], None)


def test_a_person_whom_many_watch_is_told_of_in_pages(management: Management, settings: pytest.MonkeyPatch) -> None:
    settings.setattr(presence_fanout, "PAGE", 2)
    bob, *others = people("bob", *(f"p{n}" for n in range(5)))
    for n, who in enumerate(others):
        _watch(connected(who, f"s-{n}"), bob)
    connected(bob, "bob-1")
    while waiting := [job for job in jobs() if job["kind"] == "presence"]:
        work(*waiting)
    assert [len(management.frames(f"s-{n}")) for n in range(5)] == [1] * 5
