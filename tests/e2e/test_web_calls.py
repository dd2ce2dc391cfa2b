"""Calls in the web client: ringing on each device and stopping everywhere, and the media that people see."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.accessibility import audit
from tests.e2e.people import Person
from tests.e2e.tools import eventually
from tests.e2e.windows import PATIENCE_MS, Window, chromium, needs_a_browser, window_of

pytestmark = needs_a_browser
MOVING = "[...document.querySelectorAll('.screens video')].filter((each) => each.videoWidth > 0).length"
BIG = "(document.querySelector('.screens figure.big video') ?? {}).videoWidth > 0"


def _moving(page: Page, pictures: int) -> bool:
    return bool(page.evaluate(MOVING) == pictures)


def _shows(page: Page, pictures: int) -> None:
    eventually(partial(_moving, page, pictures), within_s=PATIENCE_MS / 1000)


@pytest.fixture
def devices(endpoints: dict[str, str], ada: Person, bob: Person) -> Iterator[tuple[Window, Window, Window]]:
    """Ada's only device, and two of Bob's; the screen to share is chosen automatically."""
    ada.group_with(bob, name="Bridge")
    with chromium("--auto-select-desktop-capture-source=Entire screen") as browser, ExitStack() as open_:
        found = [open_.enter_context(window_of(browser, endpoints, who)) for who in (ada, bob, bob)]
        for each in found:
            each.open("Bridge")
        yield found[0], found[1], found[2]


def test_a_call_is_answered_on_one_device_and_shows_how_it_goes(devices: tuple[Window, Window, Window]) -> None:
    ada, bob, phone = devices
    ada.page.get_by_role("button", name="Video call").click()
    for each in (bob, phone):
        expect(each.page.get_by_role("alertdialog", name="Ada is calling")).to_be_visible()
    found = audit(phone.page, "ringing")
    bob.page.get_by_role("button", name="Answer").click()
    expect(phone.page.get_by_role("alertdialog")).to_be_hidden()
    for each in (ada, bob):
        _shows(each.page, 2)
        expect(each.page.get_by_role("img", name="Good connection")).to_be_visible()
    expect(ada.page.locator("figure.speaks")).to_contain_text("Bob")  # the device of the test beeps
    found += audit(ada.page, "in a call")

    bob.page.get_by_role("button", name="Mute").click()
    expect(ada.page.get_by_role("img", name="Muted")).to_be_visible()

    bob.page.get_by_role("button", name="Share my screen").click()
    expect(ada.page.get_by_text("Bob’s screen")).to_be_visible()
    eventually(lambda: ada.page.evaluate(BIG), within_s=PATIENCE_MS / 1000)
    ada.page.get_by_role("button", name="Large").click()
    found += audit(ada.page, "in a large call")
    bob.page.get_by_role("button", name="Share my screen").click()
    expect(ada.page.get_by_text("Bob’s screen")).to_be_hidden()
    _shows(ada.page, 2)

    ada.page.get_by_role("button", name="Microphone, camera, loudspeaker").click()
    sheet = ada.page.get_by_role("dialog", name="Microphone, camera, loudspeaker")
    choice = sheet.get_by_label("Camera")
    expect(choice).to_be_visible()
    found += audit(ada.page, "devices")
    choice.select_option(index=1)
    sheet.get_by_role("button", name="Done").click()
    _shows(bob.page, 2)
    assert found == [], "\n".join(found)

    # the network changes: each connection restarts ICE
    ada.page.evaluate("dispatchEvent(new Event('online'))")
    expect(ada.page.get_by_role("img", name="Good connection")).to_be_visible()
    _shows(bob.page, 2)


def test_who_reloads_the_page_joins_again(devices: tuple[Window, Window, Window]) -> None:
    ada, bob, _ = devices
    ada.page.get_by_role("button", name="Audio call").click()
    bob.page.get_by_role("button", name="Answer").click()
    expect(ada.page.get_by_role("img", name="Good connection")).to_be_visible()
    bob.page.reload()
    bob.page.get_by_role("button", name="Join", exact=True).click()
    for each in (ada, bob):
        expect(each.page.get_by_role("img", name="Good connection")).to_be_visible()
    ada.page.get_by_role("button", name="Leave").click()
    bob.page.get_by_role("button", name="Leave").click()
    expect(ada.page.get_by_text("A call is in progress.")).to_be_hidden()
