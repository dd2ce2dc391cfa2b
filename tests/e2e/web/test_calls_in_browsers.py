"""Calls between two real browsers through our signalling alone: headless Chromium with fake cameras.

The page (calls_page/) uses only the public API and is served from the API's own origin.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.e2e.people import Person, Town
from tests.e2e.tools import at_once, secret_of
from tests.support import coturn

CHROMIUM = shutil.which("chromium")
PAGE = Path(__file__).parent / "calls_page"
TURN_PORT = 3478  # of TurnUrls in samconfig.toml [local]
PATIENCE_S = 30.0
FLAGS = (
    "--no-sandbox",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--allow-loopback-in-peer-connection",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-gpu",
    # a page served by a test has no address of its own, so Chromium treats its sockets to the loopback as intrusions
    "--disable-features=LocalNetworkAccessChecks,LocalNetworkAccessChecksWebSockets",
)

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt-get install chromium")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with (
        sync_playwright() as playwright,
        closing(playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))) as browser,
    ):
        yield browser


class Tab:
    """A person's browser (a context of its own) with the page open."""

    def __init__(self, browser: Browser, town: Town, person: Person, **settings: bool) -> None:
        origin = town.http_url.partition("/_aws")[0]
        self.person = person
        self._context = browser.new_context(permissions=["camera", "microphone"])
        self._context.route(f"{origin}/calls_page/*", lambda route: route.fulfill(path=PAGE / _file(route.request.url)))
        if settings.get("polling"):
            self._context.route_web_socket("**", lambda line: line.close())
        self.page: Page = self._context.new_page()
        self.page.goto(f"{origin}/calls_page/index.html")
        self._open({"base": town.http_url, "token": person.tokens["access_token"], **settings})

    def _open(self, settings: dict[str, Any] | None) -> None:
        self.page.evaluate("settings => openCall(settings)", settings)

    def ring(self, conversation_id: str) -> str:
        """Start a call and join it; returns its id."""
        call_id: str = self.page.evaluate("id => client.ring(id)", conversation_id)
        self.join(call_id)
        return call_id

    def join(self, call_id: str) -> str:
        """Join a call; returns the participant's id."""
        me: str = self.page.evaluate("id => client.join(id)", call_id)
        return me

    def reload(self) -> None:
        self.page.reload()
        self._open(None)

    def frames(self) -> dict[str, int]:
        """Decoded frames by peer."""
        found: dict[str, int] = self.page.evaluate("client.frames()")
        return found

    def sees(self, others: int) -> bool:
        counts = self.frames()
        return len(counts) == others and all(count > 2 for count in counts.values())

    def tell(self, expression: str) -> Any:
        return self.page.evaluate(expression)

    def close(self) -> None:
        """Vanish without leaving, as a killed tab does."""
        self._context.close()


def _file(url: str) -> str:
    return url.rpartition("/")[2]


def _until(done: Callable[[], bool], tabs: list[Tab], *, within_s: float = PATIENCE_S) -> float:
    """The seconds until a condition holds; a failure shows the pages' notes."""
    started = time.monotonic()
    while not done():
        if time.monotonic() - started > within_s:
            notes = [(each.frames(), each.tell("client.events"), each.tell("client.call.state")) for each in tabs]
            pytest.fail(f"not within {within_s} s: {notes}")
        time.sleep(0.1)
    return time.monotonic() - started


Report = Callable[[str], None]


@pytest.fixture
def report(capsys: pytest.CaptureFixture[str]) -> Report:
    """Prints measurements, even if the test passes."""

    def say(measured: str) -> None:
        with capsys.disabled():
            print(f"\n{measured}")

    return say


def _set_up(what: str, tabs: list[Tab]) -> str:
    times = [each.tell("client.setUpMs") for each in tabs]
    assert all(each is not None for each in times[1:])
    return f"call set-up, join to first decoded frame, {what}: {times} ms"


@pytest.fixture
def two(town: Town) -> tuple[Person, Person, str]:
    ada, bob = at_once([partial(town.person, name) for name in ("ada", "bob")])
    return ada, bob, ada.direct_with(bob)


def test_two_people_see_each_other_over_a_reload_until_one_tab_is_killed(
    browser: Browser, town: Town, two: tuple[Person, Person, str], report: Report
) -> None:
    ada, bob = Tab(browser, town, two[0]), Tab(browser, town, two[1])
    call_id = ada.ring(two[2])
    _until(lambda: "call.ringing" in bob.tell("client.events"), [ada, bob])
    me = bob.join(call_id)
    _until(lambda: ada.sees(1) and bob.sees(1), [ada, bob])
    report(_set_up("two people", [ada, bob]))

    bob.reload()
    assert bob.join(call_id) == me  # the same participant
    _until(lambda: bob.sees(1), [ada, bob])
    before = sum(ada.frames().values())
    _until(lambda: ada.sees(1) and sum(ada.frames().values()) != before, [ada, bob])

    ada.close()
    took = _until(lambda: bool(bob.tell("client.call.state === 'ended'")), [bob], within_s=62)
    report(f"the call of a killed tab ended after {took:.0f} s")
    assert bob.frames() == {}
    assert two[1].ok("GET", f"/calls/{call_id}")["end_reason"] == "completed"
    bob.close()


def test_four_people_see_each_other(browser: Browser, town: Town, report: Report) -> None:
    people = at_once([partial(town.person, name) for name in ("ada", "bob", "cleo", "dan")])
    group = people[0].group_with(*people[1:])
    tabs = [Tab(browser, town, each) for each in people]
    call_id = tabs[0].ring(group)
    for tab in tabs[1:]:
        tab.join(call_id)
    _until(lambda: all(each.sees(3) for each in tabs), tabs, within_s=60)
    report(_set_up("a mesh of four", tabs))
    tabs[3].tell("client.hangUp()")
    _until(lambda: all(len(each.frames()) == 2 for each in tabs[:3]), tabs[:3])
    for tab in tabs:
        tab.close()


@pytest.mark.skipif(coturn.TURNSERVER is None, reason="needs coturn: apt-get install coturn")
def test_two_people_see_each_other_through_a_turn_server_alone(
    browser: Browser, town: Town, endpoints: dict[str, str], two: tuple[Person, Person, str], report: Report
) -> None:
    secret = json.loads(secret_of(endpoints, "turn"))["secret"]
    with coturn.running(secret, port=TURN_PORT, options=["allow-loopback-peers"]):
        ada, bob = (Tab(browser, town, each, relay=True) for each in two[:2])
        bob.join(ada.ring(two[2]))
        _until(lambda: ada.sees(1) and bob.sees(1), [ada, bob])
        report(_set_up("through TURN", [ada, bob]))
        assert {*ada.tell("client.routes()"), *bob.tell("client.routes()")} == {"relay"}
        ada.close()
        bob.close()


def test_two_people_see_each_other_without_any_socket(
    browser: Browser, town: Town, two: tuple[Person, Person, str], report: Report
) -> None:
    ada, bob = (Tab(browser, town, each, polling=True) for each in two[:2])
    bob.join(ada.ring(two[2]))
    _until(lambda: ada.sees(1) and bob.sees(1), [ada, bob])
    report(_set_up("by polling", [ada, bob]))
    bob.tell("client.hangUp()")
    _until(lambda: ada.frames() == {}, [ada, bob])
    ada.close()
    bob.close()
