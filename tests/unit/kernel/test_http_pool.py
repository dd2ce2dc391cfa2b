"""Kept connections: what is sent and read on them, and what becomes of those that break."""

from __future__ import annotations

import http.client
import io
import socket
import threading
from collections.abc import Callable, Iterator
from email.parser import Parser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.http_pool import Pool, parse_headers

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Kind: a\r\n\r\nok"
HEADERS = {"Host": "here"}
WAIT_S = 5


class Server:
    """Answers each request on a connection with the next of its answers, and closes after an empty one."""

    def __init__(self) -> None:
        self.requests: list[bytes] = []
        self.connections = 0
        self.closed = threading.Event()
        self.answers: Iterator[bytes] = iter(())
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}/path?x=1"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection:
            while piece := connection.recv(65_536):
                self.requests.append(piece)
                answer = next(self.answers, b"")
                if answer == b"silence":
                    self.closed.wait(WAIT_S)
                    return
                connection.sendall(answer)
                if not answer or b"closes" in answer:
                    break
        self.closed.set()

    def stop(self) -> None:
        self.closed.set()
        self._listening.close()


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.stop()


@pytest.fixture
def pool() -> Iterator[Pool]:
    made = Pool(kept=2, connect_s=1, read_s=WAIT_S)
    yield made
    made.clear()


def test_calls_share_a_connection_and_are_written_at_once(server: Server, pool: Pool) -> None:
    server.answers = iter([OK, OK])
    for body in (b"one", b"two"):
        answer = pool.ask("POST", server.url, headers=HEADERS, body=body)
        assert (answer.status_code, answer.headers["x-kind"], answer.content) == (200, "a", b"ok")
    assert server.connections == 1
    assert server.requests == [
        b"POST /path?x=1 HTTP/1.1\r\nHost: here\r\nContent-Length: 3\r\n\r\n" + body for body in (b"one", b"two")
    ]


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" + OK,
        b"HTTP/1.1 200 OK\r\nServer: closes\r\nConnection: close\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\nServer: closes\r\n\r\nok",
    ],
)
def test_every_framing_of_an_answer_is_read(server: Server, pool: Pool, answer: bytes) -> None:
    server.answers = iter([answer, answer])
    for _ in range(2):
        assert pool.ask("GET", server.url, headers=HEADERS).content == b"ok"


def test_a_connection_that_its_server_has_closed_is_not_used_again(server: Server, pool: Pool) -> None:
    server.answers = iter([OK.replace(b": a", b": closes"), OK])
    pool.ask("GET", server.url, headers=HEADERS)
    assert server.closed.wait(WAIT_S)
    assert pool.ask("GET", server.url, headers=HEADERS).content == b"ok"
    assert server.connections == 2


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"", ConnectionError),
        (b"SSH-2.0-OpenSSH\r\n\r\ncloses", ConnectionError),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ncloses", ConnectionError),
        (b"silence", TimeoutError),
    ],
)
def test_a_call_without_an_answer_fails_and_its_connection_is_not_kept(
    server: Server, pool: Pool, answer: bytes, error: type[OSError]
) -> None:
    server.answers = iter([answer, OK])
    with pytest.raises(error):
        pool.ask("POST", server.url, headers=HEADERS, read_s=0.2)
    assert pool.ask("POST", server.url, headers=HEADERS).content == b"ok"
    assert server.connections == 2


def test_nobody_listening_is_an_error(pool: Pool) -> None:
    with pytest.raises(ConnectionError):
        pool.ask("GET", "http://127.0.0.1:9/", headers=HEADERS)


@pytest.mark.parametrize("value", ["a\r\nX-More: b", "a\nb", "a\rb"])
def test_a_header_cannot_bring_another(server: Server, pool: Pool, value: str) -> None:
    with pytest.raises(ValueError, match="line break"):
        pool.ask("GET", server.url, headers={"X-Kind": value})
    assert not server.requests


def test_concurrent_calls_have_connections_of_their_own_and_few_are_kept(server: Server, pool: Pool) -> None:
    server.answers = iter([OK] * 40)
    failed: list[BaseException] = []

    def asking() -> None:
        try:
            for _ in range(5):
                assert pool.ask("POST", server.url, headers=HEADERS, body=b"x").content == b"ok"
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=asking) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(WAIT_S)
    assert not failed
    assert len(server.requests) == 40
    assert sum(len(idle) for idle in pool._idle.values()) <= 2


NAMES = st.sampled_from(["Content-Type", "x-amzn-RequestId", "Date", "X", "Bad Name", "", " folded", "Content-Length"])
VALUES = st.sampled_from(
    ["a", "", " spaces  ", "multipart/mixed; boundary=x", "message/rfc822", "ä", "a:b", "\t", "a\rb"]
)
LINES = st.lists(st.builds("{}{}{}".format, NAMES, st.sampled_from([":", ": ", ":\t", ""]), VALUES), max_size=5)


def _read(parse: Callable[[io.BytesIO], http.client.HTTPMessage], text: bytes) -> tuple[object, ...]:
    file = io.BytesIO(text + b"body")
    found = parse(file)
    payload = found.get_payload()
    return (
        found.items(),
        payload if isinstance(payload, str) else len(payload),
        found.is_multipart(),
        [*map(str, found.defects)],
        file.read(),
    )


@given(LINES, st.sampled_from(["\r\n", "\n"]))
def test_headers_are_read_as_python_reads_them(lines: list[str], end: str) -> None:
    text = "".join(line + end for line in [*lines, ""]).encode("iso-8859-1")

    def as_before(file: io.BytesIO) -> http.client.HTTPMessage:
        given = b"".join(http.client._read_headers(file))  # type: ignore[attr-defined]
        return Parser(_class=http.client.HTTPMessage).parsestr(given.decode("iso-8859-1"))

    assert _read(parse_headers, text) == _read(as_before, text)
