"""A socket for end-to-end tests: it is read in the background, and tests ask for what has arrived."""

from __future__ import annotations

import contextlib
import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import websockets.exceptions
from websockets.sync.client import ClientConnection, connect

from tests.e2e.tools import PATIENCE_S

Frame = dict[str, Any]
HANDSHAKE_S = 60.0  # each of many concurrent handshakes starts a process of the authorizer


class Live:
    """A live socket. `events` are the server's events in order, unpacked; `answers` are acks and errors."""

    def __init__(self, url: str, ticket: str) -> None:
        """Open the socket; raises websockets.exceptions.InvalidStatus if the handshake is refused."""
        # the local cloud requires no pings of clients, and pings would disturb counting
        self._connection: ClientConnection = connect(
            f"{url}?ticket={ticket}", max_size=None, ping_interval=None, legacy=True, open_timeout=HANDSHAKE_S
        )
        self.raw: list[Frame] = []
        self.events: list[Frame] = []
        self.answers: list[Frame] = []
        self.close_code: int | None = None
        self._ids = itertools.count(1)
        self._news = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        with contextlib.suppress(websockets.exceptions.ConnectionClosed, OSError):
            for text in self._connection:
                self._take(json.loads(text))
        with self._news:
            self.close_code = self._connection.close_code or 1006
            self._news.notify_all()

    def _take(self, frame: Frame) -> None:
        with self._news:
            self.raw.append(frame)
            for each in frame["events"] if frame["type"] == "batch" else [frame]:
                (self.answers if each["type"] in ("ack", "error") else self.events).append(each)
            self._news.notify_all()

    def _wait(self, found: Callable[[], Any], what: str, within_s: float) -> Any:
        deadline = time.monotonic() + within_s
        with self._news:
            while not (value := found()):
                left = deadline - time.monotonic()
                assert left > 0, f"no {what} within {within_s} s; events: {self.events[-5:]}"
                assert self.close_code is None, f"closed with {self.close_code} before {what}"
                self._news.wait(left)
        return value

    def send_text(self, text: str) -> None:
        """Send any text as a frame."""
        self._connection.send(text)

    def post(self, action: str, **fields: Any) -> str:
        """Send a frame without waiting for its answer; returns its id."""
        frame_id = f"f{next(self._ids)}"
        self.send_text(json.dumps({"action": action, "id": frame_id, **fields}, ensure_ascii=False))
        return frame_id

    def answer_to(self, frame_id: str | None, *, within_s: float = PATIENCE_S) -> Frame:
        """The first answer to the frame with this id; fails if none comes."""
        found: Frame = self._wait(
            lambda: next((each for each in self.answers if each["id"] == frame_id), None),
            f"answer to {frame_id}",
            within_s,
        )
        return found

    def ask(self, action: str, **fields: Any) -> Frame:
        """Send a frame and wait for its answer."""
        return self.answer_to(self.post(action, **fields))

    def ok(self, action: str, **fields: Any) -> Any:
        """Send a frame and return the data of its ack; fails for any other answer."""
        answer = self.ask(action, **fields)
        assert answer["type"] == "ack", answer
        return answer["data"]

    def expect(self, kind: str, *, within_s: float = PATIENCE_S, **fields: Any) -> Frame:
        """The first event of a type with these fields, in the frame or in its data; fails if none comes."""

        def found() -> Frame | None:
            return next((each for each in self.events if each["type"] == kind and _has(each, fields)), None)

        event: Frame = self._wait(found, f"{kind} {fields}", within_s)
        return event

    def seen(self, conversation_id: str, *, after: int = 1) -> list[Frame]:
        """The events of a conversation received so far; by default without its creation, which may arrive later."""
        with self._news:
            return [
                each
                for each in self.events
                if each.get("conversation_id") == conversation_id
                and each.get("seq", after + 1) > after
                and each["type"] != "notification"  # it belongs to a person, not to the conversation
            ]

    def settle(self) -> None:
        """Wait until all frames posted to this socket before now have arrived: a ping takes the same path."""
        self.ok("ping")

    def wait_closed(self, *, within_s: float = PATIENCE_S) -> int:
        """Wait until the server closes this socket; returns its close code."""
        deadline = time.monotonic() + within_s
        with self._news:
            while self.close_code is None:
                left = deadline - time.monotonic()
                assert left > 0, f"not closed within {within_s} s"
                self._news.wait(left)
            return self.close_code

    def cut(self) -> None:
        """Drop the connection without a close frame, as a phone that leaves the network does."""
        self._connection.socket.shutdown(2)

    def close(self) -> None:
        self._connection.close()
        self._reader.join(5)


def _has(event: Frame, fields: Frame) -> bool:
    data = event.get("data")
    inside = data if isinstance(data, dict) else {}
    return all(event.get(name, inside.get(name)) == value for name, value in fields.items())


@contextlib.contextmanager
def opened(url: str, ticket: str) -> Iterator[Live]:
    """A socket that is closed at the end."""
    live = Live(url, ticket)
    try:
        yield live
    finally:
        live.close()


def refused(url: str, query: str) -> int:
    """The status of a refused handshake; fails if it is accepted."""
    try:
        connection = connect(f"{url}{query}", legacy=True, open_timeout=HANDSHAKE_S)
    except websockets.exceptions.InvalidStatus as refusal:
        return refusal.response.status_code
    connection.close()
    raise AssertionError("the handshake was accepted")
