"""The backup of a person's keys: kept as it came, one for each person."""

from __future__ import annotations

from typing import Any

from kernel import aws
from keys import app
from tests.conftest import BUCKET
from tests.helpers import Person, Reply, ask, someone
from tests.integration.keys.desk import b64

BACKUP = {"version": 1, "salt": "c2FsdA==", "params": {"kdf": "argon2id", "m": 65536}, "ciphertext": b64(b"sealed")}


def put(who: Person, **changed: Any) -> Reply:
    return ask(app.app, "PUT", "/keys/backup", token=who.token, body=BACKUP | changed)


def get(who: Person) -> Reply:
    return ask(app.app, "GET", "/keys/backup", token=who.token)


def test_a_backup_comes_back_as_it_was_put_and_only_to_its_owner() -> None:
    ada, bob = someone("ada"), someone("bob")
    assert get(ada).status == 404
    assert put(ada).status == 200
    assert get(ada).body == BACKUP
    assert get(bob).status == 404


def test_a_later_backup_takes_the_place_of_the_earlier_one() -> None:
    ada = someone("ada")
    put(ada)
    put(ada, version=2, ciphertext=b64(b"sealed again"))
    assert get(ada).body == BACKUP | {"version": 2, "ciphertext": b64(b"sealed again")}
    listed = aws.client("s3").list_objects_v2(Bucket=BUCKET, Prefix=f"keys/backups/{ada.user_id}/")
    assert listed["KeyCount"] == 1


def test_a_backup_of_one_megabyte_is_kept_and_a_larger_one_refused() -> None:
    ada = someone("ada")
    assert put(ada, ciphertext=b64(bytes(1024 * 1024))).status == 200
    assert (put(ada, ciphertext=b64(bytes(1024 * 1024 + 1))).status) == 413
    assert put(ada, ciphertext=b64(bytes(2 * 1024 * 1024))).status == 413
    assert put(ada, ciphertext="&&&&").code == "validation_failed"


def test_a_backup_that_is_deleted_is_gone() -> None:
    ada = someone("ada")
    put(ada)
    for _ in range(2):
        assert ask(app.app, "DELETE", "/keys/backup", token=ada.token).status == 204
    assert get(ada).status == 404
