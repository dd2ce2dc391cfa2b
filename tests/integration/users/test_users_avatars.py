"""Avatars: made of one's own pictures, shown to everybody, and independent of later changes of the file."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from drive import store as drive_store
from drive.trash import service as trash
from kernel import aws, blobs
from kernel.caller import Caller
from kernel.errors import Conflict, DependencyUnavailable
from tests.conftest import BUCKET, fresh_process
from tests.helpers import Person, Reply, ask
from tests.integration import desk
from tests.tools import give_up
from users import avatars, service, store
from users.app import app


def as_caller(person: Person) -> Caller:
    return Caller(person.user_id, person.session_id)


def picture(colour: str = "teal") -> bytes:
    from PIL import Image

    out = io.BytesIO()
    Image.new("RGB", (600, 400), colour).save(out, "PNG")
    return out.getvalue()


def put_picture(who: Person, colour: str = "teal") -> str:
    """The id of a picture in somebody's drive, with its thumbnail."""
    content = picture(colour)
    begun = desk.begin(as_caller(who), content, name="me.png", content_type="image/png")
    assert desk.arrive(*desk.send(begun, content), thumbnail=True) == "ready"
    return str(begun["file"]["id"])


def choose(who: Person, file_id: str | None) -> Reply:
    return ask(app, "PATCH", "/users/me", token=who.token, body={"avatar_file_id": file_id})


def seen_by(who: Person, other: Person) -> Any:
    """The avatar_url that one person sees of another, in a process that remembers nothing."""
    fresh_process()
    return ask(app, "GET", "/users/{user_id}", {"user_id": other.user_id}, token=who.token).body["avatar_url"]


def key_in(url: str) -> str:
    return urlsplit(url).path.lstrip("/")


def bytes_at(url: str) -> bytes:
    found: bytes = aws.client("s3").get_object(Bucket=BUCKET, Key=key_in(url))["Body"].read()
    return found


def kept_avatars() -> list[str]:
    """The keys under which there is something to see; hidden versions are the lifecycle's."""
    found = aws.client("s3").list_objects_v2(Bucket=BUCKET, Prefix="avatars/")
    return [each["Key"] for each in found.get("Contents", [])]


def test_one_s_picture_becomes_one_s_avatar_for_everybody(ada: Person, bob: Person) -> None:
    reply = choose(ada, put_picture(ada))

    assert reply.status == 200
    mine, theirs = reply.body["avatar_url"], seen_by(bob, ada)
    assert key_in(mine) == key_in(theirs)
    assert bytes_at(theirs).startswith(b"RIFF")
    assert parse_qs(urlsplit(theirs).query)["X-Amz-Expires"] == ["3600"]


def test_an_avatar_is_shown_in_searches_and_one_s_own_profile(ada: Person, bob: Person) -> None:
    choose(ada, put_picture(ada))

    (found,) = ask(app, "GET", "/users", token=bob.token, query={"q": "ada"}).body["items"]
    me = ask(app, "GET", "/users/me", token=ada.token).body

    assert key_in(found["avatar_url"]) == key_in(me["avatar_url"])
    assert "avatar_key" not in me


def test_the_key_of_an_avatar_tells_its_person_and_cannot_be_guessed(ada: Person) -> None:
    file_id = put_picture(ada)
    first, second = key_in(choose(ada, file_id).body["avatar_url"]), key_in(choose(ada, file_id).body["avatar_url"])

    assert first != second
    assert all(key.startswith(f"avatars/{ada.user_id}/") and len(key.split("/")[2]) >= 22 for key in (first, second))


def test_a_copy_is_under_keys_that_need_no_right_of_their_own(ada: Person) -> None:
    url = choose(ada, put_picture(ada)).body["avatar_url"]

    head = aws.client("s3").head_object(Bucket=BUCKET, Key=key_in(url))
    assert (head["ServerSideEncryption"], head["ContentType"]) == ("AES256", "image/webp")


@pytest.mark.parametrize("permanent", [False, True])
def test_an_avatar_outlives_its_file(ada: Person, bob: Person, permanent: bool) -> None:
    file_id = put_picture(ada)
    choose(ada, file_id)

    trash.remove(caller=as_caller(ada), node_id=file_id, permanent=permanent, file=True)

    assert bytes_at(seen_by(bob, ada)).startswith(b"RIFF")


def test_a_new_avatar_takes_the_place_of_the_former_whose_bytes_go(ada: Person, bob: Person) -> None:
    choose(ada, put_picture(ada, "teal"))
    former = bytes_at(seen_by(bob, ada))

    choose(ada, put_picture(ada, "red"))

    assert bytes_at(seen_by(bob, ada)) != former
    assert len(kept_avatars()) == 1


def test_an_avatar_that_was_copied_twice_is_gone_all_the_same(ada: Person) -> None:
    key = key_in(choose(ada, put_picture(ada)).body["avatar_url"])
    aws.client("s3").put_object(Bucket=BUCKET, Key=key, Body=b"as a copy repeated after a time-out")

    choose(ada, None)

    assert kept_avatars() == []


def test_null_takes_the_avatar_away(ada: Person, bob: Person) -> None:
    choose(ada, put_picture(ada))

    assert choose(ada, None).body["avatar_url"] is None
    assert seen_by(bob, ada) is None
    assert kept_avatars() == []
    assert choose(ada, None).status == 200


def test_other_changes_leave_the_avatar(ada: Person) -> None:
    before = choose(ada, put_picture(ada)).body["avatar_url"]

    reply = ask(app, "PATCH", "/users/me", token=ada.token, body={"bio": "x"})

    assert key_in(reply.body["avatar_url"]) == key_in(before)
    assert len(kept_avatars()) == 1


def test_a_refusal_does_not_tell_foreign_files_from_missing_ones(ada: Person, bob: Person) -> None:
    foreign = choose(bob, put_picture(ada))
    missing = choose(bob, "fil_00000000000000000000000000")

    assert (foreign.status, foreign.code) == (missing.status, missing.code) == (400, "validation_failed")
    assert foreign.body["errors"] == missing.body["errors"]
    assert [error["field"] for error in foreign.body["errors"]] == ["avatar_file_id"]
    assert kept_avatars() == []


def test_what_is_no_ready_picture_of_one_s_own_is_refused(ada: Person) -> None:
    text = desk.put(as_caller(ada))
    uploading = desk.begin(as_caller(ada), picture(), name="me.png", content_type="image/png")["file"]["id"]
    trashed = put_picture(ada)
    trash.remove(caller=as_caller(ada), node_id=trashed, permanent=False, file=True)

    refused = [choose(ada, each) for each in (text, uploading, trashed, ada.user_id, "x", "é")]

    assert {(each.status, each.body["errors"][0]["field"]) for each in refused} == {(400, "avatar_file_id")}


def test_a_picture_that_goes_in_this_moment_is_refused(ada: Person) -> None:
    file_id = put_picture(ada)
    thumbnail = drive_store.nodes([file_id])[file_id].thumbnail_key
    aws.client("s3").delete_object(Bucket=BUCKET, Key=thumbnail)

    assert (choose(ada, file_id).status, kept_avatars()) == (400, [])


def test_avatars_chosen_at_once_leave_one(ada: Person, bob: Person) -> None:
    files = [put_picture(ada, colour) for colour in ("teal", "red", "navy")]

    with ThreadPoolExecutor(3) as threads:
        statuses = list(threads.map(lambda each: choose(ada, each).status, files))

    assert statuses == [200] * 3
    assert kept_avatars() == [key_in(seen_by(bob, ada))]


def test_a_change_that_is_not_made_leaves_no_copy(ada: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    file_id = put_picture(ada)

    def always_changed(*_: Any) -> None:
        raise Conflict

    monkeypatch.setattr(store, "replace", always_changed)

    assert choose(ada, file_id).status == 409
    assert kept_avatars() == []


def test_a_former_avatar_that_cannot_be_removed_fails_nothing(ada: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    choose(ada, put_picture(ada))

    def hanging(*_: Any) -> None:
        raise DependencyUnavailable

    monkeypatch.setattr(blobs, "remove", hanging)

    assert choose(ada, None).body["avatar_url"] is None
    assert len(kept_avatars()) == 1


def test_a_storage_that_does_not_answer_is_told_and_changes_nothing(ada: Person) -> None:
    file_id = put_picture(ada)
    give_up(aws.breaker_of("s3"))

    reply = choose(ada, file_id)

    assert (reply.status, reply.code) == (503, "dependency_unavailable")
    assert int(reply.headers["retry-after"]) >= 1
    assert service.get(ada.user_id).avatar_key is None


def test_addresses_last_much_longer_than_profiles_are_remembered() -> None:
    assert avatars.URL_TTL_S >= 60 * service.MEMO_S
