"""Kept connections for the calls that are made most: of DynamoDB and SQS, and posts to sockets.

A call costs a fifth of the CPU time that it takes by urllib3: head and body are written at once, so the server wakes up
once, and the headers of the answer are read without Python's parser of e-mails. Reading the answer remains
`http.client`'s. There are no redirects, no retries, no cookies and no proxies.
"""

from __future__ import annotations

import re
import select
import socket
from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from http import client
from typing import Any
from urllib.parse import SplitResult, urlsplit
from weakref import WeakSet

from kernel import snapshot

PORTS = {"http": 80, "https": 443}
_HEADER = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\r\n]*)\r?\n").fullmatch
_PARTS = (b"multipart/", b"message/")

_pools: WeakSet[Pool] = WeakSet()


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP answer. Headers are found by their names in any case."""

    status_code: int
    headers: client.HTTPMessage
    content: bytes


def parse_headers(fp: Any, _class: type[client.HTTPMessage] = client.HTTPMessage) -> client.HTTPMessage:
    """The headers that follow in a file, as `http.client.parse_headers` returns them, in a fifth of the time.

    Anything but whole lines of a name and a value, and answers in several parts, are parsed as before.
    """
    lines: list[bytes] = client._read_headers(fp)  # type: ignore[attr-defined]
    found = _class()
    for line in lines[:-1]:
        header = _HEADER(line)
        if header is None or header[2].lower().startswith(_PARTS):
            from email.parser import Parser

            return Parser(_class=_class).parsestr(b"".join(lines).decode("iso-8859-1"))
        found.set_raw(header[1].decode(), header[2].decode("iso-8859-1"))
    found.set_payload("")
    return found


client.parse_headers = parse_headers  # type: ignore[assignment]  # for all who use http.client, such as botocore's other clients


@lru_cache(maxsize=4)
def _tls(certificates: str | None) -> Any:
    import ssl

    return ssl.create_default_context(cafile=certificates)


class Pool:
    """Connections by host, at most `kept` idle ones of each; a connection has one call at a time.

    `connect_s` and `read_s` limit the connecting and each wait for a piece of the answer. `certificates` is a file of
    authorities, by default those of the system.
    """

    def __init__(self, *, kept: int, connect_s: float, read_s: float, certificates: str | None = None) -> None:
        self.connect_s, self.read_s = connect_s, read_s
        self._certificates = certificates
        self._idle: dict[str, deque[socket.socket]] = defaultdict(lambda: deque(maxlen=kept))
        _pools.add(self)

    def ask(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes = b"", read_s: float | None = None
    ) -> Response:
        """One call, made once; `headers` name the Host.

        Raises OSError: TimeoutError if something takes too long, ConnectionError for an answer that is none.
        """
        parts = urlsplit(url)
        request = _written(method, parts, headers, body)
        limit_s = self.read_s if read_s is None else read_s
        idle = self._idle[parts.scheme + parts.netloc]
        connection = _usable(idle) or self._opened(parts, min(self.connect_s, limit_s))
        try:
            connection.settimeout(limit_s)
            connection.sendall(request)
            answer = client.HTTPResponse(connection, method=method)
            try:
                answer.begin()
                content = answer.read()
            finally:
                answer.close()
        except client.HTTPException as error:
            connection.close()
            raise ConnectionError(f"{method} {parts.netloc}: {error!r}") from error
        except BaseException:
            connection.close()
            raise
        if answer.will_close or len(idle) == idle.maxlen:
            connection.close()
        else:
            idle.append(connection)
        return Response(answer.status, answer.headers, content)

    def _opened(self, parts: SplitResult, limit_s: float) -> socket.socket:
        host = parts.hostname or ""
        made = socket.create_connection((host, parts.port or PORTS[parts.scheme]), limit_s)
        try:
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if parts.scheme == "https":
                return _tls(self._certificates).wrap_socket(made, server_hostname=host)  # type: ignore[no-any-return]
        except BaseException:
            made.close()
            raise
        return made

    def clear(self) -> None:
        """Close the idle connections."""
        for idle in list(self._idle.values()):
            while idle:
                idle.pop().close()


def _written(method: str, parts: SplitResult, headers: Mapping[str, str], body: bytes) -> bytes:
    """The request as it is sent; raises ValueError for a line break in a header."""
    target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    if "Content-Length" not in headers and (body or method != "GET"):
        lines.append(f"Content-Length: {len(body)}")
    head = "\r\n".join(lines)
    if not head.count("\r") == head.count("\n") == len(lines) - 1:
        raise ValueError("a line break in a header")
    return head.encode("iso-8859-1") + b"\r\n\r\n" + body


def _usable(idle: deque[socket.socket]) -> socket.socket | None:
    """The connection that was used last and is still open: one that can be read was closed by its server."""
    while idle:
        try:
            found = idle.pop()
        except IndexError:  # another thread took it
            return None
        waiting = select.poll()
        waiting.register(found, select.POLLIN)
        if not waiting.poll(0):
            return found
        found.close()
    return None


@snapshot.after
def _close_connections() -> None:
    """Close the connections copied from the snapshot, which are dead."""
    for pool in list(_pools):
        pool.clear()
