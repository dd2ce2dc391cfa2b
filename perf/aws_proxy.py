"""An HTTP server on this machine with the fakes of the in-process stack, for functions in other processes."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

from botocore.awsrequest import AWSPreparedRequest
from botocore.compat import HTTPHeaders

from perf import fakes

_SCOPE = re.compile(r"Credential=[^/]+/\d+/([a-z0-9-]+)/([a-z0-9-]+)/aws4_request")
_HOSTS = {"ses": "email"}  # services whose host differs from their signing name
_ONE_AT_A_TIME = threading.Lock()  # moto's tables don't expect threads


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    posted: list[tuple[str, str]] | None = None
    wbufsize = -1  # sends an answer in one packet: a second would wait for the first one's acknowledgement

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        status, headers, text = self._answer(body)
        self.send_response(status)
        for name, value in headers.items():
            if name.lower() not in ("content-length", "server", "date", "connection"):
                self.send_header(name, str(value))
        # an answer to HEAD has the length of the missing body
        told = {name.lower(): value for name, value in headers.items()}
        length = told.get("content-length", 0) if self.command == "HEAD" else len(text)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)

    do_DELETE = do_GET = do_HEAD = do_PUT = do_POST

    def _answer(self, body: bytes) -> tuple[int, dict[str, Any], bytes]:
        scope = _SCOPE.search(self.headers.get("Authorization", ""))
        if scope is None or scope[2] == "execute-api":
            if self.posted is not None:
                self.posted.append((unquote(self.path.rpartition("/")[2]), body.decode()))
            return 200, {}, b""
        url = f"https://{_HOSTS.get(scope[2], scope[2])}.{scope[1]}.amazonaws.com{self.path}"
        headers = HTTPHeaders()
        for name, value in self.headers.items():
            headers[name] = value
        with _ONE_AT_A_TIME:
            answer = fakes.answer(AWSPreparedRequest(self.command, url, headers, body, False))
        return answer.status_code, dict(answer.headers), answer.content

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128  # a function opens 16 connections at once


@contextmanager
def aws_proxy(posted: list[tuple[str, str]] | None = None) -> Iterator[str]:
    """The proxy's URL, for the duration of the block.

    Posts to sockets are appended to `posted` with their connection id.
    """
    handler = type("_Handler", (_Handler,), {"posted": posted})
    with _Server(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
