"""The web client and the Python client in one encrypted group, over the deployed stack: two MLS libraries."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote

import pytest
from playwright.sync_api import Browser, Request, WebSocket, expect

from secureconnect_client.encryption.changes import Change
from secureconnect_client.encryption.content import PollContent
from secureconnect_client.encryption.decrypted import DecryptedMessage
from secureconnect_client.encryption.encryption import Encryption
from secureconnect_client.encryption.errors import CannotDecrypt, NotInGroup
from secureconnect_client.encryption.files import CHUNK_BYTES, open_file
from secureconnect_client.errors import ApiError
from tests.e2e.people import Town
from tests.e2e.tools import eventually
from tests.e2e.web.accessibility import audit
from tests.e2e.web.python_devices import Devices, devices_of, let_in, read, send_file
from tests.e2e.web.windows import Window, needs_a_browser, window_of

pytestmark = needs_a_browser


def _listened(window: Window) -> list[str]:
    """The list to which everything that this window sends from now on is added."""
    sent: list[str] = []

    def opened(socket: WebSocket) -> None:
        socket.on("framesent", lambda payload: sent.append(str(payload)))

    def asked(request: Request) -> None:
        sent.extend((unquote(request.url), (request.post_data_buffer or b"").decode(errors="replace")))

    window.page.on("request", asked)
    window.page.on("websocket", opened)
    window.page.reload()  # so that the socket is recorded as well
    return sent


def _says(
    devices: Devices, device: Encryption, conversation_id: str, text: str, holds: Callable[[DecryptedMessage], object]
) -> None:
    """Wait until the message with this text is on a device as `holds` requires."""

    def is_there() -> bool:
        devices.run(device.catch_up(conversation_id))
        return any(each.text == text and holds(each) for each in device.decrypted(conversation_id))

    assert eventually(is_there, within_s=30, every_s=0.3), device.decrypted(conversation_id)


async def _with_file(devices: Devices, device: Encryption, conversation_id: str) -> tuple[str, bytes]:
    """The name and the decrypted content of the last file in the conversation."""
    (about,) = device.decrypted(conversation_id)[-1].files
    sealed = await devices.client_of[device.device_id].drive.download(about.id)
    return about.name, open_file(sealed, about)


def test_a_window_and_python_devices_talk_encrypted_and_come_and_go(
    browser: Browser, endpoints: dict[str, str], town: Town, tmp_path: Path
) -> None:
    ada, bob, carol = (town.person(name) for name in ("ada", "bob", "carol"))
    word = f"c4n4ry{secrets.token_hex(6)}"
    with devices_of(town, tmp_path) as devices, window_of(browser, endpoints, ada) as window:
        bobs, carols = devices.device(bob), devices.device(carol)
        sent = _listened(window)
        page = window.page

        # a window begins an encrypted conversation and adds a Python device
        page.get_by_role("button", name="New conversation").click()
        page.get_by_label("Find people by name").fill(bob.username)
        page.get_by_role("checkbox", name=re.compile(bob.username)).check()
        page.get_by_text("End-to-end encrypted", exact=True).click()
        page.get_by_role("button", name="Start", exact=True).click()
        expect(page.get_by_role("button", name="End-to-end encryption")).to_be_visible()
        conversation_id = page.evaluate("location.hash").split("/")[2]
        let_in(devices, bobs, conversation_id)
        window.say(f"{word} from the window")
        read(devices, bobs, conversation_id, f"{word} from the window")
        devices.run(bobs.send(conversation_id, f"{word} from Python"))
        expect(window.message(f"{word} from Python")).to_be_visible()

        # both see the same safety number
        page.get_by_role("button", name="End-to-end encryption").click()
        number = devices.run(bobs.safety_number(ada.id))
        expect(page.get_by_text(number)).to_be_visible()
        page.get_by_role("button", name="We have compared it").click()
        expect(page.get_by_text("Compared, and the same since.")).to_be_visible()
        assert audit(page, "encryption") == []
        page.get_by_role("button", name="Close").click()

        # new keys from the other library
        devices.run(bobs.update(conversation_id))
        devices.run(bobs.send(conversation_id, f"{word} with new keys"))
        expect(window.message(f"{word} with new keys")).to_be_visible()

        # a file is sent encrypted, name included, and opens unchanged
        path = tmp_path / f"{word}.txt"
        path.write_text(f"{word} in a file".ljust(CHUNK_BYTES + 1))
        page.locator("input[type=file]").set_input_files(path)
        expect(page.locator(".composer").get_by_text(path.name)).to_be_visible()
        expect(page.locator(".composer progress")).to_have_count(0)
        window.say(f"{word} the file")
        read(devices, bobs, conversation_id, f"{word} the file")

        # the other library opens it, and sends another
        said = devices.run(_with_file(devices, bobs, conversation_id))
        assert said == (path.name, path.read_bytes())
        devices.run(send_file(devices, bobs, conversation_id, f"{word} by Python.txt", word.encode() * 100_000))

        # after a reload the window shows the earlier messages from this device's storage
        page.reload()
        expect(window.message(f"{word} from the window")).to_be_visible()
        expect(window.message(f"{word} from Python")).to_be_visible()
        with page.expect_download() as downloading:
            window.message(f"{word} the file").get_by_role("button", name=re.compile(path.name)).click()
        assert Path(downloading.value.path()).read_bytes() == path.read_bytes()
        with page.expect_download() as downloading:
            page.get_by_role("log").get_by_role("button", name=f"{word} by Python.txt").click()
        assert Path(downloading.value.path()).read_text() == word * 100_000

        # another tab shows them too, and either tab can send
        tab = window.tab(f"#/conversations/{conversation_id}")
        expect(tab.get_by_role("log").get_by_text(f"{word} from Python")).to_be_visible()
        tab.get_by_label("Write a message").fill(f"{word} from the other tab")
        tab.get_by_label("Write a message").press("Enter")
        read(devices, bobs, conversation_id, f"{word} from the other tab")
        devices.run(bobs.send(conversation_id, f"{word} to both tabs"))
        for each in (page, tab):
            expect(each.get_by_role("log").get_by_text(f"{word} to both tabs")).to_be_visible()
        tab.close()

        # Bob registers another device: the window notices and adds it, and the safety number changes
        phone = devices.device(bob)
        expect(page.get_by_text("Devices have changed: Bob.")).to_be_visible()
        let_in(devices, phone, conversation_id)
        window.say(f"{word} to the phone")
        read(devices, phone, conversation_id, f"{word} to the phone")
        page.get_by_role("button", name="Safety number").click()
        expect(page.get_by_text("The number has changed since you compared it")).to_be_visible()
        expect(page.get_by_text(devices.run(phone.safety_number(ada.id)))).to_be_visible()
        page.get_by_role("button", name="Close").click()
        page.get_by_role("button", name="Dismiss").click()
        expect(page.get_by_text("Devices have changed: Bob.")).to_be_hidden()

        # what people do with messages is encrypted as well
        window.say(f"{word} at one?")
        page.get_by_label("Write a message").fill(f"{word} an unsent text")
        _says(devices, bobs, conversation_id, f"{word} at one?", lambda each: True)
        lunch = PollContent((f"{word} yes", f"{word} no"))
        asked = devices.run(bobs.send(conversation_id, f"{word} lunch?", poll=lunch))
        (at_one,) = [each for each in bobs.decrypted(conversation_id) if each.text == f"{word} at one?"]
        devices.run(bobs.change(conversation_id, Change(at_one.message_id, react="🦔")))
        window.message("at one?").get_by_role("button", name="React with 🦔 1").click()
        expect(window.message("at one?").get_by_role("button", name="React with 🦔 2")).to_be_visible()
        _says(devices, bobs, conversation_id, f"{word} at one?", lambda each: len(each.changes.reactions["🦔"]) == 2)
        page.get_by_label("Write a message").fill("")
        page.mouse.move(0, 0)
        window.message("at one?").hover()
        window.message("at one?").get_by_role("button", name="Edit").click()
        page.get_by_label("Write a message").fill(f"{word} at two?")
        page.get_by_role("button", name="Save the change").click()
        _says(devices, bobs, conversation_id, f"{word} at two?", lambda each: each.changes.edited_at)
        expect(window.message("at two?").get_by_text("edited")).to_be_visible()

        # polls of both clients are counted by both
        page.get_by_role("radio", name=f"{word} yes").click()
        _says(devices, bobs, conversation_id, f"{word} lunch?", lambda each: each.changes.votes == {ada.id: (0,)})
        devices.run(bobs.change(conversation_id, Change(asked.message_id, vote=(0,))))
        expect(page.get_by_role("group", name="lunch?").get_by_text("2 votes")).to_be_visible()
        page.get_by_role("button", name="Create a poll").click()
        page.get_by_label("Question").fill(f"{word} dinner?")
        page.get_by_label("Option 1").fill(f"{word} soup")
        page.get_by_label("Option 2").fill(f"{word} salad")
        page.get_by_role("button", name="Create", exact=True).click()
        _says(devices, bobs, conversation_id, f"{word} dinner?", lambda each: each.poll)
        (dinner,) = [each for each in bobs.decrypted(conversation_id) if each.text == f"{word} dinner?"]
        devices.run(bobs.change(conversation_id, Change(dinner.message_id, vote=(1,))))
        expect(page.get_by_role("group", name="dinner?").get_by_text("1 vote", exact=True)).to_be_visible()
        page.get_by_role("group", name="dinner?").get_by_role("button", name="Close the poll").click()
        _says(devices, bobs, conversation_id, f"{word} dinner?", lambda each: each.changes.closed)

        # a voice message, with its length and waveform
        page.get_by_role("button", name="Record a voice message").click()
        expect(page.get_by_text("Recording 0:02")).to_be_visible()
        page.get_by_role("button", name="Send the recording").click()
        _says(devices, bobs, conversation_id, "", lambda each: each.voice and each.voice.duration_ms > 1_500)
        page.get_by_role("button", name="Play the voice message").click()
        expect(page.get_by_role("button", name="Pause")).to_be_visible()

        # search on this device finds present texts and files, and asks the server nothing
        page.get_by_role("button", name="Search", exact=True).click()
        page.get_by_label("Words").fill(f"{word.upper()} TWO")
        hits = page.get_by_role("region", name="Messages on this device")
        expect(hits.get_by_text(f"{word} at two?")).to_be_visible()
        page.get_by_label("Words").fill(f"{word} in a file")
        expect(hits).to_have_count(0)
        page.get_by_label("Words").fill(f"{word} txt")
        expect(hits.get_by_text(f"{word} the file")).to_be_visible()
        assert audit(page, "search of decrypted messages") == []
        hits.get_by_text(f"{word} the file").click()
        expect(page.get_by_role("article").and_(page.locator(".marked"))).to_be_visible()
        page.get_by_role("button", name="Close").click()

        # a group created by Python: the window is added, adds Carol, and removes her
        group = devices.run(bobs.create([ada.id], name="Tea"))
        devices.run(bobs.send(group, f"{word} tea?"))
        window.open("Tea")
        expect(window.message(f"{word} tea?")).to_be_visible()
        assert bob.ok("POST", f"/conversations/{group}/members", {"user_ids": [carol.id]})["added"]
        let_in(devices, carols, group)
        devices.run(carols.send(group, f"{word} Carol is here"))
        expect(window.message(f"{word} Carol is here")).to_be_visible()
        assert bob.delete(f"/conversations/{group}/members/{carol.id}").status_code == 204
        window.say(f"{word} without Carol")
        read(devices, bobs, group, f"{word} without Carol")
        with pytest.raises((ApiError, NotInGroup)):
            devices.run(carols.catch_up(group))

        # and the window sent no plaintext
        assert any(conversation_id in each for each in sent)
        assert [each for each in sent if word in each.casefold() or "🦔" in each] == []


def test_a_backup_is_opened_by_a_new_window_and_by_a_device_of_the_other_client(
    browser: Browser, endpoints: dict[str, str], town: Town, tmp_path: Path
) -> None:
    ada, bob = town.person("ada"), town.person("bob")
    with devices_of(town, tmp_path) as devices:
        bobs = devices.device(bob)
        with window_of(browser, endpoints, ada) as window:
            page = window.page
            registered = f"/keys/devices?user_ids={ada.id}"
            assert eventually(lambda: ada.ok("GET", registered)["items"], within_s=15, every_s=0.3)
            tea = devices.run(bobs.create([ada.id], name="Tea"))
            devices.run(bobs.send(tea, "a cup of tea?"))
            window.open("Tea")
            expect(window.message("a cup of tea?")).to_be_visible()
            page.get_by_role("button", name="End-to-end encryption").click()
            page.get_by_label("Passphrase").fill("what I shall not forget")
            page.get_by_role("button", name="Back up now").click()
            expect(page.get_by_text("1 message is backed up.")).to_be_visible()

        laptop = devices.device(ada)
        with pytest.raises(CannotDecrypt):
            devices.run(laptop.restore("something else"))
        assert devices.run(laptop.restore("what I shall not forget")) == 1
        assert [each.text for each in laptop.decrypted(tea)] == ["a cup of tea?"]

        with window_of(browser, endpoints, ada) as window:
            page = window.page
            window.open("Tea")
            page.get_by_role("button", name="End-to-end encryption").click()
            page.get_by_label("Passphrase").fill("what I shall not forget")
            page.get_by_role("button", name="Restore the backup").click()
            expect(page.get_by_text("1 earlier message was restored.")).to_be_visible()
            page.get_by_role("button", name="Close").click()
            expect(window.message("a cup of tea?")).to_be_visible()
