"""Devices of the Python client in encrypted conversations, beside the windows of a test."""

from __future__ import annotations

import asyncio
import secrets
import threading
from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from secureconnect_client import Client
from secureconnect_client.encryption.encryption import Encryption
from secureconnect_client.encryption.files import seal_file
from tests.e2e.people import PASSWORD, Person, Town
from tests.e2e.tools import eventually

T = TypeVar("T")


class Devices:
    """Devices of the Python client, on an event loop of their own next to the browser's."""

    def __init__(self, town: Town, folder: Path) -> None:
        self._town = town
        self._folder = folder
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._clients = AsyncExitStack()
        self.client_of: dict[str, Client] = {}  # device name → client
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=30)

    def device(self, person: Person) -> Encryption:
        """A registered device of a person."""
        return self.run(self._device(person))

    async def _device(self, person: Person) -> Encryption:
        name = f"py-{secrets.token_hex(4)}"
        client = await self._clients.enter_async_context(Client(self._town.http_url, store=self._folder / f"{name}.db"))
        await client.login(person.username, PASSWORD)
        device = client.encryption(name, vault=self._folder / f"{name}.vault")
        await device.register("Python")
        self.client_of[name] = client
        return device

    def close(self) -> None:
        self.run(self._clients.aclose())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@contextmanager
def devices_of(town: Town, folder: Path) -> Iterator[Devices]:
    devices = Devices(town, folder)
    try:
        yield devices
    finally:
        devices.close()


def read(devices: Devices, device: Encryption, conversation_id: str, text: str) -> None:
    """Wait until this device has decrypted a text."""

    def has_read() -> bool:
        devices.run(device.catch_up(conversation_id))
        return any(each.text == text for each in device.decrypted(conversation_id))

    assert eventually(has_read, within_s=15, every_s=0.3)


def let_in(devices: Devices, device: Encryption, conversation_id: str) -> None:
    """Wait for a Welcome from a window, and join."""
    assert eventually(lambda: conversation_id in devices.run(device.join_waiting()), within_s=15, every_s=0.3)


async def send_file(devices: Devices, device: Encryption, conversation_id: str, name: str, data: bytes) -> None:
    drive = devices.client_of[device.device_id].drive
    sealed, about = seal_file(data, name=name)
    stored = await drive.upload(sealed, name="encrypted", conversation_id=conversation_id)
    await drive.wait(stored.id)
    await device.send(conversation_id, "", files=[about.stored_as(stored.id)])
