"""A `World` served over real sockets on 127.0.0.1: HTTP/1.1, and WebSockets on a second port."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from tests.unit.client.world import World

# What a log shows in these tests is the client's.
_silent = logging.Logger("loopback", level=logging.CRITICAL + 1)


@dataclass
class Loopback:
    """Where the world is served; `hang_up` ends all sockets at once."""

    http_url: str
    ws_url: str
    sockets: Server

    def hang_up(self) -> None:
        for connection in list(self.sockets.connections):
            connection.transport.abort()


@asynccontextmanager
async def served(world: World) -> AsyncIterator[Loopback]:
    async def on_http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await _one_request(world, reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def on_handshake(connection: ServerConnection, request: Request) -> Response | None:
        query = parse_qs(urlsplit(request.path).query)
        user_id = world.admit(query.get("ticket", [""])[0])
        if user_id is None or query.get("stage") != ["v1"]:
            return connection.respond(HTTPStatus.UNAUTHORIZED, "")
        connection.username = user_id
        return None

    async def on_socket(connection: ServerConnection) -> None:
        await _one_socket(world, connection)

    http = await asyncio.start_server(on_http, "127.0.0.1", 0)
    async with serve(
        on_socket, "127.0.0.1", 0, process_request=on_handshake, ping_interval=None, logger=_silent
    ) as sockets:
        http_port = http.sockets[0].getsockname()[1]
        ws_port = next(iter(sockets.sockets)).getsockname()[1]
        world.socket_url = f"ws://127.0.0.1:{ws_port}/socket?stage=v1"
        try:
            yield Loopback(f"http://127.0.0.1:{http_port}/v1", world.socket_url, sockets)
        finally:
            http.close()


async def _one_request(world: World, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    line, *rest = head.strip().split("\r\n")
    method, target, _ = line.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (each.partition(":") for each in rest)}
    raw = await reader.readexactly(int(headers.get("content-length", 0)))
    try:
        reply = world.handle(method, target.removeprefix("/v1"), headers, json.loads(raw) if raw else None)
    except OSError:
        return False  # an injected fault: hang up without an answer
    body = b"" if reply.status == 204 else json.dumps(reply.body).encode()
    lines = [f"HTTP/1.1 {reply.status} {HTTPStatus(reply.status).phrase}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in reply.headers.items()]
    writer.write("\r\n".join([*lines, "", ""]).encode() + body)
    await writer.drain()
    return True


async def _one_socket(world: World, connection: ServerConnection) -> None:
    user_id = str(connection.username)
    frames: asyncio.Queue[str] = asyncio.Queue()
    world.sockets[user_id].append(frames.put_nowait)

    async def push() -> None:
        while True:
            await connection.send(await frames.get())

    pusher = asyncio.create_task(push())
    try:
        async for text in connection:
            assert isinstance(text, str)
            world.act(user_id, text, frames.put_nowait)
    except ConnectionClosed:
        pass
    finally:
        world.sockets[user_id].remove(frames.put_nowait)
        pusher.cancel()
        await asyncio.gather(pusher, return_exceptions=True)
