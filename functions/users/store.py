"""Profiles and the directory in DynamoDB."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from pynamodb.attributes import BooleanAttribute, JSONAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.expressions.update import Action

from kernel.dynamo import Cancelled, Record, TableName, Transaction, read_together
from kernel.errors import Conflict
from users.model import DEFAULT_LOCALE, Profile, Role, Settings, handle

_CHANGEABLE = ("display_name", "bio", "avatar_file_id", "avatar_key", "locale", "settings")
_END_OF_TERM = "\x1f"  # folding removes it from terms, so it never stands inside one


class UserRecord(Record):
    class Meta:
        table_name = TableName("users")

    user_id = UnicodeAttribute(hash_key=True)
    username = UnicodeAttribute()
    display_name = UnicodeAttribute()
    bio = UnicodeAttribute(null=True)
    avatar_file_id = UnicodeAttribute(null=True)
    avatar_key = UnicodeAttribute(null=True)
    email = UnicodeAttribute()
    email_verified = BooleanAttribute(default=False)
    locale = UnicodeAttribute(default=DEFAULT_LOCALE)
    settings = JSONAttribute(null=True)
    role = UnicodeAttribute(default="user")
    created_at = NumberAttribute()
    version = NumberAttribute(default=0)


class DirectoryRecord(Record):
    """A term under which a person is found. The bucket is its first character, so that a prefix is one query."""

    class Meta:
        table_name = TableName("directory")

    bucket = UnicodeAttribute(hash_key=True)
    entry = UnicodeAttribute(range_key=True)


def as_profile(record: UserRecord) -> Profile:
    """A record as a plain value."""
    return Profile(
        id=record.user_id,
        username=record.username,
        display_name=record.display_name,
        email=record.email,
        created_at=int(record.created_at),
        bio=record.bio,
        avatar_file_id=record.avatar_file_id,
        avatar_key=record.avatar_key,
        email_verified=record.email_verified,
        locale=record.locale,
        settings=Settings.kept(record.settings or {}),
        role="admin" if record.role == "admin" else "user",
        version=int(record.version),
    )


def _entry(term: str, user_id: str) -> DirectoryRecord:
    return DirectoryRecord(term[0], f"{term}{_END_OF_TERM}{user_id}")


def profile(user_id: str) -> Profile | None:
    record = UserRecord.find(user_id)
    return None if record is None else as_profile(record)


def profiles(user_ids: Sequence[str]) -> dict[str, Profile]:
    """Those of these people that exist: one round trip per 100."""
    rows = read_together([(UserRecord, (user_id,)) for user_id in user_ids])
    return {row.user_id: as_profile(row) for row in rows if row is not None}


def page(*, after: str | None, limit: int) -> list[Profile]:
    """Everybody, in no order that means anything: a part of the table is read, which is for operators only."""
    start = None if after is None else {"user_id": {"S": after}}
    rows = UserRecord.scan(limit=limit, last_evaluated_key=start, consistent_read=True)
    return [as_profile(row) for row in rows]


def stage_role(transaction: Transaction, user_id: str, role: Role) -> None:
    """Give somebody a platform role, as part of a transaction (label `profile` fails where there is nobody)."""
    transaction.update("profile", UserRecord(user_id), [UserRecord.role.set(role)], UserRecord.user_id.exists())


def stage_new(transaction: Transaction, new: Profile) -> None:
    """A new profile and its directory entries, as part of a transaction."""
    record = UserRecord(
        new.id,
        username=new.username,
        display_name=new.display_name,
        email=new.email,
        email_verified=new.email_verified,
        locale=new.locale,
        settings=asdict(new.settings),
        role=new.role,
        created_at=new.created_at,
    )
    transaction.put("profile", record, UserRecord.user_id.does_not_exist())
    for term in sorted(new.terms):
        transaction.put(f"directory:{term}", _entry(term, new.id))


def replace(old: Profile, new: Profile) -> None:
    """Store what differs, with the directory; raises Conflict when the profile is not `old` any more."""
    actions: list[Action] = [UserRecord.version.set(old.version + 1)]
    for name in _CHANGEABLE:
        value: Any = getattr(new, name)
        if value == getattr(old, name):
            continue
        attribute = getattr(UserRecord, name)
        stored = asdict(value) if name == "settings" else value
        actions.append(attribute.remove() if stored is None else attribute.set(stored))
    transaction = Transaction()
    transaction.update("profile", UserRecord(old.id), actions, UserRecord.version == old.version)
    for term in sorted(old.terms - new.terms):
        transaction.delete(f"directory:{term}", _entry(term, old.id))
    for term in sorted(new.terms - old.terms):
        transaction.put(f"directory:{term}", _entry(term, old.id))
    try:
        transaction.commit()
    except Cancelled as error:
        raise Conflict("The profile was changed at the same time; try again.", retry_after_s=1) from error


def stage_verified(transaction: Transaction, user_id: str, email: str) -> None:
    """Mark an e-mail address as verified, as part of a transaction (label `profile`)."""
    transaction.update("profile", UserRecord(user_id), [UserRecord.email_verified.set(True)], UserRecord.email == email)


def holder(username: str) -> str | None:
    """The id of the person with this username (a new one may take a moment to appear)."""
    found = entries(f"{handle(username)}{_END_OF_TERM}", after=None, limit=1)
    return found[0][1] if found else None


def entries(prefix: str, *, after: Sequence[str] | None, limit: int) -> list[tuple[str, str]]:
    """Directory entries (term, user id) that begin with `prefix`, in order."""
    start = None
    if after is not None:
        start = {"bucket": {"S": prefix[0]}, "entry": {"S": _END_OF_TERM.join(after)}}
    found = DirectoryRecord.query(
        prefix[0], DirectoryRecord.entry.startswith(prefix), limit=limit, last_evaluated_key=start
    )
    pairs = (row.entry.partition(_END_OF_TERM) for row in found)
    return [(term, user_id) for term, _, user_id in pairs]
