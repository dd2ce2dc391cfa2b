"""HTTP requests by libcurl: many at once on one thread, over connections that stay open.

A request costs 20 to 50 µs of CPU time, and one by urllib3, on threads, 160 (docs/decisions.md). Nothing is sent to a
proxy or followed to another address, and only the status of an answer is kept.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")
_LOOK_S = 0.05  # between looks at transfers without a socket, whose name is being looked up


@dataclass(frozen=True, slots=True)
class Request:
    """A request; `connect_s` limits the seconds until it is connected, `wait_s` those until the answer is complete."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    connect_s: float
    wait_s: float


# Yields requests, one after the other, is sent the HTTP status of each (0 if there was no answer in time), returns a
# result.
Exchange = Generator[Request, int, T]


class Client:
    """Runs exchanges; threads that do so at the same time have connections of their own."""

    def __init__(self, at_once: int) -> None:
        """`at_once`: the number of requests and of open connections, for each thread."""
        self._at_once = at_once
        self._idle: deque[_Transfers] = deque()

    def run(self, exchanges: Iterable[Exchange[T]]) -> list[T]:
        """The results of exchanges in order. Raises the first error of one, and ends the others then."""
        with self._lent() as transfers:
            return transfers.run(exchanges)

    def close(self) -> None:
        """Close the connections that no request uses."""
        while self._idle:
            self._idle.pop().close()

    @contextmanager
    def _lent(self) -> Iterator[_Transfers]:
        transfers = self._idle.pop() if self._idle else _Transfers(self._at_once)
        try:
            yield transfers
        finally:
            self._idle.append(transfers)


class _Transfers:
    """Requests that are under way at the same time; one thread uses it at a time."""

    def __init__(self, at_once: int) -> None:
        import pycurl  # the first request loads it, as most starts of functions make none

        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_MAXCONNECTS, at_once)
        self._at_once = at_once
        self._free: list[Any] = []  # handles that were made and are not in use

    def run(self, exchanges: Iterable[Exchange[T]]) -> list[T]:
        results: dict[int, T] = {}
        waiting = enumerate(exchanges)
        under_way: dict[Any, tuple[int, Exchange[T]]] = {}

        def go_on(index: int, exchange: Exchange[T], status: int | None) -> None:
            try:
                request = exchange.send(status)  # type: ignore[arg-type]  # None starts it
            except StopIteration as end:
                results[index] = end.value
            else:
                handle = self._free.pop() if self._free else _handle()
                _prepare(handle, request)
                self._multi.add_handle(handle)
                under_way[handle] = index, exchange

        try:
            while True:
                while len(under_way) < self._at_once and (following := next(waiting, None)):
                    go_on(*following, None)
                if not under_way:
                    return [results[index] for index in sorted(results)]
                for handle, status in self._finished():
                    self._multi.remove_handle(handle)
                    self._free.append(handle)
                    go_on(*under_way.pop(handle), status)
        finally:
            for handle, (_, exchange) in under_way.items():
                self._multi.remove_handle(handle)
                self._free.append(handle)
                exchange.close()

    def close(self) -> None:
        for handle in self._free:
            handle.close()
        self._multi.close()

    def _finished(self) -> list[tuple[Any, int]]:
        """The requests that ended since the last call, with their HTTP status; waits a while if there is none."""
        import pycurl

        self._multi.perform()
        found: list[tuple[Any, int]] = []
        left = 1
        while left:
            left, answered, failed = self._multi.info_read()
            found += [(handle, handle.getinfo(pycurl.RESPONSE_CODE)) for handle in answered]
            found += [(handle, 0) for handle, _, _ in failed]
        if not found:
            next_ms = self._multi.timeout()
            wait_s = 1.0 if next_ms < 0 else min(1.0, next_ms / 1000)
            if self._multi.select(wait_s) < 0:
                time.sleep(min(wait_s, _LOOK_S))
        return found


def _handle() -> Any:
    import pycurl

    handle = pycurl.Curl()
    trusted = _authorities()
    handle.setopt(pycurl.CAINFO, None if os.path.isdir(trusted) else trusted)
    handle.setopt(pycurl.CAPATH, trusted if os.path.isdir(trusted) else None)
    handle.setopt(pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS)
    handle.setopt(pycurl.NOSIGNAL, 1)  # limits of time without signals, which only a main thread gets
    handle.setopt(pycurl.NOPROXY, "*")
    handle.setopt(pycurl.USERAGENT, "SecureConnect")
    handle.setopt(pycurl.PATH_AS_IS, 1)
    handle.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1)
    handle.setopt(pycurl.WRITEFUNCTION, len)  # takes all of the answer's body, and keeps none
    return handle


def _authorities() -> str:
    """The file or folder with the certificates of the authorities that botocore trusts."""
    from botocore.httpsession import get_cert_path

    return str(get_cert_path(True))


def _prepare(handle: Any, request: Request) -> None:
    import pycurl

    handle.setopt(pycurl.URL, request.url)
    handle.setopt(pycurl.CUSTOMREQUEST, request.method)
    handle.setopt(pycurl.POSTFIELDS, request.body)
    # without what curl adds of its own for a body
    headers = [*(f"{name}: {value}" for name, value in request.headers.items()), "Content-Type:", "Expect:"]
    handle.setopt(pycurl.HTTPHEADER, headers)
    handle.setopt(pycurl.CONNECTTIMEOUT_MS, max(1, round(request.connect_s * 1000)))
    handle.setopt(pycurl.TIMEOUT_MS, max(1, round(request.wait_s * 1000)))
