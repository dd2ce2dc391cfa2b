"""A page of the web client in a browser that keeps pages for the way back, as people's browsers do."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.people import Person
from tests.e2e.tools import eventually
from tests.e2e.web.windows import chromium, needs_a_browser, window_of

pytestmark = needs_a_browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium keeps pages, with their sockets open unless they close them; Playwright switches that off."""
    with chromium(without=["--disable-back-forward-cache"]) as browser:
        yield browser


def test_who_leaves_the_page_is_gone_at_once_and_on_the_way_back_misses_nothing(
    browser: Browser, endpoints: dict[str, str], ada: Person, bob: Person
) -> None:
    room = bob.group_with(ada, name="Engines")

    def status() -> str:
        return str(bob.ok("GET", "/presence", params={"user_ids": ada.id})["items"][0]["status"])

    with window_of(browser, endpoints, ada) as window:
        # given Ada, who reads in a group
        window.open("Engines")
        eventually(lambda: status() == "online", within_s=30)
        window.page.evaluate("window.sameAsBefore = true")

        # when she follows a link in the same window, then she is gone for the others
        window.page.goto(f"{endpoints['http_url']}/health")
        eventually(lambda: status() == "offline")
        bob.send(room, "said while away")

        # and back on the page, which is the one she left, she has what was said meanwhile and is there again
        window.page.evaluate("history.back()")
        expect(window.message("said while away")).to_be_visible()
        eventually(lambda: status() == "online")
        assert window.page.evaluate("window.sameAsBefore")
