"""Push services on this machine: one for Web Push (RFC 8030, 8291, 8292), one for FCM v1.

They record every request. `browser()` makes a subscription whose private keys the test has, so that it can decrypt its
pushes with an independent implementation, which also checks the signature of the VAPID token.
"""

from __future__ import annotations

import json
import socket
import threading
import time
from base64 import urlsafe_b64encode
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import http_ece
import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

AUTH = b"0123456789abcdef"


def b64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


@dataclass(frozen=True, slots=True)
class Answer:
    """The service's reaction to a request: an answer, a delay without an answer, or a closed connection."""

    status: int = 201
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    hang_s: float = 0.0
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Received:
    """A received request, and its time on the monotonic clock."""

    path: str
    headers: dict[str, str]
    body: bytes
    at: float

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    service: ClassVar[Service]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        received = Received(self.path, headers, body, time.monotonic())
        answer = self.service.answer(received)
        if answer.hang_s:
            self.service.stopped.wait(answer.hang_s)
        if answer.cut or answer.hang_s:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, *_: Any) -> None:
        """Print nothing: tests check the received requests."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_: Any) -> None:
        """Ignore clients that disconnect: that is no error of the service."""


class Service:
    """A push service; the answers set for a path are given one after the other, the last one from then on."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.stopped = threading.Event()
        self._answers: dict[str, list[Answer]] = defaultdict(list)
        self._lock = threading.Lock()
        handler = type("Handler", (_Handler,), {"service": self})
        self._server = _Server(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def answers(self, path: str, *answers: Answer) -> None:
        """Set the answers to requests for this path."""
        self._answers[path] = list(answers)

    def answer(self, received: Received) -> Answer:
        with self._lock:
            self.received.append(received)
            waiting = self._answers.get(self.key(received), [])
            if len(waiting) > 1:
                return waiting.pop(0)
            return waiting[0] if waiting else self.default(received)

    def key(self, received: Received) -> str:
        return received.path

    def default(self, received: Received) -> Answer:
        return Answer()

    def at(self, path: str) -> list[Received]:
        return [each for each in self.received if self.key(each) == path]

    def wait(self, path: str, count: int = 1, *, within_s: float = 10.0) -> list[Received]:
        """The requests to a path, once there are `count`; fails if they do not arrive in time."""
        until = time.monotonic() + within_s
        while len(found := self.at(path)) < count:
            assert time.monotonic() < until, f"{len(found)} of {count} pushes came to {path} within {within_s} s"
            time.sleep(0.01)
        return found

    def close(self) -> None:
        self.stopped.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


@dataclass(frozen=True, slots=True)
class Browser:
    """A browser with a subscription; only it can decrypt the pushes to its endpoint."""

    service: WebPushService
    path: str
    key: ec.EllipticCurvePrivateKey

    @property
    def subscription(self) -> dict[str, Any]:
        """The subscription as `PushSubscription.toJSON()` returns it."""
        point = self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return {"endpoint": self.service.url + self.path, "keys": {"p256dh": b64(point), "auth": b64(AUTH)}}

    @property
    def pushes(self) -> list[dict[str, Any]]:
        """The pushes to this browser, decrypted, in order."""
        return [self.read(each) for each in self.service.at(self.path)]

    def wait(self, count: int = 1, *, within_s: float = 10.0) -> list[dict[str, Any]]:
        """The pushes to this browser, decrypted, once there are `count`."""
        return [self.read(each) for each in self.service.wait(self.path, count, within_s=within_s)]

    def read(self, received: Received) -> dict[str, Any]:
        assert received.headers["content-encoding"] == "aes128gcm"
        text = http_ece.decrypt(received.body, private_key=self.key, auth_secret=AUTH, version="aes128gcm")
        found: dict[str, Any] = json.loads(text)
        return found


class WebPushService(Service):
    """Accepts subscriptions and stores the pushes to them."""

    def browser(self, name: str = "b1") -> Browser:
        """A new subscription."""
        return Browser(self, f"/push/{name}", ec.generate_private_key(ec.SECP256R1()))

    def verified(self, received: Received, application_server_key: str) -> dict[str, Any]:
        """The claims of a request's VAPID token; checks that this key has signed it (RFC 8292)."""
        scheme, _, fields = received.headers["authorization"].partition(" ")
        assert scheme == "vapid"
        parts = dict(each.strip().split("=", 1) for each in fields.split(","))
        assert parts["k"] == application_server_key
        raw = application_server_key + "=" * (-len(application_server_key) % 4)
        from base64 import urlsafe_b64decode

        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), urlsafe_b64decode(raw))
        claims: dict[str, Any] = jwt.decode(parts["t"], key, algorithms=["ES256"], audience=self.url)
        return claims


class FcmService(Service):
    """Firebase's HTTP v1 API and its token endpoint. Answers are set per device token."""

    PROJECT = "secureconnect-test"

    def service_account(self) -> dict[str, Any]:
        """Credentials whose access tokens this service issues."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        return {
            "type": "service_account",
            "project_id": self.PROJECT,
            "private_key_id": "k1",
            "private_key": pem,
            "client_email": f"push@{self.PROJECT}.iam.gserviceaccount.com",
            "token_uri": f"{self.url}/token",
        }

    @property
    def messages_url(self) -> str:
        return self.url + "/v1/projects/{0}/messages:send"

    def key(self, received: Received) -> str:
        return "/token" if received.path == "/token" else str(received.json["message"]["token"])

    def default(self, received: Received) -> Answer:
        body: dict[str, Any] = {"name": f"projects/{self.PROJECT}/messages/1"}
        if received.path == "/token":
            body = {"access_token": "loopback", "expires_in": 3600, "token_type": "Bearer"}
        return Answer(200, {"Content-Type": "application/json"}, json.dumps(body).encode())

    @staticmethod
    def error(status: int, code: str, *, fcm: str | None = None, message: str = "", **headers: str) -> Answer:
        """An error in FCM's format; the keyword `Retry_After` sets the header `Retry-After`."""
        details = [{"@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": fcm}] if fcm else []
        body = {"error": {"code": status, "status": code, "message": message or code, "details": details}}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return Answer(status, {"Content-Type": "application/json", **named}, json.dumps(body).encode())

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The received messages."""
        return [each.json["message"] for each in self.received if each.path != "/token"]


@contextmanager
def web_push_service() -> Iterator[WebPushService]:
    service = WebPushService()
    try:
        yield service
    finally:
        service.close()


@contextmanager
def fcm_service() -> Iterator[FcmService]:
    service = FcmService()
    try:
        yield service
    finally:
        service.close()
