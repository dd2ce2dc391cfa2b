"""Passkeys (WebAuthn level 3, by the package `webauthn`): adding, listing, removing them, and signing in with one.

Credentials are discoverable and require user verification, so that a passkey alone is two factors. The package is
imported where it is used, because its import takes 0.14 s.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from functools import partial
from typing import Any

from accounts import admission, alerts, store
from accounts.commits import Contended, commit
from accounts.factors import passkey_store, second_factors, step_up
from accounts.factors.model import CEREMONY_MS, PASSKEYS_MAX, Ceremony, PasskeyCredential
from accounts.model import InvalidCredentials, InvalidToken
from accounts.sessions import new_devices
from accounts.sessions import service as sessions
from accounts.sessions.model import IssuedTokens
from audit import api as audit
from kernel import clock, ids, origin, telemetry
from kernel.after_commit import FollowUp
from kernel.caller import Caller
from kernel.config import config
from kernel.errors import Conflict, NotFound, ValidationFailed
from kernel.resilience import retried
from kernel.transactions import Transaction
from users import api as users
from users.model import Profile

RELYING_PARTY = "SecureConnect"
_REGISTRATION, _SIGN_IN = "passkey_registration", "passkey_sign_in"
_CHALLENGE_BYTES = 32


# --- adding and removing --------------------------------------------------------------------------------------


def begin_registration(*, caller: Caller, password: str | None) -> tuple[str, dict[str, Any]]:
    """Begin a registration: its id and options.

    Raises StepUpRequired, InvalidCredentials, SecondFactorRequired, Conflict above 20 passkeys.
    """
    from webauthn import generate_registration_options
    from webauthn.helpers import structs

    second_factors.require_first(caller)
    step_up.require_recent_proof(caller, password)
    known = passkey_store.of_user(caller.user_id)
    if len(known) >= PASSKEYS_MAX:
        raise Conflict(f"There are {PASSKEYS_MAX} passkeys: remove one first.")
    person = users.get(caller.user_id)
    ceremony = _begin(_REGISTRATION, caller.user_id)
    options = generate_registration_options(
        rp_id=config().passkey_domain,
        rp_name=RELYING_PARTY,
        user_id=caller.user_id.encode(),
        user_name=person.username,
        user_display_name=person.display_name,
        challenge=_bytes(ceremony.challenge),
        timeout=CEREMONY_MS,
        authenticator_selection=structs.AuthenticatorSelectionCriteria(
            resident_key=structs.ResidentKeyRequirement.REQUIRED,
            user_verification=structs.UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=[structs.PublicKeyCredentialDescriptor(id=_bytes(each.credential_id)) for each in known],
        supported_pub_key_algs=_algorithms(),
    )
    return ceremony.id, _json(options)


def add(*, caller: Caller, registration_id: str, credential: dict[str, Any], name: str) -> PasskeyCredential:
    """Add a passkey.

    Raises InvalidToken for a used or expired registration, ValidationFailed, Conflict, SecondFactorRequired,
    TokenRevoked.
    """
    second_factors.require_first(caller)
    ceremony = passkey_store.redeem(registration_id)
    if ceremony is None or not ceremony.is_good_for(_REGISTRATION, caller.user_id):
        raise InvalidToken
    verified = _verify_registration(credential, ceremony)
    new = PasskeyCredential(
        user_id=caller.user_id,
        id=ids.new("pky"),
        credential_id=_text(verified.credential_id),
        public_key=_text(verified.credential_public_key),
        counter=verified.sign_count,
        name=name,
        created_at=clock.now(),
        synced=bool(verified.credential_backed_up),
    )

    def attempt() -> None:
        transaction = Transaction()
        passkey_store.stage_new(transaction, new)
        second_factors.stage_enrolment(transaction, caller)
        details = {"passkey_id": new.id}
        audit.stage(transaction, "passkey.added", actor=caller.user_id, target=caller.user_id, details=details)
        failed = commit(transaction)
        second_factors.require_enrolled(failed)
        if failed:
            raise Conflict("This passkey belongs to an account already.")

    retried(attempt, on=Contended)
    second_factors.end_other_enrolments(caller)
    alerts.alert(caller, "passkey_added")
    return new


def _verify_registration(credential: dict[str, Any], ceremony: Ceremony) -> Any:
    from webauthn import verify_registration_response

    try:
        return verify_registration_response(
            credential=credential,
            expected_challenge=_bytes(ceremony.challenge),
            expected_rp_id=config().passkey_domain,
            expected_origin=_origin_of(credential),
            require_user_verification=True,
            supported_pub_key_algs=_algorithms(),
        )
    except Exception as error:  # parsers of untrusted bytes raise anything, which always means a refusal
        telemetry.logger().info("passkey refused", extra={"why": type(error).__name__})
        raise ValidationFailed.of("credential", "is not an answer to this registration") from error


def list_passkeys(user_id: str) -> list[PasskeyCredential]:
    """A person's passkeys, oldest first."""
    return passkey_store.of_user(user_id)


def remove(*, caller: Caller, passkey_id: str, password: str | None) -> None:
    """Remove a passkey; raises StepUpRequired, InvalidCredentials, NotFound, LastFactor."""
    step_up.require_recent_proof(caller, password)
    found = next((each for each in passkey_store.of_user(caller.user_id) if each.id == passkey_id), None)
    if found is None:
        raise NotFound
    retried(lambda: _remove(found, by=caller.user_id), on=Contended)
    alerts.alert(caller, "passkey_removed")


def reset(user_id: str) -> int:
    """Remove all passkeys of somebody who has lost them, for an operator who has verified them; returns their number.

    The person is alerted, in case somebody else asked for it.
    """
    found = passkey_store.of_user(user_id)
    for each in found:
        retried(partial(_remove, each, by=None), on=Contended)
    if found:
        alerts.alert_user(user_id, "passkey_removed")
    return len(found)


def _remove(passkey: PasskeyCredential, *, by: str | None) -> None:
    """Remove a passkey on behalf of its owner or, with None, of an operator, who may remove the last factor."""
    transaction = Transaction()
    passkey_store.stage_removal(transaction, passkey)
    follow_up = second_factors.stage_removal(transaction, passkey.user_id, gone=passkey.id, by_operator=by is None)
    details = {"passkey_id": passkey.id}
    audit.stage(transaction, "passkey.removed", actor=by, target=passkey.user_id, details=details)
    failed = commit(transaction)
    second_factors.require_another(failed)
    if failed:
        raise NotFound
    if follow_up is not None:
        follow_up.complete()


# --- signing in -----------------------------------------------------------------------------------------------


def begin_sign_in() -> tuple[str, dict[str, Any]]:
    """Begin a sign-in with any of the device's passkeys: the challenge's id and options."""
    from webauthn import generate_authentication_options
    from webauthn.helpers import structs

    ceremony = _begin(_SIGN_IN, None)
    options = generate_authentication_options(
        rp_id=config().passkey_domain,
        challenge=_bytes(ceremony.challenge),
        timeout=CEREMONY_MS,
        user_verification=structs.UserVerificationRequirement.REQUIRED,
    )
    return ceremony.id, _json(options)


def sign_in(
    *, challenge_id: str, credential: dict[str, Any], device_name: str | None, ip: str
) -> tuple[Profile, IssuedTokens]:
    """Sign in with a passkey; raises InvalidCredentials for any failure."""
    ceremony = passkey_store.redeem(challenge_id)
    if ceremony is None or not ceremony.is_good_for(_SIGN_IN, None):
        raise _refused(None, "challenge")
    passkey = _find_by_credential(credential)
    if passkey is None:
        raise _refused(None, "unknown_passkey")
    verified = _verify_sign_in(credential, ceremony, passkey)
    if passkey.indicates_copy(verified.new_sign_count):
        alerts.alert_user(passkey.user_id, "passkey_copied")
        raise _refused(passkey.user_id, "counter_ran_back")
    tokens, follow_up = retried(lambda: _open_session(passkey, verified, device_name, ip), on=Contended)
    telemetry.total("SignInsAccepted")
    follow_up.complete()
    return users.get(passkey.user_id), tokens


def _find_by_credential(credential: dict[str, Any]) -> PasskeyCredential | None:
    """The passkey that a credential claims to be, by its user handle and id."""
    response = credential.get("response")
    handle = response.get("userHandle") if isinstance(response, dict) else None
    credential_id = credential.get("id")
    if not isinstance(handle, str) or not isinstance(credential_id, str) or len(handle) > 100:
        return None
    try:
        user_id = _bytes(handle).decode("ascii")
    except ValueError:
        return None
    known = passkey_store.of_user(user_id) if ids.is_id(user_id, "usr") else []
    return next((each for each in known if each.credential_id == credential_id.rstrip("=")), None)


def _verify_sign_in(credential: dict[str, Any], ceremony: Ceremony, passkey: PasskeyCredential) -> Any:
    from webauthn import verify_authentication_response

    try:
        return verify_authentication_response(
            credential=credential,
            expected_challenge=_bytes(ceremony.challenge),
            expected_rp_id=config().passkey_domain,
            expected_origin=_origin_of(credential),
            credential_public_key=_bytes(passkey.public_key),
            credential_current_sign_count=0,  # `indicates_copy` checks it, so that its owner can be alerted
            require_user_verification=True,
        )
    except Exception as error:  # as for registrations
        raise _refused(passkey.user_id, type(error).__name__) from error


def _open_session(
    passkey: PasskeyCredential, verified: Any, device_name: str | None, ip: str
) -> tuple[IssuedTokens, FollowUp]:
    """A new session and its follow-up work."""
    credentials = store.credentials(passkey.user_id)
    if credentials is None or (credentials.ban is not None and credentials.ban.is_active):
        raise _refused(passkey.user_id, "banned")
    transaction = Transaction()
    tokens = sessions.stage_new(transaction, user_id=passkey.user_id, device_name=device_name, ip=ip, two_factors=True)
    follow_up = new_devices.follow_up_of(credentials, session_id=tokens.session_id, device_name=device_name, ip=ip)
    follow_up.stage(transaction)
    store.stage_unchanged(transaction, credentials)
    synced = bool(verified.credential_backed_up)
    passkey_store.stage_use(transaction, passkey, counter=verified.new_sign_count, synced=synced)
    details = {"session_id": tokens.session_id, "by": "passkey", "passkey_id": passkey.id}
    audit.stage(transaction, "sign_in.accepted", actor=passkey.user_id, target=passkey.user_id, details=details)
    failed = commit(transaction)
    if "password" in failed:
        raise Contended  # changed or banned meanwhile; checked again by the retry
    if failed:
        raise _refused(passkey.user_id, "used_at_once")
    return tokens, follow_up


def _refused(user_id: str | None, why: str) -> InvalidCredentials:
    admission.record_refusal(user_id, f"passkey: {why}")
    return InvalidCredentials("This passkey does not sign in.")


# --- ceremonies -----------------------------------------------------------------------------------------------


def _begin(purpose: str, user_id: str | None) -> Ceremony:
    challenge = ids.token(_CHALLENGE_BYTES * 8)
    ceremony = Ceremony(ids.new("pkc"), purpose, user_id, challenge, clock.now() + CEREMONY_MS)
    passkey_store.begin(ceremony)
    return ceremony


def _origin_of(credential: dict[str, Any]) -> str:
    """The claimed origin, if it is one of the deployment's or a local page of a local stack; else raises ValueError.

    Raises it also for a page within another site's page (WebAuthn level 3, 7.1 and 7.2, `crossOrigin`), which the
    package does not check: our pages may not be framed.
    """
    stated = json.loads(_bytes(credential["response"]["clientDataJSON"]))
    claimed = stated["origin"]
    if claimed not in config().passkey_origins and not origin.is_local_page(claimed):
        raise ValueError("another origin")
    if stated.get("crossOrigin", False) is not False:
        raise ValueError("within a page of another origin")
    return str(claimed)


def _algorithms() -> list[Any]:
    """Ed25519, ES256 and RS256; every authenticator supports one of them."""
    from webauthn.helpers.cose import COSEAlgorithmIdentifier as Algorithm

    return [Algorithm.EDDSA, Algorithm.ECDSA_SHA_256, Algorithm.RSASSA_PKCS1_v1_5_SHA_256]


def _json(options: Any) -> dict[str, Any]:
    from webauthn import options_to_json

    found: dict[str, Any] = json.loads(options_to_json(options))
    return found


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
