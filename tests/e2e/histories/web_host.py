"""A Node process in which devices run the web client's engine; all their requests and frames pass through this process.

Both sides exchange lines of JSON (web/tests/histories/host.ts). One process serves all devices of a campaign.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import subprocess
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from secureconnect_client import ApiError, ConnectionLost, SecureConnectError
from secureconnect_client.encryption.errors import CannotDecrypt, NotInGroup, ServerMisbehaved
from secureconnect_client.wire import FrameFilter, Wire

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

WEB = Path(__file__).resolve().parents[3] / "web"
MAX_LINE_BYTES = 64 * 2**20
_ENCRYPTION = {
    "cannot_decrypt": CannotDecrypt,
    "no_rest": CannotDecrypt,
    "not_in_group": NotInGroup,
    "server_misbehaved": ServerMisbehaved,
}
NODE_MIN = (20, 19)


class EngineFault(Exception):
    """The engine threw an exception that no caller should ever see."""


class Port:
    """The environment of one device for the host. `told` gets every other line about the device."""

    def __init__(
        self,
        transport: httpx.AsyncBaseTransport,
        dial: Callable[[str], Awaitable[Wire]],
        frame_filter: FrameFilter,
        told: Callable[[dict[str, Any]], None],
    ) -> None:
        self.transport = transport
        self.dial = dial
        self.frame_filter = frame_filter
        self.told = told


class Host:
    """The process and its pending calls."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._ports: dict[str, Port] = {}
        self._calls: dict[int, asyncio.Future[Any]] = {}
        self._wires: dict[int, Wire] = {}
        self._ready: dict[int, asyncio.Event] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._last_id = 0
        self._start(self._read())

    def attach(self, name: str, port: Port) -> None:
        self._ports[name] = port

    async def call(self, device: str, method: str, **given: Any) -> Any:
        """Call a method of a device. Raises ApiError, ConnectionLost, EngineFault."""
        self._last_id += 1
        answer = self._calls[self._last_id] = asyncio.get_running_loop().create_future()
        self._say(t="call", id=self._last_id, device=device, method=method, given=given)
        return await answer

    async def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._process.wait()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _say(self, **line: Any) -> None:
        assert self._process.stdin is not None
        if not self._process.stdin.is_closing():
            self._process.stdin.write(json.dumps(line).encode() + b"\n")

    async def _read(self) -> None:
        assert self._process.stdout is not None
        while raw := await self._process.stdout.readline():
            self._hear(json.loads(raw))
        for answer in self._calls.values():
            if not answer.done():
                answer.set_exception(EngineFault("the Node process has ended"))

    def _hear(self, line: dict[str, Any]) -> None:
        match line["t"]:
            case "result" | "refused":
                _settle(self._calls.pop(line["id"]), line)
            case "fetch":
                self._start(self._fetch(line))
            case "dial":
                self._start(self._dial(line))
            case "ready":
                self._ready[line["wire"]].set()
            case "send":
                self._start(self._send(line))
            case "close":
                if (wire := self._wires.pop(line["wire"], None)) is not None:
                    self._start(_end(wire))
            case _:
                self._ports[line["device"]].told(line)

    async def _fetch(self, line: dict[str, Any]) -> None:
        body = line.get("body")
        request = httpx.Request(
            line["method"], line["url"], headers=line["headers"], content=None if body is None else body.encode()
        )
        try:
            response = await self._ports[line["device"]].transport.handle_async_request(request)
            content = await response.aread()
            await response.aclose()
        except httpx.TransportError:
            self._say(t="failed", id=line["id"])
            return
        kept = {name: value for name, value in response.headers.items() if name.lower() != "content-length"}
        self._say(t="answer", id=line["id"], status=response.status_code, headers=kept, body=content.decode())

    async def _dial(self, line: dict[str, Any]) -> None:
        port = self._ports[line["device"]]
        try:
            wire = await port.dial(line["url"])
        except ConnectionLost:
            self._say(t="failed", id=line["id"])
            return
        number = line["id"]
        self._wires[number] = wire
        ready = self._ready[number] = asyncio.Event()
        self._say(t="answer", id=number, wire=number)
        await ready.wait()
        try:
            while True:
                passed = port.frame_filter(await wire.recv())
                if isinstance(passed, list):
                    for text in passed:
                        self._say(t="text", wire=number, text=text)
                else:
                    self._start(self._late(number, passed))
        except ConnectionLost:
            self._wires.pop(number, None)
            self._say(t="closed", wire=number)

    async def _late(self, number: int, frames: Any) -> None:
        async for text in frames:
            self._say(t="text", wire=number, text=text)

    async def _send(self, line: dict[str, Any]) -> None:
        wire = self._wires.get(line["wire"])
        if wire is None:
            return
        with contextlib.suppress(ConnectionLost):  # the reader of this socket reports it
            await wire.send(line["text"])

    def _start(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            for answer in self._calls.values():
                if not answer.done():
                    answer.set_exception(error)


async def _end(wire: Wire) -> None:
    wire.abort()


def _settle(answer: asyncio.Future[Any], line: dict[str, Any]) -> None:
    if answer.done():
        return
    if line["t"] == "result":
        answer.set_result(line["value"])
    else:
        answer.set_exception(_error(line))


def _error(line: dict[str, Any]) -> Exception:
    if line["kind"] == "api":
        return ApiError.from_problem(line["problem"])
    if line["kind"].startswith("encryption "):
        return _ENCRYPTION[line["kind"].removeprefix("encryption ")](line["why"])
    return SecureConnectError(line["why"]) if line["kind"] == "lost" else EngineFault(line["why"])


def missing() -> str | None:
    """The reason why no host can run here; None if one can."""
    node = shutil.which("node")
    if node is None:
        return "there is no Node.js"
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if tuple(int(each) for each in version.lstrip("v").split(".")[:2]) < NODE_MIN:
        return f"Node.js {version} is too old"
    return None if (WEB / "node_modules").exists() else "web/node_modules is not there (npm ci in web/)"


@asynccontextmanager
async def host() -> AsyncIterator[Host]:
    """Build the engine and run its host."""
    build = await asyncio.create_subprocess_exec("npm", "run", "-s", "build:host", cwd=WEB)
    if await build.wait() != 0:
        raise EngineFault("the engine cannot be built")
    process = await asyncio.create_subprocess_exec(
        "node",
        ".build/host/host.js",
        cwd=WEB,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        limit=MAX_LINE_BYTES,
    )
    running = Host(process)
    try:
        yield running
    finally:
        await running.close()
