"""People who use the running local cloud, as light as a load generator needs: raw HTTP/1.1, and frames not parsed."""

from __future__ import annotations

import asyncio
import itertools
import json
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect

PASSWORD = "correct horse battery staple"
TEXT = "A message of a hundred characters, which is about what people write to each other in chats, often."
ANSWER_TIMEOUT_S = 20
_numbers = itertools.count()
_ready: list[LoadPerson] = []


class Refused(Exception):
    """The server answered with an error: its status, its `code`, and the seconds in Retry-After (0 without any)."""

    def __init__(self, text: str, status: int = 0, *, code: str = "", retry_after_s: float = 0.0) -> None:
        super().__init__(text)
        self.status, self.code, self.retry_after_s = status, code, retry_after_s


class Http:
    """One kept-alive connection; one request at a time."""

    def __init__(self, base_url: str) -> None:
        parts = urlsplit(base_url)
        self._host, self._port, self._base = parts.hostname or "", parts.port or 80, parts.path
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def request(self, method: str, path: str, token: str, body: bytes = b"") -> bytes:
        """The answer's body. Raises Refused for any status but 2xx, and TimeoutError without an answer."""
        head = (
            f"{method} {self._base}{path} HTTP/1.1\r\nHost: {self._host}:{self._port}\r\n"
            f"Authorization: Bearer {token}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                try:
                    status, told, answer = await self._exchange(head.encode() + body)
                except (asyncio.IncompleteReadError, ConnectionError):  # the server closed an idle connection
                    self.close()
                    status, told, answer = await self._exchange(head.encode() + body)
        except TimeoutError:
            self.close()  # otherwise the next call would read this answer
            raise
        if not 200 <= status < 300:
            text = f"{method} {path}: {status} {answer[:300].decode(errors='replace')}"
            raise Refused(text, status, code=_code(answer), retry_after_s=_retry_after_s(told))
        return answer

    async def _exchange(self, request: bytes) -> tuple[int, bytes, bytes]:
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._host, self._port)
        reader, writer = self._streams
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        answer = await self._body(reader, head)
        if b"connection: close" in head:
            self.close()
        return int(head[9:12]), head, answer

    async def _body(self, reader: asyncio.StreamReader, head: bytes) -> bytes:
        _, found, rest = head.partition(b"content-length:")
        if found:
            return await reader.readexactly(int(rest.partition(b"\r\n")[0]))
        if b"transfer-encoding: chunked" not in head:
            return b""
        answer = b""
        while size := int(await reader.readuntil(b"\r\n"), 16):
            answer += (await reader.readexactly(size + 2))[:-2]
        await reader.readexactly(2)
        return answer

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


def _retry_after_s(head: bytes) -> float:
    """The seconds of Retry-After in a lower-case response head, 0 without any."""
    _, _, told = head.partition(b"\r\nretry-after:")
    seconds, _, _ = told.partition(b"\r\n")
    return float(seconds) if seconds.strip().isdigit() else 0.0


def _code(answer: bytes) -> str:
    """The `code` of a problem document, empty for another answer."""
    try:
        return str(json.loads(answer)["code"])
    except (ValueError, KeyError, TypeError):
        return ""


@dataclass(slots=True)
class LoadPerson:
    """A signed-in person. `heard` is called with every frame that answers none of their own requests."""

    http: Http
    id: str
    token: str = field(repr=False)
    username: str = ""
    heard: Callable[[str], None] = lambda _frame: None
    _socket: ClientConnection | None = None
    _listener: asyncio.Task[None] | None = None
    _waiting: dict[str, asyncio.Future[str]] = field(default_factory=dict)

    async def call(self, method: str, path: str, body: Any = None) -> Any:
        sent = b"" if body is None else json.dumps(body).encode()
        answer = await self.http.request(method, path, self.token, sent)
        return json.loads(answer) if answer else None

    async def say(self, conversation_id: str, text: str = TEXT) -> None:
        """Send a message over HTTP."""
        body = f'{{"client_id":"{secrets.token_hex(8)}","text":"{text}"}}'.encode()
        await self.http.request("POST", f"/conversations/{conversation_id}/messages", self.token, body)

    async def say_on_socket(self, conversation_id: str, text: str = TEXT) -> None:
        """Send a message over the socket, and wait for the acknowledgement."""
        number = str(next(_numbers))
        answer = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        assert self._socket is not None
        await self._socket.send(
            f'{{"action":"sendMessage","id":"{number}","conversation_id":"{conversation_id}",'
            f'"client_id":"{secrets.token_hex(8)}","text":"{text}"}}'
        )
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            frame = await answer
        if not frame.startswith('{"type":"ack"'):
            raise Refused(f"sendMessage: {frame[:300]}")

    async def open_socket(self) -> None:
        ticket = await self.call("POST", "/realtime/tickets")
        self._socket = await connect(f"{ticket['url']}?ticket={ticket['ticket']}", compression=None, ping_interval=None)
        self._listener = asyncio.create_task(self._listen(self._socket))

    async def _listen(self, socket: ClientConnection) -> None:
        async for frame in socket:
            assert isinstance(frame, str)
            if self._waiting and frame.startswith(('{"type":"ack"', '{"type":"error"', '{"type": "error"')):
                _, _, rest = frame.partition('"id":')
                answer = self._waiting.pop(rest.split('"', 2)[1], None)
                if answer is not None and not answer.done():
                    answer.set_result(frame)
            else:
                self.heard(frame)

    async def leave(self) -> None:
        if self._listener is not None:
            self._listener.cancel()
        if self._socket is not None:
            await self._socket.close()
        self._socket = None
        self.http.close()


def keep_ready(people: Iterable[LoadPerson]) -> None:
    """Let `newcomer` return these people, who have just been registered, each once."""
    _ready.extend(people)


async def newcomer(http_url: str) -> LoadPerson:
    """A new person: one of those that are ready, or registered now."""
    if _ready:
        return _ready.pop()
    name = f"p{secrets.token_hex(8)}"
    body = {"email": f"{name}@example.com", "username": name, "password": PASSWORD, "display_name": name}
    person = LoadPerson(Http(http_url), "", "", username=name)
    made = await person.call("POST", "/auth/register", body)
    person.id, person.token = made["user"]["id"], made["tokens"]["access_token"]
    return person


async def in_parallel(count: int, work: Callable[[int], Any], *, width: int = 4) -> list[Any]:
    """The results of `work(0)` … `work(count-1)` in order, `width` calls at a time."""
    turn = asyncio.Semaphore(width)

    async def one(number: int) -> Any:
        async with turn:
            return await work(number)

    return list(await asyncio.gather(*(one(number) for number in range(count))))
