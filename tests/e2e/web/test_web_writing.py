"""Writing in the web client: drafts, mentions, sending later and without a network, files, recordings."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Route, expect

from tests.e2e.people import Person, new_ada, new_bob
from tests.e2e.tools import eventually
from tests.e2e.web.windows import Cables, Drag, needs_a_browser

pytestmark = needs_a_browser
ada, bob = new_ada, new_bob


@pytest.fixture
def room(ada: Person, bob: Person) -> str:
    return ada.group_with(bob, name="Engines")


def test_what_one_types_outlives_a_reload_and_comes_to_ones_other_devices(opened: Any, ada: Person, room: str) -> None:
    ada.send(room, "a thought")
    laptop, phone = opened(ada), opened(ada, viewport={"width": 390, "height": 800})
    laptop.open("Engines")
    laptop.page.get_by_label("Write a message").press_sequentially("half a thou")

    # a reload right after the last keystroke keeps the text, also while a message is edited
    laptop.page.reload()
    expect(laptop.page.get_by_label("Write a message")).to_have_value("half a thou")
    laptop.message("a thought").hover()
    laptop.message("a thought").get_by_role("button", name="Edit").click()
    expect(laptop.page.get_by_label("Write a message")).to_have_value("a thought")
    laptop.page.get_by_label("Write a message").fill("a second thought")
    laptop.page.reload()
    expect(laptop.page.get_by_label("Write a message")).to_have_value("a second thought")
    laptop.page.get_by_label("Write a message").press("Enter")
    expect(laptop.message("a second thought")).to_contain_text("edited")
    expect(laptop.page.get_by_label("Write a message")).to_have_value("half a thou")

    # and the phone has the draft, which is finished and sent there
    phone.open("Engines")
    expect(phone.page.get_by_label("Write a message")).to_have_value("half a thou")
    phone.page.get_by_label("Write a message").press_sequentially("ght")
    phone.page.get_by_label("Write a message").press("Enter")
    expect(laptop.message("half a thought")).to_be_visible()
    expect(laptop.page.get_by_label("Write a message")).to_have_value("")


def test_what_is_written_while_the_network_is_cut_goes_when_it_is_back_in_three_tabs(
    opened: Any, ada: Person, bob: Person, room: str
) -> None:
    window = opened(ada)
    cables = Cables(window.context)
    window.page.reload()
    window.open("Engines")
    tabs = [window.page, *(window.tab(f"#/conversations/{room}") for _ in range(2))]
    for tab in tabs:
        expect(tab.get_by_label("Write a message")).to_be_visible()
    window.say("before")
    for tab in tabs:
        expect(tab.get_by_role("log").get_by_text("before")).to_be_visible()

    # given a network that is cut while messages are sent
    cables.cut(window.page)
    window.context.set_offline(True)
    for number, tab in enumerate(tabs):
        tab.get_by_label("Write a message").fill(f"without network {number}")
        tab.get_by_label("Write a message").press("Enter")
        expect(tab.get_by_role("log").get_by_text(f"without network {number}")).to_be_visible()
    bob.send(room, "said meanwhile")

    # when it is back, each tab has all messages, once
    window.context.set_offline(False)
    for tab in tabs:
        for text in ["said meanwhile", *(f"without network {number}" for number in range(3))]:
            expect(tab.get_by_role("article").filter(has_text=text)).to_have_count(1, timeout=60_000)
        expect(tab.get_by_label("sending …")).to_have_count(0, timeout=60_000)
    assert sorted(text for text in bob.texts(room) if text and "network" in text) == [
        f"without network {n}" for n in range(3)
    ]


def test_a_mention_is_completed_by_keys_alone_and_a_message_is_planned(
    opened: Any, ada: Person, bob: Person, room: str
) -> None:
    window = opened(ada)
    window.open("Engines")
    box = window.page.get_by_label("Write a message")
    box.press_sequentially("hello @bo")
    expect(window.page.get_by_role("option", name=re.compile("Bob"))).to_be_visible()
    box.press("Enter")
    expect(box).to_have_value(f"hello @{bob.username} ")
    box.press("Enter")
    eventually(lambda: bob.ok("GET", f"/conversations/{room}")["unread_mentions"] == 1)

    box.fill("for tomorrow")
    window.page.get_by_role("button", name="Send later").click()
    window.page.get_by_role("button", name="Schedule").click()
    expect(box).to_have_value("")
    [planned] = ada.ok("GET", f"/conversations/{room}/scheduled")["items"]
    assert planned["text"] == "for tomorrow"
    window.page.get_by_role("button", name="More of this conversation").click()
    window.page.get_by_role("menuitem", name="Scheduled messages").click()
    expect(window.beside("for tomorrow")).to_be_visible()
    window.page.get_by_role("button", name="Do not send").click()
    expect(window.beside("Nothing is scheduled")).to_be_visible()


def test_slow_mode_and_disappearing_messages_are_shown(opened: Any, ada: Person, bob: Person, room: str) -> None:
    ada.ok("PATCH", f"/conversations/{room}", {"settings": {"slow_mode_seconds": 30, "disappearing_seconds": 86400}})
    window = opened(bob)
    window.open("Engines")
    expect(window.page.get_by_text("Slow mode: one message every 30 s")).to_be_visible()
    expect(window.page.get_by_label("Messages disappear after 1 day")).to_be_visible()
    window.say("once")
    expect(window.message("once").get_by_label(re.compile("Disappears"))).to_be_visible()
    expect(window.page.get_by_text(re.compile("you can write again in"))).to_be_visible()
    window.page.get_by_label("Write a message").fill("twice")
    window.page.get_by_label("Write a message").press("Enter")
    expect(window.page.get_by_label("Write a message")).to_have_value("twice")


def test_files_are_pasted_shown_in_place_and_gathered_in_the_gallery(
    opened: Any, ada: Person, bob: Person, room: str, tmp_path: Path
) -> None:
    window, other = opened(ada), opened(bob)
    window.open("Engines")
    other.open("Engines")

    # a picture from the clipboard
    window.page.get_by_label("Write a message").focus()
    window.page.evaluate(
        """async () => {
            const canvas = new OffscreenCanvas(64, 48);
            canvas.getContext('2d').fillRect(0, 0, 64, 48);
            const file = new File([await canvas.convertToBlob()], 'square.png', { type: 'image/png' });
            const data = new DataTransfer();
            data.items.add(file);
            const paste = new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true });
            document.activeElement.dispatchEvent(paste);
        }"""
    )
    expect(window.page.locator(".tray").get_by_text("square.png")).to_be_visible()
    expect(window.page.locator(".tray progress")).to_have_count(0, timeout=60_000)
    window.say("look")
    expect(other.message("look").get_by_role("button", name="View square.png")).to_be_visible()
    other.message("look").get_by_role("button", name="View square.png").click()
    expect(other.page.get_by_role("dialog").get_by_role("img", name="square.png")).to_be_visible()
    other.page.keyboard.press("Escape")
    other.page.get_by_role("button", name="More of this conversation").click()
    other.page.get_by_role("menuitem", name="Pictures and files").click()
    expect(other.page.get_by_role("complementary").get_by_role("button", name="View square.png")).to_be_visible()


def test_files_are_dropped_onto_the_history_and_a_text_only_where_one_writes(
    opened: Any, ada: Person, bob: Person, room: str, tmp_path: Path
) -> None:
    path = tmp_path / "plan.txt"
    path.write_text("the plan")
    bob.send(room, "drop it here")
    window = opened(ada)
    window.open("Engines")
    history, box = window.message("drop it here"), window.page.get_by_label("Write a message")
    hint, row = window.page.get_by_text("Drop files here"), window.page.locator(".tray").get_by_text("plan.txt")

    files = Drag(window.page, path)
    files.over(history)
    expect(hint).to_be_visible()
    files.over(window.page.get_by_role("navigation"))
    expect(hint).to_be_hidden()
    files.drop(history)
    expect(row).to_be_visible()
    expect(hint).to_be_hidden()

    words = Drag(window.page, text="with these words")
    words.drop(history)
    words.drop(box)
    expect(box).to_have_value("with these words")
    expect(window.page.locator(".tray progress")).to_have_count(0)
    box.press("Enter")
    expect(window.message("with these words").get_by_role("button", name="plan.txt")).to_be_visible()


def test_an_upload_can_be_cancelled(opened: Any, ada: Person, room: str) -> None:
    window = opened(ada)
    window.open("Engines")
    window.context.route("**/drive/uploads", _never)
    window.page.locator(".composer input[type=file]").first.set_input_files(
        {"name": "big.txt", "mimeType": "text/plain", "buffer": b"x" * 100_000}
    )
    expect(window.page.locator(".tray").get_by_text("big.txt")).to_be_visible()
    window.page.get_by_role("button", name="Remove big.txt").click()
    expect(window.page.locator(".tray")).to_have_count(0)


def test_a_voice_message_is_recorded_and_played(opened: Any, ada: Person, bob: Person, room: str) -> None:
    window, other = opened(ada), opened(bob)
    window.open("Engines")
    other.open("Engines")
    window.page.get_by_role("button", name="Record a voice message").click()
    expect(window.page.get_by_text("Recording 0:02")).to_be_visible()
    window.page.get_by_role("button", name="Send the recording").click()

    play = other.page.get_by_role("button", name="Play the voice message")
    expect(play).to_be_visible(timeout=60_000)
    [message] = [each for each in bob.ok("GET", f"/conversations/{room}/messages")["items"] if each["attachments"]]
    assert 1_500 < message["metadata"]["voice"]["duration_ms"] < 20_000
    assert message["metadata"]["voice"]["waveform"]
    play.click()
    expect(other.page.get_by_role("button", name="Pause")).to_be_visible()
    other.page.get_by_role("button", name="Speed 1", exact=True).click()
    assert other.page.evaluate("document.querySelector('audio').playbackRate") == 1.5


def test_who_has_no_microphone_or_may_not_use_it_is_told_what_to_do_and_goes_on_writing(
    opened: Any, ada: Person, room: str
) -> None:
    page = opened(ada).page
    page.get_by_role("button", name=re.compile("Engines")).click()
    box = page.get_by_label("Write a message")
    refuse = "name => { navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', name)); }"
    for reason, told in ("NotFoundError", "Connect one"), ("NotAllowedError", "Allow it"):
        page.evaluate(refuse, reason)
        page.get_by_role("button", name="Record a voice message").click()
        expect(page.get_by_role("alert")).to_contain_text(told)
        expect(page.get_by_text("Recording")).to_have_count(0)
        expect(box).to_be_focused()


def _never(route: Route) -> None:
    """Never answer."""
