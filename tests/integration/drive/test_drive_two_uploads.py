"""Two uploads of further versions of one file: of two people, of two devices; the later one is the file's upload."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from drive.files import folders
from drive.files import service as files
from drive.model import FORM_MAX_BYTES
from drive.uploads import transfers
from kernel.caller import Caller
from kernel.errors import Conflict, NotFound
from tests.integration import desk
from tests.integration.drive.shares import share

FIRST, MINE, THEIRS = b"first", b"from ada", b"from bob, later"


def _two_editors(cast: list[Caller]) -> tuple[Caller, Caller, str]:
    ada, bob, _ = cast
    file_id = desk.put(ada, FIRST)
    share(ada, file_id, user_id=bob.user_id, role="editor")
    return ada, bob, file_id


def _refused(act: Callable[[], Any]) -> None:
    with pytest.raises(Conflict) as refused:
        act()
    assert refused.value.code == "upload_ended"


def _sizes(who: Caller, file_id: str) -> list[int]:
    return [each["size"] for each in files.versions(caller=who, file_id=file_id, limit=50, after=None).items]


@pytest.mark.parametrize("owner_is_first", [True, False])
@pytest.mark.parametrize("named", [True, False])
def test_who_lost_the_place_to_another_editor_is_told(cast: list[Caller], owner_is_first: bool, named: bool) -> None:
    ada, bob, file_id = _two_editors(cast)
    first, second = (ada, bob) if owner_is_first else (bob, ada)
    desk.begin(first, MINE, replaces=file_id, client_id="mine")
    begun = desk.begin(second, THEIRS, replaces=file_id)
    arrived = desk.send(begun, THEIRS)
    client_id = "mine" if named else None
    _refused(lambda: transfers.complete(caller=first, file_id=file_id, sent_parts=[], client_id=client_id))
    transfers.complete(caller=second, file_id=file_id, sent_parts=[])
    desk.arrive(*arrived)
    assert _sizes(ada, file_id) == [len(THEIRS), len(FIRST)]


def test_who_lost_the_place_is_told_also_after_the_other_upload_is_done(cast: list[Caller]) -> None:
    ada, bob, file_id = _two_editors(cast)
    desk.begin(ada, MINE, replaces=file_id, client_id="mine")
    desk.put(bob, THEIRS, replaces=file_id)
    _refused(lambda: transfers.complete(caller=ada, file_id=file_id, sent_parts=[], client_id="mine"))


def test_two_devices_of_one_person_complete_their_own_uploads_only(ada: Caller) -> None:
    file_id = desk.put(ada, FIRST)
    desk.begin(ada, MINE, replaces=file_id, client_id="phone")
    desk.send(desk.begin(ada, THEIRS, replaces=file_id, client_id="laptop"), THEIRS)
    _refused(lambda: transfers.complete(caller=ada, file_id=file_id, sent_parts=[], client_id="phone"))
    _refused(lambda: transfers.abort(caller=ada, file_id=file_id, client_id="phone"))
    done = transfers.complete(caller=ada, file_id=file_id, sent_parts=[], client_id="laptop")
    assert (done["version"], done["size"], done["state"]) == (2, len(THEIRS), "processing")


def test_parts_go_to_the_upload_that_was_begun_with_them(cast: list[Caller]) -> None:
    ada, bob, file_id = _two_editors(cast)
    large: dict[str, Any] = {"size": FORM_MAX_BYTES + 1, "replaces": file_id}
    desk.begin(ada, client_id="phone", **large)
    desk.begin(ada, client_id="laptop", **large)
    _refused(lambda: transfers.parts(caller=ada, file_id=file_id, numbers=[1], client_id="phone"))
    assert transfers.parts(caller=ada, file_id=file_id, numbers=[1], client_id="laptop")["parts"]
    desk.begin(bob, **large)
    for client_id in ("laptop", None):
        _refused(lambda named=client_id: transfers.parts(caller=ada, file_id=file_id, numbers=[1], client_id=named))  # type: ignore[misc]


def test_an_upload_that_lost_its_place_begins_again_when_it_is_sent_again(cast: list[Caller]) -> None:
    ada, bob, file_id = _two_editors(cast)
    desk.begin(ada, MINE, replaces=file_id, client_id="mine")
    desk.put(bob, THEIRS, replaces=file_id)
    desk.put(ada, MINE, replaces=file_id, client_id="mine")
    assert _sizes(ada, file_id) == [len(MINE), len(THEIRS), len(FIRST)]


def test_completing_twice_answers_the_same_after_the_intake(ada: Caller) -> None:
    begun = desk.begin(ada, MINE, client_id="mine")
    file_id = begun["file"]["id"]
    desk.arrive(*desk.send(begun, MINE))
    for client_id in ("mine", None):
        done = transfers.complete(caller=ada, file_id=file_id, sent_parts=[], client_id=client_id)
        assert (done["state"], done["size"]) == ("ready", len(MINE))
    desk.put(ada, THEIRS, replaces=file_id)
    desk.begin(ada, b"third", replaces=file_id)
    assert transfers.complete(caller=ada, file_id=file_id, sent_parts=[], client_id="mine")["version"] == 2


def test_the_owner_ends_an_editors_upload_an_editor_ends_their_own(cast: list[Caller]) -> None:
    ada, bob, file_id = _two_editors(cast)
    desk.begin(ada, MINE, replaces=file_id)
    _refused(lambda: transfers.abort(caller=bob, file_id=file_id))
    desk.begin(bob, THEIRS, replaces=file_id)
    transfers.abort(caller=ada, file_id=file_id)
    assert desk.usage(ada).taken == len(FIRST)


def test_the_upload_of_a_new_file_is_not_found_by_other_editors(cast: list[Caller]) -> None:
    ada, bob, _ = cast
    folder = folders.create(caller=ada, name="plans", parent_id=None)["id"]
    share(ada, folder, user_id=bob.user_id, role="editor")
    file_id = desk.begin(ada, MINE, folder_id=folder)["file"]["id"]
    acts: list[Callable[[], Any]] = [
        lambda: transfers.parts(caller=bob, file_id=file_id, numbers=[1]),
        lambda: transfers.complete(caller=bob, file_id=file_id, sent_parts=[]),
        lambda: transfers.abort(caller=bob, file_id=file_id),
    ]
    for act in acts:
        with pytest.raises(NotFound):
            act()
