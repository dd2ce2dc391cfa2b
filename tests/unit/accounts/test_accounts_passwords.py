from __future__ import annotations

import unicodedata

import bcrypt
import pytest

from accounts import libxcrypt, passwords
from kernel.errors import ValidationFailed

LONG = "пароль" * 21 + "ab"  # 128 characters, 254 bytes


def test_the_cost_of_bcrypt_is_at_least_12() -> None:
    assert passwords.hash_password("correct horse").startswith("$2b$12$")


@pytest.mark.parametrize("password", ["🔐" * 10, LONG, "nul\0inside it", "  ten spaces  ", "密码密码密码密码密码"])
def test_a_password_of_any_script_and_length_matches_itself(password: str) -> None:
    assert passwords.matches(password, passwords.hash_password(password))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (LONG, LONG[:-1] + "c"),
        ("x" * 127 + "y", "x" * 127 + "z"),
        ("🔐" * 9 + "🔑", "🔐" * 10),
        ("nul\0inside it", "nul\0inside at"),
        ("Correct horse", "correct horse"),
    ],
)
def test_passwords_that_differ_in_one_character_do_not_match(one: str, other: str) -> None:
    assert not passwords.matches(other, passwords.hash_password(one))


def test_the_same_letters_match_however_a_keyboard_composes_them() -> None:
    composed = "vögel im frühling"

    assert passwords.matches(unicodedata.normalize("NFD", composed), passwords.hash_password(composed))


@pytest.mark.parametrize("missing", ["while it is kept", "while it is compared", "always"])
def test_hashes_are_the_same_without_libxcrypt(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    """On macOS, or where libcrypt is another library, the package does it."""
    with monkeypatch.context() as changed:
        if missing in ("while it is kept", "always"):
            changed.setattr(libxcrypt, "_library", lambda: None)
        kept = passwords.hash_password("nul\0inside it")
    if missing in ("while it is compared", "always"):
        monkeypatch.setattr(libxcrypt, "_library", lambda: None)

    assert passwords.matches("nul\0inside it", kept)
    assert not passwords.matches("nul\0inside at", kept)


@pytest.mark.skipif(libxcrypt._library() is None, reason="no libxcrypt on this machine")
@pytest.mark.parametrize("phrase", [b"", b"U*U", b"x" * 44, bytes(range(1, 73))])
def test_libxcrypt_and_the_package_compute_the_same_hashes(phrase: bytes) -> None:
    setting = bcrypt.gensalt(4)

    assert libxcrypt.bcrypt(phrase, setting) == bcrypt.hashpw(phrase, setting)


def test_a_library_without_bcrypt_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """As glibc's own libcrypt, of distributions before 2018, which lacks crypt_rn."""
    monkeypatch.setattr(libxcrypt, "_NAMES", ("libc.so.6", "libmissing.so.1"))
    libxcrypt._library.cache_clear()

    assert libxcrypt.bcrypt(b"phrase", bcrypt.gensalt(4)) is None
    libxcrypt._library.cache_clear()


def test_nothing_matches_an_account_that_is_not_there() -> None:
    assert not passwords.matches("whatever it is", None)


@pytest.mark.parametrize("password", ["1234567890", "qwertyuiop", "QwErTyUiOp", "PASSWORD123"])
def test_a_common_password_is_refused_in_any_case(password: str) -> None:
    with pytest.raises(ValidationFailed) as refused:
        passwords.require_uncommon(password, "new_password")

    assert refused.value.errors[0].field == "new_password"


def test_an_uncommon_password_is_accepted() -> None:
    passwords.require_uncommon("four lilac otters", "password")


NAMES = ("ada_lovelace", "Augusta King", "countess@ockham.example")


@pytest.mark.parametrize(
    "password",
    ["SecureConnect!", "secure-connect1", "Ada_Lovelace15", "adalovelace12", "Augusta.King", "ockham24ockham"],
)
def test_a_password_that_is_hardly_more_than_a_name_is_refused(password: str) -> None:
    with pytest.raises(ValidationFailed) as refused:
        passwords.require_unrelated(password, "new_password", NAMES)

    assert refused.value.errors[0].field == "new_password"


@pytest.mark.parametrize(
    "password", ["four lilac otters", "lovelace's engine", "pw-ada_lovelace", "1234567890", "🦦" * 10]
)
def test_a_password_may_hold_a_name_beside_enough_else(password: str) -> None:
    passwords.require_unrelated(password, "new_password", NAMES)


def test_the_shipped_list_has_no_entry_that_length_alone_would_refuse() -> None:
    words = passwords._common()

    assert len(words) > 2_000
    assert all(len(word) >= passwords.MIN_CHARS for word in words if word)
