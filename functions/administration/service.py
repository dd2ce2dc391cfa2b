"""Platform admins' views of people and actions on accounts. Every action is in the audit log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from accounts import admin_api as accounts
from accounts.model import AccountBan, InvalidCredentials
from audit import api as audit
from kernel import clock, ids
from kernel.caller import Caller
from kernel.errors import Conflict, NotFound, TokenRevoked, ValidationFailed
from kernel.paging import Page, Paginator
from kernel.resilience import retried
from kernel.transactions import Cancelled, Transaction
from users import api as users
from users.model import Profile, Role, fold

SCANNED_AT_ONCE = 100
SCANS_PER_PAGE = 10


@dataclass(frozen=True, slots=True)
class Person:
    """A person's profile and their ban, if they are banned."""

    profile: Profile
    ban: AccountBan | None

    @property
    def state(self) -> str:
        return "active" if self.ban is None else "banned"


# --- access ---------------------------------------------------------------------------------------------------


def _admit(caller: Caller, mark: str | None) -> Caller:
    """The caller, if they are a platform admin; raises NotFound for everybody else, which hides the routes."""
    try:
        admitted = accounts.authenticate.admit(caller, mark)
    except (TokenRevoked, InvalidCredentials) as error:
        raise NotFound from error
    if not users.is_platform_admin(admitted.user_id):
        raise NotFound
    return admitted


authenticate = replace(accounts.authenticate, admit=_admit)


# --- reading --------------------------------------------------------------------------------------------------


def people(*, admin: Caller, q: str | None, state: str | None, limit: int, after: str | None) -> Page[Person]:
    """All people, or those that a name or e-mail address matches. A short page may still have a next one."""
    paging = Paginator(after, admin.user_id, "admin_users", q or "", state or "")
    last = paging.start
    found: list[Person] = []
    for _ in range(SCANS_PER_PAGE):
        batch, complete = _scan(q, last)
        for position, person in batch:
            if len(found) == limit:
                return Page(found, paging.cursor(last))
            last = position
            if state in (None, person.state) and person not in found:
                found.append(person)
        if complete:
            return Page(found)
    return Page(found, paging.cursor(last))


def _scan(q: str | None, last: object) -> tuple[list[tuple[object, Person]], bool]:
    """The people after position `last`, each with their own position, and whether there are no more."""
    if q is None:
        profiles = users.list_profiles(after=last if isinstance(last, str) else None, limit=SCANNED_AT_ONCE)
        positions: list[object] = [each.id for each in profiles]
        return list(zip(positions, _persons(profiles), strict=True)), len(profiles) < SCANNED_AT_ONCE
    if "@" in q.strip("@"):
        user_id = accounts.user_id_of(q)
        known = users.profiles_of([user_id] if user_id else [])
        return [(each.profile.id, each) for each in _persons([*known.values()])], True
    entries = users.directory_entries(fold(q), after=last if isinstance(last, list) else None, limit=SCANNED_AT_ONCE)
    known = users.profiles_of([user_id for _, user_id in entries])
    by_id = {person.profile.id: person for person in _persons(list(known.values()))}
    batch: list[tuple[object, Person]] = [([term, each], by_id[each]) for term, each in entries if each in by_id]
    return batch, len(entries) < SCANNED_AT_ONCE


def _persons(profiles: Sequence[Profile]) -> list[Person]:
    bans = accounts.bans([each.id for each in profiles])
    return [Person(each, bans.get(each.id)) for each in profiles]


def person(*, admin: Caller, user_id: str) -> Person:
    """One person; the view itself is recorded in the audit log. Raises NotFound."""
    found = _require(user_id)
    audit.record("user.viewed", actor=admin.user_id, target=user_id)
    return found


def _require(user_id: str) -> Person:
    found = users.profiles_of([user_id] if ids.is_id(user_id, "usr") else [])
    if user_id not in found:
        raise NotFound
    return _persons([found[user_id]])[0]


# --- acting ---------------------------------------------------------------------------------------------------


def ban(*, admin: Caller, user_id: str, reason: str, until: int | None) -> Person:
    """Ban somebody until an instant (ms; None: permanently); their sessions and sockets end within a second.

    Raises NotFound, ValidationFailed for an `until` in the past, Conflict for the admin's own account.
    """
    if until is not None and until <= clock.now():
        raise ValidationFailed.of("until", "must be in the future")
    _require_other(admin, user_id)
    accounts.ban(user_id=user_id, by=admin.user_id, reason=reason, until=until)
    return _require(user_id)


def unban(*, admin: Caller, user_id: str) -> Person:
    """Lift a ban, if there is one; raises NotFound for an unknown person."""
    _require(user_id)
    accounts.unban(user_id=user_id, by=admin.user_id)
    return _require(user_id)


def sign_out(*, admin: Caller, user_id: str) -> None:
    """End all sessions and sockets of somebody; raises NotFound."""
    _require(user_id)
    audit.record("user.signed_out", actor=admin.user_id, target=user_id)
    accounts.end_everything(user_id, reason="signed_out_by_admin")


def set_role(*, admin: Caller, user_id: str, role: Role) -> Person:
    """Make somebody a platform admin or a plain user.

    Raises NotFound, and Conflict for the admin's own account, so that at least one admin is left.
    """
    _require_other(admin, user_id)
    give_role(user_id=user_id, role=role, by=admin.user_id)
    return _require(user_id)


def give_role(*, user_id: str, role: Role, by: str | None) -> None:
    """Change a person's role on behalf of admin `by`, or of the deployment's operator (None, infra/admin.py).

    Raises NotFound.
    """

    def attempt() -> None:
        transaction = Transaction()
        users.set_role_in(transaction, user_id=user_id, role=role)
        audit.stage(transaction, "user.role_changed", actor=by, target=user_id, details={"role": role})
        try:
            transaction.commit()
        except Cancelled as refused:
            if "profile" in refused.failed:
                raise NotFound from refused
            raise

    retried(attempt, on=Cancelled)


def _require_other(admin: Caller, user_id: str) -> None:
    _require(user_id)
    if user_id == admin.user_id:
        raise Conflict("This is your own account: another admin has to do it.")
