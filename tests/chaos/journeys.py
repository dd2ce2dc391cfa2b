"""What people do while something fails, what they are told, and what has to hold afterwards.

A journey's `act` is repeated for as long as the fault lasts; every answer is noted. After it `wrong` says what does not
hold: an acknowledged message that is not in the log or is there twice, a seq that is missing, a tally that is not the
votes, a quota that is not the files, a revoked session that still works (R1, R2, R14, R28, R31).
"""

from __future__ import annotations

import contextlib
import hashlib
import secrets
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
from websockets.sync.client import connect

PASSWORD = "correct horse battery staple"
LONGEST_S = 10.5  # nobody waits longer for an answer (R18), with what the gateway adds
CLIENT_LIMIT_S = 30.0
AGAIN_WITHIN_S = 30.0  # by then all works again by itself (R19)
REFUSED_WITHIN_S = 2.0  # after the acknowledgement: a second (R14), and one for a busy machine
MARKED_WITHIN_S = (
    10.0  # after the fault: by then a mark that Redis did not take has been repeated, on a busy machine too
)
COLD_S = 120.0  # for the first people, whose functions start for them


@dataclass(slots=True)
class Notes:
    """What clients saw: answers by kind, the worst latency, what arrived on sockets, and what was wrong."""

    answers: Counter[str] = field(default_factory=Counter)
    worst_s: float = 0.0
    arrived: int = 0
    wrong: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


@dataclass(slots=True)
class Person:
    """Somebody signed in."""

    http: httpx.Client
    username: str
    id: str = ""
    token: str = ""
    session_id: str = ""

    def ask(self, notes: Notes | None, method: str, path: str, body: Any = None) -> httpx.Response | None:
        """An answer, noted; None where there was none."""
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
                if took > LONGEST_S:
                    notes.wrong.append(f"{method} {path.split('?')[0]} took {took:.1f} s")
        return answer

    def must(self, method: str, path: str, body: Any = None, *, within_s: float = AGAIN_WITHIN_S) -> Any:
        """An answer that comes at the latest when all works again."""
        until = time.monotonic() + within_s
        while True:
            answer = self.ask(None, method, path, body)
            if answer is not None and answer.is_success:
                return answer.json() if answer.content else None
            if time.monotonic() > until:
                said = "no answer" if answer is None else f"{answer.status_code} {answer.text[:200]}"
                raise AssertionError(f"{method} {path} does not work again: {said}")
            time.sleep(0.25)


def _code(answer: httpx.Response) -> str:
    with contextlib.suppress(ValueError):
        found = answer.json()
        return str(found.get("code") or f"raw {found.get('message') or found.get('__type')}"[:60])
    return "raw"


class Cast:
    """Three people in a group, and what each journey of one cell has made."""

    def __init__(self, http: httpx.Client) -> None:
        self.people = [self._registered(http) for _ in range(3)]
        others = [each.id for each in self.people[1:]]
        body = {"type": "group", "name": "Chaos", "member_ids": others}
        self.group = self.people[0].must("POST", "/conversations", body, within_s=COLD_S)
        self.group_id = str(self.group["id"])

    @staticmethod
    def _registered(http: httpx.Client) -> Person:
        who = Person(http, f"c{secrets.token_hex(8)}")
        body = {"email": f"{who.username}@example.com", "username": who.username, "password": PASSWORD}
        made = who.must("POST", "/auth/register", body | {"display_name": "Chaos"}, within_s=COLD_S)
        who.id = made["user"]["id"]
        who.token, who.session_id = made["tokens"]["access_token"], made["tokens"]["session_id"]
        return who


class Journey:
    """One journey in one cell. `act` is called by each person, again and again."""

    def __init__(self, cast: Cast, notes: Notes) -> None:
        self.cast, self.notes = cast, notes

    def act(self, who: Person) -> None:
        raise NotImplementedError

    def wrong(self) -> Iterator[str]:
        """What does not hold, once all works again."""
        yield from ()

    @contextlib.contextmanager
    def around(self) -> Iterator[None]:
        """What is open for as long as the journey lasts."""
        yield


class SignIn(Journey):
    def act(self, who: Person) -> None:
        who.ask(self.notes, "POST", "/auth/login", {"identifier": who.username, "password": PASSWORD})

    def wrong(self) -> Iterator[str]:
        who = self.cast.people[0]
        who.must("POST", "/auth/login", {"identifier": who.username, "password": PASSWORD})
        yield from ()


class Messages(Journey):
    """Sends, each repeated under its client_id until it is acknowledged; one socket hears."""

    def __init__(self, cast: Cast, notes: Notes) -> None:
        super().__init__(cast, notes)
        self.acknowledged: dict[str, int] = {}
        self.open: list[tuple[Person, str]] = []
        self.first = max(each["seq"] for each in log_of(cast.people[0], cast.group_id))

    @contextlib.contextmanager
    def around(self) -> Iterator[None]:
        ticket = self.cast.people[2].must("POST", "/realtime/tickets")
        with connect(f"{ticket['url']}?ticket={ticket['ticket']}", max_size=None) as socket:
            listener = threading.Thread(target=self._listen, args=(socket,), daemon=True)
            listener.start()
            yield
            time.sleep(0.5)

    def _listen(self, socket: Any) -> None:
        with contextlib.suppress(Exception):  # a closed socket ends it
            for frame in socket:
                self.notes.arrived += str(frame).count('"message.created"')

    def act(self, who: Person) -> None:
        client_id = secrets.token_hex(8)
        for _ in range(2):
            if self._sent(self.notes, who, client_id):
                return
        with self.notes.lock:
            self.open.append((who, client_id))

    def _sent(self, notes: Notes | None, who: Person, client_id: str) -> bool:
        body = {"client_id": client_id, "text": client_id}
        answer = who.ask(notes, "POST", f"/conversations/{self.cast.group_id}/messages", body)
        if answer is None or not answer.is_success:
            return False
        with self.notes.lock:
            self.acknowledged[client_id] = answer.json()["seq"]
        return True

    def wrong(self) -> Iterator[str]:
        for who, client_id in self.open:
            body = {"client_id": client_id, "text": client_id}
            path = f"/conversations/{self.cast.group_id}/messages"
            self.acknowledged[client_id] = who.must("POST", path, body)["seq"]
        events = log_of(self.cast.people[0], self.cast.group_id)
        yield from dense(events)
        logged: dict[str, list[int]] = defaultdict(list)
        for event in events:
            if event["type"] == "message.created" and event["seq"] > self.first:
                logged[event["data"]["client_id"]].append(event["seq"])
        for client_id, seq in self.acknowledged.items():
            if logged[client_id] != [seq]:
                yield f"{client_id} was acknowledged at {seq} and is at {logged[client_id]}"
        if unknown := logged.keys() - self.acknowledged.keys():
            yield f"nobody sent {sorted(unknown)}"


class Sync(Messages):
    """Sends by one, and a device of another that comes back again and again and asks for what it missed."""

    def __init__(self, cast: Cast, notes: Notes) -> None:
        super().__init__(cast, notes)
        self.seen: list[int] = []

    def act(self, who: Person) -> None:
        if who is self.cast.people[0]:
            return super().act(who)
        if who is self.cast.people[1]:
            return self._catch_up(self.notes, who)
        return None

    def _catch_up(self, notes: Notes | None, who: Person) -> None:
        last = self.seen[-1] if self.seen else self.first
        answer = who.ask(notes, "POST", "/sync", {"cursors": {self.cast.group_id: last}})
        if answer is not None and answer.is_success:
            for each in answer.json()["conversations"]:
                if each["conversation"]["id"] == self.cast.group_id:
                    self.seen += [event["seq"] for event in each["events"]]

    def wrong(self) -> Iterator[str]:
        yield from super().wrong()
        end = log_of(self.cast.people[0], self.cast.group_id)[-1]["seq"]
        until = time.monotonic() + AGAIN_WITHIN_S
        while (self.seen[-1] if self.seen else self.first) < end and time.monotonic() < until:
            self._catch_up(None, self.cast.people[1])
        if self.seen != list(range(self.first + 1, end + 1)):
            yield f"a device that came back saw {self.seen[:20]}…, the log goes from {self.first + 1} to {end}"


class Votes(Journey):
    def __init__(self, cast: Cast, notes: Notes) -> None:
        super().__init__(cast, notes)
        asked = {"client_id": secrets.token_hex(8), "question": "?", "options": ["a", "b", "c"], "results": "live"}
        self.poll = cast.people[0].must("POST", f"/conversations/{cast.group_id}/polls", asked)
        self.options = [each["id"] for each in self.poll["options"]]
        self.turn = 0

    def act(self, who: Person) -> None:
        self.turn += 1
        body = {"option_ids": [self.options[self.turn % 3]]}
        who.ask(self.notes, "PUT", f"/polls/{self.poll['id']}/vote", body)

    def wrong(self) -> Iterator[str]:
        who, chosen = self.cast.people[0], self.options[0]
        after = who.must("PUT", f"/polls/{self.poll['id']}/vote", {"option_ids": [chosen]})
        if after["my_votes"] != [chosen]:
            yield f"{who.id} voted for {chosen} and is shown {after['my_votes']}"
        poll = who.must("GET", f"/polls/{self.poll['id']}")
        votes = [each["option_ids"] for each in who.must("GET", f"/polls/{self.poll['id']}/voters")["items"]]
        counted = Counter(option_id for each in votes for option_id in each)
        told = {each["id"]: each["votes"] for each in poll["options"] if each["votes"]}
        if told != dict(counted) or poll["total_voters"] != len(votes):
            yield f"the tally is {told} of {poll['total_voters']}, the votes are {dict(counted)} of {len(votes)}"
        yield from dense(log_of(who, self.cast.group_id))


class Calls(Journey):
    def act(self, who: Person) -> None:
        if who is self.cast.people[2]:
            return
        path, body = f"/conversations/{self.cast.group_id}/calls", {"client_id": secrets.token_hex(8), "media": "audio"}
        answer = who.ask(self.notes, "POST", path, body)
        if answer is None or not answer.is_success:
            return
        call_id = answer.json()["id"]
        for person in self.cast.people[:2]:
            person.ask(self.notes, "POST", f"/calls/{call_id}/join")
        who.ask(self.notes, "POST", f"/calls/{call_id}/end")

    def wrong(self) -> Iterator[str]:
        who = self.cast.people[0]
        body = {"client_id": secrets.token_hex(8), "media": "audio"}
        call = who.must("POST", f"/conversations/{self.cast.group_id}/calls", body)
        ended = who.ask(None, "POST", f"/calls/{call['id']}/end")
        state = who.must("GET", f"/calls/{call['id']}")["state"]
        if state != "ended":
            yield f"a call that was ended ({ended and ended.status_code}) is {state}"
        yield from dense(log_of(who, self.cast.group_id))


class Uploads(Journey):
    CONTENT = b"what was written down " * 40

    def act(self, who: Person) -> None:
        fields = {
            "client_id": secrets.token_hex(8),
            "name": "notes.txt",
            "size": len(self.CONTENT),
            "content_type": "text/plain",
            "sha256": hashlib.sha256(self.CONTENT).hexdigest(),
        }
        answer = who.ask(self.notes, "POST", "/drive/uploads", fields)
        if answer is None or not answer.is_success:
            return
        begun = answer.json()
        with contextlib.suppress(httpx.HTTPError):
            form = begun["upload"]
            httpx.post(form["url"], data=form["fields"], files={"file": ("file", self.CONTENT)}, timeout=CLIENT_LIMIT_S)
            who.ask(self.notes, "POST", f"/drive/uploads/{begun['file']['id']}/complete", {})

    def wrong(self) -> Iterator[str]:
        for who in self.cast.people:
            usage = who.must("GET", "/drive/usage")
            held = usage["used"] + usage["reserved"]
            if held % len(self.CONTENT) or held > usage["quota"]:
                yield f"{who.id} holds {held} bytes, of files of {len(self.CONTENT)} each"


class Revocation(Journey):
    """Another device of a person is signed out; from the acknowledgement on it is refused (R14, R51)."""

    def __init__(self, cast: Cast, notes: Notes) -> None:
        super().__init__(cast, notes)
        self.devices: list[tuple[Person, Person]] = []
        for who in cast.people:
            tokens = who.must("POST", "/auth/login", {"identifier": who.username, "password": PASSWORD})["tokens"]
            device = Person(who.http, who.username, who.id, tokens["access_token"], tokens["session_id"])
            device.must("GET", "/users/me")  # so that it is known in every cache
            self.devices.append((who, device))
        self.revoked: list[tuple[Person, float]] = []

    def act(self, who: Person) -> None:
        device = next(each for owner, each in self.devices if owner is who)
        answer = who.ask(self.notes, "DELETE", f"/auth/sessions/{device.session_id}")
        if answer is not None and answer.is_success and all(each is not device for each, _ in self.revoked):
            self.revoked.append((device, time.monotonic()))
            time.sleep(1.0)
        for each, since in self.revoked:
            if each is device and time.monotonic() - since > 1.0:
                ticket = each.ask(self.notes, "POST", "/realtime/tickets")
                if ticket is not None and ticket.is_success:
                    self.notes.wrong.append("a revoked session got a ticket")
                began = time.monotonic()
                read = each.ask(self.notes, "GET", "/users/me")
                if read is not None and read.is_success and began - since > REFUSED_WITHIN_S:
                    self.notes.wrong.append(f"a revoked session reads after {began - since:.1f} s")

    @staticmethod
    def _must_be_ended(who: Person, device: Person) -> None:
        """Sign the device out, unless that was done during the fault."""
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


def log_of(who: Person, conversation_id: str) -> list[dict[str, Any]]:
    """The whole log of a conversation."""
    events: list[dict[str, Any]] = []
    while True:
        after = events[-1]["seq"] if events else 0
        page = who.must("GET", f"/conversations/{conversation_id}/events?after={after}&limit=100")["items"]
        if not page:
            return events
        events += page


def dense(events: list[dict[str, Any]]) -> Iterator[str]:
    seqs = [event["seq"] for event in events]
    if seqs != list(range(1, len(seqs) + 1)):
        yield f"the log is not 1..{len(seqs)}"


JOURNEYS: dict[str, Callable[[Cast, Notes], Journey]] = {
    "sign-in": SignIn,
    "send and receive": Messages,
    "sync": Sync,
    "vote": Votes,
    "call": Calls,
    "upload": Uploads,
    "revocation": Revocation,
}
