"""Files of encrypted conversations: each has a key of its own, and is encrypted in chunks.

So no file has to fit into memory. The chunks are a STREAM (Hoang, Reyhanitabar, Rogaway, Vizár, "Online
Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance", 2015): AES-256-GCM, whose nonces have the
file's random prefix, the chunk's number and whether it is the last. No chunk can be changed, moved, left out
or taken from another file without being noticed.
"""

from __future__ import annotations

import os
from base64 import b64decode, b64encode
from collections.abc import Iterator
from dataclasses import dataclass, replace
from io import BytesIO
from typing import BinaryIO

from secureconnect_client.encryption.errors import CannotDecrypt

CHUNK_BYTES = 1 << 20  # of plaintext; only the last chunk is shorter
_TAG_BYTES = 16
_KEY_BYTES = 32
_PREFIX_BYTES = 7
_ABOUT = b"SecureConnect file 2"  # authenticated with each chunk
# Files of before were one piece, of up to 64 MB, with a nonce of their own.
_WHOLE_NONCE_BYTES = 12
_ABOUT_WHOLE = b"SecureConnect file 1"


@dataclass(frozen=True, slots=True)
class SealedFile:
    """A message's description of a file: its `id` in the drive, `size` of the plaintext, `key` and `nonce`.

    The key and the nonce, the prefix of the chunks' nonces, are in base64.
    """

    id: str
    name: str
    content_type: str
    size: int
    key: str
    nonce: str

    def stored_as(self, file_id: str) -> SealedFile:
        """This description with the file's id after the upload."""
        return replace(self, id=file_id)


def seal(
    source: BinaryIO, target: BinaryIO, *, name: str, content_type: str = "application/octet-stream"
) -> SealedFile:
    """Encrypt a file; `target` gets the bytes to upload as application/octet-stream.

    Returns their description.
    """
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    key, prefix, size = os.urandom(_KEY_BYTES), os.urandom(_PREFIX_BYTES), 0
    cipher = AESGCM(key)
    for nonce, chunk in _chunks(source, prefix, CHUNK_BYTES):
        target.write(cipher.encrypt(nonce, chunk, _ABOUT))
        size += len(chunk)
    return SealedFile("", name, content_type, size, b64encode(key).decode(), b64encode(prefix).decode())


def unseal(source: BinaryIO, target: BinaryIO, about: SealedFile) -> None:
    """Decrypt a file. Raises CannotDecrypt if it is not the file that was sent.

    `target` may have a part of it by then, each byte of which was sent, but which must not pass for the file.
    """
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        cipher, nonce = AESGCM(b64decode(about.key)), b64decode(about.nonce)
        if len(nonce) == _WHOLE_NONCE_BYTES:
            target.write(cipher.decrypt(nonce, source.read(), _ABOUT_WHOLE))
            return
        if len(nonce) != _PREFIX_BYTES:
            raise ValueError("a nonce of another length")
        for each, chunk in _chunks(source, nonce, CHUNK_BYTES + _TAG_BYTES):
            target.write(cipher.decrypt(each, chunk, _ABOUT))
    except (InvalidTag, ValueError) as error:
        raise CannotDecrypt(f"{about.name} is not what was sent") from error


def seal_file(
    data: bytes, *, name: str, content_type: str = "application/octet-stream"
) -> tuple[bytes, SealedFile]:
    """`seal` for a file in memory; returns the bytes to upload, and their description."""
    target = BytesIO()
    about = seal(BytesIO(data), target, name=name, content_type=content_type)
    return target.getvalue(), about


def open_file(sealed: bytes, about: SealedFile) -> bytes:
    """`unseal` for a file in memory. Raises CannotDecrypt if it is not the file that was sent."""
    target = BytesIO()
    unseal(BytesIO(sealed), target, about)
    return target.getvalue()


def _chunks(source: BinaryIO, prefix: bytes, width: int) -> Iterator[tuple[bytes, bytes]]:
    """The chunks with their nonces; an empty file has one, which is empty."""
    chunk, number = _read(source, width), 0
    while True:
        following = _read(source, width)
        yield prefix + number.to_bytes(4, "big") + bytes([not following]), chunk
        if not following:
            return
        chunk, number = following, number + 1


def _read(source: BinaryIO, size: int) -> bytes:
    """So many bytes, or all that are left: a stream may give fewer at a time."""
    parts = []
    while size and (part := source.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
