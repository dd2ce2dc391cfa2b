"""Folders, the trash, and finding things again."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from drive import model, store
from drive.files import folders, listings
from drive.files import service as files
from drive.trash import service as trash
from drive.trash import sweep
from kernel import clock
from kernel.caller import Caller
from kernel.errors import Conflict, InvalidCursor, NotFound, Problem, ValidationFailed
from tests.integration import desk
from tests.integration.rooms import people


def _folder(who: Caller, name: str, parent: str | None = None) -> str:
    return str(folders.create(caller=who, name=name, parent_id=parent)["id"])


def _names(who: Caller, folder_id: str = "root", *, sort: str = "name", limit: int = 50) -> list[str]:
    found: list[str] = []
    after = None
    while True:
        page = folders.children(caller=who, folder_id=folder_id, sort=sort, limit=limit, after=after)
        found += [each["name"] for each in page.items]
        after = page.next_cursor
        if after is None:
            return found


def test_folders_come_first_and_files_in_the_order_asked_for(ada: Caller) -> None:
    for name, content in (("b.txt", b"1"), ("A.txt", b"333"), ("c.txt", b"22")):
        desk.put(ada, content, name=name)
    _folder(ada, "z")
    _folder(ada, "Y")
    for limit in (1, 2, 50):
        assert _names(ada, limit=limit) == ["Y", "z", "A.txt", "b.txt", "c.txt"]
        assert _names(ada, sort="-name", limit=limit) == ["z", "Y", "c.txt", "b.txt", "A.txt"]
        assert _names(ada, sort="size", limit=limit)[2:] == ["b.txt", "c.txt", "A.txt"]
        assert _names(ada, sort="-size", limit=limit)[2:] == ["A.txt", "c.txt", "b.txt"]
        assert _names(ada, sort="-created_at", limit=limit)[2:] == ["c.txt", "A.txt", "b.txt"]
    with pytest.raises(ValidationFailed):
        _names(ada, sort="colour")


@pytest.mark.parametrize("char", ["한", "😀", "é", "\U0001d504"])
def test_pages_go_on_behind_long_names_of_any_script(ada: Caller, char: str) -> None:
    names = [char * 250 + str(number) for number in range(3)]
    for name in names:
        _folder(ada, name)
    assert len(_names(ada, limit=1)) == len(_names(ada, sort="-name", limit=1)) == 3


def test_a_cursor_of_another_folder_or_person_is_refused(ada: Caller) -> None:
    bob = people("bob")[0]
    for name in ("a", "b"):
        _folder(ada, name)
        _folder(bob, name)
    mark = folders.children(caller=ada, folder_id="root", sort="name", limit=1, after=None).next_cursor
    with pytest.raises(InvalidCursor):
        folders.children(caller=bob, folder_id="root", sort="name", limit=1, after=mark)


def test_a_name_is_taken_once_in_a_place_whatever_its_case_and_accents(ada: Caller) -> None:
    top = _folder(ada, "Résumé")
    with pytest.raises(model.NameTaken):
        _folder(ada, "resume")
    inner = _folder(ada, "resume", top)
    with pytest.raises(model.NameTaken):
        folders.change(caller=ada, folder_id=inner, fields={"parent_id": None})
    folders.change(caller=ada, folder_id=top, fields={"name": "RÉSUMÉ"})
    folders.change(caller=ada, folder_id=top, fields={"name": "Other"})
    folders.change(caller=ada, folder_id=inner, fields={"parent_id": None})
    assert _names(ada) == ["Other", "resume"]


@pytest.mark.parametrize("name", ["한" * 255, "\ufdfa" * 255, "😀" * 255, "\u3000", "\u0301", "ﷺ"])
def test_a_name_of_any_script_is_taken_once(ada: Caller, name: str) -> None:
    made = _folder(ada, name)
    with pytest.raises(model.NameTaken):
        _folder(ada, name)
    assert _names(ada) == [model.require_name(name)]
    folders.change(caller=ada, folder_id=made, fields={"name": "Other"})
    _folder(ada, name)


def test_of_two_folders_made_at_once_with_one_name_one_stays(ada: Caller) -> None:
    outcomes: list[Any] = []

    def make() -> None:
        try:
            outcomes.append(_folder(ada, "same"))
        except model.NameTaken as taken:
            outcomes.append(taken)

    threads = [threading.Thread(target=make) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(isinstance(each, str) for each in outcomes) == 1


def test_a_folder_is_not_moved_into_itself_or_what_it_holds(ada: Caller) -> None:
    a = _folder(ada, "a")
    b = _folder(ada, "b", a)
    c = _folder(ada, "c", b)
    for target in (a, b, c):
        with pytest.raises(model.Cycle):
            folders.change(caller=ada, folder_id=a, fields={"parent_id": target})


def test_two_moves_at_once_never_make_a_circle(ada: Caller) -> None:
    for turn in range(8):
        a, b = _folder(ada, f"a{turn}"), _folder(ada, f"b{turn}")
        refused: list[Problem] = []

        def move(one: str, other: str, refused: list[Problem] = refused) -> None:
            try:
                folders.change(caller=ada, folder_id=one, fields={"parent_id": other})
            except Problem as problem:
                refused.append(problem)

        threads = [threading.Thread(target=move, args=pair) for pair in ((a, b), (b, a))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        parents = {each: found.folder_id for each, found in store.nodes([a, b]).items()}
        assert sorted(parents.values(), key=str).count(None) == 1
        assert len(refused) == 1


def test_a_file_is_renamed_and_moved_and_found_by_its_new_name(ada: Caller) -> None:
    top = _folder(ada, "top")
    file_id = desk.put(ada, name="Old name.txt")
    files.change(caller=ada, file_id=file_id, fields={"name": "Neuer Überblick.txt", "folder_id": top})
    assert (_names(ada), _names(ada, top)) == (["top"], ["Neuer Überblick.txt"])
    search = listings.search
    assert search(caller=ada, q="old", kind=None, limit=10, after=None).items == []
    for q in ("uberblick", "neu ÜBER", "txt neuer"):
        assert [each["id"] for each in search(caller=ada, q=q, kind=None, limit=10, after=None).items] == [file_id]
    assert search(caller=ada, q="neuer", kind="image", limit=10, after=None).items == []
    assert search(caller=people("bob")[0], q="neuer", kind=None, limit=10, after=None).items == []


def test_search_pages_find_each_node_once(ada: Caller) -> None:
    wanted = {desk.put(ada, name=f"report reports {number}.txt") for number in range(7)}
    found: list[str] = []
    after = None
    while True:
        page = listings.search(caller=ada, q="repo", kind="document", limit=2, after=after)
        found += [each["id"] for each in page.items]
        after = page.next_cursor
        if after is None:
            break
    assert sorted(found) == sorted(wanted)
    assert len(listings.search(caller=ada, q="repo", kind=None, limit=6, after=None).items) == 6
    assert listings.search(caller=ada, q="repo", kind=None, limit=7, after=None).next_cursor is None


def test_recent_files_and_favourites(ada: Caller) -> None:
    with clock.held(clock.now()) as advance:
        made = []
        for number in range(5):
            made.append(desk.put(ada, name=f"{number}.txt"))
            advance(clock.MINUTE)
        files.change(caller=ada, file_id=made[1], fields={"name": "changed.txt"})
        first = listings.recent(caller=ada, limit=3, after=None)
        rest = listings.recent(caller=ada, limit=3, after=first.next_cursor)
    order = [each["id"] for each in [*first.items, *rest.items]]
    assert order == [made[1], made[4], made[3], made[2], made[0]]
    files.set_favourite(caller=ada, file_id=made[2], on=True)
    assert [each["id"] for each in listings.favourites(caller=ada, limit=10, after=None).items] == [made[2]]
    files.set_favourite(caller=ada, file_id=made[2], on=False)
    assert listings.favourites(caller=ada, limit=10, after=None).items == []


def _trashed(who: Caller) -> list[str]:
    return [each["id"] for each in trash.list_trashed(caller=who, limit=50, after=None).items]


def test_recent_files_of_one_millisecond_come_once(ada: Caller) -> None:
    with clock.held(clock.now()):
        made = [desk.put(ada, name=f"{n}.txt") for n in range(3)]
    found: list[str] = []
    after = None
    while len(found) <= len(made):
        page = listings.recent(caller=ada, limit=1, after=after)
        found += [each["id"] for each in page.items]
        after = page.next_cursor
        if after is None:
            break
    assert sorted(found) == sorted(made)


def test_a_file_goes_to_the_trash_and_back_and_is_purged_after_30_days(ada: Caller) -> None:
    with clock.held(clock.now()) as advance:
        top = _folder(ada, "top")
        file_id = desk.put(ada, folder_id=top)
        trash.remove(caller=ada, node_id=file_id, permanent=False, file=True)
        assert (_names(ada, top), _trashed(ada)) == ([], [file_id])
        with pytest.raises(model.NotReady):
            files.download(caller=ada, file_id=file_id)
        assert desk.usage(ada).used == 5
        trash.restore(caller=ada, node_id=file_id, file=True)
        assert (_names(ada, top), _trashed(ada)) == (["notes.txt"], [])
        trash.remove(caller=ada, node_id=file_id, permanent=False, file=True)
        advance(30 * clock.DAY - 1)
        sweep.sweep()
        assert _trashed(ada) == [file_id]
        advance(1)
        sweep.sweep()
        assert _trashed(ada) == []
        assert (desk.usage(ada).taken, desk.usage(ada).used, desk.blobs_left()) == (0, 0, [])
        with pytest.raises(NotFound):
            files.get(caller=ada, file_id=file_id)


def test_a_folder_takes_what_it_holds_along(ada: Caller) -> None:
    top = _folder(ada, "top")
    inner = _folder(ada, "inner", top)
    file_id = desk.put(ada, folder_id=inner)
    trash.remove(caller=ada, node_id=top, permanent=False, file=False)
    assert (_names(ada), _trashed(ada)) == ([], [top])
    assert files.get(caller=ada, file_id=file_id)["state"] == "trashed"
    with pytest.raises(NotFound):
        _names(ada, top)
    _folder(ada, "top")
    with pytest.raises(model.NameTaken):
        trash.restore(caller=ada, node_id=top, file=False)
    folders.change(caller=ada, folder_id=_id(ada, "top"), fields={"name": "other"})
    trash.restore(caller=ada, node_id=top, file=False)
    assert files.get(caller=ada, file_id=file_id)["state"] == "ready"
    assert _names(ada, inner) == ["notes.txt"]
    trash.remove(caller=ada, node_id=top, permanent=True, file=False)
    assert (desk.usage(ada).taken, desk.blobs_left()) == (0, [])
    for each in (top, inner, file_id):
        assert store.node_access(each) is None


def _id(who: Caller, name: str) -> str:
    items = folders.children(caller=who, folder_id="root", sort="name", limit=50, after=None).items
    return next(str(each["id"]) for each in items if each["name"] == name)


def test_a_large_folder_is_finished_by_the_sweep(ada: Caller) -> None:
    top = _folder(ada, "top")
    for number in range(trash.AT_ONCE + 5):
        _folder(ada, f"f{number}", top)
    trash.remove(caller=ada, node_id=top, permanent=True, file=False)
    assert store.node_access(top) is not None
    with pytest.raises(NotFound):
        trash.restore(caller=ada, node_id=top, file=False)
    sweep.sweep()
    assert store.node_access(top) is None
    assert store.everything_in(top) == []


def test_a_file_whose_folder_is_gone_is_restored_to_the_top(ada: Caller) -> None:
    top = _folder(ada, "top")
    file_id = desk.put(ada, folder_id=top)
    trash.remove(caller=ada, node_id=file_id, permanent=False, file=True)
    trash.remove(caller=ada, node_id=top, permanent=True, file=False)
    trash.restore(caller=ada, node_id=file_id, file=True)
    assert _names(ada) == ["notes.txt"]


def test_deleting_for_good_frees_every_version_and_an_upload_under_way(ada: Caller) -> None:
    file_id = desk.put(ada, b"12345")
    desk.put(ada, b"1234567", replaces=file_id)
    begun = desk.begin(ada, b"123", replaces=file_id)
    desk.send(begun, b"123")
    trash.remove(caller=ada, node_id=file_id, permanent=True, file=True)
    assert (desk.usage(ada).taken, desk.usage(ada).used, desk.blobs_left()) == (0, 0, [])


def test_folders_end_at_a_depth(ada: Caller) -> None:
    parent = None
    for number in range(model.MAX_DEPTH):
        parent = _folder(ada, str(number), parent)
    with pytest.raises(Conflict):
        _folder(ada, "deeper", parent)


def test_a_folder_that_is_taken_back_at_once_keeps_what_it_holds(ada: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sweep trashes the rest of a large folder, and must stop once the folder is restored."""
    monkeypatch.setattr(trash.run_task, "__kwdefaults__", {"at_most": 2})
    monkeypatch.setattr(sweep, "FOLDER_STEP", 3)
    top = _folder(ada, "top")
    names = [f"f{number}" for number in range(8)]
    for name in names:
        _folder(ada, name, top)
    trash.remove(caller=ada, node_id=top, permanent=False, file=False)
    trash.restore(caller=ada, node_id=top, file=False)
    for _ in range(5):
        sweep.sweep()
    assert _names(ada, top) == names
    assert sweep.sweep() == 0


def test_a_folder_whose_name_was_taken_before_it_came_back_is_in_the_trash(
    ada: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    top = _folder(ada, "top")
    names = [f"f{number}" for number in range(6)]
    made = [_folder(ada, name, top) for name in names]
    file_id = desk.put(ada, folder_id=made[3])
    trash.remove(caller=ada, node_id=top, permanent=False, file=False)
    monkeypatch.setattr(trash.run_task, "__kwdefaults__", {"at_most": 2})
    trash.restore(caller=ada, node_id=top, file=False)
    other = _folder(ada, names[3], top)
    sweep.sweep()
    assert (_names(ada, top), _trashed(ada)) == (names, [made[3]])
    folders.change(caller=ada, folder_id=other, fields={"name": "other"})
    trash.restore(caller=ada, node_id=made[3], file=False)
    assert (_names(ada, made[3]), _trashed(ada), sweep.sweep()) == (["notes.txt"], [], 0)
    assert files.get(caller=ada, file_id=file_id)["state"] == "ready"


def test_two_deletions_of_a_folder_at_once_both_succeed(ada: Caller) -> None:
    top = _folder(ada, "top")
    for number in range(6):
        desk.put(ada, folder_id=_folder(ada, f"f{number}", top))
    failed: list[Exception] = []
    start = threading.Barrier(3)

    def delete() -> None:
        start.wait()
        try:
            trash.remove(caller=ada, node_id=top, permanent=True, file=False)
        except NotFound:
            pass  # the other was through already
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=delete) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert store.node_access(top) is None
    assert (desk.usage(ada).taken, desk.usage(ada).used, desk.blobs_left()) == (0, 0, [])


def test_a_folder_taken_back_out_of_one_in_the_trash_brings_what_it_holds(ada: Caller) -> None:
    top = _folder(ada, "top")
    inner = _folder(ada, "inner", top)
    innermost = _folder(ada, "innermost", inner)
    desk.put(ada, folder_id=innermost)
    trash.remove(caller=ada, node_id=top, permanent=False, file=False)
    trash.restore(caller=ada, node_id=inner, file=False)
    assert (_names(ada), _names(ada, inner), _names(ada, innermost)) == (["inner"], ["innermost"], ["notes.txt"])
    trash.remove(caller=ada, node_id=top, permanent=True, file=False)
    assert _names(ada, innermost) == ["notes.txt"]
