"""The socket: tickets, actions and their answers, events, typing, and peers that vanish (contract §10; R9-R14)."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import time
from collections.abc import Iterator
from typing import Any

import pytest
import websockets.exceptions

from tests.e2e.live import Frame, Live, refused
from tests.e2e.people import Person, Town
from tests.e2e.tools import at_once, log_of, problem
from tests.mls import longest_ciphertext


@pytest.fixture
def live(ada: Person) -> Iterator[Live]:
    """A socket of Ada."""
    with ada.live() as socket:
        yield socket


def refusal(frame: Frame, code: str, *, field: str | None = None) -> Frame:
    """Check that a frame is an error with this code, naming this field; returns its problem."""
    assert (frame["type"], frame.get("problem", {}).get("code")) == ("error", code), frame
    found: Frame = frame["problem"]
    assert field is None or field in {error["field"] for error in found["errors"]}, found
    return found


# --- tickets --------------------------------------------------------------------------------------------------


def test_a_ticket_opens_one_socket_however_many_try_at_once(ada: Person) -> None:
    made = ada.ok("POST", "/realtime/tickets")
    assert made["expires_in"] == 60
    assert len(made["ticket"]) * 6 >= 128

    def attempt() -> Live | int:
        try:
            return Live(made["url"], made["ticket"])
        except websockets.exceptions.InvalidStatus as refused:
            return refused.response.status_code

    outcomes = at_once([attempt] * 16)
    (winner,) = [outcome for outcome in outcomes if isinstance(outcome, Live)]
    assert [outcome for outcome in outcomes if outcome is not winner] == [401] * 15
    winner.settle()
    winner.close()
    assert refused(made["url"], f"?ticket={made['ticket']}") == 401


def test_without_a_good_ticket_the_handshake_is_refused(town: Town, ada: Person) -> None:
    url, ticket = ada.ticket()
    changed = ticket[:-1] + ("A" if ticket[-1] != "A" else "B")
    queries = ("", "?ticket=", "?ticket=x", f"?ticket={changed}", f"?ticket={'x' * 4_000}", f"?Ticket={ticket}")
    assert {query: refused(url, query) for query in queries} == dict.fromkeys(queries, 401)
    assert refused(url, f"?ticket={ada.tokens['access_token']}") == 401
    # none of these has used up the valid ticket
    Live(url, ticket).close()


def test_a_ticket_ends_with_its_session(ada: Person) -> None:
    device = ada.another_session()
    url, ticket = device.ticket()
    ada.ok("DELETE", f"/auth/sessions/{device.session_id}")
    assert refused(url, f"?ticket={ticket}") == 401


@pytest.mark.skipif(not os.environ.get("SC_SLOW"), reason="waits for a minute: SC_SLOW=1 runs it")
def test_a_ticket_expires_after_a_minute(ada: Person) -> None:
    url, ticket = ada.ticket()
    time.sleep(61)
    assert refused(url, f"?ticket={ticket}") == 401


# --- actions --------------------------------------------------------------------------------------------------


def test_every_action_is_answered_once_with_what_it_did(bob: Person, live: Live, tea: str) -> None:
    # when each action is carried out over the socket
    in_tea = {"conversation_id": tea}
    sent = live.ok("sendMessage", **in_tea, client_id=secrets.token_hex(8), text="hi", metadata={"a": 1})
    about = {**in_tea, "message_id": sent["id"]}
    edited = live.ok("editMessage", **about, text="hello")
    reacted = live.ok("react", **about, emoji="👍")
    taken_back = live.ok("react", **about, emoji="👍", remove=True)
    read = live.ok("markRead", **in_tea, seq=3)
    typing = live.ok("typing", **in_tea, typing=True)
    missed = live.ok("sync", cursors={tea: 4})
    ponged = live.ok("ping")
    deleted = live.ok("deleteMessage", **about)
    # then the acks have the answers of the REST API
    assert (sent["seq"], edited["text"], read) == (2, "hello", {"read_seq": 3, "unread_count": 0})
    assert (reacted, taken_back, typing, ponged, deleted) == (None,) * 5
    assert [each["seq"] for each in missed["conversations"][0]["events"]] == [5]
    assert bob.ok("GET", f"/conversations/{tea}/messages/{sent['id']}")["deleted_at"]
    assert [event["type"] for event in log_of(bob, tea)][1:] == [
        "message.created",
        "message.updated",
        "reaction.added",
        "reaction.removed",
        "message.deleted",
    ]
    # each exactly once
    live.settle()
    assert sorted(answer["id"] for answer in live.answers) == sorted(f"f{n}" for n in range(1, 11))


def test_an_action_that_fails_is_answered_once_with_the_problem(bob: Person, live: Live, tea: str) -> None:
    theirs = bob.send(tea, "theirs")
    elsewhere = bob.group_with()
    fresh = secrets.token_hex(8)
    answers = [
        ("not_found", live.post("sendMessage", conversation_id=elsewhere, client_id=fresh, text="hi")),
        ("forbidden", live.post("editMessage", conversation_id=tea, message_id=theirs["id"], text="x")),
        ("not_found", live.post("deleteMessage", conversation_id=tea, message_id="msg_x")),
        ("validation_failed", live.post("react", conversation_id=tea, message_id=theirs["id"], emoji="x")),
        ("not_found", live.post("markRead", conversation_id="nonsense", seq=1)),
        ("not_found", live.post("typing", conversation_id=elsewhere, typing=True)),
        ("validation_failed", live.post("sync", cursors={"cnv_1": -1})),
        ("validation_failed", live.post("ping", cursors=[])),
        ("unknown_action", live.post("makeTea")),
        ("unknown_action", live.post("")),
    ]
    for code, frame_id in answers:
        found = refusal(live.answer_to(frame_id), code)
        assert found.keys() >= {"type", "title", "status", "detail", "code", "request_id", "errors"}
    live.settle()
    assert len(live.answers) == len(answers) + 1


def test_a_client_id_means_the_same_over_the_socket_and_over_http(ada: Person, live: Live, tea: str) -> None:
    body = {"client_id": secrets.token_hex(8), "text": "once"}
    over_http = ada.ok("POST", f"/conversations/{tea}/messages", body)
    assert live.ok("sendMessage", conversation_id=tea, **body) == over_http
    answer = live.ask("sendMessage", conversation_id=tea, **{**body, "text": "twice"})
    refusal(answer, "idempotency_mismatch")


@pytest.mark.parametrize(
    ("text", "frame_id", "code"),
    [
        ("hello", None, "malformed_json"),
        ("{", None, "malformed_json"),
        ("[]", None, "malformed_json"),
        ("null", None, "malformed_json"),
        ('{"id": "a"}', "a", "unknown_action"),
        ('{"action": 7, "id": "a"}', "a", "unknown_action"),
        ('{"action": "ping"}', None, "validation_failed"),
        ('{"action": "ping", "id": 7}', None, "validation_failed"),
        ('{"action": "ping", "id": ""}', "", "validation_failed"),
        ('{"action": "ping", "id": "a", "x": 1}', "a", "validation_failed"),
        ('{"action": "ping", "id": "a", "id": "b", "x": 1}', "b", "validation_failed"),
        ('{"action": "ping", "id": "\\ud800"}', None, "malformed_json"),
        ('{"action": "ping", "id": "a", "cursors": ' + "[" * 500 + "]" * 500 + "}", None, "malformed_json"),
        pytest.param('{"action": "ping", "x": ' + "[" * 15_000 + "]" * 15_000 + "}", None, "malformed_json", id="deep"),
        ('{"action": "ping", "id": "a"} trailing', None, "malformed_json"),
        ('{"action": "$connect", "id": "a"}', "a", "unknown_action"),
        ('{"action": "$disconnect", "id": "a"}', "a", "unknown_action"),
    ],
)
def test_a_frame_that_is_none_gets_an_error_and_the_socket_stays(
    live: Live, text: str, frame_id: str | None, code: str
) -> None:
    live.send_text(text)
    refusal(live.answer_to(frame_id), code)
    live.settle()
    assert len(live.answers) == 2


def frame_of(size: int, conversation_id: str) -> str:
    """A valid frame of this size in bytes."""
    fields = {"action": "sendMessage", "id": "f", "conversation_id": conversation_id, "client_id": secrets.token_hex(8)}
    text = "語" * 9_700  # 29,100 bytes
    bare = json.dumps({**fields, "text": text, "metadata": {"x": ""}}, ensure_ascii=False)
    filler = "x" * (size - len(bare.encode()))
    return json.dumps({**fields, "text": text, "metadata": {"x": filler}}, ensure_ascii=False)


def test_a_frame_of_32_kilobytes_is_taken_and_one_byte_more_is_not(bob: Person, live: Live, tea: str) -> None:
    largest, too_large = frame_of(32_768, tea), frame_of(32_769, tea)
    assert (len(largest.encode()), len(too_large.encode())) == (32_768, 32_769)
    with bob.live() as other:
        live.send_text(largest)
        assert live.answer_to("f")["type"] == "ack"
        live.answers.clear()
        live.send_text(too_large)
        refusal(live.answer_to("f"), "payload_too_large")
        # the accepted text comes back complete, though its event is larger than a frame
        assert len(other.expect("message.created", conversation_id=tea)["data"]["text"]) == 9_700
    assert len(log_of(bob, tea)) == 2


# --- events ---------------------------------------------------------------------------------------------------


def test_everybody_sees_the_events_of_the_log_on_their_sockets(ada: Person, bob: Person, live: Live, tea: str) -> None:
    place = f"/conversations/{tea}"
    with bob.live() as other:
        sent = bob.send(tea, "hi")
        bob.ok("PATCH", f"{place}/messages/{sent['id']}", {"text": "hello"})
        ada.ok("PUT", f"{place}/messages/{sent['id']}/reactions/👍")
        ada.ok("PATCH", f"{place}/members/{bob.id}", {"role": "admin"})
        ada.ok("PATCH", place, {"name": "Tea"})
        ada.ok("DELETE", f"{place}/messages/{sent['id']}")
        for person, socket in ((ada, live), (bob, other)):
            events = log_of(person, tea)[1:]
            socket.expect("conversation.updated", conversation_id=tea)
            socket.expect("message.deleted", conversation_id=tea)
            socket.expect("message.updated", conversation_id=tea)
            seen = {event["seq"]: event for event in socket.seen(tea)}
            assert {seq: event["type"] for seq, event in seen.items()} == {e["seq"]: e["type"] for e in events}
            assert len(socket.seen(tea)) == len(events)
            # complete objects, as the REST API returns them to this person
            assert seen[6]["data"].keys() == person.ok("GET", place).keys()
            assert (seen[6]["data"]["name"], seen[6]["data"]["role"]) == ("Tea", "owner" if person is ada else "admin")
            assert seen[2]["data"]["id"] == seen[7]["data"]["id"] == sent["id"]
            assert seen[4]["data"] == {"message_id": sent["id"], "user_id": ada.id, "emoji": "👍"}


def test_a_new_conversation_shows_up_on_the_sockets_of_its_members(ada: Person, bob: Person, live: Live) -> None:
    with bob.live() as other:
        group = ada.group_with(bob, name="Surprise")
        mine, theirs = (each.expect("conversation.created", conversation_id=group) for each in (live, other))
        assert (mine["data"]["role"], theirs["data"]["role"]) == ("owner", "member")
        assert theirs["data"]["name"] == "Surprise"
        ada.ok("DELETE", f"/conversations/{group}")
        other.expect("conversation.deleted", conversation_id=group)


def test_a_new_member_is_told_of_their_joining_and_of_nothing_before(town: Town, ada: Person, tea: str) -> None:
    cleo = town.person("cleo")
    with cleo.live() as socket:
        ada.send(tea, "before")
        ada.ok("POST", f"/conversations/{tea}/members", {"user_ids": [cleo.id]})
        joined = socket.expect("member.added", conversation_id=tea)
        assert joined["data"]["user"]["id"] == cleo.id
        ada.send(tea, "after")
        socket.expect("message.created", conversation_id=tea, text="after")
        assert [event["seq"] for event in socket.seen(tea)] == [3, 4]


def test_all_devices_of_all_people_see_a_message_the_senders_too(
    ada: Person, bob: Person, live: Live, tea: str
) -> None:
    laptop = ada.another_session()
    with laptop.live() as second, laptop.live() as third, bob.live() as other:
        sent = live.ok("sendMessage", conversation_id=tea, client_id=secrets.token_hex(8), text="everywhere")
        for socket in (live, second, third, other):
            assert socket.expect("message.created", conversation_id=tea)["data"] == sent
            socket.settle()
            assert len(socket.seen(tea)) == 1


def test_events_may_come_packed_and_none_is_lost_in_it(town: Town, ada: Person, live: Live, tea: str) -> None:
    new = [person.id for person in town.people("dan", "eve", "fay")]
    ada.ok("POST", f"/conversations/{tea}/members", {"user_ids": new})
    live.expect("member.added", conversation_id=tea, seq=4)
    assert [event["seq"] for event in live.seen(tea)] == [2, 3, 4]
    assert [event["data"]["user"]["id"] for event in live.seen(tea)] == new
    packed = [frame for frame in live.raw if frame["type"] == "batch"]
    assert [len(frame["events"]) for frame in packed] == [3]


def test_a_large_group_hears_a_message_everywhere_once(crowd: list[Person]) -> None:
    owner, *rest = crowd
    group = owner.group_with(*rest)
    with contextlib.ExitStack() as stack:
        opened = [stack.enter_context(person.live()) for person in (owner, *rest[:11])]
        sent = [owner.send(group, f"{n}") for n in range(3)]
        for socket in opened:
            for each in sent:
                socket.expect("message.created", conversation_id=group, seq=each["seq"])
            socket.settle()
            messages = [event["seq"] for event in socket.seen(group) if event["type"] == "message.created"]
            assert sorted(messages) == [each["seq"] for each in sent]


def test_reading_is_told_to_the_others_and_to_ones_other_devices(
    ada: Person, bob: Person, live: Live, tea: str
) -> None:
    sent = ada.send(tea, "hi")
    with bob.live() as phone, bob.live() as laptop:
        phone.ok("markRead", conversation_id=tea, seq=sent["seq"])
        for socket in (live, laptop):
            receipt = socket.expect("receipt.updated", conversation_id=tea)
            assert receipt["data"] == {"user_id": bob.id, "delivered_seq": sent["seq"], "read_seq": sent["seq"]}
            assert "seq" not in receipt


# --- typing ---------------------------------------------------------------------------------------------------


def test_typing_is_shown_to_the_others_and_ends_by_itself(bob: Person, live: Live, tea: str) -> None:
    with bob.live() as other:
        started = time.monotonic()
        other.ok("typing", conversation_id=tea, typing=True)
        assert live.expect("typing", conversation_id=tea)["data"] == {"user_id": bob.id, "typing": True}
        live.expect("typing", conversation_id=tea, typing=False)
        assert time.monotonic() - started >= 2.5
        assert [event["data"]["typing"] for event in live.seen(tea)] == [True, False]
        assert other.seen(tea) == []


def test_typing_ends_at_once_when_one_says_so(bob: Person, live: Live, tea: str) -> None:
    for typing in (True, False):
        bob.ok("POST", f"/conversations/{tea}/typing", {"typing": typing})
        live.expect("typing", conversation_id=tea, typing=typing)


# --- staying connected ----------------------------------------------------------------------------------------


def test_a_pong_names_what_has_moved_on(ada: Person, bob: Person, live: Live, tea: str) -> None:
    elsewhere = bob.group_with()
    ada.send(tea, "hi")
    live.ok("ping", cursors={tea: 1, elsewhere: 0, "nonsense": 0})
    assert live.expect("pong")["data"] == {"behind": {tea: 2}}
    live.events.clear()
    live.ok("ping", cursors={tea: 2})
    assert live.expect("pong")["data"] == {"behind": {}}


def test_sync_over_the_socket_brings_what_was_missed(bob: Person, live: Live, tea: str) -> None:
    sent = [bob.send(tea, f"{n}") for n in range(5)]
    missed = live.ok("sync", cursors={tea: 2})
    (found,) = [each for each in missed["conversations"] if each["conversation"]["id"] == tea]
    assert [event["data"] for event in found["events"]] == sent[1:]
    assert found["more"] is False


def test_sync_over_the_socket_comes_to_an_end_with_the_longest_messages(town: Town, bob: Person) -> None:
    # given messages so large that two do not fit into one post
    cleo = town.person("cleo")
    group = cleo.group_with(bob, settings={"encrypted": True})
    longest = longest_ciphertext(group)
    for _ in range(3):
        body = {"client_id": secrets.token_hex(8), "type": "encrypted", "ciphertext": longest}
        cleo.ok("POST", f"/conversations/{group}/messages", body)
    with cleo.live() as socket:
        # when a device syncs until there are no more
        at = 0
        for _ in range(6):
            answer = socket.ask("sync", cursors={group: at})
            if answer["type"] == "error":
                # then either the answer says to sync over HTTP
                refusal(answer, "payload_too_large")
                return
            (found,) = answer["data"]["conversations"]
            # or every answer has at least one event
            assert found["events"], "an answer without progress"
            at = found["events"][-1]["seq"]
            if not found["more"]:
                break
    assert at == 4


def test_the_longest_message_arrives_on_a_socket(town: Town, bob: Person) -> None:
    cleo = town.person("cleo")
    group = cleo.group_with(bob, settings={"encrypted": True})
    longest = longest_ciphertext(group)
    with bob.live() as socket:
        body = {"client_id": secrets.token_hex(8), "type": "encrypted", "ciphertext": longest}
        cleo.ok("POST", f"/conversations/{group}/messages", body)
        assert socket.expect("message.created", conversation_id=group)["data"]["ciphertext"] == longest


def test_a_socket_that_vanished_does_not_disturb_the_senders_nor_the_other_sockets(
    ada: Person, bob: Person, live: Live, tea: str
) -> None:
    # given sockets that are dropped without a close frame, and some live ones
    with bob.live() as alive:
        lost: list[Live] = [Live(*bob.ticket()) for _ in range(3)]
        sent: list[dict[str, Any]] = []
        for each in lost:
            # when somebody sends at that moment, over the socket and over HTTP
            each.cut()
            fields = {"conversation_id": tea, "client_id": secrets.token_hex(8)}
            sent += [live.ok("sendMessage", **fields, text="hi"), ada.send(tea, "there")]
        # then each is acknowledged, and reaches every live socket once
        for socket in (live, alive):
            socket.expect("message.created", conversation_id=tea, seq=sent[-1]["seq"])
            assert [event["seq"] for event in socket.seen(tea)] == [message["seq"] for message in sent]
        for each in lost:
            each.close()


def test_tickets_are_for_people_who_are_signed_in(town: Town) -> None:
    problem(town.http.post("/realtime/tickets"), 401, "unauthenticated")
