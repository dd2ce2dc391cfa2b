"""The intake's verdicts: the antivirus ports, pictures, and what people are told."""

from __future__ import annotations

import io

import pytest
from PIL import ExifTags, Image

from drive import media_types
from drive.files import listings, term_store
from drive.files import service as files
from drive.sharing import service as sharing
from drive.uploads import antivirus, intake, thumbnails, transfers
from kernel import aws, config, telemetry
from kernel.caller import Caller
from kernel.errors import DependencyUnavailable
from realtime import service as realtime
from tests.conftest import BUCKET
from tests.helpers import CONTEXT
from tests.integration import desk, rooms
from tests.integration.rooms import people
from tests.management import serving
from tests.tools import captured_lines


@pytest.fixture
def _guarded(settings: pytest.MonkeyPatch) -> None:
    settings.setenv("ANTIVIRUS", "guardduty")
    config.config.cache_clear()


def _tag(key: str, version: str, verdict: str) -> None:
    tags = {"TagSet": [{"Key": antivirus.GUARDDUTY_TAG, "Value": verdict}]}
    aws.client("s3").put_object_tagging(Bucket=BUCKET, Key=key, VersionId=version, Tagging=tags)


@pytest.mark.usefixtures("_guarded")
@pytest.mark.parametrize(
    ("verdict", "outcome"),
    [
        ("NO_THREATS_FOUND", ("ready", None)),
        ("THREATS_FOUND", ("rejected", "infected")),
        ("UNSUPPORTED", ("rejected", "infected")),
    ],
)
def test_a_file_waits_for_the_verdict_of_guardduty(ada: Caller, verdict: str, outcome: tuple[str, str | None]) -> None:
    begun = desk.begin(ada)
    key, version = desk.send(begun, b"hello")
    seen = intake.inspect(key, version)
    assert seen["verdict"] == "scanning"
    seen = intake.poll_scan(seen)
    assert (seen["verdict"], desk.state(ada, begun["file"]["id"])[0]) == ("scanning", "uploading")
    _tag(key, version, verdict)
    intake.settle(intake.poll_scan(seen))
    assert desk.state(ada, begun["file"]["id"]) == outcome


@pytest.mark.usefixtures("_guarded")
def test_a_scan_that_never_ends_rejects_the_file(ada: Caller) -> None:
    begun = desk.begin(ada)
    seen = intake.inspect(*desk.send(begun, b"hello"))
    while seen["verdict"] == "scanning":
        seen = intake.poll_scan(seen)
    assert seen["attempts"] == intake.SCANS_AWAITED
    intake.settle(seen)
    assert desk.state(ada, begun["file"]["id"]) == ("rejected", "not_scanned")
    assert desk.usage(ada).taken == 0


def test_that_nothing_scans_is_said(ada: Caller) -> None:
    sent = desk.send(desk.begin(ada), b"hello")
    with captured_lines() as lines, telemetry.call("test", CONTEXT):
        intake.inspect(*sent)
    assert lines.only["AntivirusOff"] == [1.0]


def _gallery(who: Caller, group: str) -> list[str]:
    return [each["id"] for each in sharing.gallery(caller=who, conversation_id=group, limit=9, after=None).items]


def test_a_picture_has_a_thumbnail_and_its_dimensions(ada: Caller) -> None:
    file = files.get(caller=ada, file_id=desk.put_picture(ada, 1200, 800))
    assert (file["width"], file["height"]) == (1200, 800)
    assert file["thumbnail_url"]


@pytest.mark.parametrize("kind", ["avif", "gif", "webp", "bmp", "tiff"])
def test_pictures_that_pillow_opens_have_thumbnails(ada: Caller, kind: str) -> None:
    out = io.BytesIO()
    Image.new("RGB", (90, 60)).save(out, kind)
    begun = desk.begin(ada, out.getvalue(), name=f"a.{kind}", content_type=f"image/{kind}")
    desk.arrive(*desk.send(begun, out.getvalue()), thumbnail=True)
    file = files.get(caller=ada, file_id=begun["file"]["id"])
    assert (file["width"], file["height"]) == (90, 60)
    assert file["thumbnail_url"]


@pytest.mark.parametrize("behind", [[], [Image.new("L", (300, 200))]], ids=["alone", "with a gain map behind it"])
def test_a_picture_that_was_taken_upright_is_higher_than_wide(ada: Caller, behind: list[Image.Image]) -> None:
    out, exif = io.BytesIO(), Image.Exif()
    exif[ExifTags.Base.Orientation] = 6  # the camera lay on its side: a quarter turn to the right
    # a JPEG; MPO is its name when there are further pictures behind it, as telephones put them there
    Image.new("RGB", (1203, 800)).save(out, "MPO", save_all=True, append_images=behind, exif=exif)
    begun = desk.begin(ada, out.getvalue(), name="a.jpg", content_type="image/jpeg")
    desk.arrive(*desk.send(begun, out.getvalue()), thumbnail=True)
    file = files.get(caller=ada, file_id=begun["file"]["id"])
    assert (file["width"], file["height"]) == (800, 1203)
    assert file["thumbnail_url"]


def test_the_dimensions_of_a_version_that_is_looked_at_are_not_those_of_the_one_before(ada: Caller) -> None:
    file_id = desk.put_picture(ada, 12, 8)
    newer = desk.picture(6, 4)
    again = desk.begin(ada, newer, name="a.png", content_type="image/png", replaces=file_id)
    desk.send(again, newer)
    transfers.complete(caller=ada, file_id=file_id, sent_parts=[])
    file = files.get(caller=ada, file_id=file_id)
    assert (file["version"], file["state"], file["width"], file["height"]) == (2, "processing", None, None)


def test_a_picture_of_too_many_pixels_is_taken_without_being_decoded(ada: Caller) -> None:
    file = files.get(caller=ada, file_id=desk.put_picture(ada, 10_000, thumbnails.MAX_PIXELS // 10_000 + 1))
    assert (file["state"], file["thumbnail_url"]) == ("ready", None)


def test_who_was_removed_after_they_began_puts_nothing_into_a_conversation() -> None:
    ada, bob = people("ada", "bob")
    group = rooms.group(ada, bob)
    content = desk.picture(8, 8)
    begun = desk.begin(bob, content, name="a.png", content_type="image/png", conversation_id=group)
    sent = desk.send(begun, content)
    rooms.remove(ada, group, bob)
    assert desk.arrive(*sent, thumbnail=True) == "rejected"
    assert desk.state(bob, begun["file"]["id"]) == ("rejected", "not_allowed")
    assert (desk.blobs_left(), desk.usage(bob).taken) == ([], 0)
    assert _gallery(ada, group) == []


def test_a_member_puts_a_file_into_a_conversation_and_gives_it_a_version_from_outside() -> None:
    ada, bob = people("ada", "bob")
    group = rooms.group(ada, bob)
    file_id = desk.put(bob, conversation_id=group)
    assert _gallery(ada, group) == [file_id]
    rooms.remove(ada, group, bob)
    assert desk.put(bob, b"my own still", replaces=file_id) == file_id
    assert files.get(caller=bob, file_id=file_id)["version"] == 2


def test_a_file_whose_words_could_not_be_kept_is_not_ready_until_they_are(
    ada: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = desk.begin(ada, name="minutes.txt")
    sent = desk.send(begun, b"hello")

    def away(*_: object) -> None:
        raise DependencyUnavailable

    with monkeypatch.context() as broken:
        broken.setattr(term_store, "index", away)
        with pytest.raises(DependencyUnavailable):
            desk.arrive(*sent)
    assert desk.state(ada, begun["file"]["id"])[0] == "uploading"
    assert desk.arrive(*sent) == "ready"
    found = listings.search(caller=ada, q="minutes", kind=None, limit=9, after=None).items
    assert [each["id"] for each in found] == [begun["file"]["id"]]


def test_owner_and_uploader_are_told_what_became_of_a_file(ada: Caller, settings: pytest.MonkeyPatch) -> None:
    live = Caller(ada.user_id, ada.session_id, "a1")
    with serving(settings) as management:
        realtime.open_connection(live)
        good = desk.put(ada)
        bad = desk.begin(ada, b"jello", sha256=desk.sha(b"hello"))
        desk.arrive(*desk.send(bad, b"jello"))
        told = [
            (frame["type"], frame["data"]["id"], frame["data"]["state"], frame["data"]["reject_reason"])
            for frame in management.frames("a1")
        ]
    assert told == [
        ("file.ready", good, "ready", None),
        ("file.rejected", bad["file"]["id"], "rejected", "checksum_mismatch"),
    ]


def test_usage_is_told_by_type(ada: Caller) -> None:
    picture = desk.picture(2, 2)
    desk.put(ada, b"hello")
    desk.put(ada, picture, name="a.png", content_type="image/png")
    desk.put(ada, b"xyz", content_type=desk.BYTES)
    expected = dict.fromkeys(media_types.CATEGORIES, 0) | {"document": 5, "image": len(picture), "other": 3}
    assert desk.usage(ada).by_type == expected
