"""Journeys of accounts: signing in, opening sockets, signing a device out, requesting an e-mail."""

from __future__ import annotations

import contextlib
import json
import secrets
import time
from collections import Counter
from collections.abc import Iterator

import httpx
from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from tests.chaos.journeys import Journey
from tests.chaos.people import AGAIN_WITHIN_S, PASSWORD, Cast, Notes, Person

REFUSED_WITHIN_S = 2.0  # after the acknowledgement: a second (R14), and one more for a busy machine
MARKED_WITHIN_S = 10.0  # after the fault: by then a mark that Redis did not accept has been repeated
SENT_WITHIN_S = 120.0  # each failed delivery from the queue delays an e-mail by a minute
ANSWER_S = 3.0


class SignIn(Journey):
    """Signs in on a new device, and makes a call with it."""

    def act(self, who: Person) -> None:
        answer = who.ask(self.notes, "POST", "/auth/login", {"identifier": who.username, "password": PASSWORD})
        if answer is not None and answer.is_success:
            device = who.on_device(answer.json()["tokens"])
            used = device.ask(self.notes, "GET", "/users/me")
            if used is not None and used.status_code == 401:
                self.notes.wrong.append("who has just signed in is refused")

    def wrong(self) -> Iterator[str]:
        self.cast.people[0].signed_in()
        yield from ()


class Connecting(Journey):
    """Opens a socket, sends a request over it, and closes it."""

    def act(self, who: Person) -> None:
        answer = who.ask(self.notes, "POST", "/realtime/tickets")
        if answer is None or not answer.is_success:
            return
        try:
            kind = self._asked(answer.json()["ticket"])
        except (OSError, WebSocketException) as error:
            kind = f"socket {error}"[:60]
        with self.notes.lock:
            self.notes.answers[kind] += 1

    def _asked(self, ticket: str) -> str:
        url = f"{self.cast.ground.endpoints['ws_url']}?ticket={ticket}"
        with connect(url, open_timeout=10, close_timeout=1) as socket:
            return _asked(socket, {"action": "ping", "cursors": {}}) or "socket silent"

    def wrong(self) -> Iterator[str]:
        with self.cast.people[0].socket(self.cast.ground):
            yield from ()


class Revocation(Journey):
    """Signs out another device of a person. From the acknowledgement on, its calls are refused and its socket receives
    nothing, even if the socket could not be closed (R14, R51)."""

    def __init__(self, cast: Cast, notes: Notes) -> None:
        super().__init__(cast, notes)
        self.devices: list[tuple[Person, Person]] = []
        for who in cast.actors:
            device = who.signed_in()
            device.must("GET", "/users/me")  # so that every cache has the session
            self.devices.append((who, device))
        self.sockets: dict[str, ClientConnection] = {}
        self.ended: dict[str, float] = {}  # session → the time at which its end was acknowledged

    @contextlib.contextmanager
    def around(self) -> Iterator[None]:
        with contextlib.ExitStack() as stack:
            for _, device in self.devices:
                self.sockets[device.session_id] = stack.enter_context(device.socket(self.cast.ground))
            yield

    def act(self, who: Person) -> None:
        device = next(each for owner, each in self.devices if owner is who)
        since = self.ended.get(device.session_id)
        if since is None:
            answer = who.ask(self.notes, "DELETE", f"/auth/sessions/{device.session_id}")
            if answer is not None and answer.is_success:
                self.ended[device.session_id] = time.monotonic()
            return
        if time.monotonic() - since > 1.0:
            self._must_be_refused(device, since)

    def _must_be_refused(self, device: Person, since: float) -> None:
        ticket = device.ask(self.notes, "POST", "/realtime/tickets")
        if ticket is not None and ticket.is_success:
            self.notes.wrong.append("a revoked session got a ticket")
        began = time.monotonic()
        read = device.ask(self.notes, "GET", "/users/me")
        if read is not None and read.is_success and began - since > REFUSED_WITHIN_S:
            self.notes.wrong.append(f"a revoked session reads after {began - since:.1f} s")
        began = time.monotonic()
        message = {"conversation_id": self.cast.group_id, "client_id": secrets.token_hex(8), "text": "still here"}
        if began - since > REFUSED_WITHIN_S and self._said(device, message) == "ok":
            self.notes.wrong.append(f"a revoked session sends over its socket after {began - since:.1f} s")

    def _said(self, device: Person, message: dict[str, str]) -> str:
        """The answer to a frame; empty from a closed socket."""
        try:
            return _asked(self.sockets[device.session_id], {"action": "sendMessage", **message})
        except (OSError, WebSocketException):
            return ""

    @staticmethod
    def _must_be_ended(who: Person, device: Person) -> None:
        """Sign the device out, unless that happened during the fault."""
        until = time.monotonic() + AGAIN_WITHIN_S
        while True:
            answer = who.ask(None, "DELETE", f"/auth/sessions/{device.session_id}")
            if answer is not None and answer.status_code in (204, 404):
                return
            assert time.monotonic() < until, "a session cannot be ended again"
            time.sleep(0.25)

    def wrong(self) -> Iterator[str]:
        for who, device in self.devices:
            self._must_be_ended(who, device)
            until = time.monotonic() + MARKED_WITHIN_S
            while time.monotonic() < until:
                answer = device.ask(None, "GET", "/users/me")
                if answer is not None and answer.status_code == 401:
                    break
                time.sleep(0.5)
            else:
                yield f"a revoked session still works after {MARKED_WITHIN_S:.0f} s"


class Mail(Journey):
    """Requests one e-mail that resets the password; if the request was accepted, the e-mail must be sent."""

    SUBJECT = "Reset your password"

    def __init__(self, cast: Cast, notes: Notes) -> None:
        super().__init__(cast, notes)
        self.before = self._letters()
        self.asked: set[str] = set()
        self.promised: set[str] = set()

    def act(self, who: Person) -> None:
        if who.email not in self.asked:
            self.asked.add(who.email)
            answer = who.ask(self.notes, "POST", "/auth/password/forgot", {"email": who.email})
            if answer is not None and answer.is_success:
                self.promised.add(who.email)

    def in_the_end(self) -> Iterator[str]:
        until = time.monotonic() + SENT_WITHIN_S
        while True:
            letters = self._letters()
            missing = [each for each in self.promised if letters[each] <= self.before[each]]
            if not missing or time.monotonic() > until:
                break
            time.sleep(1.0)
        yield from (f"{each} was promised a letter that never came" for each in missing)

    def _letters(self) -> Counter[str]:
        """The number of such e-mails in the local outbox, by address."""
        answer = httpx.get(f"{self.cast.ground.instance.endpoint}/_ministack/ses/messages", timeout=10.0)
        letters = [mail for sent in answer.json()["messages"].values() for mail in sent]
        return Counter(address for mail in letters if mail["Subject"] == self.SUBJECT for address in mail["To"])


def _asked(socket: ClientConnection, frame: dict[str, object]) -> str:
    """The answer to a frame: `ok`, the code of its error, or empty if none comes."""
    frame_id = secrets.token_hex(4)
    socket.send(json.dumps({"id": frame_id, **frame}))
    until = time.monotonic() + ANSWER_S
    while (left_s := until - time.monotonic()) > 0:
        try:
            told = json.loads(socket.recv(timeout=left_s))
        except TimeoutError:
            break
        if told.get("id") == frame_id:
            return "ok" if told["type"] == "ack" else f"socket {told.get('problem', told).get('code')}"
    return ""
