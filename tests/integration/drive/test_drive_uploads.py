"""Uploads: quota (R31), what arrives (R32), repeats, parts, giving up."""

from __future__ import annotations

import gzip
import io
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from drive import model, store
from drive.files import folders
from drive.files import service as files
from drive.trash import service as trash
from drive.trash import sweep
from drive.uploads import archives, intake, transfers, usage_store
from drive.uploads import service as uploads
from kernel import aws, blobs, clock, config
from kernel.caller import Caller
from kernel.dynamo import Transaction
from kernel.errors import Conflict, NotFound, PayloadTooLarge, Problem, UnsupportedMediaType, ValidationFailed
from tests.conftest import BUCKET
from tests.integration import desk
from tests.integration.rooms import people

MIB = 1024 * 1024


@pytest.fixture
def ada() -> Caller:
    return people("ada")[0]


def _state(who: Caller, file_id: str) -> tuple[str, str | None]:
    file = files.get(caller=who, file_id=file_id)
    return file["state"], file["reject_reason"]


def test_a_file_that_arrives_whole_is_ready_and_downloadable(ada: Caller) -> None:
    file_id = desk.put(ada, b"hello")
    assert _state(ada, file_id) == ("ready", None)
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
    assert _state(ada, begun["file"]["id"]) == ("rejected", reason)
    assert (desk.usage(ada).taken, desk.usage(ada).used) == (0, 0)
    assert desk.blobs_left() == []
    with pytest.raises(model.NotReady):
        files.download(caller=ada, file_id=begun["file"]["id"])


def _bomb_zip() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", bytes(2 * MIB))
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "outcome"),
    [
        (_bomb_zip(), ("rejected", "archive_bomb")),
        (b"#!before" + _bomb_zip(), ("rejected", "archive_bomb")),
        (gzip.compress(bytes(2 * MIB)), ("rejected", "archive_bomb")),
        (gzip.compress(b"hello"), ("ready", None)),
        (b"PK\3\4 and no archive", ("ready", None)),
        (_bomb_zip()[:-30], ("ready", None)),  # nobody can open it
        (b"\x1f\x8b\x08 and no archive", ("ready", None)),
        (gzip.compress(b"hello" * 1000)[:-20], ("ready", None)),
    ],
    ids=["zip", "behind something", "gzip", "small gzip", "no zip", "cut zip", "no gzip", "cut gzip"],
)
def test_arbitrary_bytes_are_refused_only_if_they_would_burst(
    ada: Caller, monkeypatch: pytest.MonkeyPatch, content: bytes, outcome: tuple[str, str | None]
) -> None:
    monkeypatch.setattr(archives, "HARMLESS_BYTES", MIB)
    assert _state(ada, desk.put(ada, content, content_type=desk.BYTES)) == outcome


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


def _in_parts(who: Caller, content: bytes) -> dict[str, Any]:
    return desk.begin(who, content, content_type=desk.BYTES)


def _send_part(file_id: str, key_of: str, number: int, piece: bytes) -> None:
    found = store.node_access(file_id)
    assert found is not None
    assert found.upload is not None
    aws.client("s3").upload_part(
        Bucket=BUCKET, Key=key_of, UploadId=found.upload.multipart_id, PartNumber=number, Body=piece
    )


def test_a_large_file_goes_in_parts_and_resumes(ada: Caller) -> None:
    content = b"x" * (16 * MIB + 1)
    begun = _in_parts(ada, content)
    file_id, instructions = begun["file"]["id"], begun["upload"]
    assert (instructions["kind"], instructions["part_count"]) == ("multipart", 4)
    size = instructions["part_size"]
    asked = transfers.parts(caller=ada, file_id=file_id, numbers=[1, 2])
    assert [part["number"] for part in asked["parts"]] == [1, 2]
    found = store.node_access(file_id)
    assert found is not None
    assert found.upload is not None
    key = found.upload.object_key
    for number in (1, 2):
        _send_part(file_id, key, number, content[(number - 1) * size : number * size])
    with pytest.raises(model.UploadIncomplete):
        transfers.complete(caller=ada, file_id=file_id, claimed=[])
    resumed = transfers.parts(caller=ada, file_id=file_id, numbers=[3, 4])
    assert [(part["number"], part["size"]) for part in resumed["uploaded"]] == [(1, size), (2, size)]
    for number in (3, 4):
        _send_part(file_id, key, number, content[(number - 1) * size : number * size])
    assert transfers.complete(caller=ada, file_id=file_id, claimed=[])["state"] == "processing"
    assert desk.arrive(key, "") == "ready"
    assert transfers.complete(caller=ada, file_id=file_id, claimed=[])["state"] == "ready"
    assert desk.usage(ada).used == len(content)


def test_parts_are_for_uploads_in_parts_and_for_their_uploader(ada: Caller) -> None:
    bob = people("bob")[0]
    small, large = desk.begin(ada)["file"]["id"], _in_parts(ada, bytes(17 * MIB))["file"]["id"]
    with pytest.raises(ValidationFailed):
        transfers.parts(caller=ada, file_id=small, numbers=[1])
    with pytest.raises(ValidationFailed):
        transfers.parts(caller=ada, file_id=large, numbers=[5])
    with pytest.raises(NotFound):
        transfers.parts(caller=bob, file_id=large, numbers=[1])
    with pytest.raises(NotFound):
        transfers.complete(caller=bob, file_id=large, claimed=[])
    with pytest.raises(NotFound):
        transfers.abort(caller=bob, file_id=large)


def test_completing_without_bytes_is_refused(ada: Caller) -> None:
    file_id = desk.begin(ada)["file"]["id"]
    with pytest.raises(model.UploadIncomplete):
        transfers.complete(caller=ada, file_id=file_id, claimed=[])


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
    give_up = transfers.give_up
    changes = [
        lambda: files.change(caller=ada, file_id=file_id, fields={"name": "other.txt"}),
        lambda: transfers.complete(caller=ada, file_id=file_id, claimed=[]),
    ]

    def met(node: model.Node, upload: model.PendingUpload) -> bool:
        if changes:
            changes.pop()()
        return give_up(node, upload)

    monkeypatch.setattr(transfers, "give_up", met)
    transfers.abort(caller=ada, file_id=file_id)
    assert (changes, store.node_access(file_id), desk.usage(ada).taken) == ([], None, 0)


def test_nothing_is_reserved_for_what_is_deleted_in_this_moment(ada: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    file_id, folder_id = desk.put(ada), folders.create(caller=ada, name="top", parent_id=None)["id"]
    other = folders.create(caller=ada, name="other", parent_id=None)["id"]
    lasting = desk.put(ada)
    reserve, commit = uploads._reserve, store.commit

    def meets(place: Any, name: str, real: Any, node_id: str, *, file: bool) -> None:
        """What `name` does next is done when the node has just been deleted."""

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
        small, large = desk.begin(ada), _in_parts(ada, bytes(17 * MIB))
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
        transfers.complete(caller=ada, file_id=begun["file"]["id"], claimed=[])
        advance(clock.DAY + clock.HOUR)
        sweep.sweep()
        assert _state(ada, begun["file"]["id"]) == ("rejected", "intake_failed")
        assert desk.usage(ada).taken == 0


def test_a_new_version_keeps_the_id_and_the_version_before(ada: Caller) -> None:
    file_id = desk.put(ada, b"first")
    begun = desk.begin(ada, b"second", replaces=file_id)
    assert (begun["file"]["id"], begun["file"]["version"], begun["file"]["state"]) == (file_id, 2, "uploading")
    assert files.get(caller=ada, file_id=file_id)["version"] == 1
    files.download(caller=ada, file_id=file_id)
    sent = desk.send(begun, b"second")
    transfers.complete(caller=ada, file_id=file_id, claimed=[])
    assert files.get(caller=ada, file_id=file_id)["state"] == "processing"
    desk.arrive(*sent)
    file = files.get(caller=ada, file_id=file_id)
    assert (file["version"], file["state"], file["size"]) == (2, "ready", 6)
    assert desk.usage(ada).used == 11
    listed = files.versions(caller=ada, file_id=file_id).items
    assert [(each["version"], each["current"]) for each in listed] == [(2, True), (1, False)]
    restored = files.restore_version(caller=ada, file_id=file_id, number=1)
    assert (restored["version"], restored["size"]) == (1, 5)


def test_a_version_after_a_restored_one_has_a_number_of_its_own(ada: Caller) -> None:
    file_id = desk.put(ada, b"first")
    desk.put(ada, b"second", replaces=file_id)
    files.restore_version(caller=ada, file_id=file_id, number=1)
    desk.put(ada, b"third", replaces=file_id)
    file = files.get(caller=ada, file_id=file_id)
    assert (file["version"], file["state"], file["sha256"]) == (3, "ready", desk.sha(b"third"))
    listed = files.versions(caller=ada, file_id=file_id).items
    assert [(each["version"], each["current"]) for each in listed] == [(3, True), (2, False), (1, False)]


def test_a_rejected_version_leaves_the_one_before(ada: Caller) -> None:
    file_id = desk.put(ada, b"first")
    begun = desk.begin(ada, b"second", replaces=file_id)
    assert desk.arrive(*desk.send(begun, b"sEcond")) == "rejected"
    assert _state(ada, file_id) == ("ready", None)
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
    numbers = [each["version"] for each in files.versions(caller=ada, file_id=file_id).items]
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
    assert [each["version"] for each in files.versions(caller=ada, file_id=file_id).items] == [7, 6]
    assert desk.usage(ada).used == desk.usage(ada).taken == 10


def test_a_file_of_the_most_versions_there_may_be_is_deleted_whole(ada: Caller) -> None:
    """One more than are kept: an old one that was made the current one again stays."""
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
    drop = files.drop_versions

    def met(*given: Any, **options: Any) -> bool:
        monkeypatch.setattr(files, "drop_versions", drop)
        files.restore_version(caller=ada, file_id=file_id, number=1)
        return drop(*given, **options)

    monkeypatch.setattr(files, "drop_versions", met)
    desk.put(ada, b"last", replaces=file_id)
    assert files.get(caller=ada, file_id=file_id)["version"] == 1
    assert 1 in [each["version"] for each in files.versions(caller=ada, file_id=file_id).items]


def test_a_version_that_is_dropped_in_this_moment_is_not_restored(ada: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    file_id = desk.put(ada, b"first")
    desk.put(ada, b"second", replaces=file_id)
    commit = store.commit

    def met(*given: Any) -> Any:
        monkeypatch.setattr(store, "commit", commit)
        files.drop_versions(store.nodes([file_id])[file_id], store.versions(file_id)[1:])
        return commit(*given)

    monkeypatch.setattr(store, "commit", met)
    with pytest.raises(NotFound):
        files.restore_version(caller=ada, file_id=file_id, number=1)
    assert files.get(caller=ada, file_id=file_id)["version"] == 2


def test_a_version_cannot_be_begun_while_another_is_looked_at(ada: Caller) -> None:
    file_id = desk.put(ada, b"first")
    begun = desk.begin(ada, b"second", replaces=file_id)
    desk.send(begun, b"second")
    transfers.complete(caller=ada, file_id=file_id, claimed=[])
    with pytest.raises(Conflict):
        desk.begin(ada, b"third", replaces=file_id)


def test_the_address_of_a_part_is_good_for_exactly_its_bytes(ada: Caller) -> None:
    """S3 refuses a body whose length is not the signed one, so nothing beside the quota is ever stored (R31)."""
    begun = _in_parts(ada, b"x" * (16 * MIB + 1))
    sent = transfers.parts(caller=ada, file_id=begun["file"]["id"], numbers=[1, 4])["parts"]
    for part in sent:
        query = parse_qs(urlsplit(part["url"]).query)
        assert query["X-Amz-SignedHeaders"] == ["content-length;host"]
    with clock.held(clock.now()):
        one, same, other = (blobs.part_address("files/x", "upload", 1, size=size, expires_s=60) for size in (5, 5, 6))
    assert one == same
    assert one != other
