"""Profiles and the directory in DynamoDB."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from pynamodb.attributes import BooleanAttribute, UnicodeAttribute

from kernel.dynamo import Key, Record
from kernel.errors import Conflict
from kernel.reads import read_together
from kernel.records import IntegerAttribute, Mapper, ValueAttribute, known_fields
from kernel.transactions import Cancelled, Transaction
from users.model import DEFAULT_LOCALE, Profile, Role, UserSettings, handle

_END_OF_TERM = "\x1f"  # never part of a term, as folding removes it


class UserRecord(Record, table="users", group="access"):
    user_id = UnicodeAttribute(hash_key=True)
    username = UnicodeAttribute()
    display_name = UnicodeAttribute()
    bio = UnicodeAttribute(null=True)
    avatar_file_id = UnicodeAttribute(null=True)
    avatar_key = UnicodeAttribute(null=True)
    email = UnicodeAttribute()
    email_verified = BooleanAttribute(default=False)
    locale = UnicodeAttribute(default=DEFAULT_LOCALE)
    settings = ValueAttribute(known_fields(UserSettings), null=True)
    role = UnicodeAttribute(default="user")
    created_at = IntegerAttribute()
    version = IntegerAttribute(default=0)
    erased_at = IntegerAttribute(null=True)


class DirectoryRecord(Record, table="directory", group="access"):
    """A term under which a person is found. The bucket is its first character, so that a prefix is one query."""

    bucket = UnicodeAttribute(hash_key=True)
    entry = UnicodeAttribute(range_key=True)


PROFILE = Mapper(UserRecord, Profile, renamed={"id": "user_id"}, avatar_url=lambda _: None)
profile_in = PROFILE.found


def _entry(term: str, user_id: str) -> DirectoryRecord:
    return DirectoryRecord(term[0], f"{term}{_END_OF_TERM}{user_id}")


def key(user_id: str) -> tuple[type[Record], Key]:
    """The key of a profile, for reading it together with other records; `profile_in` maps the record."""
    return UserRecord, (user_id,)


def profile(user_id: str) -> Profile | None:
    return PROFILE.found(UserRecord.find(user_id))


def profiles(user_ids: Sequence[str]) -> dict[str, Profile]:
    """The profiles by id; unknown people are left out. One round trip per 100."""
    rows = read_together([(UserRecord, (user_id,)) for user_id in user_ids])
    return {profile.id: profile for profile in PROFILE.values(rows)}


def page(*, after: str | None, limit: int) -> list[Profile]:
    """A page of all profiles, unordered, by a table scan: for operators only."""
    start = None if after is None else UserRecord.start(after)
    rows = UserRecord.scan(limit=limit, last_evaluated_key=start, consistent_read=True)
    return PROFILE.values(rows)


def stage_role(transaction: Transaction, user_id: str, role: Role) -> None:
    """Set a person's platform role (label `profile` fails if there is no such person)."""
    transaction.update("profile", UserRecord(user_id), [UserRecord.role.set(role)], UserRecord.user_id.exists())


def stage_new(transaction: Transaction, new: Profile) -> None:
    """Put a new profile and its directory entries (label `profile`)."""
    transaction.put("profile", PROFILE.record(new), UserRecord.user_id.does_not_exist())
    for term in sorted(new.terms):
        transaction.put(f"directory:{term}", _entry(term, new.id))


def replace(old: Profile, new: Profile) -> None:
    """Store the changed fields and directory entries; raises Conflict if the stored profile is no longer `old`."""
    actions = [UserRecord.version.set(old.version + 1), *PROFILE.changes(old, new)]
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


def stage_erasure(transaction: Transaction, profile: Profile, erased_at: int) -> None:
    """Set the time of a person's erasure and delete their directory entries (label `profile`)."""
    actions = [UserRecord.erased_at.set(erased_at), UserRecord.version.set(profile.version + 1)]
    transaction.update("profile", UserRecord(profile.id), [*actions], UserRecord.version == profile.version)
    for term in sorted(profile.terms):
        transaction.delete(f"directory:{term}", _entry(term, profile.id))


def stage_erasure_cancelled(transaction: Transaction, profile: Profile) -> None:
    """Remove the time of erasure and put the directory entries back (label `profile`)."""
    actions = [UserRecord.erased_at.remove(), UserRecord.version.set(profile.version + 1)]
    transaction.update("profile", UserRecord(profile.id), [*actions], UserRecord.version == profile.version)
    for term in sorted(dataclasses.replace(profile, erased_at=None).terms):
        transaction.put(f"directory:{term}", _entry(term, profile.id))


def erase(user_id: str) -> None:
    """Replace a person's profile by that of a deleted user."""
    now = UserRecord.find(user_id)
    created_at = 0 if now is None else now.created_at
    erased = Profile(user_id, username="deleted_user", display_name="deleted user", email="", created_at=created_at)
    PROFILE.record(erased).save()


def stage_verified(transaction: Transaction, user_id: str, email: str) -> None:
    """Mark an e-mail address as verified (label `profile` fails if it is not the person's address)."""
    transaction.update("profile", UserRecord(user_id), [UserRecord.email_verified.set(True)], UserRecord.email == email)


def user_id_of(username: str) -> str | None:
    """The id of the person with this username; eventually consistent."""
    found = entries(f"{handle(username)}{_END_OF_TERM}", after=None, limit=1)
    return found[0][1] if found else None


def entries(prefix: str, *, after: Sequence[str] | None, limit: int) -> list[tuple[str, str]]:
    """The directory's (term, user id) entries that begin with `prefix`, sorted, from after the entry `after`."""
    start = None if after is None else DirectoryRecord.start(prefix[0], _END_OF_TERM.join(after))
    found = DirectoryRecord.query(
        prefix[0], DirectoryRecord.entry.startswith(prefix), limit=limit, last_evaluated_key=start
    )
    pairs = (row.entry.partition(_END_OF_TERM) for row in found)
    return [(term, user_id) for term, _, user_id in pairs]
