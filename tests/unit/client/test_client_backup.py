"""The encrypted backup: opened with its passphrase alone, and never more than the server takes."""

from __future__ import annotations

import os
from base64 import b64decode
from typing import Any

import pytest

from secureconnect_client.encryption import backup
from secureconnect_client.encryption.errors import CannotDecrypt


def said(number: int, text: str) -> dict[str, Any]:
    return {"conversation_id": "cnv_1", "message_id": f"msg_{number}", "seq": number, "text": text}


def test_a_backup_is_opened_with_its_passphrase_alone_however_it_was_typed() -> None:
    document = backup.seal([said(1, "one")], "p\u00e4ssphrase")
    assert backup.unseal(document, "pa\u0308ssphrase") == [said(1, "one")]
    with pytest.raises(CannotDecrypt):
        backup.unseal(document, "passphrase")
    with pytest.raises(CannotDecrypt, match="version"):
        backup.unseal({**document, "version": 2}, "p\u00e4ssphrase")


def test_of_what_is_too_much_the_newest_stays() -> None:
    document = backup.seal([said(number, os.urandom(30_000).hex()) for number in range(60, 0, -1)], "correct horse")
    assert len(b64decode(document["ciphertext"])) <= backup.MAX_BYTES
    kept = backup.unseal(document, "correct horse")
    assert kept[0]["seq"] == 60
    assert len(kept) < 60


def test_a_server_that_asks_for_all_of_the_memory_gets_nothing() -> None:
    document = backup.seal([], "correct horse")
    with pytest.raises(CannotDecrypt):
        backup.unseal({**document, "params": {**document["params"], "memory_kib": 4_000_000}}, "correct horse")
