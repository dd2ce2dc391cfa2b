from __future__ import annotations

import io
import json
import random
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from privacy import exports, tables
from privacy.app import app
from privacy.consumers import make_export

from accounts import passwords
from accounts.app import app as accounts
from calls import service
from conversations import service as conversations
from drive.files import folders
from drive.files import service as files
from drive.model import MIB
from drive.sharing import links
from drive.sharing import service as sharing
from kernel import aws, blobs, clock
from kernel.caller import Caller
from kernel.errors import DependencyUnavailable
from messages import service as messages
from messages.changes import reactions
from messages.schemas import MessageFields
from messages.unsent import drafts, scheduled
from moderation import service as moderation
from notifications.app import app as notifications
from polls import service as polls
from presence import service as presence
from tests.conftest import BUCKET
from tests.helpers import CONTEXT, Person, Reply, ask, someone
from tests.integration import desk, rooms
from tests.integration.calls import calling
from tests.integration.invitations.test_invitations import accept, link
from tests.integration.keys import desk as keys_desk
from tests.integration.keys import test_backup
from tests.integration.polls import ballot_boxes
from users import relations

PASSWORD = "four lilac otters"


@pytest.fixture(autouse=True)
def _quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "COST", 4)


@pytest.fixture
def ann() -> tuple[Caller, str]:
    body = {"email": "ann@example.com", "username": "ann", "password": PASSWORD, "display_name": "Ann"}
    made = ask(accounts, "POST", "/auth/register", body=body).body
    return Caller(made["user"]["id"], made["tokens"]["session_id"]), made["tokens"]["access_token"]


def begin(token: str, **body: Any) -> Reply:
    return ask(app, "POST", "/users/me/exports", body=body, token=token)


def test_an_export_holds_each_kind_with_its_schema_and_the_files(ann: tuple[Caller, str]) -> None:
    # given somebody with a message among others' and a file
    me, token = ann
    bob = someone("bob")
    made, _ = conversations.create(
        caller=me, kind="direct", member_ids=[bob.user_id], name=None, description=None, settings={}
    )
    for who, text in ((me, "mine"), (Caller(bob.user_id, bob.session_id), "theirs")):
        draft = MessageFields(client_id=text, text=text).message()
        messages.send(caller=who, conversation_id=made["id"], message=draft)
    desk.put(me, name="notes.txt", content=b"my notes")

    # when the export is made
    begun = begin(token)
    event = {"user_id": me.user_id, "export_id": begun.body["id"]}
    assert (begun.status, begun.body["status"]) == (202, "running")
    assert make_export.handler(event, CONTEXT) == {"done": True}

    # then it is ready for seven days, and has what is theirs and nothing else
    shown = ask(app, "GET", "/users/me/exports/{export_id}", {"export_id": begun.body["id"]}, token=token).body
    assert (shown["status"], shown["url"].startswith("https://")) == ("ready", True)
    assert clock.parse(shown["expires_at"]) - clock.now() > 6.9 * clock.DAY
    key = exports.get(me.user_id, begun.body["id"]).key
    content = aws.client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read()
    assert len(content) == shown["size"]
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = set(archive.namelist())
        kinds = {name.removesuffix(".json") for name in names if name.endswith(".json") and "/" not in name}
        assert {f"schemas/{kind}.schema.json" for kind in kinds} <= names
        assert {"profile", "sessions", "contacts", "conversations", "messages", "files", "security_log"} <= kinds
        assert [each["text"] for each in json.loads(archive.read("messages.json"))] == ["mine"]
        assert json.loads(archive.read("profile.json"))[0]["email"] == "ann@example.com"
        (file,) = [name for name in names if name.startswith("files/")]
        assert archive.read(file) == b"my notes"


def test_a_file_too_long_for_the_usual_fields_of_a_zip_is_in_the_export(
    ann: tuple[Caller, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    me, token = ann
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 1_000)  # for 2 GiB
    desk.put(me, name="film.txt", content=b"a frame " * 1_000)
    export_id = begin(token).body["id"]
    make_export.handler({"user_id": me.user_id, "export_id": export_id}, CONTEXT)
    stored = aws.client("s3").get_object(Bucket=BUCKET, Key=exports.get(me.user_id, export_id).key)
    with zipfile.ZipFile(io.BytesIO(stored["Body"].read())) as archive:
        (film,) = [name for name in archive.namelist() if name.startswith("files/")]
        assert archive.read(film) == b"a frame " * 1_000


def test_an_export_is_stored_in_parts_however_large_it_is(
    ann: tuple[Caller, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """S3 takes 5 GiB in one request ("Amazon S3 multipart upload limits"), and a drive has 10 GiB by default."""
    me, token = ann
    monkeypatch.setattr(blobs, "PART_BYTES", 5 * MIB)
    film = random.Random(7).randbytes(12 * MIB)
    desk.put(me, name="film.bin", content=film)
    export_id = begin(token).body["id"]
    make_export.handler({"user_id": me.user_id, "export_id": export_id}, CONTEXT)
    export, s3 = exports.get(me.user_id, export_id), aws.client("s3")
    stored = s3.get_object(Bucket=BUCKET, Key=export.key)
    assert stored["ETag"].strip('"').endswith("-3")  # the number of parts
    assert stored["ContentLength"] == export.size
    with zipfile.ZipFile(io.BytesIO(stored["Body"].read())) as archive:
        (name,) = [name for name in archive.namelist() if name.startswith("files/")]
        assert archive.read(name) == film


def test_an_export_that_fails_leaves_no_parts(ann: tuple[Caller, str], monkeypatch: pytest.MonkeyPatch) -> None:
    me, token = ann
    monkeypatch.setattr(blobs, "PART_BYTES", 5 * MIB)
    desk.put(me, name="film.bin", content=random.Random(7).randbytes(6 * MIB))
    export_id = begin(token).body["id"]
    monkeypatch.setattr(blobs, "finish", _out_of_order)
    with pytest.raises(DependencyUnavailable):
        make_export.handler({"user_id": me.user_id, "export_id": export_id}, CONTEXT)
    assert "Uploads" not in aws.client("s3").list_multipart_uploads(Bucket=BUCKET, Prefix="exports/")
    assert exports.get(me.user_id, export_id).status == "running"  # the machine tries again


def _out_of_order(*_: Any) -> None:
    raise DependencyUnavailable


def _exported(who: Caller, token: str) -> dict[str, list[dict[str, Any]]]:
    """The documents of a new export, by kind."""
    export_id = begin(token).body["id"]
    make_export.handler({"user_id": who.user_id, "export_id": export_id}, CONTEXT)
    key = exports.get(who.user_id, export_id).key
    content = aws.client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {
            name.removesuffix(".json"): json.loads(archive.read(name))
            for name in archive.namelist()
            if name.endswith(".json") and "/" not in name
        }


def test_each_table_is_in_a_kind_of_the_export_or_says_why_not(ann: tuple[Caller, str]) -> None:
    names = tables.RULES.keys() | tables.KEPT.keys()
    assert tables.EXPORTED.keys() | tables.NOT_EXPORTED.keys() == names
    assert tables.EXPORTED.keys() & tables.NOT_EXPORTED.keys() == set()
    assert _exported(*ann).keys() == {kind for kinds in tables.EXPORTED.values() for kind in kinds}


def test_what_a_person_has_written_is_there_wherever_it_is(ann: tuple[Caller, str]) -> None:
    me, _ = ann
    bob = rooms.people("bob")[0]
    chat, left = rooms.direct(me, bob), rooms.group(bob, me)
    theirs = rooms.send(bob, chat, "theirs")
    mine = rooms.send(me, chat, "first")
    messages.edit(caller=me, conversation_id=chat, message_id=mine["id"], text="second")
    rooms.send(me, left, "left behind")
    once = rooms.send(bob, left, "once")
    reactions.react(caller=me, conversation_id=left, message_id=once["id"], emoji="\U0001f375", added=True)
    for secret in (False, True):
        ballot_boxes.vote(me, ballot_boxes.ask(bob, left, client_id=str(secret), anonymous=secret), "Tea")
    rooms.remove(me, left, me)
    reactions.react(caller=me, conversation_id=chat, message_id=theirs["id"], emoji="\U0001f44d", added=True)
    drafts.keep(
        caller=me, conversation_id=chat, text="unsent", reply_to=None, thread_root=None, written_at=None
    )  # fmt: skip
    held = _exported(*ann)
    assert [each["text"] for each in held["messages"]] == ["second", "left behind"]
    assert [each["text"] for each in held["earlier_texts"]] == ["first"]
    assert {each["emoji"] for each in held["reactions"]} == {"\U0001f44d", "\U0001f375"}
    assert [each["options"] for each in held["votes"]] == [["Tea"], ["Tea"]]
    assert [each["text"] for each in held["drafts"]] == ["unsent"]


def test_what_others_made_of_a_message_after_its_author_had_left_is_not_shown(ann: tuple[Caller, str]) -> None:
    # given a message and a poll in a group, which their author has left
    me, _ = ann
    bob, cleo = rooms.people("bob", "cleo")
    left = rooms.group(bob, me, cleo)
    mine = rooms.send(me, left, "mine")
    reactions.react(caller=me, conversation_id=left, message_id=mine["id"], emoji="\U0001f375", added=True)
    poll = ballot_boxes.ask(me, left)
    rooms.remove(me, left, me)

    # when others react, answer and vote
    for emoji in ("\U0001f375", "\U0001f44d"):
        reactions.react(caller=bob, conversation_id=left, message_id=mine["id"], emoji=emoji, added=True)
    rooms.send(cleo, left, "an answer", thread_root=mine["id"])
    ballot_boxes.vote(bob, poll, poll["options"][0]["text"])

    # then the author's export shows none of it
    text, asked = _exported(*ann)["messages"]
    assert text["reactions"] == [{"emoji": "\U0001f375", "count": 1, "mine": True}]
    assert text["thread_count"] == 0
    assert asked["poll"]["question"] == poll["question"]
    assert asked["poll"]["total_voters"] is None
    assert {each["votes"] for each in asked["poll"]["options"]} == {None}


def test_whoever_has_used_everything_finds_something_of_every_kind(ann: tuple[Caller, str]) -> None:
    # given somebody with something of every kind (passkeys and notifications are in the end-to-end test)
    me, token = ann
    person = Person(me.user_id, "ann", me.session_id, token, "")
    bob, cleo = rooms.people("bob", "cleo")
    group, hers = rooms.group(bob, me), rooms.group(me, bob)
    theirs, mine = rooms.send(bob, group, "theirs"), rooms.send(me, group, "mine")
    messages.edit(caller=me, conversation_id=group, message_id=mine["id"], text="mine, better")
    reactions.react(caller=me, conversation_id=group, message_id=theirs["id"], emoji="\U0001f44d", added=True)
    moderation.report(caller=me, conversation_id=group, message_id=theirs["id"], reason="not nice at all")
    drafts.keep(
        caller=me, conversation_id=group, text="unsent", reply_to=None, thread_root=None, written_at=None
    )  # fmt: skip
    later = MessageFields(client_id="later", text="later")
    scheduled.schedule(caller=me, conversation_id=group, fields=later, send_at=clock.now() + clock.HOUR)
    poll = ballot_boxes.ask(me, group, allow_add_options=True)
    ballot_boxes.vote(me, poll, poll["options"][0]["text"])
    polls.add_option(caller=me, poll_id=poll["id"], text="Juice")
    service.end(caller=me, call_id=calling.ring(me, group)["id"])
    presence.choose(caller=me, status="busy", text="writing", until=None)
    device = {"platform": "android", "provider": "fcm", "token": "t"}
    ask(notifications, "PUT", "/devices/{device_id}", {"device_id": "phone"}, token=token, body=device)
    keys_desk.registered(person)
    test_backup.put(person)
    link(me, hers)
    accept(me, link(cleo, rooms.group(cleo), needs_approval=True))
    relations.request(user_id=me.user_id, other_id=bob.user_id)
    relations.block(user_id=me.user_id, other_id=cleo.user_id)
    folders.create(caller=me, name="Plans", parent_id=None)
    file_id = desk.put(me)
    sharing.share(caller=me, node_id=file_id, file=True, user_id=bob.user_id, conversation_id=None, role="viewer")
    links.create(caller=me, file_id=file_id, ends_at=None, password=None, max_downloads=None)
    files.set_favourite(caller=me, file_id=file_id, on=True)
    # when it is exported, then nothing is empty but those
    assert {kind for kind, items in _exported(*ann).items() if not items} == {"passkeys", "notifications"}


def test_no_message_is_left_out_of_a_page_that_is_too_large(ann: tuple[Caller, str]) -> None:
    me, _ = ann
    chat = rooms.direct(me, *rooms.people("bob"))
    texts = [f"{n}" + "\U0001f44d" * 9_000 for n in range(45)]  # 14 bytes a character in an answer of Lambda
    for text in texts:
        rooms.send(me, chat, text, client_id=text[:9])
    assert [each["text"] for each in _exported(*ann)["messages"]] == texts


@contextmanager
def _queries() -> Iterator[Counter[str]]:
    """How often each table, or index of it, is queried."""
    events, asked = aws.client("dynamodb").meta.events, Counter[str]()

    def count(params: dict[str, Any], **_: object) -> None:
        asked[f"{params['TableName'].rpartition('-')[2]} {params.get('IndexName', '')}".strip()] += 1

    events.register("before-parameter-build.dynamodb.Query", count)
    try:
        yield asked
    finally:
        events.unregister("before-parameter-build.dynamodb.Query", count)


def test_messages_and_the_drive_are_read_once_for_all_their_kinds(ann: tuple[Caller, str]) -> None:
    # given a message with a reaction, and a folder
    me, token = ann
    chat = rooms.direct(me, *rooms.people("bob"))
    mine = rooms.send(me, chat, "first")
    messages.edit(caller=me, conversation_id=chat, message_id=mine["id"], text="second")
    reactions.react(caller=me, conversation_id=chat, message_id=mine["id"], emoji="\U0001f44d", added=True)
    folders.create(caller=me, name="Plans", parent_id=None)

    # when they are exported
    export_id = begin(token).body["id"]
    with _queries() as asked:
        make_export.handler({"user_id": me.user_id, "export_id": export_id}, CONTEXT)

    # then there is a page of messages and its end, and nodes for the documents and then for the files' bytes
    assert asked["events"] == 2
    assert asked["drive by_owner"] == 2 * 2


def test_one_a_day(ann: tuple[Caller, str]) -> None:
    with clock.held(clock.now() // clock.DAY * clock.DAY):
        _, token = ann[0], ask(accounts, "POST", "/auth/login", body={"identifier": "ann", "password": PASSWORD})
        access = token.body["tokens"]["access_token"]
        assert [begin(access).status for _ in range(2)] == [202, 429]


def test_an_old_proof_is_renewed_by_the_password_and_a_wrong_one_uses_nothing_up(ann: tuple[Caller, str]) -> None:
    with clock.held(clock.now()) as advance:
        advance(10 * clock.MINUTE + 1)
        assert begin(ann[1]).code == "step_up_required"
        assert begin(ann[1], password="wrong").code == "invalid_credentials"
        assert begin(ann[1], password=PASSWORD).status == 202


def test_exports_are_their_persons_and_end(ann: tuple[Caller, str]) -> None:
    me, token = ann
    export_id = begin(token).body["id"]
    assert (
        ask(app, "GET", "/users/me/exports/{export_id}", {"export_id": export_id}, token=someone().token).status == 404
    )
    make_export.handler({"user_id": me.user_id, "export_id": export_id}, CONTEXT)
    assert [each["id"] for each in ask(app, "GET", "/users/me/exports", token=token).body["items"]] == [export_id]
    with clock.held(clock.now() + 7 * clock.DAY):
        ended = exports.render(exports.get(me.user_id, export_id))
    assert (ended["status"], ended["url"]) == ("expired", None)


def test_an_export_that_cannot_be_made_says_so(ann: tuple[Caller, str]) -> None:
    export_id = begin(ann[1]).body["id"]
    make_export.handler({"user_id": ann[0].user_id, "export_id": export_id, "failed": {"Error": "x"}}, CONTEXT)
    assert exports.get(ann[0].user_id, export_id).state == "failed"
