"""The MLS libraries of both clients in one group, in either role: Welcomes, messages, new keys, adding members.

SC_MLS_MEMBERS=1000 tests a large group (the performance figures include one).
"""

from __future__ import annotations

import os

import pytest

from perf.browser.mls_page import engines, group_of, page_device
from tests.e2e.web.windows import needs_a_browser

pytestmark = needs_a_browser
SIZES = [int(each) for each in os.environ.get("SC_MLS_MEMBERS", "2,50").split(",")]


def test_both_libraries_bring_in_talk_and_rekey_in_groups_of_each_size() -> None:
    with page_device() as page:
        for size in SIZES:
            _, group, welcome, others = group_of(size, page)
            page.join(welcome)
            assert page.members() == len(group.leaves()) == size

            # messages in both directions, and from another member if there is one
            assert group.receive(page.encrypt("from the page")).data == b"from the page"
            speakers = [group, *(each.join(welcome) for each in others[:1])]
            said = [each.encrypt(f"from {n}".encode()) for n, each in enumerate(speakers)]
            assert page.receive(said)[1] == [f"from {n}" for n in range(len(speakers))]

            # new keys from either library
            renewed = page.update()
            for each in speakers:
                each.receive(renewed)
            commit = group.update()
            for each in speakers:
                each.receive(commit.message)
            assert page.receive([commit.message, group.encrypt(b"again")])[1] == [None, "again"]

            # both export the same keys for calls
            assert page.export_secret("SFrame 1.0 Base Key", 16) == group.export_secret("SFrame 1.0 Base Key", 16)

            # the page adds another member, and messages work in both directions
            (late,) = engines(size)[-1:]
            _, brought, invitation = page.add([late.key_package()])
            group.receive(brought)
            joined = late.join(invitation)
            assert joined.receive(page.encrypt("welcome")).data == b"welcome"
            assert group.receive(joined.encrypt(b"thanks")).data == b"thanks"


@pytest.mark.parametrize("count", [100])
def test_a_hundred_members_come_in_by_one_commit_of_either(count: int) -> None:
    with page_device() as page:
        page.create("cnv_1")
        others = engines(count)
        _, _, welcome = page.add([each.key_package() for each in others])
        joined = [others[0].join(welcome), others[-1].join(welcome)]
        word = page.encrypt("hello")
        assert [each.receive(word).data for each in joined] == [b"hello", b"hello"]
        assert len(joined[0].leaves()) == page.members() == count + 1


OLD_DAYS = 40  # a package of the web client is valid for 28


def test_one_leaf_that_is_old_keeps_no_device_of_the_python_client_out_of_a_group() -> None:
    """A leaf keeps the lifetime of its package for as long as it is in the tree."""
    with page_device(days_ago=OLD_DAYS) as page:
        page.create("cnv_1")
        first, late = engines(2)
        _, _, welcome = page.add([first.key_package()])
        group = first.join(welcome)
        assert group.receive(page.encrypt("hello")).data == b"hello"

        commit = group.add([late.key_package()])
        group.receive(commit.message)
        assert commit.welcome is not None
        joined = late.join(commit.welcome)
        assert page.receive([commit.message])[1] == [None]
        assert joined.receive(page.encrypt("welcome")).data == b"welcome"
        renewed = page.update()
        assert [each.receive(renewed).removed for each in (group, joined)] == [False, False]
