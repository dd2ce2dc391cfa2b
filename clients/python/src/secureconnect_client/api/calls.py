"""Calls: who is in one, what peers say to each other, what was. Media is the application's business."""

from __future__ import annotations

import builtins
from collections.abc import AsyncIterator
from typing import Any, Literal
from uuid import uuid4

from secureconnect_client.api.base import Routes, every, given
from secureconnect_client.decoding import decode, decode_all
from secureconnect_client.http import segment
from secureconnect_client.models import Call, CallSignal, IceServer, JoinedCall, Page

HEARTBEAT_S = 15.0  # the lease is 45 s


def _path(call_id: str, *rest: str) -> str:
    return "/".join(["/calls", segment(call_id), *rest])


class Calls(Routes):
    async def start(
        self,
        conversation_id: str,
        media: Literal["audio", "video"] = "video",
        *,
        client_id: str | None = None,
    ) -> Call:
        """Call everybody in a conversation, or find its live call. Then join it for servers and peers."""
        body = {"client_id": client_id or uuid4().hex, "media": media}
        return decode(Call, await self._repeatable(f"/conversations/{segment(conversation_id)}/calls", body))

    async def get(self, call_id: str) -> Call:
        return decode(Call, await self._client.request("GET", _path(call_id)))

    async def list(
        self, conversation_id: str | None = None, *, limit: int | None = None, cursor: str | None = None
    ) -> Page[Call]:
        """One's own calls, or those of a conversation, newest first."""
        path = "/calls" if conversation_id is None else f"/conversations/{segment(conversation_id)}/calls"
        return await self._page(Call, path, limit=limit, cursor=cursor)

    def iterate(self, conversation_id: str | None = None) -> AsyncIterator[Call]:
        """All of them, a page at a time."""
        return every(lambda cursor: self.list(conversation_id, limit=100, cursor=cursor))

    async def join(self, call_id: str) -> JoinedCall:
        """Answer, join or come back. Raises ApiError `answered_elsewhere`, `call_full`, `call_ended`.

        Make an offer to each of `peers`; give way to `polite_towards` when offers collide.
        """
        return decode(JoinedCall, await self._repeatable(_path(call_id, "join")))

    async def decline(self, call_id: str) -> Call:
        return decode(Call, await self._repeatable(_path(call_id, "decline")))

    async def leave(self, call_id: str) -> Call:
        """Hang up; the last to leave ends it."""
        return decode(Call, await self._repeatable(_path(call_id, "leave")))

    async def end(self, call_id: str) -> Call:
        """End it for everybody."""
        return decode(Call, await self._repeatable(_path(call_id, "end")))

    async def heartbeat(self, call_id: str) -> Call:
        """Stay in it for 45 s more; every `HEARTBEAT_S` is often enough."""
        return decode(Call, await self._repeatable(_path(call_id, "heartbeat")))

    async def show(
        self,
        call_id: str,
        *,
        audio: bool,
        video: bool,
        screen: bool = False,
        hand_raised: bool | None = None,
        speaking: bool | None = None,
    ) -> Call:
        """Tell the others what one sends."""
        state = given(audio=audio, video=video, screen=screen, hand_raised=hand_raised, speaking=speaking)
        return decode(Call, await self._client.request("PUT", _path(call_id, "media-state"), json=state))

    async def signal(
        self, call_id: str, to: str, kind: Literal["offer", "answer", "ice", "restart"], payload: Any
    ) -> int:
        """Pass a message to a participant; its number there. Await each before the next: order is kept."""
        body = {"to": to, "kind": kind, "payload": payload}
        answer = await self._client.request("POST", _path(call_id, "signals"), json=body)
        return int(answer["n"])

    async def signals(self, call_id: str, *, after: int = 0) -> builtins.list[CallSignal]:
        """What the others have signalled, for whoever has no socket; ask again with the last number."""
        answer = await self._client.request("GET", _path(call_id, "signals"), params={"after": after})
        return [CallSignal.parse({**each, "call_id": call_id}) for each in answer["items"]]

    async def ice_servers(self) -> tuple[IceServer, ...]:
        answer = await self._client.request("GET", "/calls/ice-servers")
        return decode_all(IceServer, answer["ice_servers"])

    async def report_quality(
        self,
        call_id: str,
        *,
        rtt_ms: float,
        jitter_ms: float,
        packet_loss: float,
        bitrate_kbps: float,
        setup_ms: float | None = None,
        setup_failed: bool | None = None,
    ) -> None:
        """One's own statistics; `packet_loss` in percent, `setup_ms` once, from join to first frame."""
        body = given(
            rtt_ms=rtt_ms,
            jitter_ms=jitter_ms,
            packet_loss=packet_loss,
            bitrate_kbps=bitrate_kbps,
            setup_ms=setup_ms,
            setup_failed=setup_failed,
        )
        await self._client.request("POST", _path(call_id, "quality"), json=body)

    async def _repeatable(self, path: str, body: Any = None) -> Any:
        """A POST that changes nothing when it comes twice."""
        return await self._client.request("POST", path, json=body, retry=True)
