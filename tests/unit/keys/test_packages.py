"""Which key packages a device may leave: those of the RFC's vectors at their time, and ones made here with one flaw."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from keys import framing, packages
from keys.framing import Malformed, vector
from keys.packages import PackageOwner
from tests.mls import Package, credential

PASSIVE = json.loads((Path(__file__).parent / "vectors" / "passive_client.json").read_text())
NOW = 1_764_000_000
DAY = 86_400


def test_key_packages_of_the_rfc_are_good_at_their_time() -> None:
    for each in PASSIVE["joins"]:
        message = bytes.fromhex(each["key_package"])
        read = framing.key_package(message)
        owner = PackageOwner(read.signature_key, read.credential.encoded)
        checked = packages.validate(message, owner, now_s=read.not_before)
        assert (checked.not_before, checked.not_after) == (read.not_before, read.not_after)
        # the reference by which the Welcome of the same vector names its newcomer
        assert checked.reference in each["welcome"]
        with pytest.raises(Malformed, match="over"):
            packages.validate(message, owner, now_s=read.not_after)


@pytest.fixture
def package() -> Package:
    return Package("usr_1", "phone", not_before=NOW, not_after=NOW + 30 * DAY)


def test_a_package_of_the_device_itself_is_good(package: Package) -> None:
    checked = packages.validate(package.message(), package.owner, now_s=NOW)
    assert len(checked.reference) == 64
    assert checked.message == package.message()


@pytest.mark.parametrize(
    ("flaw", "reason"),
    [
        ({"suite": 2}, "cipher suite"),
        ({"version": 2}, "version"),
        ({"init_key": bytes(31)}, "length"),
        ({"encryption_key": b"i" * 32, "init_key": b"i" * 32}, "the same"),
        ({"not_before": NOW + 3_601}, "ahead"),
        ({"not_after": NOW}, "over"),
        ({"not_before": NOW + 100, "not_after": NOW + 50}, "before it begins"),
        ({"not_after": NOW + 400 * DAY + 1}, "400 days"),
        ({"not_before": 0, "not_after": 2**64 - 1}, "400 days"),
        ({"encoded_credential": credential("usr_1", "laptop")}, "credential"),
        ({"encoded_credential": credential("usr_2", "phone")}, "credential"),
        ({"encoded_credential": b"\x00\x02" + vector(b"")}, "credential"),
        ({"leaf_source": 2}, "leaf"),
        ({"leaf_key": Ed25519PrivateKey.generate()}, "signature"),
        ({"package_key": Ed25519PrivateKey.generate()}, "signature"),
    ],
    ids=lambda value: value if isinstance(value, str) else next(iter(value)),
)
def test_a_package_with_a_flaw_is_refused(package: Package, flaw: dict[str, object], reason: str) -> None:
    with pytest.raises(Malformed, match=reason):
        packages.validate(replace(package, **flaw).message(), package.owner, now_s=NOW)  # type: ignore[arg-type]


def test_a_package_of_another_key_is_refused(package: Package) -> None:
    other = Package("usr_1", "phone", not_before=NOW, not_after=NOW + DAY)
    with pytest.raises(Malformed, match="own signature key"):
        packages.validate(other.message(), package.owner, now_s=NOW)


def test_a_package_may_begin_within_the_hour_and_live_for_400_days(package: Package) -> None:
    late = replace(package, not_before=NOW + 3_600, not_after=NOW + 3_600 + 400 * DAY)
    assert packages.validate(late.message(), late.owner, now_s=NOW).not_before == NOW + 3_600


def test_every_altered_byte_is_noticed(package: Package) -> None:
    message = package.message()
    for at in range(len(message)):
        altered = message[:at] + bytes([message[at] ^ 1]) + message[at + 1 :]
        with pytest.raises(Malformed):
            packages.validate(altered, package.owner, now_s=NOW)
