"""Calls: participants, signals between peers, history. Sending media is up to the application."""

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
        """Call everybody in a conversation, or return its live call. Then `join` it for servers and peers."""
        body = {"client_id": client_id or uuid4().hex, "media": media}
        return decode(Call, await self._repeatable(f"/conversations/{segment(conversation_id)}/calls", body))

    async def get(self, call_id: str) -> Call:
        return decode(Call, await self._client.request("GET", _path(call_id)))

    async def list(
        self, conversation_id: str | None = None, *, limit: int | None = None, cursor: str | None = None
    ) -> Page[Call]:
        """The caller's calls, or those of a conversation, newest first."""
        path = "/calls" if conversation_id is None else f"/conversations/{segment(conversation_id)}/calls"
        return await self._page(Call, path, limit=limit, cursor=cursor)

    def iterate(self, conversation_id: str | None = None) -> AsyncIterator[Call]:
        """All calls of `list`, requesting one page at a time."""
        return every(lambda cursor: self.list(conversation_id, limit=100, cursor=cursor))

    async def join(self, call_id: str) -> JoinedCall:
        """Answer, join or rejoin a call. Raises ApiError `answered_elsewhere`, `call_full`, `call_ended`.

        Send an offer to each of `peers`; give way to `polite_towards` when offers collide.
        """
        return decode(JoinedCall, await self._repeatable(_path(call_id, "join")))

    async def decline(self, call_id: str) -> Call:
        return decode(Call, await self._repeatable(_path(call_id, "decline")))

    async def leave(self, call_id: str) -> Call:
        """Hang up; the call ends when the last participant leaves."""
        return decode(Call, await self._repeatable(_path(call_id, "leave")))

    async def end(self, call_id: str) -> Call:
        """End the call for everybody."""
        return decode(Call, await self._repeatable(_path(call_id, "end")))

    async def heartbeat(self, call_id: str) -> Call:
        """Renew the lease in the call for 45 s; call it every `HEARTBEAT_S`."""
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
        """Tell the other participants which media this one sends."""
        state = given(audio=audio, video=video, screen=screen, hand_raised=hand_raised, speaking=speaking)
        return decode(Call, await self._client.request("PUT", _path(call_id, "media-state"), json=state))

    async def signal(
        self, call_id: str, to: str, kind: Literal["offer", "answer", "ice", "restart"], payload: Any
    ) -> int:
        """Send a signal to a participant; returns its number in their inbox.

        Await each one, which keeps the order.
        """
        body = {"to": to, "kind": kind, "payload": payload}
        answer = await self._client.request("POST", _path(call_id, "signals"), json=body)
        return int(answer["n"])

    async def signals(self, call_id: str, *, after: int = 0) -> builtins.list[CallSignal]:
        """Signals of the others after number `after`, for clients without a socket."""
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
        """Report this participant's statistics.

        `packet_loss` is in percent; `setup_ms` is reported once, from joining to the first frame.
        """
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
        """A POST that has the same effect if it is repeated."""
        return await self._client.request("POST", path, json=body, retry=True)
