"""Playing voice messages in the web client, also those that other programs have made."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.e2e.drive import upload
from tests.e2e.people import Person, new_ada, new_bob
from tests.e2e.web.windows import needs_a_browser

pytestmark = needs_a_browser
ada, bob = new_ada, new_bob

RATE = 48_000  # samples of Opus in a second, as Ogg counts them
FRAME = 960  # samples of 20 ms
SILENCE = b"\xf8\xff\xfe"  # an Opus packet of 20 ms


@pytest.mark.parametrize("cut_at_s", [0, 30])
def test_a_voice_message_that_was_cut_out_of_a_longer_one_plays_from_its_beginning(
    opened: Any, ada: Person, bob: Person, cut_at_s: int
) -> None:
    room = ada.group_with(bob, name="Engines")
    clip = _ogg(seconds=8, cut_at_s=cut_at_s)
    file = upload(ada, clip, name="voice.ogg", content_type="audio/ogg")
    voice = {"duration_ms": 8_000, "waveform": [50] * 20}
    ada.send(room, "listen", attachment_ids=[file["id"]], metadata={"voice": voice})
    window = opened(bob)
    window.open("Engines")
    page = window.page
    position = page.get_by_role("slider", name="Position")

    page.get_by_role("button", name="Play the voice message").click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    page.wait_for_timeout(500)  # the player tells its position four times a second
    assert 0 <= _seconds(position) <= 4

    page.get_by_role("button", name="Pause").click()
    position.press("ArrowRight")
    page.wait_for_timeout(500)
    assert 5 <= _seconds(position) < 8
    assert page.evaluate("document.querySelector('audio').currentTime") == pytest.approx(
        cut_at_s + _seconds(position), abs=1
    )
    page.get_by_role("button", name="Play the voice message").click()
    expect(position).to_have_attribute("aria-valuenow", "0")  # it has come to its end
    expect(page.get_by_role("button", name="Play the voice message")).to_be_visible()


def _seconds(position: Any) -> int:
    return int(position.get_attribute("aria-valuenow"))


def _ogg(*, seconds: int, cut_at_s: int) -> bytes:
    """A recording of silence in Ogg Opus whose times go on from where it was cut out (RFC 7845, section 4.5)."""
    head = b"OpusHead" + struct.pack("<BBHIhB", 1, 1, 0, RATE, 0, 0)
    tags = b"OpusTags" + struct.pack("<I", 4) + b"test" + struct.pack("<I", 0)
    pages = [_page(0, 0, [head], first=True), _page(1, 0, [tags])]
    for second in range(seconds):
        until = (cut_at_s + second + 1) * RATE
        pages.append(_page(second + 2, until, [SILENCE] * (RATE // FRAME), last=second == seconds - 1))
    return b"".join(pages)


def _page(number: int, until: int, packets: list[bytes], *, first: bool = False, last: bool = False) -> bytes:
    flags = 2 * first + 4 * last
    sizes = bytes(len(each) for each in packets)
    head = b"OggS" + struct.pack("<BBqIIIB", 0, flags, until, 1, number, 0, len(sizes)) + sizes
    page = head + b"".join(packets)
    return page[:22] + struct.pack("<I", _checksum(page)) + page[26:]


def _checksum(page: bytes) -> int:
    """The checksum of a page of Ogg (RFC 3533, section 6): a CRC-32 from the highest bit on."""
    checksum = 0
    for byte in page:
        checksum ^= byte << 24
        for _ in range(8):
            checksum = checksum << 1 ^ (0x104C11DB7 if checksum & 1 << 31 else 0)
    return checksum
