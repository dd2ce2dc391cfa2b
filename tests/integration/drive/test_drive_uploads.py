"""Uploads: quota (R31), what arrives (R32), repeats, parts, giving up."""

from __future__ import annotations

import gzip
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from drive import model, store
from drive.files import folders
from drive.files import service as files
from drive.trash import service as trash
from drive.trash import sweep
from drive.uploads import archives, intake, transfers
from drive.uploads import service as uploads
from kernel import clock, config
from kernel.caller import Caller
from kernel.errors import Conflict, NotFound, PayloadTooLarge, Problem, UnsupportedMediaType, ValidationFailed
from tests.integration import desk
from tests.support.zips import zipped

MIB = 1024 * 1024


def test_a_file_that_arrives_whole_is_ready_and_downloadable(ada: Caller) -> None:
    file_id = desk.put(ada, b"hello")
    assert desk.state(ada, file_id) == ("ready", None)
    assert "response-content-disposition=attachment" in files.download(caller=ada, file_id=file_id)["url"]
    assert (desk.usage(ada).used, desk.usage(ada).reserved) == (5, 0)
    assert desk.usage(ada).by_type["document"] == 5


def test_room_is_reserved_at_once_and_nothing_is_downloadable_before_it_is_ready(ada: Caller) -> None:
    begun = desk.begin(ada, b"hello")
    assert begun["file"]["state"] == "uploading"
    assert (desk.usage(ada).used, desk.usage(ada).reserved) == (0, 5)
    with pytest.raises(model.NotReady):
        files.download(caller=ada, file_id=begun["file"]["id"])


@pytest.mark.parametrize(
    ("content", "declared", "sent", "reason"),
    [
        (b"hello", desk.TEXT, b"hellO", "checksum_mismatch"),
        (b"hello", desk.TEXT, b"hello!", "size_mismatch"),
        (b"hello", "image/png", b"hello", "type_mismatch"),
        (b"\x89PNG\r\n\x1a\n" + b"0" * 20, desk.TEXT, None, "type_mismatch"),
        (b"\x7fELF" + b"0" * 20, desk.BYTES, None, "executable"),
    ],
)
def test_what_differs_from_its_declaration_is_rejected_and_its_room_given_back(
    ada: Caller, content: bytes, declared: str, sent: bytes | None, reason: str
) -> None:
    begun = desk.begin(ada, content, content_type=declared)
    assert desk.arrive(*desk.send(begun, content if sent is None else sent)) == "rejected"
    assert desk.state(ada, begun["file"]["id"]) == ("rejected", reason)
    assert (desk.usage(ada).taken, desk.usage(ada).used) == (0, 0)
    assert desk.blobs_left() == []
    with pytest.raises(model.NotReady):
        files.download(caller=ada, file_id=begun["file"]["id"])


BURSTING = zipped({"a": bytes(2 * MIB)})


@pytest.mark.parametrize(
    ("content", "outcome"),
    [
        (BURSTING, ("rejected", "archive_bomb")),
        (b"#!before" + BURSTING, ("rejected", "archive_bomb")),
        (gzip.compress(bytes(2 * MIB)), ("rejected", "archive_bomb")),
        (gzip.compress(b"hello"), ("ready", None)),
        (b"PK\3\4 and no archive", ("ready", None)),
        (BURSTING[:-30], ("ready", None)),  # nobody can open it
        (b"\x1f\x8b\x08 and no archive", ("ready", None)),
        (gzip.compress(b"hello" * 1000)[:-20], ("ready", None)),
    ],
    ids=["zip", "behind something", "gzip", "small gzip", "no zip", "cut zip", "no gzip", "cut gzip"],
)
def test_arbitrary_bytes_are_refused_only_if_they_would_burst(
    ada: Caller, monkeypatch: pytest.MonkeyPatch, content: bytes, outcome: tuple[str, str | None]
) -> None:
    monkeypatch.setattr(archives, "HARMLESS_BYTES", MIB)
    assert desk.state(ada, desk.put(ada, content, content_type=desk.BYTES)) == outcome


def test_bytes_sent_again_to_the_same_form_change_nothing(ada: Caller) -> None:
    begun = desk.begin(ada, b"hello")
    desk.arrive(*desk.send(begun, b"hello"))
    before = files.download(caller=ada, file_id=begun["file"]["id"])["url"]
    key, version = desk.send(begun, b"jello")
    assert desk.arrive(key, version) == "stale"
    assert len(desk.blobs_left()) == 1
    after = files.download(caller=ada, file_id=begun["file"]["id"])["url"]
    assert before.partition("versionId=")[2].split("&")[0] == after.partition("versionId=")[2].split("&")[0]


def test_the_intake_of_the_same_bytes_five_times_settles_once(ada: Caller) -> None:
    begun = desk.begin(ada, b"hello")
    sent = desk.send(begun, b"hello")
    seen = intake.inspect(*sent)
    assert [intake.settle(seen) for _ in range(5)] == ["ready", *["stale"] * 4]
    assert desk.arrive(*sent) == "stale"
    assert desk.usage(ada).used == 5
    assert len(desk.blobs_left()) == 1


def test_the_quota_is_exact_to_the_byte(ada: Caller, settings: pytest.MonkeyPatch) -> None:
    settings.setenv("DRIVE_QUOTA_BYTES", "10")
    config.config.cache_clear()
    desk.put(ada, b"12345")
    begun = desk.begin(ada, b"54321")
    with pytest.raises(model.QuotaExceeded):
        desk.begin(ada, b"1")
    transfers.abort(caller=ada, file_id=begun["file"]["id"])
    desk.begin(ada, b"abcde")
    with pytest.raises(model.QuotaExceeded):
        desk.begin(ada, b"1")


def test_a_hundred_parallel_uploads_never_exceed_the_quota(ada: Caller, settings: pytest.MonkeyPatch) -> None:
    settings.setenv("DRIVE_QUOTA_BYTES", "1000")
    config.config.cache_clear()
    begun: list[dict[str, Any]] = []
    full: list[Problem] = []
    lock = threading.Lock()

    def one(number: int) -> None:
        try:
            made = desk.begin(ada, bytes(30), client_id=f"p-{number}")
        except model.QuotaExceeded as problem:
            with lock:
                full.append(problem)
        else:
            with lock:
                begun.append(made)

    with ThreadPoolExecutor(16) as threads:
        list(threads.map(one, range(100)))
    assert (len(begun), len(full)) == (33, 67)
    assert desk.usage(ada).taken == 33 * 30
    for each in begun:
        transfers.abort(caller=ada, file_id=each["file"]["id"])
    assert desk.usage(ada).taken == 0


def test_the_same_client_id_gets_the_first_file_and_another_body_is_refused(ada: Caller) -> None:
    wanted = desk.wanted(b"hello", client_id="same")
    first, new = uploads.begin(caller=ada, wanted=wanted)
    again, new_again = uploads.begin(caller=ada, wanted=wanted)
    assert (new, new_again) == (True, False)
    assert again["file"] == first["file"]
    assert again["upload"]["kind"] == "post"
    assert desk.usage(ada).taken == 5
    with pytest.raises(Problem, match="client_id") as refused:
        uploads.begin(caller=ada, wanted=replace(wanted, name="other.txt"))
    assert refused.value.status == 422


def test_a_repeat_gets_the_first_file_though_it_could_not_be_begun_now(ada: Caller) -> None:
    top = folders.create(caller=ada, name="top", parent_id=None)["id"]
    first = desk.put(ada, folder_id=top, client_id="1")
    desk.put(ada, replaces=first, client_id="2")
    trash.remove(caller=ada, node_id=top, permanent=False, file=False)
    for fields in ({"folder_id": top, "client_id": "1"}, {"replaces": first, "client_id": "2"}):
        again, new = uploads.begin(caller=ada, wanted=desk.wanted(**fields))
        assert (new, again["file"]["id"], again["file"]["state"], again["upload"]) == (False, first, "trashed", None)
    with pytest.raises(NotFound):
        desk.begin(ada, folder_id=top, client_id="3")


def test_a_repeat_after_the_bytes_were_sent_needs_no_upload(ada: Caller) -> None:
    wanted = desk.wanted(b"hello", client_id="same")
    begun, _ = uploads.begin(caller=ada, wanted=wanted)
    desk.arrive(*desk.send(begun, b"hello"))
    again, _ = uploads.begin(caller=ada, wanted=wanted)
    assert (again["file"]["state"], again["upload"]) == ("ready", None)


def test_types_sizes_and_names_outside_the_rules_are_refused(ada: Caller) -> None:
    with pytest.raises(UnsupportedMediaType):
        desk.begin(ada, content_type="application/x-msdownload")
    with pytest.raises(PayloadTooLarge):
        desk.begin(ada, size=5 * 1024**3 + 1)
    for name in ("a/b", "a\\b", "..", " ", "a\nb", "a\x00b", "exe.\u202egnp", "exe.\u061cgnp", "x" * 256):
        with pytest.raises(ValidationFailed):
            desk.begin(ada, name=name)


def test_completing_without_bytes_is_refused(ada: Caller) -> None:
    file_id = desk.begin(ada)["file"]["id"]
    with pytest.raises(model.UploadIncomplete):
        transfers.complete(caller=ada, file_id=file_id, sent_parts=[])


def test_giving_up_frees_room_bytes_and_client_id_once(ada: Caller) -> None:
    wanted = desk.wanted(b"hello", client_id="again")
    begun, _ = uploads.begin(caller=ada, wanted=wanted)
    desk.send(begun, b"hello")
    transfers.abort(caller=ada, file_id=begun["file"]["id"])
    assert (desk.usage(ada).taken, desk.blobs_left()) == (0, [])
    with pytest.raises(NotFound):
        transfers.abort(caller=ada, file_id=begun["file"]["id"])
    _, new = uploads.begin(caller=ada, wanted=wanted)
    assert new


def test_giving_up_holds_whatever_is_changed_meanwhile(ada: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = desk.begin(ada)
    file_id = begun["file"]["id"]
    desk.send(begun, b"hello")
    give_up = transfers.cancel
    changes = [
        lambda: files.change(caller=ada, file_id=file_id, fields={"name": "other.txt"}),
        lambda: transfers.complete(caller=ada, file_id=file_id, sent_parts=[]),
    ]

    def met(node: model.Node, upload: model.PendingUpload) -> bool:
        if changes:
            changes.pop()()
        return give_up(node, upload)

    monkeypatch.setattr(transfers, "cancel", met)
    transfers.abort(caller=ada, file_id=file_id)
    assert (changes, store.node_access(file_id), desk.usage(ada).taken) == ([], None, 0)


def test_nothing_is_reserved_for_what_is_deleted_in_this_moment(ada: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    file_id, folder_id = desk.put(ada), folders.create(caller=ada, name="top", parent_id=None)["id"]
    other = folders.create(caller=ada, name="other", parent_id=None)["id"]
    lasting = desk.put(ada)
    reserve, commit = uploads._reserve, store.commit

    def meets(place: Any, name: str, real: Any, node_id: str, *, file: bool) -> None:
        """Have the next call of `name` run just after the node was deleted."""

        def met(*given: Any) -> Any:
            monkeypatch.setattr(place, name, real)
            trash.remove(caller=ada, node_id=node_id, permanent=True, file=file)
            return real(*given)

        monkeypatch.setattr(place, name, met)

    meets(uploads, "_reserve", reserve, file_id, file=True)
    with pytest.raises(Conflict):
        desk.begin(ada, b"new", replaces=file_id)
    meets(uploads, "_reserve", reserve, folder_id, file=False)
    with pytest.raises(NotFound):
        desk.begin(ada, b"new", folder_id=folder_id)
    third = folders.create(caller=ada, name="third", parent_id=None)["id"]
    meets(store, "commit", commit, other, file=False)
    with pytest.raises(NotFound):
        folders.create(caller=ada, name="inner", parent_id=other)
    meets(store, "commit", commit, third, file=False)
    with pytest.raises(NotFound):
        files.change(caller=ada, file_id=lasting, fields={"folder_id": third})
    assert desk.usage(ada).taken == 5


def test_abandoned_uploads_are_freed_after_a_day_and_not_before(ada: Caller) -> None:
    with clock.held(clock.now()) as advance:
        small, large = desk.begin(ada), desk.begin(ada, bytes(17 * MIB), content_type=desk.BYTES)
        transfers.parts(caller=ada, file_id=large["file"]["id"], numbers=[1])
        advance(clock.DAY - 1)
        sweep.sweep()
        assert desk.usage(ada).taken == 5 + 17 * MIB
        advance(1)
        sweep.sweep()
        assert desk.usage(ada).taken == 0
        for begun in (small, large):
            with pytest.raises(NotFound):
                files.get(caller=ada, file_id=begun["file"]["id"])


def test_an_intake_that_never_ends_rejects_the_file_after_a_day(ada: Caller) -> None:
    with clock.held(clock.now()) as advance:
        begun = desk.begin(ada)
        desk.send(begun, b"hello")
        transfers.complete(caller=ada, file_id=begun["file"]["id"], sent_parts=[])
        advance(clock.DAY + clock.HOUR)
        sweep.sweep()
        assert desk.state(ada, begun["file"]["id"]) == ("rejected", "intake_failed")
        assert desk.usage(ada).taken == 0
        assert desk.blobs_left() == []
