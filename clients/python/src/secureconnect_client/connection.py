"""One socket from its opening to its end: incoming frames, and requests with correlation ids.

It never reconnects and does not interpret events; `live` does.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterable, Callable, Coroutine, Iterable, Mapping
from itertools import count
from typing import Any

from secureconnect_client.errors import ApiError, ConnectionLost, FrameRefused
from secureconnect_client.wire import MAX_FRAME_BYTES, FrameFilter, Wire

log = logging.getLogger(__name__)
OnFrame = Callable[[Mapping[str, Any]], None]


class FrameTooLarge(ConnectionLost):
    """The request does not fit a frame and has to be sent another way."""


class Connection:
    """An open socket. Frames that answer no request of this connection go to `on_frame`."""

    def __init__(self, wire: Wire, *, on_frame: OnFrame, frame_filter: FrameFilter | None = None) -> None:
        self._wire = wire
        self._on_frame = on_frame
        self._filter = frame_filter
        self._waiting: dict[str, asyncio.Future[Any]] = {}
        self._ids = count(1)
        self._tasks: set[asyncio.Task[None]] = set()
        self._frames_heard = 0
        self.closed = asyncio.Event()
        self.retiring = False
        self._start(self._read())

    async def request(self, action: str, fields: Mapping[str, Any], *, timeout_s: float) -> Any:
        """Send a frame and wait for its acknowledgement's data.

        Raises ApiError for an error frame, and ConnectionLost without an answer: it may have been carried
        out.
        """
        request_id = str(next(self._ids))
        text = json.dumps({**fields, "action": action, "id": request_id}, ensure_ascii=False)
        if len(text.encode()) > MAX_FRAME_BYTES:
            raise FrameTooLarge("the frame would be larger than 32 KB")
        if self.closed.is_set():
            raise ConnectionLost("the socket is closed")
        answer = self._waiting[request_id] = asyncio.get_running_loop().create_future()
        heard = self._frames_heard
        try:
            async with asyncio.timeout(timeout_s):
                await self._wire.send(text)
                return await answer
        except TimeoutError:
            if self._frames_heard == heard:
                self.abort()  # no frame came since: the socket is dead
            raise ConnectionLost(f"no acknowledgement of {action} within {timeout_s:g} s") from None
        finally:
            del self._waiting[request_id]
            if not answer.cancel() and not answer.cancelled():
                answer.exception()  # retrieved, or asyncio logs it if sending failed first

    async def close(self) -> None:
        """Close the socket with a closing handshake."""
        try:
            await self._wire.close()
        finally:
            await self._stop()

    async def retire(self, *, grace_s: float) -> None:
        """Close this replaced socket after the requests in progress, or after `grace_s` seconds."""
        self.retiring = True
        if self._waiting:
            await asyncio.wait(self._waiting.values(), timeout=grace_s)
        await self.close()

    def abort(self) -> None:
        """End the socket without a closing handshake, like a broken network."""
        self._wire.abort()

    async def _read(self) -> None:
        try:
            while True:
                text = await self._wire.recv()
                self._frames_heard += 1
                self._admit(text)
        except ConnectionLost:
            pass
        finally:
            self._end()

    def _admit(self, text: str) -> None:
        if self._filter is None:
            self._handle(text)
            return
        passed = self._filter(text)
        if isinstance(passed, AsyncIterable):
            self._start(self._handle_later(passed))
        else:
            self._handle_each(passed)

    def _handle_each(self, frames: Iterable[str]) -> None:
        for text in frames:
            self._handle(text)

    async def _handle_later(self, frames: AsyncIterable[str]) -> None:
        async for text in frames:
            self._handle(text)

    def _handle(self, text: str) -> None:
        try:
            frame = json.loads(text)
        except ValueError:
            log.warning("a frame that is not JSON was ignored")
            return
        if not isinstance(frame, Mapping):
            return
        if frame.get("type") == "batch":
            for event in frame.get("events") or []:
                self._pass_on(event)
        elif frame.get("type") in ("ack", "error"):
            self._settle(frame)
        elif "type" not in frame and "connectionId" in frame:
            self._refused()
        else:
            self._pass_on(frame)

    def _settle(self, frame: Mapping[str, Any]) -> None:
        answer = self._waiting.get(str(frame.get("id")))
        if answer is None or answer.done():
            return
        if frame["type"] == "ack":
            answer.set_result(frame.get("data"))
        else:
            problem = frame.get("problem")
            answer.set_exception(ApiError.from_problem(problem if isinstance(problem, Mapping) else {}))

    def _refused(self) -> None:
        """API Gateway could not have a frame handled, because its function was throttled or failed.

        It does not say which frame, so all requests in progress fail and continue over HTTP.
        """
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(FrameRefused("the gateway could not have the frame handled"))

    def _pass_on(self, frame: object) -> None:
        if not isinstance(frame, Mapping):
            return
        try:
            self._on_frame(frame)
        except Exception:
            log.exception("a frame of type %r could not be handled", frame.get("type"))

    def _end(self) -> None:
        self.closed.set()
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(ConnectionLost("the socket closed before the acknowledgement"))

    async def _stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
