"""Second factors in DynamoDB, in the table of credentials."""

from __future__ import annotations

from pynamodb.attributes import BooleanAttribute, JSONAttribute, NumberAttribute, UnicodeAttribute

from accounts.factors import factor_keys
from accounts.factors.model import Totp
from kernel.dynamo import Key, Record
from kernel.transactions import Transaction


class TotpRecord(Record, table="credentials", group="access"):
    """`totp#usr_…`: a person's second factor."""

    key = UnicodeAttribute(hash_key=True)
    user_id = UnicodeAttribute()
    sealed = UnicodeAttribute()
    recovery = JSONAttribute()
    confirmed = BooleanAttribute()
    used = JSONAttribute()
    version = NumberAttribute()


def _key(user_id: str) -> str:
    return f"totp#{user_id}"


def find(user_id: str) -> Totp | None:
    row = TotpRecord.find(_key(user_id))
    if row is None:
        return None
    return Totp(
        user_id=row.user_id,
        secret=factor_keys.unseal(row.user_id, row.sealed),
        recovery=tuple(row.recovery),
        confirmed=row.confirmed,
        used=tuple(int(each) for each in row.used),
        version=int(row.version),
    )


def key(user_id: str) -> tuple[type[Record], Key]:
    """The key of a factor, for reading it together with other records; `is_enabled_in` judges the record."""
    return TotpRecord, (_key(user_id),)


def is_enabled_in(record: TotpRecord | None) -> bool:
    """Whether the record of a factor has a confirmed one."""
    return record is not None and record.confirmed


def is_enabled(user_id: str) -> bool:
    """Whether a person has a confirmed factor."""
    return is_enabled_in(TotpRecord.find(_key(user_id)))


def stage_enabled(transaction: Transaction, user_id: str, *, label: str) -> None:
    """Require that a person has a confirmed factor."""
    enabled = TotpRecord.confirmed == True  # noqa: E712 - a condition, not a test
    transaction.check(label, TotpRecord, (_key(user_id),), enabled)


def stage_new(transaction: Transaction, new: Totp) -> None:
    """Save an unconfirmed factor in place of another unconfirmed one (label `totp` fails if one is enabled)."""
    free = TotpRecord.key.does_not_exist() | (TotpRecord.confirmed == False)  # noqa: E712 - a condition, not a test
    transaction.put("totp", _row(new), free)


def stage_change(transaction: Transaction, seen: Totp, now: Totp) -> None:
    """Replace `seen` by `now` (label `totp` fails upon a concurrent change)."""
    transaction.put("totp", _row(now), TotpRecord.version == seen.version)


def stage_removal(transaction: Transaction, seen: Totp) -> None:
    """Remove a factor (label `totp` fails upon a concurrent change)."""
    transaction.delete("totp", TotpRecord(_key(seen.user_id)), TotpRecord.version == seen.version)


def _row(factor: Totp) -> TotpRecord:
    return TotpRecord(
        _key(factor.user_id),
        user_id=factor.user_id,
        sealed=factor_keys.seal(factor.user_id, factor.secret),
        recovery=list(factor.recovery),
        confirmed=factor.confirmed,
        used=list(factor.used),
        version=factor.version,
    )
