"""Tickets (R13), the registry of live sockets (R11) and their closing (R14)."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from accounts.sessions import service as sessions
from accounts.sessions import session_store
from kernel import clock
from kernel.caller import Caller
from kernel.config import config
from kernel.errors import DependencyUnavailable
from realtime import fanout, service, store
from realtime.actions import authorize, connect, disconnect
from realtime.store import CONNECTION_TTL_MS, HANDSHAKE_MS, MAX_CONNECTIONS_PER_PERSON
from tests.helpers import CONTEXT
from tests.integration.rooms import group, people, send
from tests.management import Management
from tests.tools import caller, captured_lines, jobs, rows, socket_event

pytestmark = pytest.mark.usefixtures("management")


def _connect(who: Caller, connection_id: str) -> int:
    """The status that $connect answers."""
    event = socket_event(Caller(who.user_id, who.session_id, connection_id), "", route="$connect")
    status: int = connect.handler(event, CONTEXT)["statusCode"]
    return status


def _disconnect(who: Caller, connection_id: str) -> int:
    event = socket_event(Caller(who.user_id, who.session_id, connection_id), "", route="$disconnect")
    status: int = disconnect.handler(event, CONTEXT)["statusCode"]
    return status


def _live(who: Caller) -> set[str]:
    return {each.connection_id for each in store.connections_of([who.user_id])}


def _authorize(ticket: str | None, **headers: str) -> dict[str, Any]:
    query = None if ticket is None else {"ticket": ticket}
    method = "arn:aws:execute-api:us-east-1:1:ws/v1/$connect"
    event = {"methodArn": method, "queryStringParameters": query, "headers": headers or None}
    return authorize.handler(event, CONTEXT)


# --- tickets --------------------------------------------------------------------------------------------------


def test_a_ticket_tells_whose_it_is_once() -> None:
    (ada,) = people("ada")
    ticket = service.make_ticket(ada)
    assert service.redeem_ticket(ticket) == store.Ticket(ada.user_id, ada.session_id)
    assert service.redeem_ticket(ticket) is None


def test_of_many_who_use_a_ticket_at_once_one_gets_in() -> None:
    (ada,) = people("ada")
    ticket = service.make_ticket(ada)
    with ThreadPoolExecutor(16) as threads:
        owners = list(threads.map(lambda _: service.redeem_ticket(ticket), range(50)))
    assert len([owner for owner in owners if owner is not None]) == 1


def test_a_ticket_is_good_for_60_seconds() -> None:
    (ada,) = people("ada")
    with clock.held(clock.now()) as advance:
        good, late = service.make_ticket(ada), service.make_ticket(ada)
        advance(60 * clock.SECOND)
        assert service.redeem_ticket(good) is not None
        advance(1)
        assert service.redeem_ticket(late) is None


@pytest.mark.parametrize("ticket", ["", "x", "x" * 43, "x" * 129, "é", "\0"])
def test_what_is_no_ticket_opens_nothing(ticket: str) -> None:
    assert service.redeem_ticket(ticket) is None


def test_a_ticket_has_256_bits_and_is_kept_only_as_a_hash() -> None:
    (ada,) = people("ada")
    ticket = service.make_ticket(ada)
    assert len(ticket) >= 43
    assert ticket not in str(rows("tickets"))


def test_the_authorizer_allows_the_owner_and_says_who_it_is() -> None:
    (ada,) = people("ada")
    with captured_lines() as lines:
        ticket = service.make_ticket(ada)
        allowed = _authorize(ticket)
    assert allowed["policyDocument"]["Statement"][0]["Effect"] == "Allow"
    assert allowed["context"] == {"user_id": ada.user_id, "session_id": ada.session_id}
    assert ticket not in lines.text


HOME = "https://chat.example"  # where PUBLIC_URL leads


@pytest.mark.parametrize("page", [HOME, "https://partner.example", None])
def test_a_socket_is_opened_by_the_deployments_own_pages_and_by_what_is_no_browser(
    settings: pytest.MonkeyPatch, page: str | None
) -> None:
    settings.setenv("ENVIRONMENT", "prod")
    settings.setenv("CORS_ORIGINS", "https://partner.example")
    config.cache_clear()
    (ada,) = people("ada")
    headers = {} if page is None else {"Origin": page}
    assert _authorize(service.make_ticket(ada), **headers)["principalId"] == ada.user_id


@pytest.mark.parametrize(
    "page",
    [
        "https://evil.example",
        "http://chat.example",
        f"{HOME}.evil.example",
        f"{HOME}:444",
        "null",
        "",
        "http://localhost:3000",
    ],
)
def test_a_page_elsewhere_opens_no_socket_and_burns_the_ticket(settings: pytest.MonkeyPatch, page: str) -> None:
    settings.setenv("ENVIRONMENT", "prod")
    config.cache_clear()
    (ada,) = people("ada")
    ticket = service.make_ticket(ada)
    assert _authorize(ticket, origin=page)["context"] == {}
    assert _authorize(ticket, origin=HOME)["context"] == {}


def test_locally_a_page_of_this_machine_opens_sockets() -> None:
    (ada,) = people("ada")
    assert _authorize(service.make_ticket(ada), Origin="http://127.0.0.1:4821")["principalId"] == ada.user_id


def test_where_the_web_client_is_not_named_any_page_with_a_ticket_opens_sockets(settings: pytest.MonkeyPatch) -> None:
    settings.setenv("PUBLIC_URL", "")
    config.cache_clear()
    (ada,) = people("ada")
    assert _authorize(service.make_ticket(ada), Origin="https://elsewhere.example")["principalId"] == ada.user_id


@pytest.mark.parametrize("ticket", [None, "", "used", "nonsense"])
def test_a_socket_without_a_good_ticket_is_refused_with_401_and_no_function_fails(ticket: str | None) -> None:
    (ada,) = people("ada")
    if ticket == "used":
        ticket = service.make_ticket(ada)
        _authorize(ticket)
    with captured_lines() as lines:
        found = _authorize(ticket)
    assert lines.only["status"] == 401
    assert not ticket or ticket not in lines.text
    assert (found["principalId"], found["context"]) == ("nobody", {})
    event = socket_event(ada, "", route="$connect")
    event["requestContext"]["authorizer"] = {"principalId": "nobody"}
    assert connect.handler(event, CONTEXT) == {"statusCode": 401}
    assert disconnect.handler(event, CONTEXT) == {"statusCode": 200}
    assert _live(ada) == set()


def test_a_socket_of_an_ended_session_is_refused_whatever_is_remembered(redis: Any) -> None:
    (ada,) = people("ada")
    session_store.revoke(ada.user_id, [ada.session_id], stage=lambda _: None)
    redis.set(f"session:{ada.session_id}", "live")

    assert _connect(ada, "c1") == 401
    assert _live(ada) == set()


# --- connecting -----------------------------------------------------------------------------------------------


def test_a_socket_of_a_live_session_is_registered() -> None:
    (ada,) = people("ada")
    assert _connect(ada, "a-1") == 200
    assert _live(ada) == {"a-1"}


def test_a_socket_of_a_session_that_has_ended_is_refused() -> None:
    (ada,) = people("ada")
    sessions.end_current(ada)
    assert _connect(ada, "a-1") == 401
    assert _live(ada) == set()


def test_several_sockets_opened_at_once_are_all_there() -> None:
    (ada,) = people("ada")
    names = [f"a-{n}" for n in range(12)]
    with ThreadPoolExecutor(6) as threads:
        assert set(threads.map(lambda name: _connect(ada, name), names)) == {200}
    assert _live(ada) == set(names)


def test_above_the_limit_the_oldest_socket_is_closed(management: Management) -> None:
    (ada,) = people("ada")
    with clock.held(clock.now()) as advance:
        for number in range(MAX_CONNECTIONS_PER_PERSON + 2):
            _connect(ada, f"a-{number}")
            advance(1)
        assert _live(ada) == {f"a-{number}" for number in range(2, MAX_CONNECTIONS_PER_PERSON + 2)}
    assert management.closed == ["a-0", "a-1"]


def test_a_closed_socket_is_forgotten() -> None:
    (ada,) = people("ada")
    _connect(ada, "a-1")
    _connect(ada, "a-2")
    assert _disconnect(ada, "a-1") == 200
    assert _live(ada) == {"a-2"}


def test_forgetting_a_socket_that_is_not_known_is_fine() -> None:
    (ada,) = people("ada")
    assert _disconnect(ada, "a-1") == 200
    _connect(ada, "a-1")
    assert (_disconnect(ada, "a-2"), _disconnect(ada, "a-1"), _disconnect(ada, "a-1")) == (200, 200, 200)
    assert _live(ada) == set()
    assert _connect(ada, "a-3") == 200


def test_a_socket_without_its_disconnect_is_a_ghost_for_at_most_2_h_10_min(management: Management) -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob)
    assert CONNECTION_TTL_MS == 130 * clock.MINUTE
    with clock.held(clock.now()) as advance:
        _connect(bob, "ghost")
        advance(CONNECTION_TTL_MS + 1)
        send(ada, conversation_id)
        assert management.tried("ghost") == 0
        _connect(bob, "b-2")
    assert "ghost" not in str(rows("connections"))


def test_a_ghost_costs_one_failed_post(management: Management) -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob)
    with clock.held(clock.now() - HANDSHAKE_MS - 1):
        _connect(bob, "ghost")
    management.status["ghost"] = 410
    for number in range(3):
        send(ada, conversation_id, str(number))
    assert management.tried("ghost") == 1


# --- closing (R14) --------------------------------------------------------------------------------------------


def test_the_sockets_of_an_ended_session_are_told_and_closed(management: Management) -> None:
    (ada,) = people("ada")
    _connect(ada, "a-1")
    service.open_connection(Caller(ada.user_id, "ses_other", "a-2"))
    service.close_sessions(ada.user_id, [ada.session_id], reason="logout")
    (told,) = management.frames("a-1")
    assert (told["type"], told["data"]) == ("session.revoked", {"session_id": ada.session_id, "reason": "logout"})
    assert management.closed == ["a-1"]
    assert _live(ada) == {"a-2"}


def test_all_sockets_of_a_person_can_be_closed(management: Management) -> None:
    ada, bob = people("ada", "bob")
    for name in ("a-1", "a-2"):
        _connect(ada, name)
    _connect(bob, "b-1")
    service.close_sessions(ada.user_id, None, reason="password")
    assert sorted(management.closed) == ["a-1", "a-2"]
    assert (_live(ada), _live(bob)) == (set(), {"b-1"})


def test_a_peer_that_is_gone_already_does_not_keep_the_others_open(management: Management) -> None:
    (ada,) = people("ada")
    for name in ("a-1", "a-2"):
        _connect(ada, name)
    management.status["a-1"] = 410
    service.close_sessions(ada.user_id, None, reason="logout")
    assert "a-2" in management.closed
    assert _live(ada) == set()


def test_stuck_sockets_are_closed_together_and_not_one_after_another(management: Management) -> None:
    (ada,) = people("ada")
    names = [f"a-{n}" for n in range(8)]
    for name in names:
        _connect(ada, name)
        management.delay_s[name] = 30
    started = time.perf_counter()
    service.close_sessions(ada.user_id, None, reason="logout")
    assert time.perf_counter() - started < 4  # one time limit to tell them, one to close them
    assert _live(ada) == set()


def test_a_socket_that_cannot_be_closed_is_tried_again_until_it_is(management: Management) -> None:
    """While @connections throttles; a job that failed would come again after the queue's minutes only."""
    (ada,) = people("ada")
    _connect(ada, "a-1")
    management.status["a-1"] = 429
    service.close_sessions(ada.user_id, None, reason="logout")
    assert _live(ada) == set()

    delays = []
    for _ in range(5):
        waiting = jobs()
        delays += [job.pop("delay_s") for job in waiting]
        fanout.handle(waiting)
    assert delays == [1, 2, 4, 8, 8]
    del management.status["a-1"]
    fanout.handle(jobs())

    assert management.closed == ["a-1"] * 7  # as often as it was asked for
    assert jobs() == []


def test_sockets_whose_registry_does_not_answer_are_closed_by_the_queue(
    management: Management, settings: pytest.MonkeyPatch
) -> None:
    """After an outage of the store its breaker may be open still, when the session has been ended already."""
    (ada,) = people("ada")
    _connect(ada, "a-1")

    def away(_: object) -> list[store.Connection]:
        raise DependencyUnavailable

    with settings.context() as outage:
        outage.setattr(store, "connections_of", away)
        sessions.revoke(ada.user_id, [ada.session_id], reason="logout", sockets_of=[ada.session_id])
        (first,) = (job for job in jobs() if job["kind"] == "close_sessions")
        fanout.handle([first])
    (second,) = jobs()
    assert (first["delay_s"], second["delay_s"]) == (1, 2)
    assert management.closed == []

    fanout.handle([second])

    assert management.closed == ["a-1"]
    assert management.kinds("a-1") == ["session.revoked"]
    assert jobs() == []


def test_without_sockets_there_is_nothing_to_close(management: Management) -> None:
    service.close_sessions(caller("ada").user_id, None, reason="logout")
    assert management.calls == []
