"""Notifications on the deployed stack: a browser's subscription at a push service of this machine (contract §10)."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.people import Person, Town, new_ada, new_bob
from tests.e2e.tools import eventually, problem
from tests.support.push_services import Answer, Browser, WebPushService, web_push_service

ada, bob = new_ada, new_bob
TRIES = 5  # of a job of the push queue (infra/notifications.yaml)
RING_OVER_S = 2.0  # how long a ring may go on after its call was answered or ended (R53)
DEFAULTS = {
    "messages": "all",
    "mentions": True,
    "calls": True,
    "polls": True,
    "files": True,
    "quiet_hours": None,
    "show_preview": False,
}


@pytest.fixture(scope="module")
def service() -> Iterator[WebPushService]:
    with web_push_service() as running:
        yield running


def subscribe(who: Person, service: WebPushService, device_id: str = "laptop") -> Browser:
    """A browser of this person that is subscribed to pushes."""
    browser = service.browser(secrets.token_hex(8))
    body = {"platform": "web", "provider": "webpush", "subscription": browser.subscription}
    made = who.ok("PUT", f"/devices/{device_id}", body)
    assert (made["device_id"], made["current"]) == (device_id, True)
    return browser


def nothing_more(browser: Browser, count: int, *, for_s: float = 2.0) -> None:
    time.sleep(for_s)
    assert len(browser.pushes) == count, browser.pushes


# --- devices --------------------------------------------------------------------------------------------------


def test_a_device_is_there_until_its_session_ends(ada: Person, service: WebPushService) -> None:
    subscribe(ada, service, "laptop")
    ada.ok("PUT", "/devices/phone", {"platform": "android", "provider": "fcm", "token": "t" + secrets.token_hex(20)})
    other = ada.another_session()
    subscribe(other, service, "tablet")
    assert [each["device_id"] for each in ada.ok("GET", "/devices")["items"]] == ["tablet", "phone", "laptop"]
    other.ok("POST", "/auth/logout")
    assert [each["device_id"] for each in ada.ok("GET", "/devices")["items"]] == ["phone", "laptop"]
    assert ada.delete("/devices/phone").status_code == 204
    assert ada.delete("/devices/phone").status_code == 204
    (left,) = ada.ok("GET", "/devices")["items"]
    assert left["device_id"] == "laptop"
    assert "endpoint" not in str(left)


def test_a_device_s_id_is_short_and_fits_into_a_url(ada: Person) -> None:
    body = {"platform": "android", "provider": "fcm", "token": secrets.token_hex(20)}
    for wrong in ("a b", "x" * 41, "ä", "a:b"):
        problem(ada.put(f"/devices/{wrong}", body), 400, "validation_failed", field="device_id")
    assert ada.put(f"/devices/{'x' * 40}", body).status_code == 200
    assert ada.delete(f"/devices/{'x' * 40}").status_code == 204


def test_a_token_belongs_to_the_last_who_registered_it(ada: Person, bob: Person) -> None:
    token = "t" + secrets.token_hex(20)
    body = {"platform": "android", "provider": "fcm", "token": token}
    ada.ok("PUT", "/devices/phone", body)
    bob.ok("PUT", "/devices/phone", body)
    assert ada.ok("GET", "/devices")["items"] == []
    assert len(bob.ok("GET", "/devices")["items"]) == 1


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://push.example.com/x",
        "https://localhost.localdomain.internal/x",
        "https://169.254.169.254/latest/meta-data/",
        "https://10.0.0.1/x",
        "https://[::1]/x",
        "https://[::ffff:127.0.0.1]/x",
        "http://127.0.0.2/x",
        "https://2130706433/x",
        "https://user@push.example.com/x",
        "ftp://push.example.com/x",
        "nothing",
    ],
)
def test_an_endpoint_that_leads_elsewhere_is_refused(ada: Person, service: WebPushService, endpoint: str) -> None:
    subscription = {**service.browser().subscription, "endpoint": endpoint}
    answer = ada.put("/devices/laptop", {"platform": "web", "provider": "webpush", "subscription": subscription})
    problem(answer, 400, "validation_failed")
    assert "endpoint" in answer.json()["errors"][0]["field"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"platform": "web", "provider": "fcm"},
        {"platform": "web", "provider": "webpush", "token": "t"},
        {"platform": "phone", "provider": "fcm", "token": "t"},
        {"platform": "ios", "provider": "apns", "token": "t"},
        {"platform": "web", "provider": "fcm", "token": "t", "colour": "red"},
    ],
)
def test_a_device_that_cannot_be_reached_is_refused(ada: Person, body: dict[str, Any]) -> None:
    problem(ada.put("/devices/laptop", body), 400, "validation_failed")


def test_the_key_for_browsers_is_public_and_stays_the_same(town: Town) -> None:
    first, second = (town.http.get("/devices/webpush-key") for _ in range(2))
    assert first.json() == second.json()
    assert len(first.json()["application_server_key"]) == 87


# --- preferences ----------------------------------------------------------------------------------------------


def test_preferences_have_defaults_and_keep_what_is_not_named(ada: Person) -> None:
    assert ada.ok("GET", "/notifications/preferences") == DEFAULTS
    hours = {"from": "22:00", "to": "07:00", "timezone": "Europe/Berlin"}
    changed = ada.ok("PUT", "/notifications/preferences", {"messages": "mentions", "quiet_hours": hours})
    assert changed == {**DEFAULTS, "messages": "mentions", "quiet_hours": hours}
    assert ada.ok("PUT", "/notifications/preferences", {**DEFAULTS, "show_preview": True}) == {
        **DEFAULTS,
        "show_preview": True,
    }
    assert ada.ok("GET", "/notifications/preferences")["quiet_hours"] is None


@pytest.mark.parametrize(
    "body",
    [
        {"messages": "some"},
        {"mentions": None},
        {"quiet_hours": {"from": "22:00", "to": "24:00", "timezone": "UTC"}},
        {"quiet_hours": {"from": "22:00", "to": "7:00", "timezone": "UTC"}},
        {"quiet_hours": {"from": "22:00", "to": "07:00", "timezone": "Mars/Olympus"}},
        {"quiet_hours": {"from": "22:00", "to": "07:00", "timezone": "../../etc/passwd"}},
        {"quiet_hours": {"from": "22:00", "to": "07:00"}},
        {"loud": True},
    ],
)
def test_preferences_that_make_no_sense_are_refused(ada: Person, body: dict[str, Any]) -> None:
    problem(ada.put("/notifications/preferences", body), 400, "validation_failed")


# --- pushes ---------------------------------------------------------------------------------------------------


def test_a_message_reaches_a_browser_encrypted_and_without_content(
    town: Town, ada: Person, bob: Person, service: WebPushService
) -> None:
    chat = ada.direct_with(bob)
    browser = subscribe(bob, service)
    ada.send(chat, "the secret is water")

    (push,) = browser.wait(within_s=20)

    assert push == {"kind": "message", "conversation_id": chat, "badge": 1, "tag": chat}
    (request,) = service.at(browser.path)
    key = town.http.get("/devices/webpush-key").json()["application_server_key"]
    assert service.verified(request, key)["sub"].startswith("mailto:")


def test_a_burst_is_one_alert_and_what_is_read_is_cleared(ada: Person, bob: Person, service: WebPushService) -> None:
    chat = ada.direct_with(bob)
    browser = subscribe(bob, service)
    sent = [ada.send(chat, f"{n}") for n in range(5)]
    browser.wait(within_s=20)
    nothing_more(browser, 1)
    bob.ok("POST", f"/conversations/{chat}/read", {"seq": sent[-1]["seq"]})
    assert browser.wait(2, within_s=20)[1] == {"kind": "read", "conversation_id": chat, "badge": 0, "tag": chat}


def test_after_a_burst_comes_one_update(ada: Person, bob: Person, service: WebPushService) -> None:
    chat = ada.direct_with(bob)
    browser = subscribe(bob, service)
    for n in range(4):
        ada.send(chat, f"{n}")
    pushes = browser.wait(2, within_s=45)
    assert [each["badge"] for each in pushes][-1] == 4
    assert len({each.headers["topic"] for each in service.at(browser.path)}) == 1
    nothing_more(browser, 2)


def test_who_chose_otherwise_is_not_told(ada: Person, bob: Person, service: WebPushService) -> None:
    browser = subscribe(bob, service)
    chat, team = ada.direct_with(bob), ada.group_with(bob)
    assert browser.wait(within_s=20)[0]["kind"] == "invitation"
    bob.ok("PUT", "/notifications/preferences", {"messages": "none"})
    bob.ok("PUT", f"/conversations/{team}/me", {"notifications": "none"})
    ada.send(chat, "no")
    ada.send(team, "no")
    ada.send(team, f"@{bob.username} yes")
    assert browser.wait(2, within_s=20)[1]["kind"] == "mention"
    bob.ok("DELETE", f"/conversations/{team}/members/{bob.id}")
    ada.send(team, f"@{bob.username} are you there?")
    nothing_more(browser, 2)


def test_a_preview_is_shown_where_it_was_chosen(ada: Person, bob: Person, service: WebPushService) -> None:
    chat = ada.direct_with(bob)
    browser = subscribe(bob, service)
    bob.ok("PUT", "/notifications/preferences", {"show_preview": True})
    ada.send(chat, "water is hot")
    (push,) = browser.wait(within_s=20)
    assert (push["title"], push["body"]) == ("Ada", "water is hot")


def test_signing_out_ends_pushes_at_once(ada: Person, bob: Person, service: WebPushService) -> None:
    chat = ada.direct_with(bob)
    other = bob.another_session()
    gone, kept = subscribe(other, service, "gone"), subscribe(bob, service, "kept")
    other.ok("POST", "/auth/logout")
    ada.send(chat, "hello")
    kept.wait(within_s=20)
    nothing_more(gone, 0, for_s=1)


def test_a_call_rings_and_stops_ringing_when_it_is_answered_elsewhere(
    ada: Person, bob: Person, service: WebPushService
) -> None:
    chat = ada.direct_with(bob)
    laptop = bob.another_session()
    phone = subscribe(bob, service, "phone")
    call = ada.call_in(chat, "audio")
    (ring,) = phone.wait(within_s=20)
    assert ring == {"kind": "call", "conversation_id": chat, "call_id": call["id"], "badge": 1, "tag": call["id"]}
    answered = time.monotonic()
    laptop.ok("POST", f"/calls/{call['id']}/join")
    stopped = phone.wait(2, within_s=20)[1]
    assert (stopped["kind"], stopped["call_id"]) == ("call_ended", call["id"])
    assert service.at(phone.path)[1].at - answered < RING_OVER_S


def came(browser: Browser, service: WebPushService, kind: str) -> float:
    """The time of the first push of a kind on the monotonic clock; new sessions and groups cause pushes, too."""

    def found() -> list[float]:
        together = zip(service.at(browser.path), browser.pushes, strict=False)
        return [request.at for request, push in together if push["kind"] == kind]

    eventually(lambda: bool(found()), within_s=20)
    return found()[0]


def test_a_call_that_its_caller_ends_stops_ringing_everywhere_and_is_missed(
    ada: Person, bob: Person, service: WebPushService
) -> None:
    chat = ada.direct_with(bob)
    devices = subscribe(bob, service, "phone"), subscribe(bob.another_session(), service, "tablet")
    call = ada.call_in(chat, "audio")
    for browser in devices:
        came(browser, service, "call")
    ended = time.monotonic()
    ada.ok("POST", f"/calls/{call['id']}/end")
    assert [came(browser, service, "call_ended") - ended < RING_OVER_S for browser in devices] == [True, True]
    eventually(lambda: any(each["kind"] == "missed_call" for each in bob.ok("GET", "/notifications")["items"]))


def test_what_is_read_on_one_device_is_dismissed_on_the_others(
    ada: Person, bob: Person, service: WebPushService
) -> None:
    chat = ada.direct_with(bob)
    laptop = bob.another_session()
    devices = subscribe(bob, service, "phone"), subscribe(bob.another_session(), service, "tablet")
    sent = ada.send(chat, "hello")
    for browser in devices:
        came(browser, service, "message")
    laptop.ok("POST", f"/conversations/{chat}/read", {"seq": sent["seq"]})
    for browser in devices:
        came(browser, service, "read")
        (dismissed,) = [each for each in browser.pushes if each["kind"] == "read"]
        assert dismissed == {"kind": "read", "conversation_id": chat, "badge": 0, "tag": chat}


def test_what_a_screen_shows_is_not_pushed(ada: Person, bob: Person, service: WebPushService) -> None:
    chat, other = ada.direct_with(bob), ada.group_with(bob)
    browser = subscribe(bob, service)
    with bob.live() as screen:
        screen.ok("ping", focus=chat)
        ada.send(chat, "seen")
        ada.send(other, "not seen")
        came(browser, service, "message")
        told = [each["conversation_id"] for each in browser.pushes if each["kind"] == "message"]
        assert told == [other]


def test_what_a_busy_service_puts_off_comes_after_the_time_it_says(
    ada: Person, bob: Person, service: WebPushService
) -> None:
    chat = ada.direct_with(bob)
    browser = subscribe(bob, service)
    service.answers(browser.path, Answer(429, {"Retry-After": "3"}), Answer(201))
    ada.send(chat, "hello")
    first, second = service.wait(browser.path, 2, within_s=40)
    assert 2 < second.at - first.at < 20


def test_what_was_given_up_is_shown_to_the_operator_and_tried_again_when_that_is_asked_for(
    ada: Person, bob: Person, service: WebPushService, endpoints_file: Path
) -> None:
    def redrive(*arguments: str) -> str:
        command = [sys.executable, "-m", "infra.redrive", "push", "--kind", "message", *arguments]
        environment = {**os.environ, "SC_ENDPOINTS": str(endpoints_file)}
        return subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout

    def messages_to(which: Browser) -> int:  # the sign-in causes a push, too
        return [each["kind"] for each in which.pushes].count("message")

    # given a push that its service has deferred as often as the queue retries
    chat, tablet = ada.direct_with(bob), bob.another_session()
    browser, other = subscribe(bob, service), subscribe(tablet, service, "tablet")
    service.answers(browser.path, Answer(429, {"Retry-After": "1"}))
    ada.send(chat, "hello")
    eventually(lambda: messages_to(browser) == TRIES, within_s=60)
    eventually(lambda: "messages lie in push-dead" in redrive(), within_s=30, every_s=1)

    # when the service works again and an operator redrives the queue
    service.answers(browser.path, Answer(201))
    assert "\n0 were put back" not in redrive("--go")

    # then it arrives, only on the device that did not have it
    eventually(lambda: messages_to(browser) == TRIES + 1, within_s=20)
    nothing_more(browser, len(browser.pushes))
    assert messages_to(other) == 1


def test_an_endpoint_that_has_ended_is_forgotten(ada: Person, bob: Person, service: WebPushService) -> None:
    chat = ada.direct_with(bob)
    browser = subscribe(bob, service)
    service.answers(browser.path, Answer(410))
    ada.send(chat, "hello")
    eventually(lambda: bob.ok("GET", "/devices")["items"] == [])


# --- the list -------------------------------------------------------------------------------------------------


def test_the_list_keeps_what_one_was_told_and_live_sockets_hear_of_it(ada: Person, bob: Person) -> None:
    team = ada.group_with(bob, name="Tea")
    eventually(lambda: bob.ok("GET", "/notifications")["items"])
    with bob.live() as socket:
        said = ada.send(team, f"@{bob.username} look")
        frame = socket.expect("notification", message_id=said["id"])
    found = bob.ok("GET", "/notifications")
    assert [each["kind"] for each in found["items"]] == ["mention", "invitation"]
    assert found["unread_count"] == 2
    assert frame["data"] == found["items"][0]
    assert found["items"][0] == {
        "id": found["items"][0]["id"],
        "kind": "mention",
        "conversation_id": team,
        "message_id": said["id"],
        "actor_id": ada.id,
        "text": "Ada mentioned you in Tea.",
        "at": said["created_at"],
        "read": False,
    }
    assert bob.ok("POST", "/notifications/read", {"up_to": found["items"][1]["id"]}) == {"unread_count": 1}
    assert [each["read"] for each in bob.ok("GET", "/notifications")["items"]] == [False, True]
    with bob.live() as other_device:
        assert bob.ok("POST", "/notifications/read", {"up_to": found["items"][0]["id"]}) == {"unread_count": 0}
        read = other_device.expect("notification", id=found["items"][0]["id"])
    assert read["data"] == {**found["items"][0], "read": True}
    page = bob.ok("GET", "/notifications", params={"limit": 1})
    rest = bob.ok("GET", "/notifications", params={"limit": 1, "cursor": page["next_cursor"]})
    assert [page["items"][0]["kind"], rest["items"][0]["kind"]] == ["mention", "invitation"]
    problem(ada.get("/notifications", params={"cursor": page["next_cursor"]}), 400, "invalid_cursor")


def test_what_waits_for_admins_is_pushed_to_them_and_to_nobody_else(town: Town, service: WebPushService) -> None:
    ada, bob, cyd, dan = town.people("ada", "bob", "cyd", "dan")
    team = ada.group_with(bob, cyd, settings={"ai_enabled": True, "moderation": "flag"})
    admin, author, reporter = subscribe(ada, service), subscribe(bob, service), subscribe(cyd, service)

    def waiting(which: Browser) -> list[str]:
        return [each["kind"] for each in which.pushes if each["kind"] in ("join_request", "report")]

    # a person asks to join, a person reports a message, and the group's policy reports one
    token = ada.ok("POST", f"/conversations/{team}/invitations", {"needs_approval": True})["token"]
    dan.ok("POST", f"/invitations/{token}/accept")
    eventually(lambda: waiting(admin) == ["join_request"], within_s=20)
    said = bob.send(team, "what nobody wants to read")
    cyd.ok("POST", f"/conversations/{team}/messages/{said['id']}/reports", {"reason": "It is rude."})
    eventually(lambda: waiting(admin) == ["join_request", "report"], within_s=20)
    bob.send(team, "You are such an idiot, nobody likes you")
    eventually(lambda: waiting(admin) == ["join_request", "report", "report"], within_s=30)

    found = [each for each in ada.ok("GET", "/notifications")["items"] if each["kind"] in ("join_request", "report")]
    assert [each.get("actor_id") for each in found] == [None, cyd.id, dan.id]  # the policy has no actor
    assert (waiting(author), waiting(reporter)) == ([], [])
    for who in (bob, cyd):
        assert {each["kind"] for each in who.ok("GET", "/notifications")["items"]} == {"invitation"}


def test_contact_requests_and_sign_ins_are_in_the_list(ada: Person, bob: Person) -> None:
    ada.ok("POST", f"/contacts/{bob.id}")
    bob.another_session()
    eventually(lambda: len(bob.ok("GET", "/notifications")["items"]) == 2)
    found = bob.ok("GET", "/notifications")["items"]
    assert {each["kind"] for each in found} == {"contact_request", "security"}
