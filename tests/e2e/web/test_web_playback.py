"""Films and sounds that last longer than the address they are played from."""

from __future__ import annotations

import io
import re
import wave
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, Route

from tests.e2e import drive
from tests.e2e.people import Person, new_ada, new_bob
from tests.e2e.tools import eventually
from tests.e2e.web.windows import needs_a_browser, window_of

pytestmark = needs_a_browser
ada, bob = new_ada, new_bob

TALK, SECONDS, RATE = "talk.wav", 300, 22_050  # 13 MB: more than Chromium fetches in advance
HEARD = "player => !player.paused && player.currentTime > {} && player.error === null"


def _talk() -> bytes:
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(bytes(2 * RATE * SECONDS))
    return content.getvalue()


class Storage:
    """The storage as the page sees it: on `end`, the addresses that were asked for until then answer 403, as after
    their five minutes."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self.asked: set[str] = set()
        self._ended: set[str] = set()
        page.route(re.compile(r"talk.*[Ss]ignature|[Ss]ignature.*talk"), self._answer)

    def end(self) -> None:
        self._page.wait_for_timeout(1_100)  # an address that is made in the same second is the same
        self._ended = set(self.asked)

    def _answer(self, route: Route) -> None:
        self.asked.add(route.request.url)
        if route.request.url in self._ended:
            route.fulfill(status=403, body="<Error><Code>AccessDenied</Code></Error>")
        else:
            route.fallback()


@pytest.fixture
def page(browser: Browser, endpoints: dict[str, str], ada: Person, bob: Person) -> Iterator[Page]:
    """A window of Ada's, who has the talk in her drive and in a message."""
    conversation = ada.direct_with(bob)
    file = drive.upload(ada, _talk(), name=TALK, content_type="audio/wav", conversation_id=conversation)
    ada.send(conversation, "The talk of today", attachment_ids=[file["id"]])
    drive.upload(ada, _talk(), name=TALK, content_type="audio/wav")
    with window_of(browser, endpoints, ada) as window:
        yield window.page


def _in_the_drive(page: Page) -> Locator:
    page.get_by_role("button", name="Drive").click()
    page.locator("ul.list").get_by_role("button", name=re.compile(f"^{TALK}")).click()
    return page.get_by_role("dialog").get_by_label(TALK)


def _in_a_message(page: Page) -> Locator:
    page.get_by_role("navigation").get_by_role("button", name=re.compile("Bob")).click()
    page.get_by_role("button", name=f"Play {TALK}").click()
    return page.locator(f"audio[aria-label='{TALK}']")


@pytest.mark.parametrize("opened", [_in_the_drive, _in_a_message])
def test_what_lasts_longer_than_its_address_goes_on_from_the_same_second(page: Page, opened: Any) -> None:
    storage = Storage(page)
    player = opened(page)
    eventually(partial(player.evaluate, HEARD.format(0)))

    storage.end()
    player.evaluate("player => { player.currentTime = 200; }")
    eventually(partial(player.evaluate, HEARD.format(200)))
    assert len(storage.asked) == 2

    storage.end()
    player.evaluate("player => { player.pause(); player.currentTime = 100; }")
    eventually(partial(player.evaluate, "player => player.readyState > 2 && player.currentTime === 100"))
    assert player.evaluate("player => player.paused"), "what was paused stays so"
    assert len(storage.asked) == 3


def test_who_comes_back_to_a_window_after_some_minutes_does_not_begin_again(page: Page) -> None:
    player = _in_the_drive(page)
    player.evaluate("player => { player.currentTime = 200; }")
    eventually(partial(player.evaluate, HEARD.format(200)))
    with page.expect_response(re.compile("/drive/files/[^/]+/download$")):
        page.evaluate("""() => {
            const now = Date.now;
            Date.now = () => now() + 5 * 60_000;
            window.dispatchEvent(new Event('visibilitychange'));
        }""")
    page.wait_for_timeout(500)
    assert player.evaluate(HEARD.format(200))
