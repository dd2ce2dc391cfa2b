"""Files of encrypted conversations, each with a key of its own, in chunks."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from secureconnect_client.encryption.content import Content, packed, unpacked
from secureconnect_client.encryption.errors import CannotDecrypt
from secureconnect_client.encryption.files import CHUNK_BYTES, SealedFile, open_file, seal, seal_file, unseal

SEALED_CHUNK_BYTES = CHUNK_BYTES + 16


class Trickle(BytesIO):
    """A stream that gives at most 100,000 bytes at a time, as a socket does."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(100_000 if size is None or size < 0 else min(size, 100_000))


def test_a_file_is_opened_by_what_its_message_says() -> None:
    sealed, about = seal_file(b"one, two", name="notes.txt", content_type="text/plain")
    content = unpacked(packed(Content("", (about.stored_as("fil_1"),))))

    assert content is not None
    (got,) = content.files
    assert (got.id, got.name, got.content_type, got.size) == ("fil_1", "notes.txt", "text/plain", 8)
    assert b"one" not in sealed
    assert open_file(sealed, got) == b"one, two"


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES])
def test_a_file_of_any_size_comes_back_in_chunks(size: int) -> None:
    data, sealed, opened = bytes(range(256)) * (size // 256) + bytes(size % 256), BytesIO(), BytesIO()

    about = seal(Trickle(data), sealed, name="data")
    unseal(Trickle(sealed.getvalue()), opened, about)

    assert (about.size, opened.getvalue()) == (size, data)
    assert len(sealed.getvalue()) == size + 16 * max(1, -(-size // CHUNK_BYTES))


@pytest.mark.parametrize(
    "attack",
    [
        pytest.param(lambda it: it[:-1] + bytes([it[-1] ^ 1]), id="changed"),
        pytest.param(lambda it: it[:SEALED_CHUNK_BYTES], id="cut between chunks"),
        pytest.param(lambda it: it[:-1], id="cut"),
        pytest.param(lambda it: b"", id="emptied"),
        pytest.param(lambda it: it + it[-17:], id="lengthened"),
        pytest.param(
            lambda it: (
                it[SEALED_CHUNK_BYTES : 2 * SEALED_CHUNK_BYTES] + it[:SEALED_CHUNK_BYTES] + it[2 * SEALED_CHUNK_BYTES :]
            ),
            id="chunks exchanged",
        ),
        pytest.param(lambda it: it[SEALED_CHUNK_BYTES:], id="a chunk left out"),
    ],
)
def test_a_file_that_was_changed_on_the_way_is_not_opened(attack: Callable[[bytes], bytes]) -> None:
    sealed, about = seal_file(bytes(2 * CHUNK_BYTES + 1), name="data")

    with pytest.raises(CannotDecrypt):
        open_file(attack(sealed), about)


def test_a_description_that_fits_no_file_is_refused() -> None:
    sealed, about = seal_file(b"one, two", name="notes.txt")
    for wrong in (replace(about, nonce="AAAA"), replace(about, key="AAAA"), replace(about, nonce="?")):
        with pytest.raises(CannotDecrypt):
            open_file(sealed, wrong)


def test_a_file_of_before_that_is_one_piece_is_opened() -> None:
    key, nonce = bytes(range(32)), bytes(range(12))
    sealed = AESGCM(key).encrypt(nonce, b"one, two", b"SecureConnect file 1")
    about = SealedFile("fil_1", "notes.txt", "text/plain", 8, b64encode(key).decode(), b64encode(nonce).decode())

    assert open_file(sealed, about) == b"one, two"
