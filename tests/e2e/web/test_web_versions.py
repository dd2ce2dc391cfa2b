"""A new version of the web client under an open tab: it is offered, and accepting it loses no typed text."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.people import Person, new_ada, new_bob
from tests.e2e.tools import operators_client
from tests.e2e.web.windows import needs_a_browser, window_of

pytestmark = needs_a_browser
ada, bob = new_ada, new_bob
CONTROLLED = "navigator.serviceWorker.ready.then(() => true)"
SEEN_AGAIN = "document.dispatchEvent(new Event('visibilitychange'))"


class Publisher:
    """Publishes versions of the web client in place of the deployed one."""

    def __init__(self, endpoints: dict[str, str]) -> None:
        self._s3 = operators_client(endpoints, "s3")
        self._bucket = urlsplit(endpoints["web_url"]).path.split("/")[1]
        self._told = self._s3.get_object(Bucket=self._bucket, Key="sw.js")
        self._first = self._told["Body"].read()

    def publish(self, change: bytes) -> None:
        """Publish a build whose worker differs by these bytes, as every build's worker differs."""
        body = gzip.decompress(self._first) + change
        self._put(gzip.compress(body))

    def withdraw(self) -> None:
        self._put(self._first)

    def _put(self, body: bytes) -> None:
        about = {name: self._told[name] for name in ("ContentType", "CacheControl", "ContentEncoding")}
        self._s3.put_object(Bucket=self._bucket, Key="sw.js", Body=body, **about)


@pytest.fixture
def publisher(endpoints: dict[str, str]) -> Iterator[Publisher]:
    publisher = Publisher(endpoints)
    yield publisher
    publisher.withdraw()


def test_a_newer_version_is_offered_to_an_open_tab_and_what_one_types_stays(
    browser: Browser, endpoints: dict[str, str], publisher: Publisher, ada: Person, bob: Person
) -> None:
    room = ada.group_with(bob, name="Old and new")
    with window_of(browser, endpoints, ada) as window:
        page = window.page
        page.evaluate(CONTROLLED)
        page.reload()  # from now on the worker controls the page
        window.open("Old and new")
        page.get_by_label("Write a message").fill("half a thought")
        expect(page.get_by_text("A newer version is ready.")).to_have_count(0)

        publisher.publish(b"\n// the next build")
        page.evaluate(SEEN_AGAIN)
        expect(page.get_by_text("A newer version is ready.")).to_be_visible()
        bob.send(room, "the old version goes on meanwhile")
        expect(window.message("the old version goes on meanwhile")).to_be_visible()

        with page.expect_navigation():
            page.get_by_role("button", name="Reload").click()
        expect(page.get_by_label("Write a message")).to_have_value("half a thought")
        expect(page.get_by_text("A newer version is ready.")).to_have_count(0)
        page.get_by_label("Write a message").press("Enter")
        expect(window.message("half a thought")).to_be_visible()
