"""Passkeys and pending ceremonies in DynamoDB."""

from __future__ import annotations

from pynamodb.attributes import BooleanAttribute, UnicodeAttribute

from accounts.factors.model import Ceremony, PasskeyCredential
from accounts.model import digest
from accounts.store import CredentialRecord
from kernel import clock
from kernel.dynamo import Record
from kernel.records import IntegerAttribute, Mapper
from kernel.transactions import Transaction


class PasskeyRecord(Record, table="passkeys", group="access"):
    user_id = UnicodeAttribute(hash_key=True)
    passkey_id = UnicodeAttribute(range_key=True)
    credential_id = UnicodeAttribute()
    public_key = UnicodeAttribute()
    counter = IntegerAttribute()
    name = UnicodeAttribute()
    created_at = IntegerAttribute()
    last_used_at = IntegerAttribute(null=True)
    synced = BooleanAttribute()


class CeremonyRecord(Record, table="one_time_tokens", group="access"):
    """A pending challenge, in the table of one-time tokens."""

    token_hash = UnicodeAttribute(hash_key=True)
    purpose = UnicodeAttribute()
    user_id = UnicodeAttribute(null=True)
    challenge = UnicodeAttribute()
    expires_at_ms = IntegerAttribute()
    expires_at = IntegerAttribute()  # seconds: DynamoDB's TTL


# --- passkeys -------------------------------------------------------------------------------------------------


_PASSKEY = Mapper(PasskeyRecord, PasskeyCredential, renamed={"id": "passkey_id"})


def _unique(credential_id: str, user_id: str = "") -> CredentialRecord:
    """The row that makes a credential unique to one account."""
    return CredentialRecord(f"passkey#{digest(credential_id)}", user_id=user_id)


def of_user(user_id: str) -> list[PasskeyCredential]:
    """A person's passkeys, oldest first."""
    return _PASSKEY.values(PasskeyRecord.query(user_id, consistent_read=True))


def stage_new(transaction: Transaction, new: PasskeyCredential) -> None:
    """Add a passkey (label `credential` fails if an account has it already)."""
    transaction.put("credential", _unique(new.credential_id, new.user_id), CredentialRecord.key.does_not_exist())
    transaction.put("passkey", _PASSKEY.record(new))


def stage_exists(transaction: Transaction, passkey: PasskeyCredential, *, label: str) -> None:
    """Require that a passkey has not been removed."""
    transaction.check(label, PasskeyRecord, (passkey.user_id, passkey.id), PasskeyRecord.user_id.exists())


def stage_use(transaction: Transaction, seen: PasskeyCredential, *, counter: int, synced: bool) -> None:
    """Save the use of a passkey (label `passkey` fails if it was used or removed meanwhile)."""
    actions = [
        PasskeyRecord.counter.set(counter),
        PasskeyRecord.synced.set(synced),
        PasskeyRecord.last_used_at.set(clock.now()),
    ]
    unchanged = PasskeyRecord.counter == seen.counter
    transaction.update("passkey", PasskeyRecord(seen.user_id, seen.id), [*actions], unchanged)


def stage_removal(transaction: Transaction, passkey: PasskeyCredential) -> None:
    """Remove a passkey (label `passkey` fails if it was removed meanwhile)."""
    transaction.delete("credential", _unique(passkey.credential_id))
    transaction.delete("passkey", PasskeyRecord(passkey.user_id, passkey.id), PasskeyRecord.user_id.exists())


# --- ceremonies -----------------------------------------------------------------------------------------------


def begin(ceremony: Ceremony) -> None:
    CeremonyRecord(
        _key(ceremony.id),
        purpose=ceremony.purpose,
        user_id=ceremony.user_id,
        challenge=ceremony.challenge,
        expires_at_ms=ceremony.expires_at,
        expires_at=ceremony.expires_at // clock.SECOND + 1,
    ).save()


def redeem(ceremony_id: str) -> Ceremony | None:
    """Redeem a ceremony, once; None if it is unknown or was redeemed."""
    row = CeremonyRecord.find(_key(ceremony_id))
    if row is None or not row.delete_if(CeremonyRecord.token_hash.exists()):
        return None
    return Ceremony(ceremony_id, row.purpose, row.user_id, row.challenge, row.expires_at_ms)


def _key(ceremony_id: str) -> str:
    return f"ceremony#{digest(ceremony_id)}"
