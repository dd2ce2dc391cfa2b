"""A conversation's log, and catching up with it: events, visibility, sync (contract §4, R5-R8)."""

from __future__ import annotations

import contextlib
import secrets
import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from tests.e2e.people import Person, Town
from tests.e2e.tools import PATIENCE_S, at_once, eventually, everything, log_of, pages, problem

Log = list[dict[str, Any]]


def seqs(events: Log) -> list[int]:
    return [event["seq"] for event in events]


def kinds(events: Log) -> list[str]:
    return [event["type"] for event in events]


def join(conversation_id: str, who: Person, by: Person) -> None:
    added = by.ok("POST", f"/conversations/{conversation_id}/members", {"user_ids": [who.id]})
    assert added["added"] == [who.id]


def synced(person: Person, cursors: dict[str, int]) -> dict[str, Log]:
    """All missed events, by syncing until there are no more."""
    found: dict[str, Log] = {}
    known = dict(cursors)
    for _ in range(50):
        answer = person.ok("POST", "/sync", {"cursors": known})
        for each in answer["conversations"]:
            found.setdefault(each["conversation"]["id"], []).extend(each["events"])
            if each["events"]:
                known[each["conversation"]["id"]] = each["events"][-1]["seq"]
        if not answer["more"] and not any(each["more"] for each in answer["conversations"]):
            return found
    raise AssertionError("sync does not come to an end")


# --- the log --------------------------------------------------------------------------------------------------


def test_every_durable_change_is_an_event_and_seq_is_dense(ada: Person, bob: Person, cleo: Person) -> None:
    # given a group that has seen every kind of change
    group = ada.group_with(bob)
    place = f"/conversations/{group}"
    sent = bob.send(group, "hi")
    bob.ok("PATCH", f"{place}/messages/{sent['id']}", {"text": "hi!"})
    ada.ok("PUT", f"{place}/messages/{sent['id']}/reactions/👍")
    ada.ok("DELETE", f"{place}/messages/{sent['id']}/reactions/👍")
    join(group, cleo, ada)
    ada.ok("PATCH", f"{place}/members/{cleo.id}", {"role": "admin"})
    cleo.ok("PATCH", place, {"name": "Renamed"})
    ada.ok("DELETE", f"{place}/members/{cleo.id}")
    ada.ok("DELETE", f"{place}/messages/{sent['id']}")
    # then the log has each once, in order, with its actor
    events = log_of(ada, group)
    expected = [
        ("conversation.created", ada),
        ("message.created", bob),
        ("message.updated", bob),
        ("reaction.added", ada),
        ("reaction.removed", ada),
        ("member.added", ada),
        ("member.updated", ada),
        ("conversation.updated", cleo),
        ("member.removed", ada),
        ("message.deleted", ada),
    ]
    assert [(event["type"], event["actor_id"]) for event in events] == [(kind, who.id) for kind, who in expected]
    assert seqs(events) == list(range(1, len(expected) + 1))
    assert {event["conversation_id"] for event in events} == {group}
    assert [event["at"] for event in events] == sorted(event["at"] for event in events)
    assert ada.ok("GET", place)["last_seq"] == len(expected)
    # each with the whole object as the API returns it
    data = {event["type"]: event["data"] for event in events}
    assert data["message.created"] == data["message.deleted"] == ada.ok("GET", f"{place}/messages/{sent['id']}")
    assert data["conversation.updated"] == ada.ok("GET", place)
    assert (data["member.added"]["user"]["id"], data["member.updated"]["role"]) == (cleo.id, "admin")


def test_what_leaves_no_trace_is_no_event(ada: Person, bob: Person) -> None:
    group = ada.group_with(bob)
    sent = ada.send(group, "hi")
    place = f"/conversations/{group}"
    bob.ok("POST", f"{place}/read", {"seq": 2})
    bob.ok("POST", f"{place}/typing", {"typing": True})
    bob.ok("PUT", f"{place}/me", {"pinned": True})
    bob.ok("DELETE", f"{place}/messages/{sent['id']}/reactions/👍")
    assert kinds(log_of(ada, group)) == ["conversation.created", "message.created"]


def test_senders_at_once_share_one_dense_sequence(ada: Person, bob: Person) -> None:
    group = ada.group_with(bob)
    sent = at_once([partial(who.send, group, "now") for who in [ada, bob] * 20])
    assert sorted(message["seq"] for message in sent) == list(range(2, 42))
    events = log_of(bob, group)
    assert seqs(events) == list(range(1, 42))
    assert {event["data"]["id"]: event["seq"] for event in events[1:]} == {each["id"]: each["seq"] for each in sent}


def test_events_come_in_pages_from_any_seq(ada: Person) -> None:
    group = ada.group_with()
    for n in range(6):
        ada.send(group, f"{n}")
    place = f"/conversations/{group}/events"
    assert [seqs(page) for page in pages(ada, place, limit=3)] == [[1, 2, 3], [4, 5, 6], [7]]
    assert [seqs(page) for page in pages(ada, place, limit=2, after=4)] == [[5, 6], [7]]
    assert ada.ok("GET", place, params={"after": 7}) == {"items": [], "next_cursor": None}
    assert ada.ok("GET", place, params={"after": 10**15})["items"] == []
    for field, query in (("after", {"after": -1}), ("limit", {"limit": 101}), ("after", {"after": "x"})):
        problem(ada.get(place, params=query), 400, "validation_failed", field=field)


# --- visibility -----------------------------------------------------------------------------------------------


def test_a_new_member_sees_the_log_from_their_joining_on(ada: Person, bob: Person, cleo: Person) -> None:
    # given a group with a past
    group = ada.group_with(bob)
    old = ada.send(group, "before", metadata={"a": 1})
    # when somebody joins
    join(group, cleo, ada)
    new = ada.send(group, "after")
    # then they see nothing of it, by any route
    place = f"/conversations/{group}"
    assert seqs(log_of(cleo, group)) == [3, 4]
    assert seqs(synced(cleo, {group: 0})[group]) == [3, 4]
    assert seqs(everything(cleo, f"{place}/messages")) == [4]
    assert seqs(everything(cleo, f"{place}/messages", after=0)) == [4]
    problem(cleo.get(f"{place}/messages/{old['id']}"), 404, "not_found")
    problem(cleo.put(f"{place}/messages/{old['id']}/reactions/👍"), 404, "not_found")
    answer = cleo.post(f"{place}/messages", {"client_id": "x", "text": "re", "reply_to": old["id"]})
    problem(answer, 400, "validation_failed", field="reply_to")
    assert cleo.ok("GET", place)["unread_count"] == 1
    # and later changes of old messages do not reveal them
    ada.ok("PATCH", f"{place}/messages/{old['id']}", {"text": "before, edited"})
    ada.ok("PUT", f"{place}/messages/{old['id']}/reactions/👍")
    later = log_of(cleo, group)
    assert seqs(later) == [3, 4, 5, 6]
    assert "before" not in str(later)
    assert later[1]["data"] == new


def test_what_is_the_last_message_for_others_may_be_hidden_from_a_new_member(ada: Person, cleo: Person) -> None:
    group = ada.group_with()
    ada.send(group, "before")
    join(group, cleo, ada)
    assert cleo.ok("GET", f"/conversations/{group}")["last_message"] is None
    (listed,) = [each for each in everything(cleo, "/conversations") if each["id"] == group]
    assert (listed["last_message"], listed["unread_count"]) == (None, 0)


def test_a_group_may_show_its_history_to_new_members(ada: Person, bob: Person, cleo: Person) -> None:
    group = ada.group_with(bob, settings={"history_visible": True})
    old = ada.send(group, "before")
    join(group, cleo, ada)
    assert seqs(log_of(cleo, group)) == [1, 2, 3]
    assert cleo.ok("GET", f"/conversations/{group}/messages/{old['id']}")["text"] == "before"


def test_who_comes_back_sees_nothing_of_the_time_away(ada: Person, bob: Person, cleo: Person) -> None:
    group = ada.group_with(bob, cleo)
    ada.send(group, "together")
    cleo.ok("DELETE", f"/conversations/{group}/members/{cleo.id}")
    ada.send(group, "about cleo")
    join(group, cleo, ada)
    assert kinds(log_of(cleo, group)) == ["member.added"]
    assert "about cleo" not in str([log_of(cleo, group), cleo.ok("POST", "/sync", {"cursors": {group: 2}})])


def every_path(person: Person, group: str, message_id: str) -> dict[str, Callable[[], Any]]:
    """All routes by which a message of a conversation could reach a person."""
    place = f"/conversations/{group}"
    return {
        path: partial(person.get, path)
        for path in (
            place,
            f"{place}/events",
            f"{place}/messages",
            f"{place}/messages/{message_id}",
            f"{place}/members",
            f"{place}/receipts",
        )
    }


def test_a_removed_member_sees_nothing_on_any_path(ada: Person, bob: Person, cleo: Person) -> None:
    # given a member with a cursor, a socket and an unfinished list of events
    group = ada.group_with(bob, cleo)
    sent = ada.send(group, "together")
    page = cleo.ok("GET", f"/conversations/{group}/events", params={"limit": 1})
    with cleo.live() as socket:
        # when they are removed
        ada.ok("DELETE", f"/conversations/{group}/members/{cleo.id}")
        removal = socket.expect("member.removed", conversation_id=group)
        assert removal["data"]["user"]["id"] == cleo.id
        # then nothing more arrives, by the socket or by requests
        ada.send(group, "about cleo")
        ada.ok("PATCH", f"/conversations/{group}/messages/{sent['id']}", {"text": "changed"})
        ada.ok("PATCH", f"/conversations/{group}", {"name": "Without cleo"})
        bob.ok("POST", f"/conversations/{group}/typing", {"typing": True})
        with bob.live() as other:
            bob.ok("POST", f"/conversations/{group}/read", {"seq": 5})
            other.expect("receipt.updated", conversation_id=group)
        socket.settle()
        assert max(event.get("seq", 0) for event in socket.seen(group)) == removal["seq"]
        assert kinds(socket.seen(group)) == ["member.removed"]
        missed = socket.ok("sync", cursors={group: 1})
        assert missed["removed"] == [group]
        assert group not in [each["conversation"]["id"] for each in missed["conversations"]]
    for path, call in every_path(cleo, group, sent["id"]).items():
        assert problem(call(), 404, "not_found"), path
    query = {"cursor": page["next_cursor"]}
    problem(cleo.get(f"/conversations/{group}/events", params=query), 404, "not_found")
    assert cleo.ok("POST", "/sync", {"cursors": {group: 1}})["removed"] == [group]
    assert group not in synced(cleo, {})
    assert group not in [each["id"] for each in everything(cleo, "/conversations")]
    for method, path, body in (
        ("POST", "/messages", {"client_id": "x", "text": "still here?"}),
        ("PATCH", f"/messages/{sent['id']}", {"text": "x"}),
        ("DELETE", f"/messages/{sent['id']}", None),
        ("PUT", f"/messages/{sent['id']}/reactions/👍", None),
        ("POST", "/read", {"seq": 1}),
        ("POST", "/typing", {"typing": True}),
        ("PUT", "/me", {"pinned": True}),
    ):
        problem(cleo.call(method, f"/conversations/{group}{path}", body), 404, "not_found")


@contextlib.contextmanager
def talking(*people: Person, group: str) -> Iterator[list[int]]:
    """People who send without a pause during the block, until they are refused; yields the statuses."""
    stop = threading.Event()
    statuses: list[int] = []

    def talk(person: Person) -> None:
        while not stop.is_set() and 404 not in statuses:
            body = {"client_id": secrets.token_hex(8), "text": "and another thing"}
            statuses.append(person.post(f"/conversations/{group}/messages", body).status_code)

    threads = [threading.Thread(target=talk, args=[person], daemon=True) for person in people]
    for thread in threads:
        thread.start()
    try:
        yield statuses
    finally:
        stop.set()
        for thread in threads:
            thread.join(PATIENCE_S)


@pytest.mark.parametrize("size", ["small", "large"])
def test_a_member_removed_while_messages_flow_sees_none_committed_after(
    request: pytest.FixtureRequest, ada: Person, bob: Person, cleo: Person, size: str
) -> None:
    # given a group that is small enough for the sender to post to, or one for the fan-out
    others = [bob] if size == "small" else request.getfixturevalue("crowd")
    group = ada.group_with(*others, cleo)
    with cleo.live() as socket, ada.live() as hers:
        with talking(ada, ada, group=group):
            socket.expect("message.created", conversation_id=group)
            # when a member is removed in the middle
            ada.ok("DELETE", f"/conversations/{group}/members/{cleo.id}")
        after = ada.send(group, "gone?")
        # then they have seen nothing after their removal, and the others everything
        hers.expect("message.created", conversation_id=group, seq=after["seq"])
        removed = next(event["seq"] for event in log_of(ada, group) if event["type"] == "member.removed")
        socket.expect("member.removed", conversation_id=group)
        socket.settle()
        assert removed < after["seq"]
        assert max(event["seq"] for event in socket.seen(group)) == removed
        assert seqs(log_of(bob, group) if size == "small" else log_of(ada, group)) == list(range(1, after["seq"] + 1))
    problem(cleo.get(f"/conversations/{group}/events"), 404, "not_found")


def test_a_removed_member_gets_no_word_in_after_the_removal(ada: Person, bob: Person, cleo: Person) -> None:
    # given a member who never stops sending
    group = ada.group_with(bob, cleo)
    with talking(cleo, group=group) as statuses:
        eventually(lambda: len(statuses) >= 3)
        # when they are removed
        ada.ok("DELETE", f"/conversations/{group}/members/{cleo.id}")
        eventually(lambda: 404 in statuses)
    # then all acknowledged messages are before the removal in the log, and none after
    events = log_of(ada, group)
    assert events[-1]["type"] == "member.removed"
    assert statuses == [201] * (len(events) - 2) + [404]


# --- catching up ----------------------------------------------------------------------------------------------


def test_sync_brings_what_was_missed_of_every_conversation(town: Town, bob: Person) -> None:
    # given three conversations: one has new events, one is new, one is unchanged
    ada = town.person("ada")
    moved, resting = ada.group_with(bob), ada.group_with(bob)
    cursors = {moved: 1, resting: 1}
    sent = bob.send(moved, "news")
    new = bob.group_with(ada)
    # then a sync returns the first two, the latest first, and not the third
    answer = ada.ok("POST", "/sync", {"cursors": cursors})
    assert [each["conversation"]["id"] for each in answer["conversations"]] == [new, moved]
    assert [seqs(each["events"]) for each in answer["conversations"]] == [[1], [2]]
    assert [each["more"] for each in answer["conversations"]] == [False, False]
    assert answer["conversations"][1]["events"][0]["data"] == sent
    assert answer["conversations"][1]["conversation"] == ada.ok("GET", f"/conversations/{moved}")
    assert (answer["removed"], answer["more"], answer["ephemeral"]) == ([], False, {"calls": []})
    assert ada.ok("POST", "/sync", {"cursors": {moved: 2, resting: 1, new: 1}})["conversations"] == []


def test_a_long_absence_comes_in_parts_of_a_megabyte_at_most(town: Town, bob: Person) -> None:
    # given more than a megabyte of messages
    ada = town.person("ada")
    group, other = ada.group_with(bob), ada.group_with(bob)
    at_once([lambda: bob.send(group, "語" * 10_000)] * 40)
    bob.send(other, "small")
    # when it is fetched part by part
    first = ada.post("/sync", {"cursors": {}})
    assert len(first.content) <= 1_000_000
    assert first.json()["more"] or any(each["more"] for each in first.json()["conversations"])
    # then nothing is missing and nothing comes twice
    got = synced(ada, {})
    assert (seqs(got[group]), seqs(got[other])) == (list(range(1, 42)), [1, 2])


def test_a_cursor_that_is_ahead_brings_nothing(ada: Person, bob: Person) -> None:
    group = ada.group_with(bob)
    answer = ada.ok("POST", "/sync", {"cursors": {group: 1_000}})
    assert group not in [each["conversation"]["id"] for each in answer["conversations"]]
    assert answer["removed"] == []


def test_conversations_that_are_not_ones_own_are_named_as_removed(ada: Person, bob: Person, cleo: Person) -> None:
    private = ada.group_with(bob)
    unknown = "cnv_01aaaaaaaaaaaaaaaaaaaaaaaa"
    answer = cleo.ok("POST", "/sync", {"cursors": {private: 0, unknown: 0, "nonsense": 0}})
    assert sorted(answer["removed"]) == sorted([private, unknown, "nonsense"])
    assert private not in str(answer["conversations"])


@pytest.mark.parametrize(
    "cursors",
    [None, [], {"cnv_1": -1}, {"cnv_1": "1"}, {"cnv_1": 1.5}, {"": 1}, {f"cnv_{n}": 0 for n in range(1_001)}],
)
def test_wrong_cursors_of_a_sync_are_refused(ada: Person, cursors: Any) -> None:
    problem(ada.post("/sync", {"cursors": cursors}), 400, "validation_failed")


def test_a_client_without_a_socket_follows_by_polling(town: Town, ada: Person) -> None:
    # given somebody who only polls, while others send, edit, add and remove members
    poller = town.person("poller")
    group = ada.group_with(poller)
    state: dict[str, int] = {}
    seen: Log = []

    def poll() -> None:
        for conversation_id, events in synced(poller, state).items():
            seen.extend(events)
            state[conversation_id] = events[-1]["seq"]

    poll()
    for n in range(4):
        sent = ada.send(group, f"{n}")
        if n % 2:
            ada.ok("PATCH", f"/conversations/{group}/messages/{sent['id']}", {"text": "edited"})
        poll()
    ada.ok("DELETE", f"/conversations/{group}/messages/{sent['id']}")
    poll()
    # then they have seen each event once and in order, as the log has it
    assert seqs(seen) == list(range(1, 9))
    assert kinds(seen) == kinds(log_of(ada, group))
    ada.ok("DELETE", f"/conversations/{group}/members/{poller.id}")
    assert poller.ok("POST", "/sync", {"cursors": state})["removed"] == [group]
