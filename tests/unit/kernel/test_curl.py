"""Requests by libcurl, to a server on this machine."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from kernel import curl
from kernel.curl import Client, Exchange, Request
from tests.support.tls import new_identity, protect

AT_ONCE = 3
LONG_S = 20.0


class Server(ThreadingHTTPServer):
    """Answers with the status that the path tells (`/410/...`), `/0/` not at all, and notes what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[tuple[str, str, bytes, dict[str, str]]] = []
        self.connections = self.under_way = self.most_under_way = 0
        self.lock, self.released = threading.Lock(), threading.Event()
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that has given up is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def setup(self) -> None:
        super().setup()
        with self.server.lock:
            self.server.connections += 1

    def _answer(self) -> None:
        server, status = self.server, int(self.path.split("/")[1])
        with server.lock:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            server.asked.append((self.command, self.path, body, dict(self.headers)))
            server.under_way += 1
            server.most_under_way = max(server.most_under_way, server.under_way)
        server.released.wait(LONG_S if status == 0 else 0.02)
        with server.lock:
            server.under_way -= 1
        self.send_response(status or 200)
        self.send_header("Location", f"{server.url}/500/elsewhere")
        self.send_header("Content-Length", "100000")
        self.end_headers()
        self.wfile.write(b"x" * 100_000)

    do_POST = do_GET = do_DELETE = _answer

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing to the console."""


@pytest.fixture
def server() -> Iterator[Server]:
    found = Server()
    thread = threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield found
    found.released.set()
    found.shutdown()
    found.server_close()
    thread.join(5)


@pytest.fixture
def client() -> Iterator[Client]:
    found = Client(AT_ONCE)
    yield found
    found.close()


def _asking(*urls: str, method: str = "POST", body: bytes = b"{}", wait_s: float = 5.0) -> Exchange[list[int]]:
    statuses = []
    for url in urls:
        statuses.append((yield Request(method, url, {"X-Own": "1"}, body, wait_s, wait_s)))
    return statuses


def test_each_exchange_gets_its_own_statuses_in_order(server: Server, client: Client) -> None:
    urls = [[f"{server.url}/{status}/{number}" for status in (200, 410, 503)] for number in range(8)]

    assert client.run(_asking(*each) for each in urls) == [[200, 410, 503]] * 8
    for number in range(8):
        asked = [path for _, path, _, _ in server.asked if path.endswith(f"/{number}")]
        assert asked == [f"/{status}/{number}" for status in (200, 410, 503)]


def test_no_more_than_agreed_are_under_way_and_connections_stay_open(server: Server, client: Client) -> None:
    for _ in range(3):
        client.run(_asking(f"{server.url}/200/{number}") for number in range(10))

    assert server.most_under_way == AT_ONCE
    assert server.connections == AT_ONCE


def test_a_request_is_sent_as_it_is(server: Server, client: Client) -> None:
    for method in ("POST", "GET", "DELETE"):
        client.run([_asking(f"{server.url}/200/a%2Fb/../c%3D", method=method, body=b"\0\xff")])

    assert [(method, path, body) for method, path, body, _ in server.asked] == [
        (method, "/200/a%2Fb/../c%3D", b"\0\xff") for method in ("POST", "GET", "DELETE")
    ]
    headers = server.asked[0][3]
    assert headers["X-Own"] == "1"
    assert "Content-Type" not in headers


def test_a_body_above_a_megabyte_is_not_asked_for_first(server: Server, client: Client) -> None:
    assert client.run([_asking(f"{server.url}/200/a", body=b"x" * 2_000_000)]) == [[200]]
    assert "Expect" not in server.asked[0][3]


def test_nothing_is_followed_to_another_address_or_sent_to_a_proxy(
    server: Server, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    assert client.run([_asking(f"{server.url}/302/a")]) == [[302]]
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9/", "http://nowhere.invalid/", "file:///etc/hostname", "http://[broken"]
)
def test_without_an_answer_the_status_is_0(client: Client, url: str) -> None:
    assert client.run([_asking(url)]) == [[0]]


def test_a_request_that_takes_too_long_ends_alone(server: Server, client: Client) -> None:
    began = time.monotonic()

    slow, *prompt = client.run(
        [_asking(f"{server.url}/0/slow", wait_s=0.3), *(_asking(f"{server.url}/200/{n}") for n in range(5))]
    )

    assert (slow, prompt) == ([0], [[200]] * 5)
    assert 0.25 < time.monotonic() - began < 2


def test_an_error_of_an_exchange_ends_the_others(server: Server, client: Client) -> None:
    ended = []

    def hanging() -> Exchange[int]:
        try:
            return (yield Request("POST", f"{server.url}/0/a", {}, b"", LONG_S, LONG_S))
        finally:
            ended.append("hanging")

    def failing() -> Exchange[int]:
        yield Request("POST", f"{server.url}/200/a", {}, b"", 5.0, 5.0)
        raise KeyError("failing")

    with pytest.raises(KeyError, match="failing"):
        client.run([hanging(), failing()])

    assert ended == ["hanging"]
    assert client.run(_asking(f"{server.url}/200/{number}") for number in range(4)) == [[200]] * 4


def test_threads_do_not_wait_for_each_other(server: Server, client: Client) -> None:
    hanging = threading.Thread(target=client.run, args=([_asking(f"{server.url}/0/a", wait_s=LONG_S)],))
    hanging.start()

    assert client.run([_asking(f"{server.url}/200/a")]) == [[200]]

    assert hanging.is_alive()
    server.released.set()
    hanging.join(5)


def test_after_closing_there_are_new_connections(server: Server, client: Client) -> None:
    client.run([_asking(f"{server.url}/200/a")])
    client.close()

    assert client.run([_asking(f"{server.url}/200/a")]) == [[200]]
    assert server.connections == 2


@pytest.mark.parametrize(("trusted", "status"), [(True, 200), (False, 0)])
def test_only_certificates_of_known_authorities_are_trusted(
    server: Server, client: Client, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, trusted: bool, status: int
) -> None:
    identity = new_identity(tmp_path)
    protect(server, identity)
    if trusted:
        monkeypatch.setattr(curl, "_authorities", lambda: str(identity.certificate))

    assert client.run([_asking(f"https://localhost:{server.server_address[1]}/200/a")]) == [[status]]


def test_a_single_request_makes_a_single_handle(server: Server, client: Client) -> None:
    for _ in range(2):
        assert client.run([_asking(f"{server.url}/200/0")]) == [[200]]
    (transfers,) = client._idle
    assert len(transfers._free) == 1
