"""The conversation view of the web client: history, threads, pins, search, drafts, sending later, forwarding, polls."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.e2e.people import Person, new_ada, new_bob
from tests.e2e.tools import at_once, eventually
from tests.e2e.windows import Cables, Drag, Window, needs_a_browser, window_of

pytestmark = needs_a_browser
ada, bob = new_ada, new_bob


@pytest.fixture
def room(ada: Person, bob: Person) -> str:
    return ada.group_with(bob, name="Engines")


@pytest.fixture
def opened(browser: Browser, endpoints: dict[str, str]) -> Iterator[Any]:
    """Opens windows of people; all are closed at the end of the test."""
    with ExitStack() as stack:

        def opened(person: Person, **settings: Any) -> Window:
            return stack.enter_context(window_of(browser, endpoints, person, **settings))

        yield opened


def _menu(window: Window, text: str, *items: str) -> None:
    """Choose from the menu of a message."""
    window.message(text).hover()
    window.message(text).get_by_role("button", name="More", exact=True).click()
    for item in items:
        window.page.get_by_role("menuitem", name=item).click()


def _texts(person: Person, conversation_id: str) -> list[str | None]:
    return [each["text"] for each in person.ok("GET", f"/conversations/{conversation_id}/messages?limit=20")["items"]]


def _in_panel(page: Page, text: str) -> Any:
    return page.get_by_role("complementary").get_by_text(text)


def test_a_long_history_begins_at_the_first_unread_and_is_read_both_ways(
    opened: Any, ada: Person, bob: Person, room: str
) -> None:
    # given 180 messages, of which ada has read 60
    sent = [bob.send(room, f"line {n}") for n in range(60)]
    ada.ok("POST", f"/conversations/{room}/read", {"seq": sent[-1]["seq"]})
    for n in range(60, 180):
        bob.send(room, f"line {n}")

    # when she opens it
    window = opened(ada)
    window.open("Engines")

    # then it begins at her first unread message
    expect(window.page.get_by_role("separator")).to_contain_text("Unread from here")
    log = window.page.get_by_role("log")
    expect(log.get_by_text("line 60", exact=True)).to_be_in_viewport()
    newest = window.page.get_by_role("button", name=re.compile("new message"))
    expect(newest).to_be_visible()

    # and only a part of it is in the document
    assert window.page.get_by_role("article").count() < 80

    # and the button jumps to the newest message, which then counts as read
    newest.click()
    expect(window.message("line 179")).to_be_in_viewport()
    eventually(lambda: ada.ok("GET", f"/conversations/{room}")["unread_count"] == 0)

    # and scrolling up reaches the beginning
    log.hover()
    for _ in range(60):
        window.page.mouse.wheel(0, -3_000)
        window.page.wait_for_timeout(60)
        if log.get_by_text("line 0", exact=True).count():
            break
    expect(window.page.get_by_text("This is where the conversation begins.")).to_be_attached()


def test_a_link_to_a_message_leads_there_and_a_date_does(opened: Any, ada: Person, bob: Person, room: str) -> None:
    first = bob.send(room, "the very first")
    at_once([partial(bob.send, room, f"filler {n}") for n in range(40)] * 3)
    window = opened(ada)

    window.page.goto(f"{window.url.split('#')[0]}#/conversations/{room}/messages/{first['id']}")
    window.page.reload()
    expect(window.message("the very first")).to_be_in_viewport()

    window.page.get_by_role("button", name="Jump to newest").or_(
        window.page.get_by_role("button", name=re.compile("new message"))
    ).click()
    expect(window.message("the very first")).not_to_be_in_viewport()
    window.page.get_by_role("button", name="More of this conversation").click()
    window.page.get_by_role("menuitem", name="Go to a date").click()
    window.page.get_by_label("Date", exact=True).fill(first["created_at"][:10])
    window.page.get_by_role("button", name="Go there").click()
    expect(window.message("the very first")).to_be_in_viewport()


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
    assert sorted(text for text in _texts(bob, room) if text and "network" in text) == [
        f"without network {n}" for n in range(3)
    ]


def test_a_thread_is_answered_beside_the_history(opened: Any, ada: Person, bob: Person, room: str) -> None:
    root = bob.send(room, "which colour?")
    window = opened(ada)
    window.open("Engines")
    _menu(window, "which colour?", "Reply in thread")
    box = window.page.get_by_role("textbox", name="Reply in the thread")
    box.fill("blue")
    box.press("Enter")

    expect(window.message("which colour?").get_by_role("button", name="1 reply")).to_be_visible()
    bob.send(room, "or green", thread_root=root["id"])
    expect(window.page.get_by_role("log", name="Thread").get_by_text("or green")).to_be_visible()
    thread = bob.ok("GET", f"/conversations/{room}/messages/{root['id']}/thread")["items"]
    assert [each["text"] for each in thread] == ["blue", "or green"]


def test_a_message_is_pinned_forwarded_reported_and_deleted_by_its_menu(
    opened: Any, ada: Person, bob: Person, room: str
) -> None:
    elsewhere = ada.group_with(bob, name="Attic")
    bob.send(room, "worth keeping")
    window = opened(ada)
    window.open("Engines")

    _menu(window, "worth keeping", "Pin")
    expect(window.message("worth keeping").get_by_label("Pinned")).to_be_visible()
    window.page.get_by_role("button", name="More of this conversation").click()
    window.page.get_by_role("menuitem", name="Pinned messages").click()
    expect(_in_panel(window.page, "worth keeping")).to_be_visible()

    _menu(window, "worth keeping", "Copy link")
    copied = window.page.evaluate("navigator.clipboard.readText()")
    assert f"#/conversations/{room}/messages/msg_" in copied

    _menu(window, "worth keeping", "Forward")
    window.page.get_by_role("checkbox", name="Attic").check()
    window.page.get_by_role("dialog").get_by_role("button", name="Forward").click()
    eventually(lambda: "worth keeping" in _texts(ada, elsewhere))

    _menu(window, "worth keeping", "Report")
    window.page.get_by_label(re.compile("What is wrong with it")).fill("it shouts")
    window.page.get_by_role("dialog").get_by_role("button", name="Report").click()
    expect(window.page.get_by_text("Reported. Thank you.")).to_be_visible()
    window.page.get_by_role("dialog").get_by_role("button", name="Close").click()

    _menu(window, "worth keeping", "Delete")
    window.page.get_by_role("dialog").get_by_role("button", name="Delete for everybody").click()
    expect(window.page.get_by_text("This message was deleted.").first).to_be_visible()


def test_an_edited_message_shows_what_it_said_before_and_who_has_read_it(
    opened: Any, ada: Person, bob: Person, room: str
) -> None:
    sent = ada.send(room, "meet at nine")
    ada.ok("PATCH", f"/conversations/{room}/messages/{sent['id']}", {"text": "meet at ten"})
    bob.ok("POST", f"/conversations/{room}/read", {"seq": sent["seq"]})
    window = opened(ada)
    window.open("Engines")

    expect(window.message("meet at ten").get_by_label("Read by 1 person")).to_be_visible()
    _menu(window, "meet at ten", "Edit history")
    expect(_in_panel(window.page, "meet at nine")).to_be_visible()
    _menu(window, "meet at ten", "Who has read it")
    expect(_in_panel(window.page, "Bob")).to_be_visible()


def test_a_search_is_narrowed_and_its_hit_is_shown_in_the_history(
    opened: Any, ada: Person, bob: Person, room: str
) -> None:
    bob.send(room, "the lighthouse is open")
    ada.send(room, "a lighthouse of one's own")
    at_once([partial(bob.send, room, f"filler {n}") for n in range(60)])
    window = opened(ada)
    window.open("Engines")
    window.page.get_by_role("button", name="Search", exact=True).click()

    eventually(lambda: len(ada.ok("GET", f"/search?q=lighthouse&conversation_id={room}")["items"]) == 2)
    window.page.get_by_label("Words").fill("lighth")
    expect(window.page.get_by_text("2 found")).to_be_visible()
    window.page.get_by_label("From").select_option("Bob")
    expect(window.page.get_by_text("1 found")).to_be_visible()
    _in_panel(window.page, "the lighthouse is open").click()
    expect(window.message("the lighthouse is open")).to_be_in_viewport()


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
    expect(_in_panel(window.page, "for tomorrow")).to_be_visible()
    window.page.get_by_role("button", name="Do not send").click()
    expect(_in_panel(window.page, "Nothing is scheduled")).to_be_visible()


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


def test_a_vote_shows_before_the_server_has_it_and_voters_are_listed(
    opened: Any, ada: Person, bob: Person, room: str
) -> None:
    poll = ada.ok(
        "POST", f"/conversations/{room}/polls", {"client_id": "p1", "question": "Tea?", "options": ["Yes", "No"]}
    )
    window = opened(bob)
    window.open("Engines")
    expect(window.page.get_by_role("radio", name="Yes")).to_be_visible()

    # given a network that is cut
    window.context.set_offline(True)
    window.page.get_by_role("radio", name="Yes").click()
    expect(window.page.get_by_role("radio", name="Yes")).to_be_checked()
    expect(window.page.get_by_role("group", name="Tea?")).to_contain_text("1 vote")
    window.context.set_offline(False)
    eventually(lambda: ada.ok("GET", f"/polls/{poll['id']}")["total_voters"] == 1, within_s=60)

    window.page.get_by_role("button", name="Who has voted").click()
    expect(window.page.get_by_role("dialog").get_by_text("Bob")).to_be_visible()


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


def test_the_history_and_its_menus_are_used_by_keys_alone(opened: Any, ada: Person, bob: Person, room: str) -> None:
    bob.send(room, "one")
    bob.send(room, "two")
    window = opened(ada)
    window.open("Engines")
    expect(window.message("two")).to_be_visible()
    window.page.get_by_role("log").focus()
    window.page.keyboard.press("ArrowUp")
    expect(window.message("two")).to_be_focused()
    window.page.keyboard.press("ArrowUp")
    expect(window.message("one")).to_be_focused()
    window.page.keyboard.press("Enter")
    expect(window.page.get_by_role("menuitem", name="Reply", exact=True)).to_be_focused()
    window.page.keyboard.press("Escape")
    expect(window.message("one")).to_be_focused()
    window.page.keyboard.press("r")
    expect(window.page.get_by_label("Write a message")).to_be_focused()
    window.page.keyboard.type("to the first")
    window.page.keyboard.press("Enter")
    expect(window.message("to the first").get_by_role("button", name=re.compile("Bob: one"))).to_be_visible()


def test_arabic_runs_from_right_to_left_and_german_is_german(opened: Any, ada: Person, bob: Person, room: str) -> None:
    bob.send(room, "one")
    arabic, german = opened(ada, locale="ar"), opened(bob, locale="de-DE")
    arabic.open("Engines")
    assert arabic.page.evaluate("document.documentElement.dir") == "rtl"
    expect(arabic.page.get_by_label("اكتب رسالة")).to_be_visible()
    message = arabic.message("one").bounding_box()
    history = arabic.page.get_by_role("log").bounding_box()
    assert message["x"] + message["width"] / 2 > history["x"] + history["width"] / 2
    german.open("Engines")
    german.page.get_by_role("button", name="Mehr zu dieser Unterhaltung").click()
    expect(german.page.get_by_role("menuitem", name="Angeheftete Nachrichten")).to_be_visible()


def _never(route: Route) -> None:
    """Never answer."""
