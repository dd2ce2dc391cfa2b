"""Notifications in the web client: the bell, pushes to the service worker, and the page without a network."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
from playwright.sync_api import Browser, CDPSession, Page, expect

from tests.e2e.people import Person, new_ada, new_bob
from tests.e2e.tools import eventually
from tests.e2e.web.windows import CHROMIUM, FLAGS, Window, needs_a_browser, window_of
from tests.support.push_services import Browser as Subscriber
from tests.support.push_services import WebPushService, web_push_service

pytestmark = needs_a_browser
ada, bob = new_ada, new_bob
# A browser uses its vendor's push service, which is unavailable offline; this replaces the subscription.
SUBSCRIBE = """subscription => {
    let made = null;
    const own = { toJSON: () => subscription, unsubscribe: async () => { made = null; return true; } };
    PushManager.prototype.subscribe = async () => (made = own);
    PushManager.prototype.getSubscription = async () => made;
}"""
# Simulates a click on a notification. The permission to bring a window to the front comes only from a real click,
# which no debugger can make: the worker's request to the browser is recorded, and not carried out.
PRESS = """async tag => {
    const until = async found => {
        for (let n = 0; n < 200 && !(await found()); n++) await new Promise(done => setTimeout(done, 50));
    };
    let shown;
    await until(async () => ([shown] = await self.registration.getNotifications({ tag }))[0]);
    const asked = [];
    WindowClient.prototype.focus = async function () { asked.push("focus"); return this; };
    self.clients.openWindow = async url => { asked.push(url); return null; };
    self.dispatchEvent(new NotificationEvent("notificationclick", { notification: shown }));
    await until(() => asked.length > 0);
    return asked;
}"""
# The width and height of a picture beside the manifest, such as "192x192".
PICTURE = """async ([manifest, source]) => {
    const picture = new Image();
    picture.src = new URL(source, manifest);
    await picture.decode();
    return `${picture.naturalWidth}x${picture.naturalHeight}`;
}"""
SHOWN = """async () => (await (await navigator.serviceWorker.ready).getNotifications())
    .map(({ title, body, tag }) => ({ title, body, tag }))"""


@pytest.fixture(scope="module")
def service() -> Iterator[WebPushService]:
    with web_push_service() as running:
        yield running


@pytest.fixture
def window(browser: Browser, endpoints: dict[str, str], ada: Person) -> Iterator[Window]:
    with window_of(browser, endpoints, ada, permissions=["notifications"]) as window:
        yield window


class Worker:
    """The service worker of a window, controlled by the debugger; it gets pushes as from a push service."""

    def __init__(self, window: Window) -> None:
        self._page = window.page
        self._context = window.context
        self._origin = window.page.evaluate("location.origin")
        self._devtools: CDPSession = window.context.new_cdp_session(window.page)
        self._registrations: list[str] = []
        self._devtools.on("ServiceWorker.workerRegistrationUpdated", self._heard)
        self._devtools.send("ServiceWorker.enable")
        window.page.evaluate("async () => { await navigator.serviceWorker.ready }")
        eventually(lambda: bool(self._registrations), within_s=10)

    def _heard(self, told: dict[str, Any]) -> None:
        self._registrations += [each["registrationId"] for each in told["registrations"] if not each["isDeleted"]]

    def push(self, payload: dict[str, Any]) -> None:
        fields = {"origin": self._origin, "registrationId": self._registrations[-1], "data": json.dumps(payload)}
        self._devtools.send("ServiceWorker.deliverPushMessage", fields)

    def press(self, tag: str) -> list[str]:
        """Click a notification; returns the worker's requests to the browser: `focus`, or a new window's address."""
        asked: list[str] = self._context.service_workers[0].evaluate(PRESS, tag)
        return asked

    def shown(self) -> list[dict[str, Any]]:
        notifications: list[dict[str, Any]] = self._page.evaluate(SHOWN)
        return notifications


def pushed(subscriber: Subscriber, kind: str) -> list[dict[str, Any]]:
    return [each for each in subscriber.pushes if each["kind"] == kind]


def test_the_bell_tells_of_a_mention_and_leads_to_it(window: Window, ada: Person, bob: Person) -> None:
    group = bob.group_with(ada)
    page = window.page
    expect(page.get_by_role("button", name="Notifications, 2 new")).to_be_visible()  # the sign-in, and the group
    bob.send(group, "see this", mentions=[ada.id])
    page.get_by_role("button", name="Notifications, 3 new").click()
    page.get_by_role("button", name="Bob mentioned you.").click()
    expect(window.message("see this")).to_be_visible()
    expect(page.get_by_role("button", name="Notifications", exact=True)).to_be_visible()
    assert ada.ok("GET", "/notifications")["unread_count"] == 0


def test_a_mention_is_off_the_bell_once_its_conversation_was_read_here_or_elsewhere(
    window: Window, ada: Person, bob: Person
) -> None:
    groups = [bob.group_with(ada, name=name) for name in ("Here", "There")]
    page = window.page
    for group in groups:
        bob.send(group, "see this", mentions=[ada.id])
    expect(page.get_by_role("button", name="Notifications, 5 new")).to_be_visible()  # the sign-in, two groups

    window.open("Here")
    expect(window.message("see this")).to_be_visible()
    expect(page.get_by_role("button", name="Notifications, 4 new")).to_be_visible()

    seq = ada.ok("GET", f"/conversations/{groups[1]}")["last_seq"]
    ada.ok("POST", f"/conversations/{groups[1]}/read", {"seq": seq})
    expect(page.get_by_role("button", name="Notifications, 3 new")).to_be_visible()
    assert ada.ok("GET", "/notifications")["unread_count"] == 3


def test_a_contact_request_is_accepted_from_the_list(window: Window, ada: Person, bob: Person) -> None:
    bob.ok("POST", f"/contacts/{ada.id}")
    window.page.get_by_role("button", name="Notifications, ").click()
    window.page.get_by_role("button", name="Accept").click()
    eventually(lambda: ada.ok("GET", "/contacts?state=accepted")["items"] != [], within_s=10)


def test_who_has_refused_notifications_is_told_where_to_allow_them_and_may_come_back(
    browser: Browser, endpoints: dict[str, str], ada: Person
) -> None:
    with window_of(browser, endpoints, ada, permissions=[]) as window:
        page = window.page
        page.get_by_role("button", name="Settings").click()
        page.get_by_role("tab", name="Notifications").click()
        switch = page.get_by_role("switch", name="Notify me on this device")
        refused = page.get_by_text("The browser does not let this page show notifications.")
        expect(refused).to_be_visible()  # a headless browser denies permissions, because nobody can be asked
        expect(switch).to_have_count(0)

        window.context.grant_permissions(["notifications"])
        page.evaluate("dispatchEvent(new Event('focus'))")

        expect(switch).not_to_be_checked()
        expect(refused).to_have_count(0)


def test_a_push_goes_the_whole_way_and_is_taken_away_when_read_elsewhere(
    window: Window, service: WebPushService, ada: Person, bob: Person
) -> None:
    # given a browser that was switched on in the settings
    group = bob.group_with(ada)
    subscriber = service.browser("chromium-of-ada")
    page: Page = window.page
    page.add_init_script(f"({SUBSCRIBE})({json.dumps(subscriber.subscription)})")
    page.reload()
    worker = Worker(window)
    page.get_by_role("button", name="Settings").click()
    page.get_by_role("tab", name="Notifications").click()
    page.get_by_role("switch", name="Notify me on this device").press("Space")
    eventually(lambda: len(ada.ok("GET", "/devices")["items"]) == 1, within_s=10)

    # when somebody writes while nobody looks at that conversation
    bob.send(group, "the secret plan")
    eventually(lambda: pushed(subscriber, "message") != [], within_s=20)
    worker.push(pushed(subscriber, "message")[0])

    # then the notification says that there is a message, without its content
    eventually(lambda: len(worker.shown()) == 1, within_s=10)
    assert worker.shown() == [{"title": "SecureConnect", "body": "New message", "tag": group}]

    # and reading it on another device removes it
    last = ada.ok("GET", f"/conversations/{group}")["last_seq"]
    ada.ok("POST", f"/conversations/{group}/read", {"seq": last})
    eventually(lambda: pushed(subscriber, "read") != [], within_s=20)
    worker.push(pushed(subscriber, "read")[0])
    eventually(lambda: worker.shown() == [], within_s=10)

    # and a message in the visible conversation causes no notification
    page.bring_to_front()
    page.evaluate("group => { location.hash = `#/conversations/${group}` }", group)
    expect(window.message("the secret plan")).to_be_visible()
    page.wait_for_timeout(1_000)
    before = len(subscriber.pushes)
    bob.send(group, "you are looking")
    expect(window.message("you are looking")).to_be_visible()
    page.wait_for_timeout(3_000)
    assert len(pushed(subscriber, "message")) == 1, subscriber.pushes[before:]


def _message_in(group: str) -> dict[str, Any]:
    return {"kind": "message", "conversation_id": group, "badge": 1, "tag": group}


def test_a_notification_leads_to_its_conversation_in_the_window_there_is_or_in_a_new_one(
    window: Window, ada: Person, bob: Person
) -> None:
    island, other = bob.group_with(ada, name="Island"), bob.group_with(ada, name="Other")
    bob.send(island, "the boat is here")
    page, worker = window.page, Worker(window)
    page.evaluate("group => { location.hash = `#/conversations/${group}` }", other)
    expect(page.get_by_role("heading", name="Other")).to_be_visible()
    worker.push(_message_in(island))
    eventually(lambda: len(worker.shown()) == 1, within_s=10)

    # clicked while a window is open: that window shows the conversation
    assert worker.press(island) == ["focus"]
    expect(page.get_by_role("heading", name="Island")).to_be_visible()
    expect(window.message("the boat is here")).to_be_visible()
    assert worker.shown() == []

    # clicked while no window is open: a new one opens at the conversation
    page.goto("about:blank")
    worker.push(_message_in(other))
    (opened,) = worker.press(other)
    assert opened == f"{window.url}#/conversations/{other}"
    page.goto(opened)
    expect(page.get_by_role("heading", name="Other")).to_be_visible()


def test_what_a_window_shows_by_now_needs_no_notification_and_what_it_showed_does(
    window: Window, ada: Person, bob: Person
) -> None:
    # given a window that was opened at one conversation and now shows another
    first, second = bob.group_with(ada, name="First"), bob.group_with(ada, name="Second")
    page = window.page
    page.evaluate("group => { location.hash = `#/conversations/${group}` }", first)
    page.reload()
    worker = Worker(window)
    page.evaluate("group => { location.hash = `#/conversations/${group}` }", second)
    expect(page.get_by_role("heading", name="Second")).to_be_visible()

    worker.push(_message_in(second))
    worker.push(_message_in(first))

    eventually(lambda: worker.shown() != [], within_s=10)
    page.wait_for_timeout(1_000)
    assert [each["tag"] for each in worker.shown()] == [first]


def test_a_call_rings_on_the_system_until_it_is_over(window: Window) -> None:
    worker = Worker(window)
    ring = {"kind": "call", "call_id": "cal_1", "conversation_id": "cnv_1", "badge": 0, "tag": "cal_1"}
    worker.push(ring)
    eventually(partial(_shows, worker, "Somebody is calling you"), within_s=10)
    worker.push({"kind": "call_ended", "call_id": "cal_1", "badge": 0, "tag": "cal_1"})
    eventually(lambda: worker.shown() == [], within_s=10)


def _shows(worker: Worker, body: str) -> bool:
    return [each["body"] for each in worker.shown()] == [body]


def test_without_a_network_the_page_opens_and_shows_what_was_loaded(window: Window, ada: Person, bob: Person) -> None:
    # given a conversation that was read
    group = bob.group_with(ada, name="Island")
    bob.send(group, "before the storm")
    page = window.page
    page.evaluate("group => { location.hash = `#/conversations/${group}` }", group)
    expect(window.message("before the storm")).to_be_visible()
    page.evaluate("async () => { await navigator.serviceWorker.ready }")
    page.wait_for_timeout(6_000)  # the list is stored every 5 s
    # when the page is opened again without a network
    window.context.set_offline(True)
    page.reload()
    # then everything is shown, with a notice that the network is missing
    expect(page.get_by_role("heading", name="Island")).to_be_visible()
    expect(window.message("before the storm")).to_be_visible()
    expect(page.get_by_role("status").filter(has_text="No connection")).to_be_visible()
    # and a message written now is sent when the network is back
    window.say("after the storm")
    window.context.set_offline(False)
    page.evaluate("dispatchEvent(new Event('online'))")
    eventually(lambda: "after the storm" in bob.texts(group), within_s=30)


def test_the_app_can_be_installed_and_opens_without_a_network(
    browser: Browser, endpoints: dict[str, str], tmp_path: Path
) -> None:
    # given a browser that stores its profile: a private one never installs
    with closing(browser.browser_type.launch_persistent_context(tmp_path, executable_path=CHROMIUM, args=FLAGS)) as app:
        page = app.new_page()
        page.goto(endpoints["web_url"])
        page.evaluate("async () => { await navigator.serviceWorker.ready }")
        devtools = app.new_cdp_session(page)

        # then the browser would install it
        assert devtools.send("Page.getInstallabilityErrors") == {"installabilityErrors": []}
        told = devtools.send("Page.getAppManifest")
        manifest = json.loads(told["data"])
        assert told["errors"] == []
        assert (manifest["name"], manifest["display"]) == ("SecureConnect", "standalone")
        assert {each["purpose"] for each in manifest["icons"]} == {"any", "maskable"}
        sized = [each for each in manifest["icons"] if each["sizes"] != "any"]
        assert sized

        # and without a network it opens where it starts, and has them still
        app.set_offline(True)
        page.goto(urljoin(told["url"], manifest["start_url"]))
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        for each in sized:
            assert page.evaluate(PICTURE, [told["url"], each["src"]]) == each["sizes"]
