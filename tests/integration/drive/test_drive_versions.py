"""Versions of a file: new ones, those that give way, those that are kept, those that are dropped."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from drive import store
from drive.files import service as files
from drive.trash import service as trash
from drive.uploads import transfers, usage_store
from kernel import config
from kernel.caller import Caller
from kernel.errors import Conflict, NotFound
from kernel.transactions import Transaction
from tests.integration import desk

MIB = 1024 * 1024


def test_a_new_version_keeps_the_id_and_the_version_before(ada: Caller) -> None:
    file_id = desk.put(ada, b"first")
    begun = desk.begin(ada, b"second", replaces=file_id)
    assert (begun["file"]["id"], begun["file"]["version"], begun["file"]["state"]) == (file_id, 2, "uploading")
    assert files.get(caller=ada, file_id=file_id)["version"] == 1
    files.download(caller=ada, file_id=file_id)
    sent = desk.send(begun, b"second")
    transfers.complete(caller=ada, file_id=file_id, sent_parts=[])
    assert files.get(caller=ada, file_id=file_id)["state"] == "processing"
    desk.arrive(*sent)
    file = files.get(caller=ada, file_id=file_id)
    assert (file["version"], file["state"], file["size"]) == (2, "ready", 6)
    assert desk.usage(ada).used == 11
    listed = files.versions(caller=ada, file_id=file_id, limit=50, after=None).items
    assert [(each["version"], each["current"]) for each in listed] == [(2, True), (1, False)]
    restored = files.restore_version(caller=ada, file_id=file_id, number=1)
    assert (restored["version"], restored["size"]) == (1, 5)


def test_a_name_given_while_a_new_version_is_uploaded_stays(ada: Caller) -> None:
    file_id = desk.put(ada, b"first")
    begun = desk.begin(ada, b"second", replaces=file_id, name="begun.txt")
    files.change(caller=ada, file_id=file_id, fields={"name": "later.txt"})
    desk.arrive(*desk.send(begun, b"second"))
    file = files.get(caller=ada, file_id=file_id)
    assert (file["version"], file["name"]) == (2, "later.txt")


def test_a_new_file_has_the_name_that_it_was_given_meanwhile_at_once(ada: Caller) -> None:
    begun = desk.begin(ada, b"first")
    changed = files.change(caller=ada, file_id=begun["file"]["id"], fields={"name": "later.txt"})
    assert changed["name"] == "later.txt"
    desk.arrive(*desk.send(begun, b"first"))
    assert files.get(caller=ada, file_id=begun["file"]["id"])["name"] == "later.txt"


def test_what_changes_nothing_is_no_activity(ada: Caller) -> None:
    file_id = desk.put(ada, b"first")
    name = files.get(caller=ada, file_id=file_id)["name"]
    for fields in ({}, {"name": name}, {"folder_id": None}):
        files.change(caller=ada, file_id=file_id, fields=fields)
    files.restore_version(caller=ada, file_id=file_id, number=1)
    trash.remove(caller=ada, node_id=file_id, permanent=False, file=True)
    trash.remove(caller=ada, node_id=file_id, permanent=False, file=True)
    noted = files.activity(caller=ada, file_id=file_id, limit=50, after=None).items
    assert [each["action"] for each in noted] == ["trashed", "uploaded"]


def test_versions_come_in_pages(ada: Caller) -> None:
    file_id = desk.put(ada, b"first")
    for content in (b"second", b"third"):
        desk.put(ada, content, replaces=file_id)
    first = files.versions(caller=ada, file_id=file_id, limit=2, after=None)
    second = files.versions(caller=ada, file_id=file_id, limit=2, after=first.next_cursor)
    assert [[each["version"] for each in page.items] for page in (first, second)] == [[3, 2], [1]]
    assert second.next_cursor is None


def test_a_version_after_a_restored_one_has_a_number_of_its_own(ada: Caller) -> None:
    file_id = desk.put(ada, b"first")
    desk.put(ada, b"second", replaces=file_id)
    files.restore_version(caller=ada, file_id=file_id, number=1)
    desk.put(ada, b"third", replaces=file_id)
    file = files.get(caller=ada, file_id=file_id)
    assert (file["version"], file["state"], file["sha256"]) == (3, "ready", desk.sha(b"third"))
    listed = files.versions(caller=ada, file_id=file_id, limit=50, after=None).items
    assert [(each["version"], each["current"]) for each in listed] == [(3, True), (2, False), (1, False)]


def test_a_rejected_version_leaves_the_one_before(ada: Caller) -> None:
    file_id = desk.put(ada, b"first")
    begun = desk.begin(ada, b"second", replaces=file_id)
    assert desk.arrive(*desk.send(begun, b"sEcond")) == "rejected"
    assert desk.state(ada, file_id) == ("ready", None)
    assert (desk.usage(ada).taken, desk.usage(ada).used) == (5, 5)


def test_an_unfinished_version_gives_way_to_a_later_one(ada: Caller) -> None:
    file_id = desk.put(ada, b"first")
    desk.begin(ada, b"second", replaces=file_id)
    begun = desk.begin(ada, b"third!!", replaces=file_id)
    assert desk.usage(ada).taken == 5 + 7
    transfers.abort(caller=ada, file_id=file_id)
    assert desk.usage(ada).taken == 5
    assert begun["file"]["version"] == 2


def _keep_versions(settings: pytest.MonkeyPatch, count: int) -> None:
    settings.setenv("DRIVE_VERSIONS_KEPT", str(count))
    config.config.cache_clear()


@pytest.mark.parametrize("kept", [None, 1, 3])
def test_so_many_versions_are_kept_as_the_deployment_says_twenty_if_nothing(
    ada: Caller, settings: pytest.MonkeyPatch, kept: int | None
) -> None:
    if kept is not None:
        _keep_versions(settings, kept)
    expected = kept or 20
    file_id = desk.put(ada, b"12345")
    for _ in range(expected + 1):
        desk.put(ada, b"12345", replaces=file_id)
    numbers = [each["version"] for each in files.versions(caller=ada, file_id=file_id, limit=50, after=None).items]
    assert numbers == list(range(expected + 2, 2, -1))
    assert desk.usage(ada).used == desk.usage(ada).taken == 5 * expected
    assert len(desk.blobs_left()) == expected


def test_fewer_kept_versions_drop_the_older_ones_with_the_next_upload(
    ada: Caller, settings: pytest.MonkeyPatch
) -> None:
    file_id = desk.put(ada, b"12345")
    for _ in range(5):
        desk.put(ada, b"12345", replaces=file_id)
    _keep_versions(settings, 2)
    desk.put(ada, b"12345", replaces=file_id)
    assert [each["version"] for each in files.versions(caller=ada, file_id=file_id, limit=50, after=None).items] == [
        7,
        6,
    ]
    assert desk.usage(ada).used == desk.usage(ada).taken == 10


def test_a_file_of_the_most_versions_there_may_be_is_deleted_whole(ada: Caller) -> None:
    """With one version above the maximum, a restored old version is kept."""
    file_id = desk.put(ada, b"12345")
    first = store.versions(file_id)[0]
    more = config.VERSIONS_KEPT_MAX

    def stage(transaction: Transaction) -> None:
        for number in range(2, more + 2):
            store.stage_version(transaction, replace(first, number=number))
        usage_store.stage_change(transaction, ada.user_id, taken=5 * more, used={"document": 5 * more})

    store.commit(stage)
    trash.remove(caller=ada, node_id=file_id, permanent=True, file=True)
    assert (store.versions(file_id), desk.usage(ada).taken, desk.usage(ada).used) == ([], 0, 0)
    assert desk.blobs_left() == []


def test_a_version_that_becomes_the_current_one_is_not_dropped_meanwhile(
    ada: Caller, settings: pytest.MonkeyPatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    _keep_versions(settings, 3)
    file_id = desk.put(ada, b"first")
    for number in range(2):
        desk.put(ada, b"%d" % number, replaces=file_id)
    drop = files.delete_versions

    def met(*given: Any, **options: Any) -> bool:
        monkeypatch.setattr(files, "delete_versions", drop)
        files.restore_version(caller=ada, file_id=file_id, number=1)
        return drop(*given, **options)

    monkeypatch.setattr(files, "delete_versions", met)
    desk.put(ada, b"last", replaces=file_id)
    assert files.get(caller=ada, file_id=file_id)["version"] == 1
    assert 1 in [each["version"] for each in files.versions(caller=ada, file_id=file_id, limit=50, after=None).items]


def test_a_version_that_is_dropped_in_this_moment_is_not_restored(ada: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    file_id = desk.put(ada, b"first")
    desk.put(ada, b"second", replaces=file_id)
    commit = store.commit

    def met(*given: Any) -> Any:
        monkeypatch.setattr(store, "commit", commit)
        files.delete_versions(store.nodes([file_id])[file_id], store.versions(file_id)[1:])
        return commit(*given)

    monkeypatch.setattr(store, "commit", met)
    with pytest.raises(NotFound):
        files.restore_version(caller=ada, file_id=file_id, number=1)
    assert files.get(caller=ada, file_id=file_id)["version"] == 2


def test_a_version_cannot_be_begun_while_another_is_looked_at(ada: Caller) -> None:
    file_id = desk.put(ada, b"first")
    begun = desk.begin(ada, b"second", replaces=file_id)
    desk.send(begun, b"second")
    transfers.complete(caller=ada, file_id=file_id, sent_parts=[])
    with pytest.raises(Conflict):
        desk.begin(ada, b"third", replaces=file_id)
