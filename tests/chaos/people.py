"""The people of the chaos suite, three for each journey, with plain HTTP calls; and their observations."""

from __future__ import annotations

import contextlib
import secrets
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
from websockets.sync.client import ClientConnection, connect

from tests.chaos.faults import Ground

PASSWORD = "correct horse battery staple"
LONGEST_S = 10.5  # the longest permitted wait for an answer (R18), including the gateway
LONGEST_STARTING_S = 20.0  # the same if many processes have to start first, on this machine
CLIENT_LIMIT_S = 30.0
AGAIN_WITHIN_S = 30.0  # by then everything works again by itself (R19)
REFUSED_WITHIN_S = 2.0  # after the acknowledgement: a second (R14), and one more for a busy machine
MARKED_WITHIN_S = (
    10.0  # after the fault: by then a mark that Redis did not accept has been repeated, even on a busy machine
)
COLD_S = 120.0  # for the first people, who wait for functions to start


@dataclass(slots=True)
class Notes:
    """Clients' observations: answers by kind, the longest wait, events on sockets, and violations."""

    longest_s: float = LONGEST_S
    answers: Counter[str] = field(default_factory=Counter)
    worst_s: float = 0.0
    arrived: int = 0
    wrong: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


@dataclass(slots=True)
class Person:
    """A person who is signed in."""

    http: httpx.Client
    username: str
    id: str = ""
    token: str = ""
    session_id: str = ""

    @property
    def email(self) -> str:
        return f"{self.username}@example.com"

    def signed_in(self) -> Person:
        """The same person on another device."""
        body = {"identifier": self.username, "password": PASSWORD}
        return self.on_device(self.must("POST", "/auth/login", body)["tokens"])

    def on_device(self, tokens: dict[str, str]) -> Person:
        return Person(self.http, self.username, self.id, tokens["access_token"], tokens["session_id"])

    @contextlib.contextmanager
    def socket(self, ground: Ground) -> Iterator[ClientConnection]:
        """A live socket, opened while all is well."""
        ticket = self.must("POST", "/realtime/tickets")["ticket"]
        with connect(f"{ground.endpoints['ws_url']}?ticket={ticket}", max_size=None) as socket:
            yield socket

    def ask(self, notes: Notes | None, method: str, path: str, body: Any = None) -> httpx.Response | None:
        """The answer to a call, recorded in `notes`; None if there was none."""
        started = time.monotonic()
        answer: httpx.Response | None = None
        try:
            headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
            answer = self.http.request(method, path, json=body, headers=headers)
        except httpx.HTTPError as error:
            kind = type(error).__name__
        else:
            kind = "ok" if answer.is_success else f"{answer.status_code} {_code(answer)}"
        took = time.monotonic() - started
        if notes is not None:
            with notes.lock:
                notes.answers[kind] += 1
                notes.worst_s = max(notes.worst_s, took)
                if took > notes.longest_s:
                    notes.wrong.append(f"{method} {path.split('?')[0]} took {took:.1f} s")
        return answer

    def must(self, method: str, path: str, body: Any = None, *, within_s: float = AGAIN_WITHIN_S) -> Any:
        """The answer to a call, repeated until it succeeds; fails if it does not within `within_s`."""
        until = time.monotonic() + within_s
        while True:
            answer = self.ask(None, method, path, body)
            if answer is not None and answer.is_success:
                return answer.json() if answer.content else None
            if time.monotonic() > until:
                said = "no answer" if answer is None else f"{answer.status_code} {answer.text[:200]}"
                raise AssertionError(f"{method} {path} does not work again: {said}")
            time.sleep(1.0)  # a higher rate would meet the rate limits


def _code(answer: httpx.Response) -> str:
    with contextlib.suppress(ValueError):
        found = answer.json()
        return str(found.get("code") or f"raw {found.get('message') or found.get('__type')}"[:60])
    return "raw"


class Cast:
    """Three people in a group, who make the same journey in every window: two act, the third only receives."""

    def __init__(self, http: httpx.Client, ground: Ground) -> None:
        self.ground = ground
        self.people = [self._registered(http) for _ in range(3)]
        others = [each.id for each in self.people[1:]]
        body = {"type": "group", "name": "Chaos", "member_ids": others}
        self.group = self.people[0].must("POST", "/conversations", body, within_s=COLD_S)
        self.group_id = str(self.group["id"])

    @property
    def actors(self) -> list[Person]:
        return self.people[:2]

    @staticmethod
    def _registered(http: httpx.Client) -> Person:
        who = Person(http, f"c{secrets.token_hex(8)}")
        body = {"email": who.email, "username": who.username, "password": PASSWORD, "display_name": "Chaos"}
        made = who.must("POST", "/auth/register", body, within_s=COLD_S)
        who.id = made["user"]["id"]
        who.token, who.session_id = made["tokens"]["access_token"], made["tokens"]["session_id"]
        return who
