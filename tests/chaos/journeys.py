"""Journeys: the actions of people during a fault, the answers that they get, and the conditions that hold afterwards.

A journey's `act` is repeated for as long as the fault lasts, and every answer is recorded. After the fault `wrong`
lists violations: an acknowledged message that is missing or doubled in the log, a missing seq, a tally that differs
from the votes, a used quota that differs from the files (R1, R2, R28, R31). `in_the_end` checks later work of queues
and timers.
"""

from __future__ import annotations

import contextlib
import hashlib
import secrets
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

import httpx

from tests.chaos.people import AGAIN_WITHIN_S, Cast, Notes, Person

EVERY_S = 1.0
FORM_LIMIT_S = 5.0  # for an upload form sent directly to S3


class Journey:
    """One journey in one window. `act` is called by each of its actors, again and again."""

    def __init__(self, cast: Cast, notes: Notes) -> None:
        self.cast, self.notes = cast, notes

    def act(self, who: Person) -> None:
        raise NotImplementedError

    def wrong(self) -> Iterator[str]:
        """The violated conditions, once all works again."""
        yield from ()

    def in_the_end(self) -> Iterator[str]:
        """The promises that are unfulfilled at the end of the suite."""
        yield from ()

    @contextlib.contextmanager
    def around(self) -> Iterator[None]:
        """Resources that are open while the journey lasts, such as sockets."""
        yield


class Messages(Journey):
    """Sends messages, each repeated with its client_id until it is acknowledged; one socket receives."""

    def __init__(self, cast: Cast, notes: Notes) -> None:
        super().__init__(cast, notes)
        self.acknowledged: dict[str, int] = {}
        self.open: list[tuple[Person, str]] = []
        self.first = max(each["seq"] for each in log_of(cast.people[0], cast.group_id))

    @contextlib.contextmanager
    def around(self) -> Iterator[None]:
        with self.cast.people[2].socket(self.cast.ground) as socket:
            listener = threading.Thread(target=self._listen, args=(socket,), daemon=True)
            listener.start()
            yield
            time.sleep(0.5)

    def _listen(self, socket: Any) -> None:
        with contextlib.suppress(Exception):  # the loop ends with the socket
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
    """One person sends; another's device reconnects again and again and syncs."""

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
    """Starts a call, joins it and ends it, well below the limit of 60 a minute."""

    def act(self, who: Person) -> None:
        path, body = f"/conversations/{self.cast.group_id}/calls", {"client_id": secrets.token_hex(8), "media": "audio"}
        answer = who.ask(self.notes, "POST", path, body)
        if answer is None or not answer.is_success:
            time.sleep(EVERY_S)
            return
        call_id = answer.json()["id"]
        for person in self.cast.people[:2]:
            person.ask(self.notes, "POST", f"/calls/{call_id}/join")
        who.ask(self.notes, "POST", f"/calls/{call_id}/end")
        time.sleep(EVERY_S)

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
            httpx.post(form["url"], data=form["fields"], files={"file": ("file", self.CONTENT)}, timeout=FORM_LIMIT_S)
            who.ask(self.notes, "POST", f"/drive/uploads/{begun['file']['id']}/complete", {})

    def wrong(self) -> Iterator[str]:
        for who in self.cast.people:
            usage = who.must("GET", "/drive/usage")
            held = usage["used"] + usage["reserved"]
            if held % len(self.CONTENT) or held > usage["quota"]:
                yield f"{who.id} holds {held} bytes, of files of {len(self.CONTENT)} each"


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
