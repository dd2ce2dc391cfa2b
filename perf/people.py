"""People of the in-process stack: signed in by the domains' code, without the 200 ms of a password's hash."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from accounts.sessions import service as sessions
from kernel import ids
from kernel.caller import Caller
from kernel.transactions import TRANSACTION_MAX_ACTIONS, Transaction
from realtime import service as realtime
from users import service as users

ACTIONS_OF_ONE = 7  # actions per person: a profile, a session, and up to five search terms


@dataclass(frozen=True, slots=True)
class Person:
    """A person signed in on one device."""

    user_id: str
    session_id: str
    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)

    @property
    def caller(self) -> Caller:
        return Caller(self.user_id, self.session_id)


def newcomers(count: int) -> list[Person]:
    """New people with one session each, several per transaction."""
    found: list[Person] = []
    transaction = Transaction()
    for _ in range(count):
        found.append(_stage_newcomer(transaction))
        if len(transaction) + ACTIONS_OF_ONE > TRANSACTION_MAX_ACTIONS or len(found) == count:
            transaction.commit()
            transaction = Transaction()
    return found


def _stage_newcomer(transaction: Transaction) -> Person:
    user_id = ids.new("usr")
    name = user_id[-12:]
    users.add_profile_to(
        transaction, user_id=user_id, username=name, display_name=f"Ada {name}", email=f"{name}@example.com"
    )
    tokens = sessions.stage_new(transaction, user_id=user_id, device_name="perf", ip="127.0.0.1")
    return Person(user_id, tokens.session_id, tokens.access_token, tokens.refresh_token)


def connect(people: Sequence[Person], sockets: int | None = None) -> None:
    """Register live sockets: one per person, or `sockets` in total, distributed evenly."""
    for n in range(len(people) if sockets is None else sockets):
        person = people[n % len(people)]
        connection_id = f"L0SM9c{ids.new('c')[-12:]}="
        realtime.open_connection(Caller(person.user_id, person.session_id, connection_id))
