"""A device in an encrypted history that runs the web client's engine, in the host's process."""

from __future__ import annotations

from json import loads
from typing import Any

from secureconnect_client.encryption.changes import Change, changes_of, packed_change
from secureconnect_client.wire import Wire
from tests.e2e.histories.encrypted_device import EncryptedDevice, shown_of
from tests.e2e.histories.encrypted_shown import OPTIONS, Said
from tests.e2e.histories.web_device import tokens_of
from tests.e2e.histories.web_host import Host, Port


class WebDevice(EncryptedDevice):
    """It uses HTTP only: it polls for what a socket would deliver."""

    def __init__(self, *given: Any, host: Host, **more: Any) -> None:
        super().__init__(*given, **more)
        self._host = host
        host.attach(self.name, Port(self._cut, _dial, lambda text: [text], lambda line: None))

    async def open(self) -> None:
        if self._times:
            made = await self._call("lose")
        else:
            assert self.client.session is not None
            session = tokens_of(self.client.session)
            made = await self._call("make_encrypted", http_url=self._http_url, user_id=self.user_id, session=session)
        self.device_id = made["device_id"]
        self._appear(made["key"])

    async def restart(self, conversation_id: str) -> None:
        await self._call("restart")
        if not self.seen.entered:
            await self._note_entry(conversation_id)

    async def register(self) -> None:
        await self._call("register")

    async def join(self, conversation_id: str) -> bool:
        if conversation_id in await self._call("join"):
            await self._note_entry(conversation_id)
        return await self.at(conversation_id) is not None

    async def send(self, conversation_id: str, said: Said, client_id: str) -> tuple[int, str]:
        poll = None if said.multiple is None else {"options": OPTIONS, "multiple": said.multiple}
        given = {"conversation_id": conversation_id, "text": said.text, "poll": poll, "client_id": client_id}
        sent = await self._call("send", **given)
        await self.at(conversation_id)
        return int(sent["seq"]), str(sent["id"])

    async def change(self, conversation_id: str, change: Change, client_id: str) -> None:
        made = loads(packed_change(change))["change"]
        await self._call("change", conversation_id=conversation_id, change=made, client_id=client_id)
        await self.at(conversation_id)

    async def catch_up(self, conversation_id: str) -> None:
        await self._call("catch_up", conversation_id=conversation_id)
        await self.at(conversation_id)

    async def reconcile(self, conversation_id: str) -> None:
        await self._call("reconcile", conversation_id=conversation_id)
        await self.at(conversation_id)

    async def update(self, conversation_id: str) -> None:
        await self._call("update", conversation_id=conversation_id)
        await self.at(conversation_id)

    async def note(self, conversation_id: str) -> None:
        decrypted = await self._call("decrypted", conversation_id=conversation_id)
        self.seen.read = {int(seq): shown_of(text, changes_of(changes)) for seq, text, changes in decrypted}

    async def at(self, conversation_id: str) -> tuple[int, int] | None:
        """The epoch and seq of its state, which goes into the evidence with the members at that epoch."""
        found = await self._call("at", conversation_id=conversation_id)
        if found is None:
            return None
        self.see(found["epoch"], (tuple(each) for each in found["leaves"]))
        return found["epoch"], found["seq"]

    def steal(self, conversation_id: str, seq: int, ciphertext: bytes) -> None:
        """Do nothing: the devices of the Python client try to decrypt everything."""

    async def _note_entry(self, conversation_id: str) -> None:
        if (place := await self.at(conversation_id)) is not None:
            self.seen.entered.append(place[0])

    async def _call(self, method: str, **given: Any) -> Any:
        return await self._host.call(self.name, method, **given)


async def _dial(url: str) -> Wire:
    raise AssertionError(f"{url} is not called here")
