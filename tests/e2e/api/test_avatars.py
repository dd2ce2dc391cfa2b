"""Avatars: a picture in a drive, visible to everybody without a token, independent of its file (contract §3)."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterator

import httpx

from secureconnect_client import Client
from tests.e2e import drive
from tests.e2e.people import PASSWORD, Person, Town
from tests.e2e.tools import eventually, problem


def picture(colour: str) -> bytes:
    from PIL import Image

    out = io.BytesIO()
    Image.new("RGB", (900, 600), colour).save(out, "PNG")
    return out.getvalue()


def status_at(url: str) -> int:
    return httpx.get(url, timeout=60).status_code


def colour_at(url: str) -> tuple[int, ...]:
    """The colour of the picture of 512 pixels at a URL, read without a token."""
    from PIL import Image

    answer = httpx.get(url, timeout=60)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/webp"), answer.text
    with Image.open(io.BytesIO(answer.content)) as found:
        assert max(found.size) == 512
        colour = found.convert("RGB").getpixel((10, 10))
    assert isinstance(colour, tuple)
    return tuple(round(each / 255) for each in colour)


def test_a_picture_uploaded_by_the_client_package_becomes_an_avatar_and_outlives_its_file(
    town: Town, ada: Person, bob: Person
) -> None:
    async def play() -> None:
        async with Client(town.http_url) as client:
            await client.login(ada.username, PASSWORD)
            # given a picture in the person's drive
            file = await client.drive.upload(picture("blue"), name="me.png", content_type="image/png")
            await client.drive.wait(file.id)
            # when it is made the avatar
            me = await client.users.update_me(avatar_file_id=file.id)
            # then the person and others see it
            assert me.avatar_url is not None
            assert colour_at(me.avatar_url) == (0, 0, 1)
            assert colour_at(bob.ok("GET", f"/users/{ada.id}")["avatar_url"]) == (0, 0, 1)
            # and it stays when the file is deleted for good
            await client.drive.delete(file.id, permanent=True)
            problem(ada.get(f"/drive/files/{file.id}"), 404, "not_found")
            assert colour_at(me.avatar_url) == (0, 0, 1)
            assert colour_at(bob.ok("GET", f"/users/{ada.id}")["avatar_url"]) == (0, 0, 1)
            # until it is removed
            assert (await client.users.update_me(avatar_file_id=None)).avatar_url is None
            assert status_at(me.avatar_url) == 404

    asyncio.run(play())
    eventually(lambda: bob.ok("GET", f"/users/{ada.id}")["avatar_url"] is None, within_s=40)


def avatars_of(who: Person, looker: Person, group: str) -> Iterator[tuple[str, str | None]]:
    """One person's avatar as another sees it, from every route that shows people."""
    yield "search", looker.ok("GET", "/users", params={"q": who.username})["items"][0]["avatar_url"]
    members = looker.ok("GET", f"/conversations/{group}/members")["items"]
    yield "members", next(each["user"]["avatar_url"] for each in members if each["user"]["id"] == who.id)
    events = looker.ok("GET", f"/conversations/{group}/events")["items"]
    added = [each["data"]["user"] for each in events if each["type"] == "member.added"]
    yield "events", next(user["avatar_url"] for user in added if user["id"] == who.id)
    signed_in = looker.http.post("/auth/login", json={"identifier": who.username, "password": PASSWORD}).json()
    yield "sign-in", signed_in["user"]["avatar_url"]
    with looker.live() as live:
        answer = live.ok("sync", cursors={group: 0})
    synced = [event for each in answer["conversations"] for event in each["events"]]
    added = [each["data"]["user"] for each in synced if each["type"] == "member.added"]
    yield "sync", next(user["avatar_url"] for user in added if user["id"] == who.id)


def test_every_function_that_shows_people_shows_their_avatars(town: Town) -> None:
    # given a group whose second member came with an avatar
    cleo, dora, erik = town.people("cleo", "dora", "erik")
    file = drive.upload(dora, picture("red"), name="me.png", content_type="image/png")
    dora.ok("PATCH", "/users/me", {"avatar_file_id": file["id"]})
    group = cleo.group_with(erik)
    cleo.ok("POST", f"/conversations/{group}/members", {"user_ids": [dora.id]})
    # then it is seen wherever she is
    for where, url in avatars_of(dora, erik, group):
        assert url is not None, where
        assert colour_at(url) == (1, 0, 0), where


def test_what_is_no_picture_of_one_s_own_is_refused(ada: Person, bob: Person) -> None:
    foreign = drive.upload(ada, picture("blue"), name="me.png", content_type="image/png")["id"]
    text = drive.upload(bob, b"hello")["id"]
    missing = "fil_01aaaaaaaaaaaaaaaaaaaaaaaa"
    answers = [bob.patch("/users/me", {"avatar_file_id": each}) for each in (foreign, missing, text)]
    for answer in answers:
        problem(answer, 400, "validation_failed", field="avatar_file_id")
    assert len({str(answer.json()["errors"]) for answer in answers}) == 1
    assert bob.ok("GET", "/users/me")["avatar_url"] is None


def test_an_altered_address_shows_nothing(ada: Person) -> None:
    file = drive.upload(ada, picture("blue"), name="me.png", content_type="image/png")
    url = ada.ok("PATCH", "/users/me", {"avatar_file_id": file["id"]})["avatar_url"]
    assert status_at(url) == 200
    assert status_at(url.partition("?")[0]) == 403
    assert status_at(url.replace(f"/{ada.id}/", f"/{ada.id}/x")) == 403
