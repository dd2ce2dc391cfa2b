"""Posting to sockets: only a gone socket is removed, a slow one is suspended and gets a resync hint (R9, R10)."""

from __future__ import annotations

import json
import threading
import time

import pytest

from kernel import clock, sockets
from kernel.caller import Caller
from kernel.config import config
from kernel.resilience import SOCKET_POST_TIMEOUT_S
from kernel.sockets import Posted
from realtime import delivery, store
from tests.conftest import STACK
from tests.integration.rooms import group, open_socket, people, say, whole_log
from tests.management import Management
from tests.tools import captured_lines, jobs, rows

FOR_EVER_S = 600
HELLO = json.dumps({"type": "typing", "data": {}})


def _online(who: Caller, *connection_ids: str) -> Caller:
    """Open sockets for somebody, a while ago; the first is the caller's own."""
    with clock.held(clock.now() - store.HANDSHAKE_MS - 1):
        for connection_id in connection_ids:
            open_socket(who, connection_id)
    return Caller(who.user_id, who.session_id, connection_ids[0])


def _sockets_of(*callers: Caller) -> set[str]:
    return {each.connection_id for each in store.connections_of([who.user_id for who in callers])}


# --- one post -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "posted"),
    [
        (200, Posted.DELIVERED),
        (410, Posted.GONE),
        (403, Posted.LATE),
        (413, Posted.LATE),
        (429, Posted.LATE),
        (500, Posted.LATE),
    ],
)
def test_a_post_is_tried_once_and_its_outcome_told(management: Management, status: int, posted: Posted) -> None:
    management.status["a"] = status
    assert sockets.post("a", b"{}") is posted
    assert management.tried("a") == 1


def test_a_post_to_an_endpoint_that_is_away_is_late(settings: pytest.MonkeyPatch) -> None:
    settings.setattr(sockets, "management_url", lambda: "http://127.0.0.1:9")
    assert sockets.post("a", b"{}") is Posted.LATE


def test_a_post_to_a_stuck_peer_ends_after_a_second(management: Management) -> None:
    management.delay_s["a"] = 30
    started = time.perf_counter()
    assert sockets.post("a", b"{}") is Posted.LATE
    assert time.perf_counter() - started < SOCKET_POST_TIMEOUT_S + 0.5


def test_a_post_names_its_connection_whatever_characters_it_has(management: Management) -> None:
    assert sockets.post("L0SM9cOFv/Hc+Iw=", b"{}") is Posted.DELIVERED
    assert management.posts.keys() == {"L0SM9cOFv/Hc+Iw="}


@pytest.mark.parametrize("size", [32_768, 32_769, 131_072])
def test_a_post_of_up_to_128_kb_is_sent(management: Management, size: int) -> None:
    assert sockets.post("a", b"x" * size) is Posted.DELIVERED
    assert len(management.posts["a"][0]) == size


def test_a_post_above_128_kb_is_not_even_tried(management: Management) -> None:
    with pytest.raises(ValueError, match="131073"):
        sockets.post("a", b"x" * 131_073)
    assert management.calls == []


# --- several --------------------------------------------------------------------------------------------------


def test_everybody_gets_every_frame_in_order(management: Management) -> None:
    frames = [json.dumps({"type": "typing", "data": {"n": n}}) for n in range(50)]
    delivery.deliver({("usr_a", "a"): frames, ("usr_b", "b"): frames[:1]})
    assert [frame["data"]["n"] for frame in management.frames("a")] == list(range(50))
    assert len(management.posts["a"]) == 1
    assert len(management.frames("b")) == 1


def test_nobody_to_deliver_to_is_fine(management: Management) -> None:
    delivery.deliver({})
    assert management.calls == []


def test_a_gone_peer_is_forgotten_alone(management: Management) -> None:
    ada, bob = people("ada", "bob")
    _online(ada, "a-1", "a-2")
    _online(bob, "b-1")
    management.status["a-1"] = 410
    delivery.deliver({(ada.user_id, "a-1"): [HELLO], (ada.user_id, "a-2"): [HELLO], (bob.user_id, "b-1"): [HELLO]})
    assert _sockets_of(ada, bob) == {"a-2", "b-1"}
    assert (management.kinds("a-2"), management.kinds("b-1")) == (["typing"], ["typing"])
    assert jobs() == []


def test_a_gone_peer_that_an_earlier_version_registered_is_forgotten(management: Management) -> None:
    (ada,) = people("ada")
    opened_at = clock.now() - store.HANDSHAKE_MS - 1
    event = {"session_id": ada.session_id, "opened_at": opened_at}
    store.ConnectionsRecord(ada.user_id).update([store.ConnectionsRecord.connections.set({"old": event})])
    management.status["old"] = 410
    delivery.deliver({(ada.user_id, "old"): [HELLO]})
    assert _sockets_of(ada) == set()
    assert store.liveness_of([ada.user_id])[ada.user_id].seen_at == opened_at


def test_a_peer_whose_handshake_is_not_over_is_told_to_sync_and_kept(management: Management) -> None:
    (ada,) = people("ada")
    # given a socket that is registered, while API Gateway does not know it yet
    open_socket(ada, "young")
    management.status["young"] = 410
    # when something is to be delivered to it
    delivery.deliver({(ada.user_id, "young"): [HELLO]})
    # then it stays, and is told later
    (job,) = jobs()
    assert (job["kind"], job["targets"]) == ("hint", [[ada.user_id, "young"]])
    assert _sockets_of(ada) == {"young"}


@pytest.mark.parametrize("status", [429, 500])
def test_a_throttled_peer_is_told_to_sync_and_the_others_are_not_affected(management: Management, status: int) -> None:
    ada, bob = people("ada", "bob")
    _online(ada, "a-1")
    _online(bob, "b-1")
    management.status["a-1"] = status
    delivery.deliver({(ada.user_id, "a-1"): [HELLO], (bob.user_id, "b-1"): [HELLO]})
    (job,) = jobs()
    assert (job["kind"], job["targets"], job["delay_s"]) == ("hint", [[ada.user_id, "a-1"]], 2)
    assert _sockets_of(ada, bob) == {"a-1", "b-1"}
    assert management.kinds("b-1") == ["typing"]


@pytest.mark.parametrize(("others", "posts_each"), [(9, 1), (9, 3), (99, 1)])
def test_the_others_get_all_their_posts_while_a_stuck_peer_still_hangs(
    management: Management, settings: pytest.MonkeyPatch, others: int, posts_each: int
) -> None:
    settings.setattr(sockets, "SOCKET_POST_TIMEOUT_S", FOR_EVER_S)
    frames = [json.dumps({"type": "typing", "pad": "x" * 20_000}) for _ in range(posts_each)]
    everybody = [(f"usr_{n}", f"c-{n}") for n in range(1 + others)]
    # given a peer that answers when it is released, and not before
    management.delay_s["c-0"] = FOR_EVER_S
    delivering = threading.Thread(target=delivery.deliver, args=(dict.fromkeys(everybody, frames),))
    delivering.start()
    # when it hangs
    hung = management.becomes(lambda: management.tried("c-0") == 1)
    # then everybody else gets all of theirs meanwhile
    served = management.becomes(
        lambda: all(len(management.posts[f"c-{n}"]) == posts_each for n in range(1, 1 + others))
    )
    hangs_still = delivering.is_alive()
    management.released.set()
    delivering.join(10)
    assert (hung, served, hangs_still) == (True, True, True)


def test_a_stuck_peer_is_told_to_sync_and_nobody_else_is(management: Management) -> None:
    everybody = [(f"usr_{n}", f"c-{n}") for n in range(3)]
    management.delay_s["c-0"] = FOR_EVER_S
    delivery.deliver({each: [HELLO] for each in everybody})
    assert [job["targets"] for job in jobs()] == [[["usr_0", "c-0"]]]


@pytest.mark.parametrize(("delay_s", "posted", "tried"), [(0.0, Posted.DELIVERED, 20), (30.0, Posted.LATE, 1)])
def test_after_a_failure_of_all_one_post_finds_out_whether_the_endpoint_works(
    management: Management, settings: pytest.MonkeyPatch, delay_s: float, posted: Posted, tried: int
) -> None:
    settings.setattr(sockets.breaker, "_opened_at", time.monotonic() - sockets.breaker.limits.rest_s)
    management.delay_s["c-0"] = delay_s
    started = time.perf_counter()
    assert set(sockets.post_all({f"c-{n}": [b"{}"] for n in range(20)}).values()) == {posted}
    assert time.perf_counter() - started < SOCKET_POST_TIMEOUT_S + 0.5
    assert len(management.calls) == tried


def test_what_was_left_for_a_stuck_peer_is_not_tried(management: Management) -> None:
    long = [json.dumps({"type": "typing", "pad": "x" * 20_000}) for _ in range(5)]
    management.status["a"] = 429
    delivery.deliver({("usr_a", "a"): long, ("usr_b", "b"): long})
    assert (management.tried("a"), management.tried("b")) == (1, 5)


def test_a_peer_that_goes_in_between_keeps_what_it_got(management: Management) -> None:
    ada, bob = people("ada", "bob")
    _online(ada, "a")
    long = [json.dumps({"type": "typing", "pad": "x" * 20_000}) for _ in range(3)]
    delivery.deliver({(ada.user_id, "a"): long[:1]})
    management.status["a"] = 410
    delivery.deliver({(ada.user_id, "a"): long})
    assert len(management.frames("a")) == 1
    assert _sockets_of(ada, bob) == set()


# --- what the sender notices ----------------------------------------------------------------------------------


def test_a_sent_message_reaches_everybody_live_and_one_s_own_other_devices(management: Management) -> None:
    ada, bob, eve = people("ada", "bob", "eve")
    conversation_id = group(ada, bob)
    _online(ada, "a-1", "a-2")
    _online(bob, "b-1")
    _online(eve, "e-1")
    message, _ = say(ada, conversation_id, "hello")
    for connection_id in ("a-1", "a-2", "b-1"):
        (frame,) = management.frames(connection_id)
        assert (frame["type"], frame["seq"], frame["data"]["text"]) == ("message.created", message["seq"], "hello")
        assert frame["conversation_id"] == conversation_id
    assert management.frames("e-1") == []


@pytest.mark.parametrize("status", [410, 429, 500])
def test_whatever_peers_do_the_sender_is_answered(management: Management, status: int) -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob)
    _online(bob, "b-1", "b-2")
    management.status |= {"b-1": status, "b-2": status}
    with captured_lines() as lines:
        assert say(ada, conversation_id, "hello")[1]
    assert len(whole_log(conversation_id)) == 2
    assert "not published" not in lines.text


def test_a_failure_to_publish_does_not_undo_what_was_sent(management: Management, settings: pytest.MonkeyPatch) -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob)
    _online(bob, "b-1")
    management.status["b-1"] = 429
    settings.setenv("QUEUE_URLS", f"https://sqs.us-east-1.amazonaws.com/123456789012/{STACK}-fanout")
    config.cache_clear()
    with captured_lines() as lines:
        assert say(ada, conversation_id, "c4n4ry")[1]
    assert len(whole_log(conversation_id)) == 2
    assert "not published" in lines.text
    assert "c4n4ry" not in lines.text


def test_more_than_ten_sockets_are_left_to_the_fan_out(management: Management) -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob)
    _online(bob, *(f"b-{n}" for n in range(11)))
    say(ada, conversation_id, "hello")
    (job,) = jobs()
    assert (job["kind"], len(job["targets"]), job["delay_s"]) == ("connections", 11, 0)
    assert management.calls == []


def test_ten_sockets_are_posted_to_at_once(management: Management) -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob)
    _online(bob, *(f"b-{n}" for n in range(10)))
    say(ada, conversation_id, "hello")
    assert jobs() == []
    assert all(management.kinds(f"b-{n}") == ["message.created"] for n in range(10))


def test_the_registry_has_one_row_per_person() -> None:
    ada, bob = people("ada", "bob")
    _online(ada, "a-1", "a-2", "a-3")
    _online(bob, "b-1")
    assert len(rows("connections")) == 2
