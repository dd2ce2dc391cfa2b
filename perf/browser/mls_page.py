"""The two MLS libraries in one group: the web client's in a Chromium page, the Python client's in this process."""

from __future__ import annotations

import shutil
import subprocess
from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Page, sync_playwright

from perf.template import ROOT
from secureconnect_client.encryption.mls_rs import MlsRsEngine, MlsRsGroup
from secureconnect_client.encryption.vault import MemoryVault

WEB = ROOT / "web"
ADDRESS = "https://mls.test/"  # WebCrypto needs a page over https; requests are answered locally


class PageDevice:
    """A device with the web client's library, whose clock may be set days back. Messages are bytes."""

    def __init__(self, page: Page, *, days_ago: int) -> None:
        self._page = page
        self._call("open", "ada", "page", days_ago)

    def create(self, group_id: str) -> None:
        self._call("create", group_id)

    def key_package(self) -> bytes:
        return b64decode(self._call("newPackage"))

    def join(self, welcome: bytes) -> float:
        """Join a group; returns the duration in ms."""
        return float(self._call("join", _b64(welcome)))

    def add(self, packages: Sequence[bytes]) -> tuple[float, bytes, bytes]:
        """Add devices by one commit; returns the duration in ms, the commit, and its Welcome."""
        made = self._call("add", [_b64(each) for each in packages])
        return float(made["ms"]), b64decode(made["commit"]), b64decode(made["welcome"])

    def update(self) -> bytes:
        return b64decode(self._call("update"))

    def encrypt(self, text: str) -> bytes:
        return b64decode(self._call("say", text))

    def receive(self, messages: Sequence[bytes]) -> tuple[float, list[str | None]]:
        """Process messages; returns the duration in ms, and the texts (None for commits)."""
        heard = self._call("hear", [_b64(each) for each in messages])
        return float(heard["ms"]), heard["texts"]

    def export_secret(self, label: str, length: int) -> bytes:
        return b64decode(self._call("exportSecret", label, length))

    def members(self) -> int:
        return int(self._call("members"))

    def _call(self, name: str, *given: Any) -> Any:
        return self._page.evaluate(f"(given) => mls.{name}(...given)", list(given))


@contextmanager
def page_device(*, days_ago: int = 0) -> Iterator[PageDevice]:
    """A page with a fresh build of the library."""
    subprocess.run(["npm", "run", "-s", "build:mls"], cwd=WEB, check=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        try:
            page = browser.new_page()
            page.route("**/*", lambda route: route.fulfill(body="<!doctype html>", content_type="text/html"))
            page.goto(ADDRESS)
            page.add_script_tag(path=WEB / ".build/mls/mls.js")
            yield PageDevice(page, days_ago=days_ago)
        finally:
            browser.close()


def engines(count: int) -> list[MlsRsEngine]:
    """Devices with the Python client's library, each of a different person."""
    return [MlsRsEngine(MemoryVault(), user_id=f"usr_{number}", device_id="phone") for number in range(count)]


def group_of(size: int, device: PageDevice) -> tuple[MlsRsEngine, MlsRsGroup, bytes, list[MlsRsEngine]]:
    """A group of this size with the page's device: its creator, the group, the Welcome, and the other devices."""
    first, *others = engines(size - 1)
    group = first.create("cnv_1")
    commit = group.add([device.key_package(), *(each.key_package() for each in others)])
    group.receive(commit.message)
    assert commit.welcome is not None
    return first, group, commit.welcome, others


def _b64(raw: bytes) -> str:
    return b64encode(raw).decode()
