"""The fan-out function: recipients and their frames, with repeated and reordered jobs (R6, R24, R25)."""

from __future__ import annotations

import random
from typing import Any

import pytest

from conversations import model, service
from conversations import store as conversations
from kernel import clock
from kernel.caller import Caller
from messages import service as messages
from messages import typing_notice
from messages.changes import reactions
from realtime import delivery
from realtime import fanout as realtime_fanout
from realtime.consumers import fanout
from tests.helpers import CONTEXT
from tests.integration.rooms import add, group, open_socket, people, remove, send
from tests.management import Management
from tests.tools import captured_lines, jobs, queue_event

HELLO = '{"type":"typing","data":{"n":1}}'
BIG = model.MEMBER_IDS_MAX + 1


def _online(*callers: Caller) -> None:
    """One socket each, named after its person."""
    for who in callers:
        open_socket(who)


def _fan_out(*given: dict[str, Any]) -> list[str]:
    """Have jobs done; the messages that failed."""
    answer = fanout.handler(queue_event(*given), CONTEXT)
    return [each["itemIdentifier"] for each in answer["batchItemFailures"]]


def _run() -> None:
    """Run the jobs of the queue, and those that they enqueue."""
    while waiting := jobs():
        assert _fan_out(*waiting) == []


def _big_room() -> tuple[str, list[Caller]]:
    """A group whose profile lists no members any more, so that the fan-out reads them; three are online."""
    everybody = people(*(f"p{n:02}" for n in range(BIG)))
    conversation_id = group(*everybody)
    _online(*everybody[:3])
    return conversation_id, everybody


def _members_job(conversation_id: str, **changes: Any) -> dict[str, Any]:
    return {"kind": "members", "conversation_id": conversation_id, "frames": [HELLO], "seq": 0, "but": "", **changes}


# --- large groups ---------------------------------------------------------------------------------------------


def test_a_message_to_a_large_group_reaches_everybody_live(management: Management) -> None:
    conversation_id, everybody = _big_room()
    message = send(everybody[0], conversation_id)
    assert management.calls == []  # the sender waits for nobody
    _run()
    for who in everybody[:3]:
        (frame,) = management.frames(who.user_id)
        assert (frame["type"], frame["seq"]) == ("message.created", message["seq"])


def test_several_jobs_of_a_conversation_come_as_one_post_in_order(management: Management) -> None:
    conversation_id, everybody = _big_room()
    for number in range(8):
        send(everybody[0], conversation_id, str(number))
    waiting = jobs()
    random.Random(7).shuffle(waiting)
    assert _fan_out(*waiting) == []
    frames = management.frames(everybody[1].user_id)
    assert [frame["data"]["text"] for frame in frames] == [str(number) for number in range(8)]
    assert len(management.posts[everybody[1].user_id]) == 1


def test_who_was_removed_before_the_fan_out_gets_nothing(management: Management) -> None:
    conversation_id, everybody = _big_room()
    send(everybody[0], conversation_id)
    waiting = jobs()
    remove(everybody[0], conversation_id, everybody[1])
    jobs()
    assert _fan_out(*waiting) == []
    assert management.kinds(everybody[1].user_id) == ["member.removed"]
    assert "message.created" in management.kinds(everybody[2].user_id)


def test_who_came_after_the_event_does_not_get_it(management: Management) -> None:
    conversation_id, everybody = _big_room()
    (zoe,) = people("zoe")
    _online(zoe)
    send(everybody[0], conversation_id, "secret")
    waiting = jobs()
    add(everybody[0], conversation_id, zoe)
    assert _fan_out(*waiting, *jobs()) == []
    assert management.kinds(zoe.user_id) == ["member.added"]


def test_who_leaves_is_told_so_too(management: Management) -> None:
    conversation_id, everybody = _big_room()
    remove(everybody[0], conversation_id, everybody[1])
    _run()
    assert management.kinds(everybody[1].user_id) == ["member.removed"]


def test_everybody_in_a_large_group_is_told_of_its_end(management: Management) -> None:
    conversation_id, everybody = _big_room()
    service.delete(caller=everybody[0], conversation_id=conversation_id)
    _run()
    assert [management.kinds(who.user_id) for who in everybody[:3]] == [["conversation.deleted"]] * 3


def test_one_s_own_typing_does_not_come_back(management: Management) -> None:
    conversation_id, everybody = _big_room()
    typing_notice.typing(caller=everybody[0], conversation_id=conversation_id, is_typing=True)
    waiting = [job for job in jobs() if job["kind"] == "members"]
    assert _fan_out(*waiting) == []
    assert management.frames(everybody[0].user_id) == []
    assert management.kinds(everybody[1].user_id) == ["typing"]


def test_very_many_sockets_are_dealt_out_in_chunks(management: Management, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(realtime_fanout, "MAX_DIRECT", 4)
    monkeypatch.setattr(delivery, "CHUNK_CONNECTIONS", 3)
    conversation_id, everybody = _big_room()
    _online(*everybody)
    assert _fan_out(_members_job(conversation_id, but=everybody[0].user_id)) == []
    waiting = jobs()
    assert [len(job["targets"]) for job in waiting] == [3] * 6 + [2]
    assert management.calls == []
    assert _fan_out(*waiting) == []
    assert {who.user_id for who in everybody[1:]} == {who for who in management.posts if management.posts[who]}


def test_very_many_sockets_get_a_long_message_of_any_script(
    management: Management, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(realtime_fanout, "MAX_DIRECT", 4)
    monkeypatch.setattr(delivery, "CHUNK_CONNECTIONS", 2)
    conversation_id, everybody = _big_room()
    _online(*everybody)
    send(everybody[0], conversation_id, "👍" * 10_000, client_id="1")
    _run()
    assert [management.kinds(who.user_id) for who in everybody] == [["message.created"]] * BIG


# --- events that look different to each -----------------------------------------------------------------------


def test_each_sees_a_new_conversation_as_their_own(management: Management) -> None:
    ada, bob = people("ada", "bob")
    _online(ada, bob)
    service.create(caller=ada, kind="group", member_ids=[bob.user_id], name="Tea", description=None, settings={})
    _run()
    roles = [management.frames(who.user_id)[0]["data"]["role"] for who in (ada, bob)]
    assert roles == ["owner", "member"]


def test_each_sees_their_own_reactions_in_an_edited_message(management: Management) -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob)
    message = send(ada, conversation_id)
    where = {"conversation_id": conversation_id, "message_id": message["id"]}
    reactions.react(caller=bob, **where, emoji="👍", added=True)
    _online(ada, bob)
    messages.edit(caller=ada, **where, text="new")
    _run()
    seen = [management.frames(who.user_id)[0]["data"]["reactions"][0]["mine"] for who in (ada, bob)]
    assert seen == [False, True]


def test_an_edit_of_a_message_from_before_one_came_shows_nothing_of_it(management: Management) -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada)
    message = send(ada, conversation_id, "before")
    add(ada, conversation_id, bob)
    _online(ada, bob)
    messages.edit(caller=ada, conversation_id=conversation_id, message_id=message["id"], text="secret")
    _run()
    assert management.frames(ada.user_id)[0]["data"]["text"] == "secret"
    assert b"secret" not in b"".join(management.posts[bob.user_id])


def test_an_event_of_a_conversation_that_has_ended_reaches_nobody(management: Management) -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob)
    _online(ada, bob)
    service.delete(caller=ada, conversation_id=conversation_id)
    management.posts.clear()
    assert _fan_out({"kind": "personal", "conversation_id": conversation_id, "seq": 1}) == []
    assert not any(management.posts.values())


# --- what queues do -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "poison",
    [
        "not json",
        {},
        {"kind": "members"},
        {"kind": "unknown", "seq": 1},
        {"kind": "personal", "conversation_id": "cnv_1"},
        {"kind": "connections", "frames": [HELLO]},
        {"kind": "typing_over"},
        [],
        7,
    ],
)
def test_a_poison_job_fails_alone(management: Management, poison: Any) -> None:
    conversation_id, everybody = _big_room()
    assert _fan_out(_members_job(conversation_id), poison, _members_job(conversation_id)) == ["m1"]
    assert "typing" in management.kinds(everybody[0].user_id)


def test_no_canary_of_a_poison_job_reaches_the_log(management: Management) -> None:
    with captured_lines() as lines:
        _fan_out({"kind": "members", "frames": ["c4n4ry"], "conversation_id": None, "seq": 0, "but": ""})
    assert lines.all
    assert "c4n4ry" not in lines.text


def test_a_job_for_a_conversation_that_is_not_there_is_done(management: Management) -> None:
    assert _fan_out(_members_job("cnv_01kb0000000000000000000001")) == []
    assert _fan_out({"kind": "personal", "conversation_id": "cnv_01kb0000000000000000000001", "seq": 7}) == []
    over = {"kind": "typing_over", "conversation_id": "cnv_01kb0000000000000000000001", "user_id": "usr_1", "until": 0}
    assert _fan_out(over) == []


def test_a_hint_tells_its_sockets_to_sync(management: Management) -> None:
    ada, bob = people("ada", "bob")
    _online(ada, bob)
    hint = {"kind": "hint", "turn": 0, "targets": [[ada.user_id, ada.user_id]]}
    assert _fan_out(hint) == []
    (told,) = management.frames(ada.user_id)
    assert (told["type"], told["data"]) == ("pong", {"behind": None})
    assert clock.parse(told["at"]) <= clock.now()
    assert management.frames(bob.user_id) == []


def test_a_hint_to_a_socket_that_is_still_stuck_comes_again(management: Management) -> None:
    (ada,) = people("ada")
    _online(ada)
    management.status[ada.user_id] = 429
    hint = {"kind": "hint", "turn": 0, "targets": [[ada.user_id, ada.user_id]]}
    assert _fan_out(hint) == []
    (again,) = jobs()
    assert (again["kind"], again["turn"], again["delay_s"]) == ("hint", 1, 4)


def test_jobs_doubled_and_shuffled_leave_the_registry_as_it_was(management: Management) -> None:
    conversation_id, everybody = _big_room()
    for number in range(3):
        send(everybody[0], conversation_id, str(number))
    waiting = jobs() * 3
    random.Random(1).shuffle(waiting)
    assert _fan_out(*waiting) == []
    live = {who.user_id for who in everybody[:3]}
    assert {who for who in management.posts if management.posts[who]} == live
    texts = [frame["data"]["text"] for frame in management.frames(everybody[1].user_id)]
    assert (sorted(texts), texts) == (sorted(["0", "1", "2"] * 3), sorted(texts))
    assert len(conversations.members(conversation_id)) == BIG


# --- what is from before somebody came ------------------------------------------------------------------------


@pytest.mark.parametrize("big", [False, True])
def test_changes_of_what_is_from_before_show_a_newcomer_nothing_of_it(management: Management, big: bool) -> None:
    conversation_id, everybody = _big_room() if big else _small_room()
    ada, bob = everybody[:2]
    before, doomed = (send(ada, conversation_id, text) for text in ("before", "doomed"))
    (eve,) = people("eve")
    add(ada, conversation_id, eve)
    _online(eve)
    _run()
    management.posts.clear()
    reactions.react(
        caller=bob, conversation_id=conversation_id, message_id=before["id"], emoji="\N{THUMBS UP SIGN}", added=True
    )
    messages.delete(caller=ada, conversation_id=conversation_id, message_id=doomed["id"])
    _run()
    told = management.frames(eve.user_id)
    assert [(frame["type"], frame["data"]) for frame in told] == [("reaction.added", None), ("message.deleted", None)]
    assert [frame["data"] for frame in management.frames(bob.user_id)] != [None, None]
    assert management.frames(bob.user_id)[0]["data"]["message_id"] == before["id"]


def test_changes_of_what_everybody_has_seen_are_told_at_once(management: Management) -> None:
    conversation_id, (ada, bob) = _small_room()
    message = send(ada, conversation_id)
    management.posts.clear()
    messages.delete(caller=ada, conversation_id=conversation_id, message_id=message["id"])
    assert jobs() == []
    assert management.frames(bob.user_id)[0]["data"]["id"] == message["id"]


def _small_room() -> tuple[str, list[Caller]]:
    """A group of two who are online."""
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob)
    _online(ada, bob)
    return conversation_id, [ada, bob]


@pytest.mark.parametrize("trap", ["2020-01-01T00:00:00.000Z", "never", ""])
def test_what_a_sender_calls_expires_at_keeps_no_message_from_being_delivered(
    management: Management, trap: str
) -> None:
    conversation_id, (ada, *_rest) = _big_room()
    send(ada, conversation_id, metadata={"expires_at": trap})
    waiting = jobs()
    management.posts.clear()
    assert _fan_out(*waiting) == []
    assert len(management.posts) == 3


def test_a_message_that_expired_while_its_job_waited_is_not_delivered(management: Management) -> None:
    conversation_id, (ada, *_rest) = _big_room()
    service.change(caller=ada, conversation_id=conversation_id, fields={"settings": {"disappearing_seconds": 60}})
    jobs()
    with clock.held(clock.now()) as advance:
        send(ada, conversation_id, 'a trap: "expires_at":"2020-01-01T00:00:00.000Z"')
        waiting = jobs()
        management.posts.clear()
        advance(59_999)
        assert _fan_out(*waiting) == []
        assert len(management.posts) == 3
        management.posts.clear()
        advance(1)
        assert _fan_out(*waiting) == []
        assert not management.posts
