"""Bad access tokens (R34): every one is refused with 401."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from kernel import auth, clock, ids, keyrings
from kernel.errors import Unauthenticated

USER, SESSION = ids.new("usr"), ids.new("ses")


def key() -> ec.EllipticCurvePrivateKey:
    return auth._private_key(keyrings.tokens.seeds()[0])


def kid() -> str:
    return keyrings.tokens.seeds()[0].kid


def claims(**changes: Any) -> dict[str, Any]:
    now = clock.now_s()
    good = {
        "iss": auth.ISSUER,
        "aud": auth.AUDIENCE,
        "sub": USER,
        "sid": SESSION,
        "jti": ids.new("jti"),
        "iat": now,
        "exp": now + auth.ACCESS_TTL_S,
    }
    return {name: value for name, value in {**good, **changes}.items() if value is not None}


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def raw(header: Any, payload: Any, signed_by: ec.EllipticCurvePrivateKey | None = None) -> str:
    """A token of any JSON, past the library's checks on what it signs."""
    text = f"{b64(json.dumps(header).encode())}.{b64(json.dumps(payload).encode())}"
    algorithm = jwt.algorithms.ECAlgorithm(jwt.algorithms.ECAlgorithm.SHA256)
    signature = algorithm.sign(text.encode(), signed_by or key())
    return f"{text}.{b64(signature)}"


def signed(**changes: Any) -> str:
    return raw({"alg": "ES256", "typ": "JWT", "kid": kid()}, claims(**changes))


def with_header(**changes: Any) -> str:
    header = {"alg": "ES256", "typ": "JWT", "kid": kid(), **changes}
    return raw({name: value for name, value in header.items() if value is not None}, claims())


def public_pem() -> bytes:
    return key().public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def hmac_with_public_key() -> str:
    """The classic confusion: the public key as the secret of HS256."""
    text = f"{b64(json.dumps({'alg': 'HS256', 'kid': kid()}).encode())}.{b64(json.dumps(claims()).encode())}"
    return f"{text}.{b64(hmac.digest(public_pem(), text.encode(), hashlib.sha256))}"


def unsigned(algorithm: str) -> str:
    return f"{b64(json.dumps({'alg': algorithm, 'kid': kid()}).encode())}.{b64(json.dumps(claims()).encode())}."


def altered_payload() -> str:
    header, _, signature = signed().split(".")
    return f"{header}.{b64(json.dumps(claims(sub=ids.new('usr'))).encode())}.{signature}"


def foreign(algorithm: str, private: Any) -> str:
    return jwt.encode(claims(), private, algorithm=algorithm, headers={"kid": kid()})


BAD: dict[str, Callable[[], str]] = {
    "empty": lambda: "",
    "no dots": lambda: "token",
    "two parts": lambda: ".".join(signed().split(".")[:2]),
    "four parts": lambda: f"{signed()}.x",
    "dots only": lambda: "..",
    "no signature": lambda: f"{signed().rpartition('.')[0]}.",
    "truncated": lambda: signed()[:-10],
    "zero signature": lambda: f"{signed().rpartition('.')[0]}.{b64(bytes(64))}",
    "altered payload": altered_payload,
    "none": lambda: unsigned("none"),
    "None": lambda: unsigned("None"),
    "nOnE": lambda: unsigned("nOnE"),
    "none by name, signed": lambda: with_header(alg="none"),
    "HS256 with the public key": hmac_with_public_key,
    "HS256 in the header of an ES256 token": lambda: with_header(alg="HS256"),
    "no algorithm": lambda: with_header(alg=None),
    "algorithm of the wrong type": lambda: with_header(alg=["ES256"]),
    "RS256": lambda: foreign("RS256", rsa.generate_private_key(65537, 2048)),
    "ES384": lambda: foreign("ES384", ec.generate_private_key(ec.SECP384R1())),
    "EdDSA": lambda: foreign("EdDSA", ed25519.Ed25519PrivateKey.generate()),
    "somebody else's key": lambda: foreign("ES256", ec.generate_private_key(ec.SECP256R1())),
    "foreign kid": lambda: with_header(kid="00" * 9),
    "no kid": lambda: with_header(kid=None),
    "kid of the wrong type": lambda: with_header(kid=7),
    "kid as a path": lambda: with_header(kid="../../etc/passwd"),
    "unknown critical header": lambda: with_header(crit=["exp2"], exp2=1),
    "detached payload": lambda: with_header(b64=False, crit=["b64"]),
    "header that is a list": lambda: raw([], claims()),
    "payload that is a list": lambda: raw({"alg": "ES256", "kid": kid()}, [claims()]),
    "expired": lambda: signed(iat=clock.now_s() - 2_000, exp=clock.now_s() - 60),
    "from the future": lambda: signed(iat=clock.now_s() + 600, exp=clock.now_s() + 1_500),
    "not yet": lambda: signed(nbf=clock.now_s() + 600),
    "other audience": lambda: signed(aud="somebody"),
    "audience of the wrong type": lambda: signed(aud=7),
    "other issuer": lambda: signed(iss="somebody"),
    **{f"no {name}": lambda name=name: signed(**{name: None}) for name in auth._REQUIRED},  # type: ignore[misc]
    "exp as text": lambda: signed(exp=str(clock.now_s() + 600)),
    "exp as a fraction": lambda: signed(exp=clock.now_s() + 600.5),
    "exp as true": lambda: signed(exp=True),
    "iat as text": lambda: signed(iat="now"),
    "sub of the wrong type": lambda: signed(sub=7),
    "sub that is no person": lambda: signed(sub=SESSION),
    "sid of the wrong type": lambda: signed(sid=["ses_1"]),
    "sid that is no session": lambda: signed(sid=USER),
    "not ASCII": lambda: f"{signed()}é",
    "a NUL": lambda: f"{signed()}\0",
    "very long": lambda: "a" * 100_000,
}


def test_the_corpus_is_built_from_a_token_that_is_good() -> None:
    assert auth.verify(signed()).user_id == USER
    assert len(BAD) >= 40


@pytest.mark.attack
@pytest.mark.parametrize("name", BAD)
def test_a_bad_token_is_refused(name: str) -> None:
    with pytest.raises(Unauthenticated) as refused:
        auth.verify(BAD[name]())

    assert refused.value.stable_code == ("token_expired" if name == "expired" else "unauthenticated")


def test_a_token_verified_before_is_refused_once_it_has_expired() -> None:
    with clock.held(clock.now()) as advance:
        token = auth.issue(USER, SESSION)
        auth.verify(token)

        advance((auth.ACCESS_TTL_S + auth.LEEWAY_S) * clock.SECOND)
        with pytest.raises(Unauthenticated) as refused:
            auth.verify(token)

    assert refused.value.stable_code == "token_expired"
