"""Calls in the web client: ringing on each device and stopping everywhere, and what two or three people see."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.people import Person, Town, new_ada, new_bob
from tests.e2e.tools import eventually
from tests.e2e.web.accessibility import audit
from tests.e2e.web.windows import PATIENCE_MS, Window, chromium, needs_a_browser, window_of

pytestmark = needs_a_browser
ada, bob = new_ada, new_bob
MOVING = "[...document.querySelectorAll('.screens video')].filter((each) => each.videoWidth > 0).length"
BIG = "(document.querySelector('.screens figure.big video') ?? {}).videoWidth > 0"
POPPED_OUT = "document.pictureInPictureElement?.closest('figure').textContent ?? ''"
CONNECTED_WITHIN_S = 60.0  # three people send each other dozens of signals, which a busy machine delivers slowly
# Collects the context of each tone that the page plays; a test's device has no loudspeaker to listen to.
TONES = """() => {
    globalThis.tones = [];
    const start = OscillatorNode.prototype.start;
    OscillatorNode.prototype.start = function (...when) { tones.push(this.context); start.apply(this, when); };
}"""
SOUNDING = "tones.length > 1 && tones.at(-1).state === 'running'"
SILENT = "tones.every(({ state }) => state === 'closed')"
# Lets the page play nothing until somebody presses it, as a browser does with a page that nobody has touched.
UNTOUCHED = """() => {
    let touched = false;
    addEventListener('pointerdown', () => { touched = true; });
    globalThis.AudioContext = class extends AudioContext {
        get state() { return touched ? super.state : 'suspended'; }
        async resume() { if (touched) await super.resume(); }
    };
}"""
# Counts requests for microphone and camera, which wait until `allow` is called.
ASKING = """() => {
    globalThis.asked = 0;
    const devices = navigator.mediaDevices, open = devices.getUserMedia.bind(devices);
    const allowed = new Promise((allow) => { globalThis.allow = allow; });
    devices.getUserMedia = async (wanted) => { asked += 1; await allowed; return open(wanted); };
}"""


def _moving(page: Page, pictures: int) -> bool:
    return bool(page.evaluate(MOVING) == pictures)


def _shows(page: Page, pictures: int) -> None:
    eventually(partial(_moving, page, pictures), within_s=CONNECTED_WITHIN_S)


def _becomes(page: Page, condition: str) -> None:
    eventually(lambda: page.evaluate(condition), within_s=PATIENCE_MS / 1000)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser that chooses the screen to share by itself."""
    with chromium("--auto-select-desktop-capture-source=Entire screen") as browser:
        yield browser


@pytest.fixture
def devices(
    browser: Browser, endpoints: dict[str, str], ada: Person, bob: Person
) -> Iterator[tuple[Window, Window, Window]]:
    """Ada's only device, and two of Bob's."""
    ada.group_with(bob, name="Bridge")
    with ExitStack() as open_:
        found = [open_.enter_context(window_of(browser, endpoints, who)) for who in (ada, bob, bob)]
        for each in found:
            each.open("Bridge")
        yield found[0], found[1], found[2]


def test_a_call_is_answered_on_one_device_and_shows_how_it_goes(devices: tuple[Window, Window, Window]) -> None:
    ada, bob, phone = devices
    for each in devices:
        each.page.evaluate(TONES)
    phone.page.evaluate(UNTOUCHED)
    bob.page.evaluate(ASKING)
    ada.page.get_by_role("button", name="Video call").click()
    for each in (bob, phone):
        expect(each.page.get_by_role("alertdialog", name="Ada is calling")).to_be_visible()

    # the tone sounds every two seconds where it may; on the phone from the first touch on, without those it missed
    found = audit(phone.page, "ringing")
    _becomes(bob.page, SOUNDING)
    assert phone.page.evaluate("tones.length") == 0
    phone.page.get_by_role("alertdialog").click(position={"x": 4, "y": 4})
    _becomes(phone.page, "tones.length > 0")

    # answered on one device, it ends there while the browser still asks for the microphone, and then everywhere
    bob.page.get_by_role("button", name="Answer").click()
    _becomes(bob.page, SILENT)
    expect(bob.page.get_by_role("alertdialog")).to_be_visible()
    bob.page.evaluate("allow()")
    expect(phone.page.get_by_role("alertdialog")).to_be_hidden()
    _becomes(phone.page, SILENT)
    rung = [each.page.evaluate("tones.length") for each in devices]
    assert rung[0] == 0  # who calls hears none
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
    ada.page.get_by_role("button", name="Picture in picture").click()
    _becomes(ada.page, f"({POPPED_OUT}).includes('Bob')")
    ada.page.get_by_role("button", name="Picture in picture").click()
    _becomes(ada.page, f"({POPPED_OUT}) === ''")
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

    # who leaves is no longer seen, popped out or not, and no device rang again
    ada.page.get_by_role("button", name="Picture in picture").click()
    _becomes(ada.page, f"({POPPED_OUT}).includes('Bob')")
    bob.page.get_by_role("button", name="Leave").click()
    _becomes(ada.page, f"({POPPED_OUT}) === ''")
    assert [each.page.evaluate("tones.length") for each in devices] == rung


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


FIGURES = """() => [...document.querySelectorAll('.screens figure')].map((each) => {
    const { left, top, right, bottom } = each.getBoundingClientRect();
    return { left, top, right, bottom };
})"""


def test_three_people_are_a_grid_and_two_go_on_when_one_leaves(
    browser: Browser, endpoints: dict[str, str], town: Town, ada: Person, bob: Person
) -> None:
    cyd = town.person("cyd")
    ada.group_with(bob, cyd, name="Bridge")
    with ExitStack() as open_:
        windows = [
            open_.enter_context(window_of(browser, endpoints, who, viewport={"width": 1280, "height": 800}))
            for who in (ada, bob, cyd)
        ]
        pages = [each.page for each in windows]
        for each in windows:
            each.open("Bridge")
        # pressed twice while the browser asks for camera and microphone: they are opened once
        pages[0].evaluate(ASKING)
        pages[0].get_by_role("button", name="Video call").dblclick()
        expect(pages[1].get_by_role("alertdialog", name="Ada is calling")).to_be_visible()
        pages[0].evaluate("allow()")
        for page in pages[1:]:
            page.get_by_role("button", name="Answer").click()
        for page in pages:
            _shows(page, 3)
            expect(page.get_by_role("img", name="connection")).to_have_count(2)
        expect(pages[0].locator(".screens figcaption")).to_have_text(["Bob", "Cyd", "You"])
        assert pages[0].evaluate("asked") == 1

        # as large as the window, they are of one size beside each other
        pages[0].get_by_role("button", name="Large").click()
        boxes = pages[0].evaluate(FIGURES)
        assert len({round(each["right"] - each["left"]) for each in boxes}) == 1
        assert len({round(each["top"]) for each in boxes}) == 1
        assert all(a["right"] <= b["left"] for a, b in itertools.pairwise(boxes))
        assert boxes[0]["left"] >= 0
        assert boxes[-1]["right"] <= 1280
        # and on a phone below each other; the first one can be scrolled to
        pages[0].set_viewport_size({"width": 390, "height": 700})
        pages[0].locator(".screens").evaluate("screens => screens.scrollTo(0, 0)")
        boxes = pages[0].evaluate(FIGURES)
        assert all(a["bottom"] <= b["top"] for a, b in itertools.pairwise(boxes))
        assert boxes[0]["top"] >= 0
        expect(pages[0].get_by_role("button", name="Leave")).to_be_in_viewport()

        pages[2].get_by_role("button", name="Leave").click()
        for page in pages[:2]:
            _shows(page, 2)
            expect(page.get_by_role("img", name="connection")).to_have_count(1)
