"""The local cloud's server starts where the system does not raise the number of open files, and joins its writes."""

from __future__ import annotations

import asyncio
import logging
import resource
import signal
import sys
from types import SimpleNamespace
from typing import Any

import pytest
import uvicorn

from infra.local import serving


def test_the_local_cloud_is_served_where_the_number_of_open_files_cannot_be_raised(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    served: list[int] = []

    class Started:
        """A server that has run and ended."""

        started = True

        def __init__(self, config: uvicorn.Config) -> None:
            self._port = config.port

        def run(self) -> None:
            served.append(self._port)

    def refuse(*_: object) -> None:
        raise ValueError("current limit exceeds maximum limit")

    monkeypatch.setattr(resource, "setrlimit", refuse)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setitem(sys.modules, "ministack.app", SimpleNamespace(app=None))
    monkeypatch.setattr(serving, "LastingStart", Started)
    monkeypatch.setenv("BIND_HOST", "127.0.0.1")
    monkeypatch.setenv("GATEWAY_PORT", "4566")
    serving.serve()
    assert served == [4566]
    monkeypatch.setattr(Started, "started", False)  # for example as another process has the port
    with pytest.raises(SystemExit):
        serving.serve()


class _Written:
    """A connection that keeps each write by itself."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        self.writes.append(bytes(data))

    def close(self) -> None:
        self.closed = True


def _answer(written: _Written, *messages: dict[str, Any], method: str = "GET", keep_alive: bool = True) -> None:
    """Send these messages of an ASGI app as one answer."""
    cycle: Any = serving.JoinedAnswer(
        scope={"method": method, "http_version": "1.1"},  # type: ignore[typeddict-item]
        transport=written,  # type: ignore[arg-type]
        flow=SimpleNamespace(write_paused=False),  # type: ignore[arg-type]
        logger=logging.getLogger(),
        access_logger=logging.getLogger(),
        access_log=False,
        default_headers=[],
        message_event=asyncio.Event(),
        expect_100_continue=False,
        keep_alive=keep_alive,
        on_response=lambda: None,
    )

    async def send() -> None:
        for message in messages:
            await cycle.send(message)

    asyncio.run(send())


def _start(*headers: tuple[bytes, bytes]) -> dict[str, Any]:
    return {"type": "http.response.start", "status": 200, "headers": headers}


def _body(body: bytes, *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.response.body", "body": body, "more_body": more}


def test_an_answer_is_one_write() -> None:
    written = _Written()
    _answer(written, _start((b"content-length", b"2")), _body(b"ok"))
    assert written.writes == [b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"]
    assert not written.closed


def test_an_answer_in_parts_is_sent_part_by_part() -> None:
    written = _Written()
    _answer(written, _start(), _body(b"one", more=True), _body(b"two", more=True), _body(b""))
    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    assert written.writes == [head + b"3\r\none\r\n", b"3\r\ntwo\r\n", b"0\r\n\r\n"]


def test_an_answer_without_a_body_is_sent() -> None:
    written = _Written()
    _answer(written, _start((b"content-length", b"9")), _body(b""), method="HEAD")
    assert written.writes == [b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n"]


def test_an_answer_is_written_before_its_connection_is_closed() -> None:
    written = _Written()
    _answer(written, _start((b"content-length", b"2")), _body(b"ok"), keep_alive=False)
    assert written.writes == [b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok"]
    assert written.closed
