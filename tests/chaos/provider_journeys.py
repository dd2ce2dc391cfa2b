"""Journeys that need an external service: a model, the TURN secret, a push service, a timer."""

from __future__ import annotations

import contextlib
import secrets
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from infra.local.config import HOST
from perf.pushes import push_service
from tests.chaos.journeys import Journey, Messages, log_of
from tests.chaos.people import Cast, Notes, Person

PUSHED_WITHIN_S = 150.0  # a failed push service is not called for up to two minutes
DUE_IN_S = 5
DUE_WITHIN_S = 120.0  # messages that their machine has missed are swept every minute


class Rewriting(Journey):
    """Has a language model rewrite a text."""

    def __init__(self, cast: Cast, notes: Notes) -> None:
        super().__init__(cast, notes)
        for who in cast.people:
            who.must("PUT", "/ai/settings", {"enabled": True})

    def act(self, who: Person) -> None:
        who.ask(self.notes, "POST", "/ai/rewrites", {"text": "Come here.", "tone": "friendly"})


class Relay(Journey):
    """Requests the relays of calls, whose secret a process reads when it first needs it."""

    def act(self, who: Person) -> None:
        who.ask(self.notes, "GET", "/calls/ice-servers")


class Pushed(Messages):
    """Sends to somebody without an open socket: the messages must be sent, whatever the push service does."""

    def __init__(self, cast: Cast, notes: Notes) -> None:
        super().__init__(cast, notes)
        self.sender, self.receiver = cast.people[0], cast.people[1]
        name = secrets.token_hex(8)
        self.path = f"/push/{name}"
        endpoint = f"http://{HOST}:{cast.ground.proxy.port}{self.path}"
        self.receiver.must("PUT", f"/devices/{name}", push_service.device(endpoint, push_service.keys()))

    @contextlib.contextmanager
    def around(self) -> Iterator[None]:
        yield

    def act(self, who: Person) -> None:
        if who is self.sender:
            super().act(who)

    def in_the_end(self) -> Iterator[str]:
        """A message sent now is pushed: the push service is called again."""
        until = time.monotonic() + PUSHED_WITHIN_S
        sender, passed = self.sender.signed_in(), self.cast.ground.proxy.pushed
        before = passed[self.path]
        while passed[self.path] == before:
            if time.monotonic() > until:
                yield "nothing is pushed any more"
                return
            self._sent(None, sender, secrets.token_hex(8))
            time.sleep(3.0)


class Scheduled(Journey):
    """Schedules messages; each is sent once, soon after its time."""

    def __init__(self, cast: Cast, notes: Notes) -> None:
        super().__init__(cast, notes)
        self.promised: set[str] = set()

    def act(self, who: Person) -> None:
        client_id = secrets.token_hex(8)
        send_at = (datetime.now(UTC) + timedelta(seconds=DUE_IN_S)).isoformat()
        path = f"/conversations/{self.cast.group_id}/scheduled"
        answer = who.ask(self.notes, "POST", path, {"client_id": client_id, "text": client_id, "send_at": send_at})
        if answer is not None and answer.is_success:
            with self.notes.lock:
                self.promised.add(client_id)

    def in_the_end(self) -> Iterator[str]:
        who, until = self.cast.people[0].signed_in(), time.monotonic() + DUE_WITHIN_S
        while True:
            created = [each["data"] for each in log_of(who, self.cast.group_id) if each["type"] == "message.created"]
            sent = Counter(each["text"] for each in created)
            wrong = [each for each in self.promised if sent[each] != 1]
            if not wrong or time.monotonic() > until or any(sent[each] > 1 for each in wrong):
                break
            time.sleep(2.0)
        yield from (f"a scheduled message was sent {sent[each]} times" for each in wrong)
