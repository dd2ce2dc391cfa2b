"""A call of two windows in one encrypted group with a device of the Python client: what leaves and reaches a browser.

The frames on their way are taken in the worker that encrypts them, before the network and after it. The Python client
decrypts them with what its own MLS library exports, by a reading of RFC 9605 of this test's own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from playwright.sync_api import Browser, Page, Route, expect

from tests.e2e.people import Person, Town
from tests.e2e.tools import eventually
from tests.e2e.web.accessibility import audit
from tests.e2e.web.python_devices import devices_of, read, send_file
from tests.e2e.web.windows import PATIENCE_MS, Window, needs_a_browser, window_of

pytestmark = needs_a_browser
MOVING = "[...document.querySelectorAll('.screens video')].filter((each) => each.videoWidth > 0).length"
CANNOT_DECRYPT = "Cannot be decrypted here"
SUITE = 4

# Runs in the worker before its own code: tells the page of frames before and after their transform, and spoils those
# that are received if it is told to, as a relay might.
TAP = """{
  const Whole = TransformStream, page = new BroadcastChannel("tap");
  const hex = (data) => Array.from(new Uint8Array(data), (each) => each.toString(16).padStart(2, "0")).join("");
  let way = "", spoils = false;
  page.onmessage = ({ data }) => { spoils = data; };
  addEventListener("rtctransform", ({ transformer }) => {
    way = "context" in transformer.options ? "sent" : "received";
  });
  self.TransformStream = class extends Whole {
    constructor({ transform }) {
      const here = way;
      super({
        transform(frame, put) {
          const video = frame instanceof RTCEncodedVideoFrame, before = hex(frame.data);
          if (spoils && here === "received") new Uint8Array(frame.data)[frame.data.byteLength - 1] ^= 1;
          return transform(frame, {
            enqueue(done) {
              page.postMessage({ way: here, video, before, after: hex(done.data) });
              put.enqueue(done);
            },
          });
        },
      });
    }
  };
}
"""
COLLECTING = """() => {
  globalThis.tapped = [];
  globalThis.tap = new BroadcastChannel("tap");
  tap.onmessage = ({ data }) => { tapped.push(data); if (tapped.length > 2000) tapped.shift(); };
}"""
TAKING = "() => tapped.splice(0)"


@dataclass(frozen=True)
class Frame:
    """A frame before and after its transform, which encrypts those that are sent and decrypts those received."""

    video: bool
    before: bytes
    after: bytes


def _frames(page: Page, way: str) -> list[Frame]:
    """The frames that passed this page's worker since the last call, one way."""
    found: list[dict[str, Any]] = page.evaluate(TAKING)
    return [
        Frame(each["video"], bytes.fromhex(each["before"]), bytes.fromhex(each["after"]))
        for each in found
        if each["way"] == way
    ]


def _opened(frame: bytes, base_key: bytes, call_id: str, *, video: bool) -> tuple[int, bytes]:
    """The low bits of the frame's epoch, and its decrypted content; raises InvalidTag. RFC 9605, section 4."""
    clear = (1 if frame[0] & 1 else 10) if video else 0  # VP8: a delta frame or a key frame
    head, body = frame[:clear], frame[clear:]
    numbers, at = [], 1
    for bits in (body[0] >> 4, body[0] & 15):
        length = (bits & 7) + 1 if bits & 8 else 0
        numbers.append(int.from_bytes(body[at : at + length]) if length else bits)
        at += length
    kid, counter = numbers
    label = kid.to_bytes(8) + SUITE.to_bytes(2)
    key, salt = (
        HKDF(SHA256(), size, b"", b"SFrame 1.0 Secret " + what + label).derive(base_key)
        for what, size in ((b"key ", 16), (b"salt ", 12))
    )
    nonce = bytes(a ^ b for a, b in zip(salt, counter.to_bytes(12), strict=True))
    return kid & 255, head + AESGCM(key).decrypt(nonce, body[at:], body[:at] + call_id.encode() + head)


def _is_opened(frame: Frame, base_key: bytes, call_id: str) -> bool:
    try:
        return _opened(frame.before, base_key, call_id, video=frame.video)[1] == frame.after
    except InvalidTag:
        return False


def _moving(page: Page, pictures: int) -> bool:
    return bool(page.evaluate(MOVING) == pictures)


def _tapped(route: Route) -> None:
    route.fulfill(content_type="text/javascript", body=TAP + route.fetch().text())


@pytest.fixture
def windows(browser: Browser, endpoints: dict[str, str], town: Town) -> Iterator[tuple[Person, Window, Person, Window]]:
    """Ada and Bob, each with a window whose device can be added to groups."""
    with ExitStack() as open_:
        found: list[Any] = []
        for person in (town.person("ada"), town.person("bob")):
            window = open_.enter_context(window_of(browser, endpoints, person, service_workers="block"))
            window.wrong.clear()  # a page whose service worker is blocked, as it would answer in our place, says so
            window.context.route(re.compile("frame-worker"), _tapped)
            window.page.evaluate(COLLECTING)
            found += [person, window]
            registered = f"/keys/devices?user_ids={person.id}"
            assert eventually(
                partial(lambda who, path: who.ok("GET", path)["items"], person, registered), within_s=60, every_s=0.5
            )
        yield found[0], found[1], found[2], found[3]


def test_two_windows_and_a_python_device_have_a_file_and_a_call_that_no_relay_understands(
    windows: tuple[Person, Window, Person, Window], town: Town, tmp_path: Path
) -> None:
    ada, adas, bob, bobs = windows
    carol = town.person("carol")
    with devices_of(town, tmp_path) as devices:
        carols = devices.device(carol)
        group = devices.run(carols.create([ada.id, bob.id], name="Bridge"))
        devices.run(send_file(devices, carols, group, "plan.txt", b"the plan"))
        for window in (adas, bobs):
            window.open("Bridge")
            with window.page.expect_download() as downloading:
                window.page.get_by_role("log").get_by_role("button", name="plan.txt").click()
            assert Path(downloading.value.path()).read_bytes() == b"the plan"
        adas.say("shall we talk?")
        read(devices, carols, group, "shall we talk?")

        # the call, with the keys that the third member has too
        adas.page.get_by_role("button", name="Video call").click()
        bobs.page.get_by_role("button", name="Answer").click()
        for window in (adas, bobs):
            assert eventually(partial(_moving, window.page, 2), within_s=PATIENCE_MS / 1000)
            expect(window.page.get_by_text("End-to-end encrypted: the server can neither")).to_be_visible()
        (call,) = ada.ok("GET", f"/conversations/{group}/calls")["items"]
        assert audit(adas.page, "an encrypted call") == []

        # what reaches Bob is what left Ada: encrypted, and Carol's library has its key
        eventually(lambda: bobs.page.evaluate("tapped.length > 200"), within_s=15)
        base_key = devices.run(carols.media_key(group))
        received, sent = _frames(bobs.page, "received"), {each.after: each for each in _frames(adas.page, "sent")}
        passed = [each for each in received if each.before in sent]
        assert {each.video for each in passed} == {True, False}
        for each in passed:
            assert each.after == sent[each.before].before
            assert each.after[12:] not in each.before or len(each.after) <= 12
            assert _is_opened(each, base_key, call["id"])
        assert not any(_is_opened(each, bytes(16), call["id"]) for each in passed)

        # new keys during the call: the media go on, under the new ones
        devices.run(carols.update(group))
        renewed = devices.run(carols.media_key(group))

        def opened_by(key: bytes) -> set[bool]:
            """Whether this key opens frames that reached Bob since the last look, and that he could decrypt."""
            return {_is_opened(each, key, call["id"]) for each in _frames(bobs.page, "received")}

        assert eventually(lambda: opened_by(renewed) == {True}, within_s=20)
        assert opened_by(base_key) <= {False}

        # Carol leaves: she has no key of what follows
        assert carol.delete(f"/conversations/{group}/members/{carol.id}").status_code == 204
        assert eventually(lambda: opened_by(renewed) == {False}, within_s=20)
        for window in (adas, bobs):
            expect(window.page.get_by_text(CANNOT_DECRYPT)).to_be_hidden()

        # frames that were changed on the way are not played, and the window says so
        adas.page.evaluate("tap.postMessage(true)")
        expect(adas.page.get_by_text(CANNOT_DECRYPT)).to_be_visible()
        assert eventually(lambda: not _frames(adas.page, "received"), within_s=5)
        adas.page.evaluate("tap.postMessage(false)")
        expect(adas.page.get_by_text(CANNOT_DECRYPT)).to_be_hidden()
        for window in (adas, bobs):
            window.page.get_by_role("button", name="Leave").click()

        # a browser that cannot encrypt calls takes no part in one
        adas.page.evaluate("delete globalThis.RTCRtpScriptTransform")
        adas.page.get_by_role("button", name="Audio call").click()
        expect(adas.page.get_by_role("alert").get_by_text("This browser lacks what encrypted")).to_be_visible()
        assert [each["id"] for each in ada.ok("GET", f"/conversations/{group}/calls")["items"]] == [call["id"]]
