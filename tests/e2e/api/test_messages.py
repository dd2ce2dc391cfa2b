"""Messages: sending, reading, changing, reactions, read markers, typing over HTTP (contract §5)."""

from __future__ import annotations

import json
import secrets
from functools import partial
from typing import Any

import pytest

from tests.e2e.people import Person
from tests.e2e.tools import UNKNOWN_MESSAGE, at_once, log_of, messages_at, pages, problem
from tests.mls import longest_ciphertext

EMOJI = ["👍", "👨‍👩‍👧‍👦", "1️⃣", "#️⃣", "🏳️‍🌈", "🇳🇱", "👋🏽", "❤️", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "©️"]


def numbers(messages: list[dict[str, Any]]) -> list[int]:
    return [message["seq"] for message in messages]


# --- sending --------------------------------------------------------------------------------------------------


def test_a_message_comes_back_as_it_was_sent(ada: Person, bob: Person, tea: str) -> None:
    first = ada.send(tea, "first")
    body = {
        "client_id": "é " + secrets.token_hex(8),
        "text": "Žluťoučký kůň 🐎\n\t<b>&amp;</b> \u2028 \u202e",
        "reply_to": first["id"],
        "mentions": [bob.id],
        "metadata": {"colour": "blue", "deep": [1, 2.5, None, {"é": True}]},
    }
    answer = ada.post(messages_at(tea), body)
    assert answer.status_code == 201
    sent = answer.json()
    assert {name: sent[name] for name in body} == body
    assert (sent["sender_id"], sent["type"], sent["seq"], sent["conversation_id"]) == (ada.id, "text", 3, tea)
    assert (sent["edited_at"], sent["deleted_at"], sent["reactions"]) == (None, None, [])
    assert bob.ok("GET", messages_at(tea, f"/{sent['id']}")) == sent
    assert bob.ok("GET", f"/conversations/{tea}")["last_message"] == sent


def test_a_client_id_makes_one_message_however_often_it_comes(ada: Person, bob: Person, tea: str) -> None:
    body = {"client_id": secrets.token_hex(8), "text": "once", "metadata": {"a": 1, "b": 2}}
    answers = at_once([lambda: ada.post(messages_at(tea), body)] * 12)
    assert sorted(answer.status_code for answer in answers) == [200] * 11 + [201]
    assert len({answer.text for answer in answers}) == 1
    again = ada.post(messages_at(tea), {"metadata": {"b": 2, "a": 1}, "text": "once", "client_id": body["client_id"]})
    assert (again.status_code, again.json()) == (200, answers[0].json())
    assert [event["type"] for event in log_of(bob, tea)] == ["conversation.created", "message.created"]


def test_a_client_id_stands_for_one_message(ada: Person, bob: Person, tea: str) -> None:
    body = {"client_id": secrets.token_hex(8), "text": "one"}
    ada.ok("POST", messages_at(tea), body)
    for other in ({"text": "two"}, {"mentions": [bob.id]}, {"metadata": {"a": 1}}):
        problem(ada.post(messages_at(tea), {**body, **other}), 422, "idempotency_mismatch")
    problem(ada.post(messages_at(ada.group_with()), body), 422, "idempotency_mismatch")
    # the same client_id of another person is independent
    assert bob.post(messages_at(tea), body).status_code == 201


def test_a_repeated_send_answers_with_the_present_message(ada: Person, tea: str) -> None:
    body = {"client_id": secrets.token_hex(8), "text": "before"}
    sent = ada.ok("POST", messages_at(tea), body)
    ada.ok("PATCH", messages_at(tea, f"/{sent['id']}"), {"text": "after"})
    again = ada.post(messages_at(tea), body)
    assert (again.status_code, again.json()["id"], again.json()["text"]) == (200, sent["id"], "after")


@pytest.mark.parametrize("text", ["x", "𐍈" * 10_000, " x\n"])
def test_a_text_of_one_to_ten_thousand_characters_is_taken(ada: Person, bob: Person, tea: str, text: str) -> None:
    assert bob.ok("GET", messages_at(tea, f"/{ada.send(tea, text)['id']}"))["text"] == text


def metadata_of(size: int) -> dict[str, str]:
    """Metadata of this size as JSON, in bytes."""
    empty = len('{"x":""}')
    return {"x": "é" * ((size - empty) // 2) + "x" * ((size - empty) % 2)}


def test_metadata_of_four_kilobytes_are_taken(ada: Person, tea: str) -> None:
    metadata = metadata_of(4096)
    assert ada.send(tea, "hi", metadata=metadata)["metadata"] == metadata


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("text", ""),
        ("text", "x" * 10_001),
        ("text", "a\0b"),
        ("text", None),
        ("text", 7),
        ("client_id", ""),
        ("client_id", "x" * 65),
        ("client_id", None),
        ("type", "system"),
        ("type", "poll"),
        ("attachment_ids", ["fil_unknown"]),
        ("attachment_ids", ["x"] * 11),
        ("reply_to", UNKNOWN_MESSAGE),
        ("reply_to", "x"),
        ("mentions", "usr_1"),
        ("metadata", metadata_of(4097)),
        ("metadata", []),
        ("ciphertext", "AAAA"),
        ("sender_id", "usr_1"),
        ("seq", 1),
    ],
)
def test_a_wrong_field_of_a_message_is_named(ada: Person, tea: str, field: str, value: Any) -> None:
    body = {"client_id": secrets.token_hex(8), "text": "hi", field: value}
    problem(ada.post(messages_at(tea), body), 400, "validation_failed", field=field)
    assert ada.ok("GET", f"/conversations/{tea}")["last_seq"] == 1


def test_a_reply_is_to_a_message_of_the_same_conversation(ada: Person, bob: Person, tea: str) -> None:
    elsewhere = ada.send(ada.group_with(bob), "elsewhere")
    answer = ada.post(messages_at(tea), {"client_id": secrets.token_hex(8), "text": "hi", "reply_to": elsewhere["id"]})
    problem(answer, 400, "validation_failed", field="reply_to")


def test_an_encrypted_message_carries_ciphertext_alone(ada: Person, bob: Person) -> None:
    secret = ada.group_with(bob, settings={"encrypted": True})
    largest = longest_ciphertext(secret)
    assert len(largest) == 65_536
    body = {"client_id": secrets.token_hex(8), "type": "encrypted", "ciphertext": largest}
    sent = ada.ok("POST", messages_at(secret), body)
    assert (sent["type"], sent["text"], sent["ciphertext"]) == ("encrypted", None, largest)
    assert bob.ok("GET", messages_at(secret, f"/{sent['id']}"))["ciphertext"] == largest
    for field, wrong in (
        ("ciphertext", {"ciphertext": largest + "AAAA"}),
        ("ciphertext", {"ciphertext": "not base 64!"}),
        ("ciphertext", {"ciphertext": None}),
        ("text", {"text": "plain"}),
        ("type", {"type": "text", "text": "plain", "ciphertext": None}),
    ):
        answer = ada.post(messages_at(secret), {**body, "client_id": secrets.token_hex(8), **wrong})
        problem(answer, 400, "validation_failed", field=field)
    problem(ada.patch(messages_at(secret, f"/{sent['id']}"), {"text": "plain"}), 403, "encrypted_conversation")


# --- changing -------------------------------------------------------------------------------------------------


def test_an_edit_shows_everywhere(ada: Person, bob: Person, tea: str) -> None:
    sent = ada.send(tea, "befor", metadata={"a": 1})
    edited = ada.ok("PATCH", messages_at(tea, f"/{sent['id']}"), {"text": "before"})
    assert edited == {**sent, "text": "before", "edited_at": edited["edited_at"]}
    assert edited["edited_at"] >= sent["created_at"]
    assert bob.ok("GET", messages_at(tea, f"/{sent['id']}")) == edited
    assert bob.ok("GET", messages_at(tea))["items"] == [edited]
    created, updated = log_of(bob, tea)[1:]
    assert (created["type"], created["data"]) == ("message.created", edited)
    assert (updated["type"], updated["seq"], updated["data"]) == ("message.updated", 3, edited)


def test_only_the_sender_edits_a_message(ada: Person, bob: Person, cleo: Person, tea: str) -> None:
    theirs = bob.send(tea, "mine")
    problem(ada.patch(messages_at(tea, f"/{theirs['id']}"), {"text": "ours"}), 403, "forbidden")
    problem(cleo.patch(messages_at(tea, f"/{theirs['id']}"), {"text": "ours"}), 404, "not_found")
    problem(bob.patch(messages_at(tea, f"/{UNKNOWN_MESSAGE}"), {"text": "x"}), 404, "not_found")
    for text in ("", "x" * 10_001, None):
        problem(bob.patch(messages_at(tea, f"/{theirs['id']}"), {"text": text}), 400, "validation_failed", field="text")


def test_a_deleted_message_leaves_a_tombstone_without_its_content(ada: Person, bob: Person, tea: str) -> None:
    # given a message with everything, edited and reacted to
    sent = bob.send(tea, "secret", metadata={"a": "secret"}, mentions=[ada.id])
    ada.ok("PUT", messages_at(tea, f"/{sent['id']}/reactions/👍"))
    bob.ok("PATCH", messages_at(tea, f"/{sent['id']}"), {"text": "secret too"})
    # when an admin deletes it, twice
    for _ in range(2):
        assert ada.delete(messages_at(tea, f"/{sent['id']}")).status_code == 204
    # then a tombstone remains, and no list and no event has its content
    gone = bob.ok("GET", messages_at(tea, f"/{sent['id']}"))
    assert (gone["seq"], gone["sender_id"], gone["client_id"]) == (sent["seq"], bob.id, sent["client_id"])
    assert (gone["text"], gone["metadata"], gone["reactions"], gone["mentions"]) == (None, {}, [], [])
    assert gone["deleted_at"]
    assert bob.ok("GET", messages_at(tea))["items"] == [gone]
    events = log_of(bob, tea)
    assert [event["type"] for event in events][1:] == [
        "message.created",
        "reaction.added",
        "message.updated",
        "message.deleted",
    ]
    assert events[-1]["data"] == gone
    assert "secret" not in json.dumps([events, bob.ok("POST", "/sync", {"cursors": {tea: 0}})])
    # and every further change is refused
    problem(bob.patch(messages_at(tea, f"/{sent['id']}"), {"text": "back"}), 410, "gone")
    problem(bob.put(messages_at(tea, f"/{sent['id']}/reactions/👍")), 410, "gone")


def test_members_delete_their_own_messages_alone(ada: Person, bob: Person, cleo: Person, tea: str) -> None:
    mine, theirs = bob.send(tea, "mine"), ada.send(tea, "theirs")
    problem(bob.delete(messages_at(tea, f"/{theirs['id']}")), 403, "forbidden")
    problem(cleo.delete(messages_at(tea, f"/{theirs['id']}")), 404, "not_found")
    assert bob.delete(messages_at(tea, f"/{mine['id']}")).status_code == 204
    # repeating a deletion still needs the right to delete
    ada.ok("DELETE", messages_at(tea, f"/{theirs['id']}"))
    problem(bob.delete(messages_at(tea, f"/{theirs['id']}")), 403, "forbidden")


# --- reactions ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("emoji", EMOJI)
def test_an_emoji_in_the_path_is_a_reaction(ada: Person, bob: Person, tea: str, emoji: str) -> None:
    sent = ada.send(tea, "react!")
    message = messages_at(tea, f"/{sent['id']}")
    place = f"{message}/reactions/{emoji}".replace("#", "%23")
    assert bob.put(place).status_code == 204
    assert ada.ok("GET", message)["reactions"] == [{"emoji": emoji, "count": 1, "mine": False}]
    assert bob.ok("GET", message)["reactions"] == [{"emoji": emoji, "count": 1, "mine": True}]
    assert bob.delete(place).status_code == 204
    assert ada.ok("GET", message)["reactions"] == []
    added, removed = log_of(ada, tea)[2:]
    about = {"message_id": sent["id"], "user_id": bob.id, "emoji": emoji}
    assert (added["type"], added["data"]) == ("reaction.added", about)
    assert (removed["type"], removed["data"]) == ("reaction.removed", about)


def test_a_reaction_counts_once_a_person_however_often_it_comes(ada: Person, bob: Person, tea: str) -> None:
    sent = ada.send(tea, "react!")
    place = messages_at(tea, f"/{sent['id']}/reactions/🎉")
    answers = at_once([lambda: ada.put(place), lambda: bob.put(place)] * 4)
    assert {answer.status_code for answer in answers} == {204}
    (reaction,) = ada.ok("GET", messages_at(tea, f"/{sent['id']}"))["reactions"]
    assert reaction == {"emoji": "🎉", "count": 2, "mine": True}
    assert at_once([lambda: ada.delete(place).status_code] * 4) == [204] * 4
    assert [event["type"] for event in log_of(ada, tea)][2:] == ["reaction.added"] * 2 + ["reaction.removed"]


@pytest.mark.parametrize("emoji", ["a", "1", "%23", "ok", "👍x", "👍%20", "%00", "👍" * 17, "<", "é"])
def test_what_is_no_emoji_is_no_reaction(ada: Person, tea: str, emoji: str) -> None:
    sent = ada.send(tea, "react!")
    answer = ada.put(messages_at(tea, f"/{sent['id']}/reactions/{emoji}"))
    assert (answer.status_code, answer.json()["code"]) in ((400, "validation_failed"), (404, "not_found"))
    assert ada.ok("GET", messages_at(tea, f"/{sent['id']}"))["reactions"] == []


# --- lists ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def history(ada: Person, bob: Person) -> str:
    """A conversation with messages 2 to 9; 3 is edited (event 10) and 5 deleted (event 11), 4 reacted to (12)."""
    group = ada.group_with(bob)
    sent = {n: (ada if n % 2 else bob).send(group, f"message {n}") for n in range(2, 10)}
    ada.ok("PATCH", messages_at(group, f"/{sent[3]['id']}"), {"text": "edited"})
    ada.ok("DELETE", messages_at(group, f"/{sent[5]['id']}"))
    ada.ok("PUT", messages_at(group, f"/{sent[4]['id']}/reactions/👍"))
    return group


def test_the_list_is_newest_first_in_the_present_state(bob: Person, history: str) -> None:
    listed = bob.ok("GET", messages_at(history))["items"]
    assert numbers(listed) == [9, 8, 7, 6, 5, 4, 3, 2]
    by_seq = {message["seq"]: message for message in listed}
    assert by_seq[3]["text"] == "edited"
    assert (by_seq[5]["text"], by_seq[5]["deleted_at"] is None) == (None, False)
    assert [each["count"] for each in by_seq[4]["reactions"]] == [1]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"before": 5}, [4, 3, 2]),
        ({"before": 5, "limit": 2}, [4, 3]),
        ({"before": 2}, []),
        ({"before": 0}, []),
        ({"before": 1_000}, [9, 8, 7, 6, 5, 4, 3, 2]),
        ({"after": 7}, [8, 9]),
        ({"after": 0, "limit": 3}, [2, 3, 4]),
        ({"after": 9}, []),
        ({"after": 12}, []),
        ({"after": 9_007_199_254_740_993}, []),
    ],
)
def test_a_part_of_the_list_is_asked_for_by_seq(
    bob: Person, history: str, query: dict[str, int], expected: list[int]
) -> None:
    assert numbers(bob.ok("GET", messages_at(history), params=query)["items"]) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [({}, [9, 8, 7, 6, 5, 4, 3, 2]), ({"before": 8}, [7, 6, 5, 4, 3, 2]), ({"after": 3}, [4, 5, 6, 7, 8, 9])],
)
def test_pages_follow_each_other_without_a_gap(
    bob: Person, history: str, query: dict[str, int], expected: list[int]
) -> None:
    got = pages(bob, messages_at(history), limit=3, **query)
    assert [seq for page in got for seq in numbers(page)] == expected
    assert all(len(page) <= 3 for page in got)


@pytest.mark.parametrize(
    ("field", "query"),
    [
        ("limit", {"limit": 0}),
        ("limit", {"limit": 101}),
        ("limit", {"limit": "all"}),
        ("before", {"before": -1}),
        ("before", {"before": "now"}),
        ("after", {"before": 5, "after": 2}),
        ("after", {"after": "9" * 5_000}),
    ],
)
def test_a_wrong_question_is_named(bob: Person, history: str, field: str, query: dict[str, Any]) -> None:
    problem(bob.get(messages_at(history), params=query), 400, "validation_failed", field=field)


@pytest.mark.parametrize("message_id", [UNKNOWN_MESSAGE, "x", "cnv_1", "msg_01aaaaaaaaaaaaaaaaaaaaaaaazzzzzzzzz"])
def test_there_is_no_message_with_a_made_up_id(bob: Person, history: str, message_id: str) -> None:
    problem(bob.get(messages_at(history, f"/{message_id}")), 404, "not_found")


def test_a_message_is_found_in_its_own_conversation_only(ada: Person, bob: Person, tea: str, history: str) -> None:
    elsewhere = bob.ok("GET", messages_at(history))["items"][-1]
    ada.send(tea, "the same seq")
    problem(bob.get(messages_at(tea, f"/{elsewhere['id']}")), 404, "not_found")


# --- reading --------------------------------------------------------------------------------------------------


def test_unread_are_the_messages_of_others_after_the_marker(ada: Person, bob: Person, tea: str) -> None:
    # given messages of both
    sent = [ada.send(tea, f"{n}") for n in range(3)]
    bob.send(tea, "mine")
    assert bob.ok("GET", f"/conversations/{tea}")["unread_count"] == 3
    assert ada.ok("GET", f"/conversations/{tea}")["unread_count"] == 1
    # then reading, deleting, editing and reacting count as they should
    assert bob.ok("POST", f"/conversations/{tea}/read", {"seq": 2}) == {"read_seq": 2, "unread_count": 2}
    ada.ok("PATCH", messages_at(tea, f"/{sent[1]['id']}"), {"text": "edited"})
    ada.ok("PUT", messages_at(tea, f"/{sent[1]['id']}/reactions/👍"))
    assert bob.ok("GET", f"/conversations/{tea}")["unread_count"] == 2
    ada.ok("DELETE", messages_at(tea, f"/{sent[1]['id']}"))
    assert bob.ok("GET", f"/conversations/{tea}")["unread_count"] == 1


def test_the_read_marker_never_moves_back_nor_beyond_the_end(ada: Person, bob: Person, tea: str) -> None:
    for n in range(4):
        ada.send(tea, f"{n}")
    read = f"/conversations/{tea}/read"
    assert bob.ok("POST", read, {"seq": 4}) == {"read_seq": 4, "unread_count": 1}
    assert bob.ok("POST", read, {"seq": 2}) == {"read_seq": 4, "unread_count": 1}
    at_once([partial(bob.ok, "POST", read, {"seq": seq}) for seq in (5, 1, 3, 0, 2)])
    assert bob.ok("POST", read, {"seq": 0}) == {"read_seq": 5, "unread_count": 0}
    assert bob.ok("POST", read, {"seq": 2**53}) == {"read_seq": 5, "unread_count": 0}
    ada.send(tea, "one more")
    assert bob.ok("GET", f"/conversations/{tea}")["unread_count"] == 1
    for wrong in (-1, 2**53 + 1, "1", 1.5, None, True):
        problem(bob.post(read, {"seq": wrong}), 400, "validation_failed", field="seq")


def test_receipts_show_how_far_everybody_has_read(ada: Person, bob: Person, tea: str) -> None:
    ada.send(tea, "hi")
    bob.ok("POST", f"/conversations/{tea}/read", {"seq": 2})
    found = {each["user_id"]: each for each in ada.ok("GET", f"/conversations/{tea}/receipts")["items"]}
    assert found.keys() == {ada.id, bob.id}
    assert (found[bob.id]["read_seq"], found[ada.id]["read_seq"]) == (2, 0)
    assert found[bob.id]["delivered_seq"] >= 2


# --- typing ---------------------------------------------------------------------------------------------------


def test_typing_is_for_members(bob: Person, cleo: Person, tea: str) -> None:
    for typing in (True, False):
        assert bob.post(f"/conversations/{tea}/typing", {"typing": typing}).status_code == 204
        problem(cleo.post(f"/conversations/{tea}/typing", {"typing": typing}), 404, "not_found")
    problem(bob.post(f"/conversations/{tea}/typing", {"typing": "yes"}), 400, "validation_failed", field="typing")
    assert [event["type"] for event in log_of(bob, tea)] == ["conversation.created"]
