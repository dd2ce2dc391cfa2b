"""Calls from ringing to history: what is stored and published, and who may do what."""

from __future__ import annotations

import pytest

from calls import changing, history, service, signals, store
from calls.model import Call
from calls.participant import MediaState
from conversations import service as conversations
from conversations import sync
from kernel import aws, clock, config
from kernel.errors import DependencyUnavailable
from tests.integration.calls.calling import (
    NOW,
    connected,
    device,
    join,
    refusal,
    ring,
    states,
    stored,
    swept,
    two,
)
from tests.integration.rooms import add, group, people, remove, seen
from tests.management import Management
from tests.tools import jobs


def _lifecycle() -> str:
    return config.config().state_machine(service.LIFECYCLE)


def test_a_call_is_a_message_in_the_log_that_tells_how_it_ended() -> None:
    ada, bob, chat = two()
    with clock.held(NOW) as advance:
        call = ring(ada, chat)
        message = seen(bob, chat)[-1]
        assert (message["type"], message["data"]["type"]) == ("message.created", "call")
        assert message["data"]["metadata"]["state"] == "ringing"
        join(bob, call)
        advance(20_000)
        service.end(caller=bob, call_id=call["id"])
    updated = seen(ada, chat)[-1]
    assert updated["type"] == "message.updated"
    assert updated["data"]["metadata"] == {
        "call_id": call["id"],
        "media": "video",
        "state": "ended",
        "end_reason": "completed",
        "duration_seconds": 20,
    }
    assert updated["data"]["edited_at"] is None


def test_a_missed_call_is_unread_for_who_missed_it() -> None:
    ada, bob, chat = two()
    with clock.held(NOW):
        call = ring(ada, chat)
    with clock.held(NOW + 45_000):
        assert swept(call) == {"call_id": call["id"], "over": True, "wait_s": 0}
    seen_by_bob = conversations.get(caller=bob, conversation_id=chat)
    assert seen_by_bob["unread_count"] == 1
    assert seen_by_bob["last_message"]["metadata"]["end_reason"] == "missed"


def test_two_calling_each_other_have_one_call() -> None:
    ada, bob, chat = two()
    call = ring(ada, chat)
    assert ring(bob, chat, media="audio")["id"] == call["id"]
    assert sum(event["type"] == "message.created" for event in seen(ada, chat)) == 1


def test_a_repeated_client_id_gets_its_first_call_however_late() -> None:
    ada, bob, chat = two()
    first = ring(ada, chat, client_id="one")
    service.end(caller=ada, call_id=first["id"])
    assert ring(ada, chat, client_id="one")["state"] == "ended"
    other = ring(bob, chat)
    assert ring(ada, chat, client_id="one")["id"] == first["id"] != other["id"]
    assert refusal(lambda: ring(ada, chat, client_id="one", media="audio")) == "idempotency_mismatch"


def test_a_repeated_client_id_gets_its_call_whatever_is_forbidden_since() -> None:
    ada, bob = people("ada", "bob")
    context = group(ada, bob)
    first = ring(bob, context, client_id="one")
    conversations.change(caller=ada, conversation_id=context, fields={"settings": {"who_can_send": "admins"}})
    assert ring(bob, context, client_id="one")["id"] == first["id"]
    assert refusal(lambda: ring(bob, context, client_id="two")) == "forbidden"
    remove(ada, context, bob)
    assert refusal(lambda: ring(bob, context, client_id="one")) == "not_found"


def test_a_repeated_client_id_gets_its_call_though_a_block_came_since() -> None:
    ada, bob, chat = two()
    first = ring(bob, chat, client_id="one")
    conversations.note_block(ada.user_id, bob.user_id, True)
    assert ring(bob, chat, client_id="one")["id"] == first["id"]
    assert refusal(lambda: ring(bob, chat, client_id="two")) == "not_found"


def test_a_call_that_nobody_has_ended_in_time_does_not_stand_in_the_way_of_the_next() -> None:
    ada, bob, chat = two()
    with clock.held(NOW):
        old = ring(ada, chat)
    with clock.held(NOW + 60_000):
        new = ring(bob, chat)
    assert new["id"] != old["id"]
    assert stored(old).end_reason == "missed"


def test_a_call_that_ends_in_this_moment_does_not_stand_in_the_way_of_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ada, bob, chat = two()
    old = ring(ada, chat)
    find = store.find

    def ends(call_id: str) -> Call | None:
        monkeypatch.setattr(store, "find", find)
        service.end(caller=ada, call_id=old["id"])
        return find(call_id)

    monkeypatch.setattr(store, "find", ends)
    new, made = service.start(caller=bob, conversation_id=chat, client_id="next", media="audio")
    assert (made, new["state"]) == (True, "ringing")
    assert new["id"] != old["id"]


def test_an_execution_watches_over_each_call_and_over_nothing_else() -> None:
    ada, bob, chat = two()
    call = ring(ada, chat)
    ring(bob, chat)
    executions = aws.client("stepfunctions").list_executions(stateMachineArn=_lifecycle())["executions"]
    assert [each["name"] for each in executions] == [call["id"]]


def test_without_the_machine_no_call_begins() -> None:
    ada, _, chat = two()
    aws.client("stepfunctions").delete_state_machine(stateMachineArn=_lifecycle())
    assert refusal(lambda: ring(ada, chat)) == "dependency_unavailable"
    assert history.list_of_conversation(caller=ada, conversation_id=chat, limit=5, after=None).items == []


def test_everybody_is_told_on_all_devices(management: Management) -> None:
    ada, bob, chat = two()
    connected(ada, "a1"), connected(device(ada), "a2")
    bob1, bob2 = connected(bob, "b1"), connected(device(bob), "b2")
    call = ring(ada, chat)
    assert all("call.ringing" in management.kinds(each) for each in ("a1", "a2", "b1", "b2"))
    join(bob1, call)
    assert "call.answered_elsewhere" in management.kinds("b2")
    assert "call.answered_elsewhere" not in management.kinds("b1")
    assert management.frames("a1")[-1]["data"]["state"] == "active"
    assert refusal(lambda: join(bob2, call)) == "answered_elsewhere"
    service.end(caller=ada, call_id=call["id"])
    ended = [each for each in management.frames("b2") if each["type"] == "call.ended"]
    assert ended[0]["data"]["end_reason"] == "completed"


def test_a_large_group_is_told_by_the_fan_out() -> None:
    owner, *others = people(*(f"p{n}" for n in range(21)))
    context = group(owner, *others)
    call = ring(owner, context)
    assert states(call) == ["joined"]
    told = jobs()
    assert any("call.ringing" in str(job["frames"]) for job in told if job["kind"] == "members")
    answered = join(others[0], call)["call"]
    assert (answered["state"], states(answered)) == ("active", ["joined", "joined"])
    assert history.list_of_caller(caller=others[0], limit=5, after=None).items[0]["id"] == call["id"]


def test_sync_brings_live_calls() -> None:
    ada, bob, chat = two()
    call = ring(ada, chat)
    missed = sync.missed(caller=bob, cursors={})
    assert [each["id"] for each in service.live(missed.live_calls)] == [call["id"]]
    service.end(caller=ada, call_id=call["id"])
    assert sync.missed(caller=bob, cursors={}).live_calls == []


def test_who_is_in_another_call_is_busy_when_this_one_rings() -> None:
    ada, bob, chat = two()
    cleo = people("cleo")[0]
    first = ring(cleo, group(cleo, bob))
    join(bob, first)
    call = ring(ada, chat)
    assert [each["busy"] for each in call["participants"]] == [False, True]
    service.end(caller=cleo, call_id=first["id"])
    service.end(caller=ada, call_id=call["id"])
    assert not ring(ada, chat)["participants"][1]["busy"]


def test_who_calls_is_busy_as_well() -> None:
    ada, bob, chat = two()
    cleo = people("cleo")[0]
    ring(ada, chat)
    assert [each["busy"] for each in ring(cleo, group(cleo, ada, bob))["participants"]] == [False, True, False]


# --- changing and looking back --------------------------------------------------------------------------------


def test_what_one_sends_is_shown() -> None:
    ada, bob, chat = two()
    call = ring(ada, chat)
    media = MediaState(audio=False, video=True, screen=True, hand_raised=True, speaking=True)
    shown = service.set_media(caller=ada, call_id=call["id"], media=media)
    first = shown["participants"][0]
    assert first["media_state"] == {"audio": False, "video": True, "screen": True}
    assert (first["hand_raised"], first["speaking"]) == (True, True)
    assert refusal(lambda: service.set_media(caller=bob, call_id=call["id"], media=MediaState())) == "not_in_call"


def test_a_media_state_that_is_set_again_is_not_told_again(management: Management) -> None:
    ada, bob, chat = two()
    connected(bob, "b1")
    call = ring(ada, chat)
    for audio in (False, False, True):
        service.set_media(caller=ada, call_id=call["id"], media=MediaState(audio=audio))
    assert management.kinds("b1").count("call.updated") == 2


def test_a_heartbeat_moves_no_version_and_keeps_the_lease() -> None:
    ada, _, chat = two()
    with clock.held(NOW) as advance:
        call = ring(ada, chat)
        before = stored(call)
        advance(20_000)
        service.heartbeat(caller=ada, call_id=call["id"])
        after = stored(call)
    assert (after.version, after.participants[0].until) == (before.version, before.participants[0].until + 20_000)


def test_a_lease_that_is_renewed_while_it_is_being_swept_has_not_lapsed() -> None:
    ada, bob, chat = two()
    with clock.held(NOW) as advance:
        call = ring(ada, chat)
        join(bob, call)
        seen_by_sweep = stored(call)
        assert store.renew(seen_by_sweep, ada.user_id, NOW + 90_000)
        advance(45_000)
        with pytest.raises(store.VersionConflict):
            store.save(seen_by_sweep, seen_by_sweep.as_of(clock.now()))


def test_changes_that_meet_each_other_all_take_effect() -> None:
    ada, bob, cleo = people("ada", "bob", "cleo")
    call = ring(ada, group(ada, bob, cleo))
    stale = stored(call)
    join(bob, call)
    with pytest.raises(store.VersionConflict):
        store.save(stale, stale.join(cleo.user_id, cleo.session_id, clock.now(), limit=6))
    assert states(join(cleo, call)["call"]) == ["joined", "joined", "joined"]


def test_history_comes_in_pages_newest_first() -> None:
    ada, bob, chat = two()
    made = []
    for n in range(5):
        with clock.held(NOW + n * 1000):
            made.append(ring(ada, chat)["id"])
            service.end(caller=ada, call_id=made[-1])
    found, cursor = [], None
    while True:
        page = history.list_of_caller(caller=bob, limit=2, after=cursor)
        found += [each["id"] for each in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert found == made[::-1]
    last = history.list_of_conversation(caller=bob, conversation_id=chat, limit=2, after=None).next_cursor
    assert refusal(lambda: history.list_of_caller(caller=bob, limit=2, after=last)) == "invalid_cursor"


def test_who_comes_back_does_not_see_the_calls_from_before() -> None:
    ada, bob = people("ada", "bob")
    context = group(ada, bob)
    call = ring(ada, context)
    join(bob, call)
    remove(ada, context, bob)
    service.end(caller=ada, call_id=call["id"])
    add(ada, context, bob)
    assert refusal(lambda: service.get(caller=bob, call_id=call["id"])) == "not_found"
    for found in (
        history.list_of_caller(caller=bob, limit=5, after=None),
        history.list_of_conversation(caller=bob, conversation_id=context, limit=5, after=None),
    ):
        assert found.items == []


def test_a_rejoining_device_is_told_which_signals_are_old() -> None:
    ada, bob, chat = two()
    call = ring(ada, chat)
    joined = join(bob, call)
    for _ in range(3):
        signals.send(caller=ada, call_id=call["id"], to=joined["participant_id"], kind="ice", payload={})
    assert joined["last_signal"] == 0
    assert join(bob, call)["last_signal"] == 3


def test_a_busy_conversation_gives_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    ada, _, chat = two()
    call = stored(ring(ada, chat))
    monkeypatch.setattr(changing, "PATIENCE_S", 0.1)

    def always_late(before: object, after: object) -> None:
        raise store.VersionConflict

    monkeypatch.setattr(store, "save", always_late)
    with pytest.raises(DependencyUnavailable):
        changing.change(call, lambda it: it.set_media(it.participants[0], MediaState(), 1), actor_id=ada.user_id)
