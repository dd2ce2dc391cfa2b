"""Credentials, attempts at signing in and one-time tokens in DynamoDB."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pynamodb.attributes import UnicodeAttribute
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from accounts.commits import Contended
from accounts.model import LOCK_MS, AccountBan, Attempts, Credentials, OneTimeToken, digest, folded
from kernel import clock
from kernel.dynamo import Key, Record
from kernel.reads import read_together
from kernel.records import IntegerAttribute, Mapper, NamesAttribute, ValueAttribute, known_fields, set_or_remove
from kernel.transactions import Transaction


class CredentialRecord(Record, table="credentials", group="access"):
    """`usr_…`: a person's credentials. `email#…`, `username#…`: their owner, which makes them unique."""

    key = UnicodeAttribute(hash_key=True)
    user_id = UnicodeAttribute()
    username = UnicodeAttribute(null=True)
    email = UnicodeAttribute(null=True)
    password_hash = UnicodeAttribute(null=True)
    password_set_at = IntegerAttribute(null=True)
    ban = ValueAttribute(known_fields(AccountBan), null=True)
    enrolments = IntegerAttribute(null=True)  # of second factors, ever


def _tried(kept: Any) -> tuple[tuple[str, int], ...]:
    return tuple((str(attempt), int(at)) for attempt, at in kept)


class AttemptsRecord(Record, table="limits", group="access"):
    """The attempts at one account, in the table of limits."""

    key = UnicodeAttribute(hash_key=True)
    tried = ValueAttribute(_tried, list)
    failed = NamesAttribute()
    last = UnicodeAttribute()
    expires_at = IntegerAttribute()  # seconds: DynamoDB's TTL


class OneTimeTokenRecord(Record, table="one_time_tokens", group="access"):
    token_hash = UnicodeAttribute(hash_key=True)
    purpose = UnicodeAttribute()
    user_id = UnicodeAttribute()
    email = UnicodeAttribute()
    password_set_at = IntegerAttribute()
    session_id = UnicodeAttribute(null=True)
    expires_at = IntegerAttribute()  # seconds: DynamoDB's TTL
    expires_at_ms = IntegerAttribute()


_CREDENTIALS = Mapper(CredentialRecord, Credentials)
_ATTEMPTS = Mapper(AttemptsRecord, Attempts)
_TOKEN = Mapper(OneTimeTokenRecord, OneTimeToken, renamed={"expires_at": "expires_at_ms"})

# --- credentials ----------------------------------------------------------------------------------------------


def _lock_keys(email: str, username: str) -> dict[str, str]:
    return {"email": f"email#{folded(email)}", "username": f"username#{folded(username)}"}


def stage_new(transaction: Transaction, new: Credentials) -> None:
    """Add credentials; the labels `email` and `username` fail if they are taken."""
    for label, key in _lock_keys(new.email, new.username).items():
        row = CredentialRecord(key, user_id=new.user_id)
        transaction.put(label, row, CredentialRecord.key.does_not_exist())
    row = _CREDENTIALS.record(new, new.user_id)
    transaction.put("credentials", row, CredentialRecord.key.does_not_exist())


def user_id_of(identifier: str) -> str | None:
    """The id of the person with this e-mail address or username."""
    kind = "email" if "@" in identifier else "username"
    row = CredentialRecord.find(f"{kind}#{folded(identifier)}")
    return None if row is None else row.user_id


def credentials(user_id: str) -> Credentials | None:
    return _CREDENTIALS.found(CredentialRecord.find(user_id))


def bans(user_ids: Sequence[str]) -> dict[str, AccountBan]:
    """The bans of these people, active or expired: one round trip per 100."""
    rows = read_together([(CredentialRecord, (user_id,)) for user_id in user_ids])
    return {row.user_id: row.ban for row in rows if row is not None and row.ban is not None}


def is_banned(user_id: str) -> bool:
    """Whether an account is banned now. Reads the ban and nothing else of the credentials."""
    row = CredentialRecord.find(user_id, only=["ban"])
    return row is not None and row.ban is not None and row.ban.is_active


def stage_unchanged(transaction: Transaction, seen: Credentials) -> None:
    """Require that the password and ban are unchanged, and that no second factor was enrolled (label `password`)."""
    same = CredentialRecord.password_set_at == seen.password_set_at
    banned = CredentialRecord.ban.does_not_exist() if seen.ban is None else CredentialRecord.ban.exists()
    transaction.check(
        "password", CredentialRecord, (seen.user_id,), same & banned & _none_enrolled_since(seen.enrolments)
    )


def _none_enrolled_since(enrolments: int | None) -> Condition:
    counted = CredentialRecord.enrolments
    return counted == enrolments if enrolments else counted.does_not_exist()


def stage_ban(transaction: Transaction, user_id: str, ban: AccountBan | None) -> None:
    """Ban an account or, with None, lift the ban (label `credentials` fails if there is no such account)."""
    action = set_or_remove(CredentialRecord.ban, ban)
    transaction.update("credentials", CredentialRecord(user_id), [action], CredentialRecord.password_hash.exists())


def stage_password(transaction: Transaction, user_id: str, password_hash: str, *, instead_of: int) -> None:
    """Set a password in place of the one set at `instead_of` (ms), if it is unchanged (label `password`)."""
    transaction.update(
        "password",
        CredentialRecord(user_id),
        [
            CredentialRecord.password_hash.set(password_hash),
            CredentialRecord.password_set_at.set(max(clock.now(), instead_of + 1)),
        ],
        CredentialRecord.password_set_at == instead_of,
    )


def enrolments(user_id: str) -> int:
    """How many second factors somebody has enrolled so far."""
    row = CredentialRecord.find(user_id)
    return 0 if row is None else row.enrolments or 0


def stage_enrolment(transaction: Transaction, user_id: str, *, seen: int) -> None:
    """Count the enrolment of a second factor (label `enrolments` fails if there were others than the `seen`)."""
    unchanged = _none_enrolled_since(seen)
    known = CredentialRecord.password_hash.exists()
    action = CredentialRecord.enrolments.set(seen + 1)
    transaction.update("enrolments", CredentialRecord(user_id), [action], known & unchanged)


# --- attempts -------------------------------------------------------------------------------------------------


def unknown_subject(identifier: str) -> str:
    """The subject of attempts at an unknown name; that of an account is its user_id."""
    return f"nobody#{digest(folded(identifier))}"


def find_with_attempts(
    subject: str, *more: tuple[type[Record], Key]
) -> tuple[Credentials | None, Attempts, Sequence[Any]]:
    """The credentials and attempts of a subject, known or not, and records of `more` keys, in one round trip."""
    row, attempts, *others = read_together(
        [(CredentialRecord, (subject,)), (AttemptsRecord, (_attempts_key(subject),)), *more]
    )
    return _CREDENTIALS.found(row), _ATTEMPTS.found(attempts) or Attempts(), others


def attempts(subject: str) -> Attempts:
    return _ATTEMPTS.found(AttemptsRecord.find(_attempts_key(subject))) or Attempts()


def _attempts_key(subject: str) -> str:
    return f"attempts#{subject}"


def count_attempt(subject: str, seen: Attempts, now: Attempts) -> None:
    """Replace `seen` by `now`; raises Contended upon a concurrent attempt."""
    attempt, at = now.tried[-1]
    actions: list[Action] = [
        AttemptsRecord.tried.set(now.tried),
        AttemptsRecord.last.set(attempt),
        AttemptsRecord.expires_at.set((at + LOCK_MS) // clock.SECOND + 1),
    ]
    if seen.failed - now.failed:
        actions.append(AttemptsRecord.failed.delete(set(seen.failed - now.failed)))
    unchanged: Condition = AttemptsRecord.key.does_not_exist()
    if seen.tried:
        unchanged = AttemptsRecord.last == seen.tried[-1][0]
    if not AttemptsRecord(_attempts_key(subject)).update_if(unchanged, *actions):
        raise Contended


def mark_failed(subject: str, attempt: str) -> None:
    """Mark an attempt as failed, unless the attempts were cleared meanwhile."""
    row = AttemptsRecord(_attempts_key(subject))
    row.update_if(AttemptsRecord.key.exists(), AttemptsRecord.failed.add({attempt}))


def withdraw_attempt(subject: str, seen: Attempts, attempt: str) -> None:
    """Remove one of the attempts in `seen`; raises Contended upon a concurrent attempt."""
    left = seen.without_attempt(attempt)
    row = AttemptsRecord(_attempts_key(subject))
    unchanged = AttemptsRecord.last == seen.tried[-1][0]
    if left.tried:
        last = AttemptsRecord.last.set(left.tried[-1][0])
        done = row.update_if(unchanged, AttemptsRecord.tried.set(left.tried), last)
    else:
        done = row.delete_if(unchanged)
    if not done:
        raise Contended


def stage_attempts_deletion(transaction: Transaction, user_id: str) -> None:
    """Delete the attempts at an account, as part of a transaction."""
    transaction.delete("attempts", AttemptsRecord(_attempts_key(user_id)))


def delete_attempts(subject: str) -> None:
    """Delete the attempts at a subject, which ends its lockout."""
    AttemptsRecord(_attempts_key(subject)).delete()


# --- one-time tokens ------------------------------------------------------------------------------------------


def _token_record(token: OneTimeToken) -> OneTimeTokenRecord:
    return _TOKEN.record(token, expires_at=token.expires_at // clock.SECOND + 1)


def stage_token(transaction: Transaction, token: OneTimeToken) -> None:
    transaction.put("token", _token_record(token))


def save_token(token: OneTimeToken) -> None:
    _token_record(token).save()


def token(text: str) -> OneTimeToken | None:
    """The record of a token, valid or not."""
    return _TOKEN.found(OneTimeTokenRecord.find(digest(text)))


def stage_redemption(transaction: Transaction, token: OneTimeToken) -> None:
    """Redeem a token, as part of a transaction (label `token` fails if it was redeemed or has expired)."""
    still_good = (OneTimeTokenRecord.purpose == token.purpose) & (OneTimeTokenRecord.expires_at_ms > clock.now())
    transaction.delete("token", OneTimeTokenRecord(token.token_hash), still_good)
