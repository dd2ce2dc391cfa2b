"""The drive on the deployed stack: uploads straight to the bucket, and the intake (R31, R32, R37, R6)."""

from __future__ import annotations

import io
import os
import secrets
from functools import partial

import httpx
import pytest

from kernel import clock
from tests.e2e import drive
from tests.e2e.people import PASSWORD, Person, Town
from tests.e2e.tools import at_once, eventually, problem
from tests.support import transcribing
from tests.support.zips import zipped

MIB = drive.MIB
GIB = 1024 * MIB


def _taken(who: Person) -> tuple[int, int]:
    usage = who.ok("GET", "/drive/usage")
    return usage["used"], usage["reserved"]


@pytest.mark.parametrize("size", [0, 1, 16 * MIB, 16 * MIB + 1])
def test_a_file_of_any_size_arrives_whole(town: Town, size: int) -> None:
    who, content = town.person("size"), secrets.token_bytes(size)
    file = drive.upload(who, content, name="some bytes", content_type=drive.BYTES)
    assert (file["state"], file["size"], file["reject_reason"]) == ("ready", size, None)
    answer = drive.download(who, file["id"])
    assert answer.content == content
    assert answer.headers["content-disposition"].startswith("attachment")
    assert _taken(who) == (size, 0)


@pytest.mark.skipif("SC_LARGE" not in os.environ, reason="300 MiB: SC_LARGE=1")
def test_a_file_of_300_mib_arrives_whole(town: Town) -> None:
    who, content = town.person("large"), secrets.token_bytes(MIB) * 300
    file = drive.upload(who, content, name="large", content_type=drive.BYTES)
    assert file["state"] == "ready"
    assert drive.download(who, file["id"]).content == content


def test_wrong_bytes_are_rejected_and_their_room_is_given_back(town: Town) -> None:
    who = town.person("wrong")
    begun = drive.begin(who, b"hello")
    assert drive.post_form(begun["upload"], b"jello").status_code < 300
    file = drive.settled(who, begun["file"]["id"])
    assert (file["state"], file["reject_reason"]) == ("rejected", "checksum_mismatch")
    problem(who.get(f"/drive/files/{file['id']}/download"), 409, "not_ready")
    assert _taken(who) == (0, 0)


def test_a_wrong_type_is_rejected(ada: Person) -> None:
    file = drive.upload(ada, b"this is no picture", name="a.png", content_type="image/png")
    assert (file["state"], file["reject_reason"]) == ("rejected", "type_mismatch")


def test_an_archive_that_would_burst_is_rejected(ada: Person) -> None:
    packed = zipped({str(number): bytes(10 * MIB) for number in range(12)})
    file = drive.upload(ada, packed, name="a.zip", content_type="application/zip")
    assert (file["state"], file["reject_reason"]) == ("rejected", "archive_bomb")


def test_the_form_is_bound_to_key_size_and_type(ada: Person) -> None:
    begun = drive.begin(ada, b"hello")
    how = begun["upload"]
    assert drive.post_form(how, b"hello!").status_code >= 400
    assert drive.post_form(how, b"hello", **{"Content-Type": "text/html"}).status_code >= 400
    assert drive.post_form(how, b"hello", key="files/elsewhere").status_code >= 400
    ada.ok("DELETE", f"/drive/uploads/{begun['file']['id']}")


def test_nobody_reads_the_bucket_without_an_address(ada: Person) -> None:
    file = drive.upload(ada, b"hello")
    url = ada.ok("GET", f"/drive/files/{file['id']}/download")["url"]
    assert httpx.get(url, timeout=60).status_code == 200
    assert httpx.get(url.partition("?")[0], timeout=60).status_code == 403
    assert httpx.get(url.replace("attachment", "inline"), timeout=60).status_code == 403


def test_a_picture_gets_a_thumbnail_without_its_metadata(ada: Person) -> None:
    from PIL import Image

    out, exif = io.BytesIO(), Image.Exif()
    exif[0x010E] = "taken at home"
    Image.new("RGB", (1200, 800), "teal").save(out, "JPEG", exif=exif)
    with ada.live() as live:
        file = drive.upload(ada, out.getvalue(), name="sea.jpg", content_type="image/jpeg")
        event = live.expect("file.ready", id=file["id"])
    assert (file["width"], file["height"]) == (event["data"]["width"], event["data"]["height"]) == (1200, 800)
    small = httpx.get(file["thumbnail_url"], timeout=60).content
    with Image.open(io.BytesIO(small)) as picture:
        assert max(picture.size) == 512
        assert b"taken at home" not in small
        assert not picture.getexif()
    # a repeated completion shows it, too
    again = ada.ok("POST", f"/drive/uploads/{file['id']}/complete", {})
    assert httpx.get(again["thumbnail_url"], timeout=60).content == small


def test_a_killed_upload_resumes_with_what_is_missing(town: Town) -> None:
    who, content = town.person("resume"), secrets.token_bytes(22 * MIB)
    body = drive.fields(content, content_type=drive.BYTES)
    begun = who.ok("POST", "/drive/uploads", body)
    file_id, size = begun["file"]["id"], begun["upload"]["part_size"]
    sent = 0
    for number in (1, 3):
        piece = content[(number - 1) * size : number * size]
        drive.send_part(who, file_id, number, piece)
        sent += len(piece)
    problem(who.post(f"/drive/uploads/{file_id}/complete", {}), 409, "upload_incomplete")
    again = who.post("/drive/uploads", body)
    assert (again.status_code, again.json()["file"]["id"]) == (200, file_id)
    there = who.ok("POST", f"/drive/uploads/{file_id}/parts", {"part_numbers": []})["uploaded"]
    assert [part["number"] for part in there] == [1, 3]
    for number in (2, 4, 5):
        piece = content[(number - 1) * size : number * size]
        drive.send_part(who, file_id, number, piece)
        sent += len(piece)
    assert sent < 1.1 * len(content)
    who.ok("POST", f"/drive/uploads/{file_id}/complete", {})
    assert drive.settled(who, file_id)["state"] == "ready"
    assert drive.download(who, file_id).content == content


@pytest.mark.parametrize("route", ["/drive/uploads", "/drive/files"])
def test_an_upload_in_parts_ends_with_its_file(town: Town, route: str) -> None:
    who = town.person("gives_up")
    begun = drive.begin(who, b"", size=17 * MIB, content_type=drive.BYTES)["file"]
    parts = f"/drive/uploads/{begun['id']}/parts"
    who.ok("POST", parts, {"part_numbers": [1]})
    who.ok("DELETE", f"{route}/{begun['id']}")
    problem(who.post(parts, {"part_numbers": [1]}), 404, "not_found")
    assert _taken(who) == (0, 0)


def test_what_is_deleted_leaves_no_bytes(town: Town) -> None:
    # given a recording, and an upload whose bytes have just come
    who = town.person("tidy")
    sound = drive.upload(who, transcribing.SOUND, name="voice.ogg", content_type="audio/ogg")["id"]
    begun = drive.begin(who, b"hello")
    drive.post_form(begun["upload"], b"hello")
    # when both are deleted for good
    who.ok("DELETE", f"/drive/uploads/{begun['file']['id']}")
    who.ok("DELETE", f"/drive/files/{sound}", params={"permanent": "true"})
    # then their bytes are gone, as is what was made of them
    left = [f"{place}/{file_id}/" for place in ("files", "transcripts") for file_id in (sound, begun["file"]["id"])]
    eventually(lambda: town.blobs_below(*left) == [])


def test_parallel_uploads_never_exceed_the_quota(town: Town) -> None:
    who = town.person("quota")
    body = {"size": 1 * GIB, "content_type": drive.BYTES}
    answers = at_once([partial(who.post, "/drive/uploads", {**drive.fields(b""), **body}) for _ in range(24)])
    made = [answer.json()["file"]["id"] for answer in answers if answer.status_code == 201]
    assert len(made) == 10
    for answer in answers:
        if answer.status_code != 201:
            problem(answer, 413, "quota_exceeded")
    assert _taken(who) == (0, 10 * GIB)
    assert {who.delete(f"/drive/uploads/{file_id}").status_code for file_id in made} == {204}
    assert _taken(who) == (0, 0)


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"content_type": "application/x-msdownload"}, 415, "unsupported_media_type"),
        ({"size": 5 * GIB + 1}, 413, "payload_too_large"),
        ({"size": -1}, 400, "validation_failed"),
        ({"name": "../etc"}, 400, "validation_failed"),
        ({"sha256": "abc"}, 400, "validation_failed"),
        ({"folder_id": "fol_01kb0000000000000000000009"}, 404, "not_found"),
        ({"conversation_id": "cnv_01kb0000000000000000000009"}, 404, "not_found"),
        ({"replaces": "fil_01kb0000000000000000000009"}, 404, "not_found"),
        ({"unknown": 1}, 400, "validation_failed"),
    ],
)
def test_wrong_uploads_are_refused(ada: Person, change: dict[str, object], status: int, code: str) -> None:
    problem(ada.post("/drive/uploads", {**drive.fields(b"hello"), **change}), status, code)


def test_folders_share_move_and_trash(ada: Person, bob: Person) -> None:
    mark = secrets.token_hex(4)
    top = ada.ok("POST", "/drive/folders", {"name": f"Top {mark}"})["id"]
    inner = ada.ok("POST", "/drive/folders", {"name": "Inner", "parent_id": top})["id"]
    problem(ada.post("/drive/folders", {"name": "INNER", "parent_id": top}), 409, "name_taken")
    problem(ada.patch(f"/drive/folders/{top}", {"parent_id": inner}), 409, "cycle")
    file = drive.upload(ada, b"hello", name=f"Résumé {mark}.txt", folder_id=inner)
    problem(bob.get(f"/drive/files/{file['id']}"), 404, "not_found")
    share = ada.ok("POST", f"/drive/folders/{top}/shares", {"user_id": bob.id, "role": "viewer"})["id"]
    assert drive.download(bob, file["id"]).content == b"hello"
    problem(bob.patch(f"/drive/files/{file['id']}", {"name": "mine"}), 403, "forbidden")
    assert top in {each["id"] for each in bob.ok("GET", "/drive/shared-with-me")["items"]}
    ada.ok("DELETE", f"/drive/folders/{top}/shares/{share}")
    problem(bob.get(f"/drive/files/{file['id']}/download"), 404, "not_found")
    found = ada.ok("GET", "/drive/search", params={"q": f"resume {mark}"})["items"]
    assert [each["id"] for each in found] == [file["id"]]
    assert [each["kind"] for each in ada.ok("GET", f"/drive/folders/{inner}/children")["items"]] == ["file"]
    used = _taken(ada)[0]
    ada.ok("DELETE", f"/drive/folders/{top}")
    assert ada.ok("GET", f"/drive/files/{file['id']}")["state"] == "trashed"
    assert top in {each["id"] for each in ada.ok("GET", "/drive/trash")["items"]}
    ada.ok("POST", f"/drive/folders/{top}/restore")
    assert ada.ok("GET", f"/drive/files/{file['id']}")["state"] == "ready"
    assert ada.delete(f"/drive/folders/{top}", params={"permanent": "true"}).status_code == 204
    problem(ada.get(f"/drive/files/{file['id']}"), 404, "not_found")
    assert _taken(ada)[0] == used - 5


def test_a_public_link_ends_with_its_downloads_and_knows_its_password(ada: Person, town: Town) -> None:
    file = drive.upload(ada, b"hello")
    body = {"password": "open sesame", "max_downloads": 3}
    link = ada.ok("POST", f"/drive/files/{file['id']}/links", body)
    path = f"/drive/links/{link['token']}"
    problem(town.http.get(path), 403, "password_required")
    problem(town.http.get(path, headers={"X-Link-Password": "wrong"}), 403, "password_wrong")
    right = {"X-Link-Password": "open sesame"}
    answers = at_once([lambda: town.http.get(path, headers=right)] * 8)
    assert sorted(answer.status_code for answer in answers) == [200] * 3 + [410] * 5
    url = next(answer.json()["url"] for answer in answers if answer.status_code == 200)
    assert httpx.get(url, timeout=60).content == b"hello"
    soon = clock.rfc3339(clock.now() + 1_500)
    short = ada.ok("POST", f"/drive/files/{file['id']}/links", {"expires_at": soon})
    eventually(lambda: town.http.get(f"/drive/links/{short['token']}").status_code == 410)
    problem(town.http.get(f"/drive/links/{short['token']}"), 410, "gone")
    other = ada.ok("POST", f"/drive/files/{file['id']}/links", {})
    ada.ok("DELETE", f"/drive/files/{file['id']}/links/{other['id']}")
    problem(town.http.get(f"/drive/links/{other['token']}"), 404, "not_found")


def test_wrong_passwords_of_a_link_stop_nobody_at_another_address(ada: Person, town: Town) -> None:
    link = ada.ok("POST", f"/drive/files/{drive.upload(ada, b'hello')['id']}/links", {"password": "open sesame"})
    path, right, wrong = f"/drive/links/{link['token']}", "open sesame", "wrong"

    def follow(http: httpx.Client, password: str) -> httpx.Response:
        return http.get(path, headers={"X-Link-Password": password})

    elsewhere = httpx.HTTPTransport(local_address="127.0.0.2")
    with httpx.Client(base_url=town.http_url, timeout=60.0, transport=elsewhere) as other:
        for _ in range(10):
            problem(follow(other, wrong), 403, "password_wrong")
        problem(follow(other, right), 429, "rate_limited")
        assert follow(town.http, right).status_code == 200
        problem(follow(other, right), 429, "rate_limited")


def test_a_removed_member_loses_what_the_conversation_was_given(ada: Person, bob: Person) -> None:
    group = ada.group_with(bob)
    shared = drive.upload(ada, b"shared")
    ada.ok("POST", f"/drive/files/{shared['id']}/shares", {"conversation_id": group, "role": "viewer"})
    own = drive.upload(ada, b"attached", conversation_id=group)
    for file in (shared, own):
        assert drive.download(bob, file["id"]).status_code == 200
    assert {each["id"] for each in bob.ok("GET", f"/conversations/{group}/files")["items"]} == {own["id"]}
    ada.ok("DELETE", f"/conversations/{group}/members/{bob.id}")
    for file in (shared, own):
        problem(bob.get(f"/drive/files/{file['id']}/download"), 404, "not_found")
    problem(bob.get(f"/conversations/{group}/files"), 404, "not_found")
    assert eventually(lambda: shared["id"] not in bob.get("/drive/shared-with-me").text)


@pytest.mark.parametrize("loss", ["share", "group", "move", "account"])
def test_who_may_not_upload_into_a_folder_any_more_holds_no_quota_of_its_owner(town: Town, loss: str) -> None:
    ada, bob = town.people("ada", "bob")
    top, inner = (ada.ok("POST", "/drive/folders", {"name": name})["id"] for name in ("Top", "Inner"))
    ada.ok("PATCH", f"/drive/folders/{inner}", {"parent_id": top})
    group = ada.group_with(bob)
    to = {"conversation_id": group} if loss == "group" else {"user_id": bob.id}
    share = ada.ok("POST", f"/drive/folders/{top}/shares", {**to, "role": "editor"})["id"]
    large = drive.begin(bob, b"", size=17 * MIB, content_type=drive.BYTES, folder_id=inner)["file"]["id"]
    drive.send_part(bob, large, 1, bytes(5 * MIB))
    drive.begin(bob, b"hello", folder_id=inner)
    assert _taken(ada) == (0, 17 * MIB + 5)
    if loss == "share":
        ada.ok("DELETE", f"/drive/folders/{top}/shares/{share}")
    elif loss == "group":
        bob.ok("DELETE", f"/conversations/{group}/members/{bob.id}")
    elif loss == "move":
        ada.ok("PATCH", f"/drive/folders/{inner}", {"parent_id": None})
    else:
        bob.ok("DELETE", "/users/me", {"password": PASSWORD})
    eventually(lambda: _taken(ada) == (0, 0))
    assert ada.get(f"/drive/files/{large}").status_code == 404


def test_versions_are_kept_and_restored(ada: Person) -> None:
    file = drive.upload(ada, b"one", name="v.txt")
    newer = drive.upload(ada, b"two, longer", name="v.txt", replaces=file["id"])
    assert (newer["id"], newer["version"]) == (file["id"], 2)
    listed = ada.ok("GET", f"/drive/files/{file['id']}/versions")["items"]
    assert [each["version"] for each in listed] == [2, 1]
    ada.ok("POST", f"/drive/files/{file['id']}/versions/1/restore")
    assert drive.download(ada, file["id"]).content == b"one"
