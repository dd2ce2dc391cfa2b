"""Request and response bodies of administration."""

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from kernel.schema import Body, Input, Instant, InstantIn, Opaque, Output, Paging, Query, SearchText
from users.model import Role

State = Literal["active", "banned"]


def _instant_or_day(value: object) -> object:
    """A date without a time means the beginning of that day (UTC)."""
    return f"{value}T00:00:00Z" if isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value) else value


Moment = Annotated[InstantIn, BeforeValidator(_instant_or_day)]


class UsersQuery(Paging):
    """`q` is the beginning of a name or a whole e-mail address."""

    q: Annotated[SearchText, Field(min_length=1, max_length=254)] | None = None
    state: State | None = None


class AccountBanOut(Output):
    """`until` is null for a permanent ban; `by` is the id of the admin who banned."""

    since: Instant
    until: Instant | None
    reason: str
    by: str


class AdminUser(Output):
    """A person as platform admins see them."""

    id: str
    username: str
    display_name: str
    email: str
    email_verified: bool
    role: Role
    state: State
    ban: AccountBanOut | None
    created_at: Instant


class AdminUserList(Output):
    items: list[AdminUser]
    next_cursor: str | None


class NewBan(Input):
    reason: Annotated[Body, Field(min_length=10, max_length=500)]
    until: InstantIn | None = None


class NewRole(Input):
    role: Role


class AuditQuery(Paging):
    """`from` (inclusive) and `to` (exclusive) are days or RFC 3339 times."""

    actor: Annotated[Opaque, Field(max_length=40)] | None = None
    action: Annotated[Opaque, Field(max_length=60)] | None = None
    target: Annotated[Opaque, Field(max_length=40)] | None = None
    from_: Annotated[Moment | None, Field(alias="from")] = None
    to: Moment | None = None


class AuditEntry(Output):
    """`hash` is SHA-256 (hex) of the previous hash, a newline and the RFC 8785 JSON of the other fields."""

    n: int
    at: str
    actor: str | None
    action: str
    target: str | None
    ip: str | None
    details: dict[str, Any]
    hash: str


class AuditList(Output):
    items: list[AuditEntry]
    next_cursor: str | None


class AuditProof(Output):
    """The numbers of the oldest and newest kept entries, the hash before the oldest (64 zeros for none), and that of
    the newest."""

    first: int
    last: int
    previous_hash: str
    head_hash: str


class StatsQuery(Query):
    """`from` and `to` are days or RFC 3339 times, at most 92 days apart."""

    from_: Annotated[Moment | None, Field(alias="from")] = None
    to: Moment | None = None


class StatsDay(Output):
    """Counts of one day (UTC): `users` registered, `active` renewed a session; `storage` is bytes added, `ai_spend`
    US dollars."""

    day: str
    users: int
    active: int
    messages: int
    calls: int
    storage: int
    ai_spend: float


class Stats(Output):
    """`complete` is false when counting ran out of time."""

    items: list[StatsDay]
    complete: bool
