"""Budgets of what is counted: round trips, capacity units, and what functions import."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Mapping

import pytest

from perf.counts import Counted, count
from perf.in_process_stack import in_process_stack
from perf.operations import OPERATIONS
from perf.starts.imports import FIRST_PARTY_MAX, NEEDED, unneeded
from perf.template import ROOT, functions

SENDS = (
    "send (HTTP), direct",
    "send (HTTP), group of 5",
    "send (HTTP), group of 50",
    "send (HTTP), group of 200",
    "send (socket), direct",
    "send (socket), group of 50",
)
FAN_OUTS = {"fan-out of one job to 50": 50, "fan-out of one job to 200": 200}
LIST = "list 50 messages"
ALL_READ = "list 50 conversations, all read"
# what people do with messages: store trips and write units at most. A reply in a thread also takes its place there (2)
# and is counted at its root (2); an edit keeps the text that was (2).
ON_MESSAGES = {
    "react": (3, 8),
    "react again": (1, 0),
    "edit": (3, 8),
    "pin (the tenth)": (3, 8),
    "reply in a thread": (2, 10),
    "list 50 replies of a thread": (3, 0),
    "mention, direct": (2, 7),
    "mention, group of 50": (2, 7),
    "forward": (3, 7),
    "get a message": (1, 0),
    "edits of a message": (2, 0),
    "delete (edited, pinned, reacted to)": (3, 12),
    "unreact": (3, 8),
    "unpin": (3, 8),
    "list 20 pins": (2, 0),
    "mark read": (2, 1),
    "list 20 events": (4, 0),
    "save a draft": (3, 1),
    "get a draft": (2, 0),
    "clear a draft": (3, 1),
    "list 20 drafts": (2, 0),
}
# a sign-in: the name's owner; credentials, attempts, factor and profile together; the attempt; the session with its
# check; and after it whether the account is still there, its sessions and the end of that work
ON_SIGN_IN = {"sign in": (7, 12)}
# typing stores nothing, and reads who is there to be told; of receipts, the settings of 100 people are one trip
ON_NOTICES = {
    "typing (HTTP), direct": (2, 0),
    "typing (socket), direct": (2, 0),
    "typing (socket), group of 20": (2, 0),
    "typing on (HTTP), direct": (1, 0),
    "fan-out of typing that is over to 20": (2, 0),
    "list receipts, group of 50": (3, 0),
    "list receipts, group of 200": (4, 0),
    "fan-out of five receipts to 50": (4, 0),
    "fan-out of five receipts to 200": (6, 0),
    "ping with the cursors of 5 conversations": (1, 0),
}
EDITS_TOLD = {"fan-out of an edit to 50": 50, "fan-out of an edit to 200": 200}
SLOW = "send (HTTP), group of 5, slow mode"
SHARED = "list 20 shared with me"
# a poll's place in the log, the poll and the caller's vote are read, then event, head, tally and vote written
ON_POLLS = {
    "create a poll, group of 5": (2, 14),
    "vote, group of 5": (3, 8),
    "vote, group of 200": (3, 8),
    "vote again, group of 5": (3, 8),
    "get a poll": (3, 0),
    "list 50 polls": (4, 0),
    "retract a vote": (3, 8),
    "add an option to a poll": (4, 6),
    "close a poll": (4, 6),
    "close a poll by its time": (4, 6),
    "list 50 voters": (4, 0),
}
# coming or going is an event of the log, with the membership, the profile and what the door keeps of it; whether people
# who ask are being erased, and whether the maker of a link is banned, is read as it is now
ON_GROUPS = {
    "create an invitation": (2, 4),
    "list 20 invitations": (2, 0),
    "preview an invitation": (5, 0),
    "revoke an invitation": (3, 1),
    "accept an invitation": (9, 14),
    "ask to join": (10, 1),
    "list 10 requests to join": (4, 0),
    "approve a request to join": (9, 14),
    "decline a request to join": (5, 1),
    "add 5 members to a group": (7, 36),
    "remove a member": (4, 12),
    "change a member's role": (4, 6),
    "list 50 members": (2, 0),
    "change a group's settings": (2, 6),
    "change one's own view of a group": (3, 1),  # one's other devices are told
    "report a message": (6, 4),
    "list 10 reports": (2, 0),
    "dismiss a report": (7, 4),
    "resolve a report and delete its message": (10, 10),
}
ON_CALLS = {
    "start a call": (5, 16),
    "join a call": (6, 6),
    "decline a call": (6, 8),
    "signal in a call": (4, 4),
    "poll the signals of a call": (3, 0),
    "heartbeat of a call": (3, 2),
    "look after a call (machine)": (1, 0),
    "show one's media in a call": (5, 2),
    "report a call's quality": (2, 0),
    "get a call": (2, 0),
    "ICE servers": (0, 0),
    "leave a call": (5, 2),
    "end a call": (6, 10),
    "list 10 calls": (3, 0),
    "list 10 calls of a conversation": (3, 0),
}
# a file with its shares is one query a level; an upload is quota, claim, file and what is expected, and their indexes;
# what ends a right to a drive looks at others' uploads into it
ON_DRIVE = {
    "begin an upload": (1, 14),
    "complete an upload": (4, 9),
    "ask for three parts": (1, 0),
    "abort an upload": (3, 14),
    "intake of a small file": (7, 17),
    "download, own file": (1, 0),
    "download, shared two folders up": (3, 0),
    "list 50 of a folder": (3, 0),
    "get a file": (1, 0),
    "rename a file": (5, 13),
    "move a file": (5, 11),
    "move a folder": (4, 16),
    "share a file": (6, 3),
    "take a share back": (5, 3),
    "create a link": (4, 5),
    "follow a link": (4, 1),
    "trash a file": (5, 13),
    "restore a file": (5, 13),
    "list the trash": (1, 0),
    "search the drive": (2, 0),
    "recent files": (2, 0),
    "use of the quota": (1, 0),
    "gallery of 10": (3, 0),
    "versions of a file": (2, 0),
    "restore a version": (4, 9),
    "activity of a file": (2, 0),
}
# a search: the caller's conversations, their places, pages of the index side by side, the messages as they stand;
# and for files, names and shares side by side
ON_SEARCH = {
    "dispatch a message (stream)": (2, 1),  # a call of SQS beside indexing what the stream shows
    "index a message from the queue": (3, 1),
    "search, 5 conversations": (7, 0),
    "search, 40 conversations": (9, 0),
    "search one conversation": (5, 0),
    "search in vain, 5 conversations": (6, 0),
}
# a message that is sent later waits in a row of its own, which is counted; the send is a usual one
ON_SCHEDULED = {
    "schedule a message": (2, 8),
    "list 50 scheduled messages": (1, 0),
    "cancel a scheduled message": (2, 6),
    "send a scheduled message": (5, 13),
    "erase messages that have expired, none": (8, 0),
    "erase messages that have expired, 8": (40, 32),
}
ON_PRESENCE = {
    "set presence": (4, 1),
    "presence of 20": (4, 0),
    "watch 20": (6, 21),
    "watch the same 20 again": (5, 0),
    "tell 20 who watch": (13, 0),
}
# consent, choices and what was consumed are one read, the messages another; what was consumed is one transaction.
# A vector is one write unit, and its message is looked at before and after
ON_AI_HELP = {
    "sum up 200 messages": (3, 4),
    "suggest replies": (3, 4),
    "answer a question": (3, 4),
    "index the meaning of a message": (4, 1),
}
# the head brings the group's epoch with it: what an encrypted message asks is what a plain one asks
ENCRYPTED_SENDS = {
    "send encrypted (HTTP), direct": "send (HTTP), direct",
    "send encrypted (HTTP), group of 5": "send (HTTP), group of 5",
    "send encrypted (HTTP), group of 50": "send (HTTP), group of 50",
}
# a changed key: the device, its session, the log's entry, head and two hashes of its tree, and who is to be told
ON_KEYS = {
    "commit, group of 5": (4, 8),
    "register a device": (8, 24),
    "leave 20 key packages": (7, 84),
    "claim a key package": (5, 1),
    "prove the key log": (3, 0),
}
BUDGETS = (
    ON_KEYS
    | ON_SIGN_IN
    | ON_MESSAGES
    | ON_NOTICES
    | ON_POLLS
    | ON_GROUPS
    | ON_CALLS
    | ON_DRIVE
    | ON_SEARCH
    | ON_SCHEDULED
    | ON_PRESENCE
    | ON_AI_HELP
)
# who is told of a message: its members; the people, their screens and earlier alerts; who is alerted now. A push: its
# people's membership, blocks, devices, sessions, what is unread, and which devices get it, before and after. A list:
# the marker, the items, their conversations, people; messages of unread mentions; unread items beyond the first page
ON_NOTIFICATIONS = {
    "tell one of a message": (3, 1),
    "tell 40 of 50 of a message": (3, 2),
    "tell 40 of 50 of a message, in a burst": (2, 0),
    "push to one": (9, 2),
    "register a device for pushes": (2, 4),
    "get preferences": (1, 0),
    "list 20 notifications": (3, 0),
    "list 20 mentions": (5, 0),
    "list 50 of 120 mentions": (6, 0),
}
BUDGETS |= ON_NOTIFICATIONS
PUSHED_TO = {"push to one": 1, "push to 25": 25}
VOTES_TOLD = {"fan-out of a vote to 50": 50, "fan-out of a vote to 200": 200}
MAX_SEND_TRIPS, MAX_SEND_WRITE_UNITS, MAX_LIST_TRIPS = 2, 7, 2
FIRST_SEND_TRIPS = 1  # in a conversation that this process has not met: it cannot know whose sockets to read
MAX_SEND_REDIS_TRIPS = 2  # limits and session; changed sockets and the end of typing
SOCKET_TRIPS = 1  # without Redis: nothing else tells whose sockets have changed since they were read
SESSION_TRIPS = 1  # of each call without Redis: nothing else tells of a session's end within a second (R14)


def _count(*names: str, with_redis: bool = True) -> Mapping[str, Counted]:
    with in_process_stack(with_redis=with_redis) as of:
        return {name: count(of, name, OPERATIONS[name](of), repeats=1) for name in names}


@pytest.fixture(scope="module")
def counted() -> Mapping[str, Counted]:
    """Counted once, on a stack that is gone before the first test's own cloud is there."""
    return _count(
        *ENCRYPTED_SENDS,
        *SENDS,
        *FAN_OUTS,
        LIST,
        SLOW,
        SHARED,
        ALL_READ,
        *EDITS_TOLD,
        *VOTES_TOLD,
        *PUSHED_TO,
        *BUDGETS,
    )


@pytest.fixture(scope="module")
def counted_without_redis() -> Counted:
    return _count(SENDS[0], with_redis=False)[SENDS[0]]


@pytest.mark.parametrize("name", SENDS)
def test_a_message_is_acknowledged_within_two_store_round_trips_and_seven_write_units(
    counted: Mapping[str, Counted], name: str
) -> None:
    assert counted[name].store_trips <= MAX_SEND_TRIPS
    assert counted[name].write_units <= MAX_SEND_WRITE_UNITS
    assert counted[name].redis_trips <= MAX_SEND_REDIS_TRIPS


def test_sending_to_200_asks_no_more_than_sending_to_50(counted: Mapping[str, Counted]) -> None:
    small, large = counted["send (HTTP), group of 50"], counted["send (HTTP), group of 200"]
    assert large.store_calls == small.store_calls
    assert large.other_calls == small.other_calls
    assert (large.read_units, large.write_units) == (small.read_units, small.write_units)


@pytest.mark.parametrize(("encrypted", "plain"), ENCRYPTED_SENDS.items())
def test_an_encrypted_message_costs_what_a_plain_one_costs(
    counted: Mapping[str, Counted], encrypted: str, plain: str
) -> None:
    assert counted[encrypted].redis_trips <= counted[plain].redis_trips
    assert counted[encrypted].other_calls == counted[plain].other_calls
    assert counted[encrypted].store_trips <= counted[plain].store_trips
    assert counted[encrypted].write_units <= 1.1 * counted[plain].write_units


def test_slow_mode_costs_a_message_one_item_more(counted: Mapping[str, Counted]) -> None:
    usual, slow = counted["send (HTTP), group of 5"], counted[SLOW]
    assert slow.store_trips <= MAX_SEND_TRIPS + FIRST_SEND_TRIPS  # each turn is in a new group
    assert slow.write_units <= usual.write_units + 2  # an item in a transaction is two units


def test_what_is_shared_is_listed_with_a_query_for_each_and_two_more(counted: Mapping[str, Counted]) -> None:
    assert sum(counted[SHARED].store_calls.values()) <= 20 + 2


@pytest.mark.parametrize(("name", "members"), FAN_OUTS.items())
def test_fan_out_reads_a_hundred_sockets_at_a_time(counted: Mapping[str, Counted], name: str, members: int) -> None:
    assert sum(counted[name].store_calls.values()) <= -(-members // 100) + 1
    assert counted[name].other_calls["post"] == members


def test_a_page_of_messages_takes_two_store_round_trips(counted: Mapping[str, Counted]) -> None:
    assert counted[LIST].store_trips <= MAX_LIST_TRIPS


@pytest.mark.parametrize(("name", "budget"), BUDGETS.items())
def test_what_people_do_has_its_budget_of_trips_and_write_units(
    counted: Mapping[str, Counted], name: str, budget: tuple[int, int]
) -> None:
    trips, write_units = budget
    assert counted[name].store_trips <= trips
    assert counted[name].write_units <= write_units


@pytest.mark.parametrize(("name", "people"), PUSHED_TO.items())
def test_a_push_asks_for_the_conversations_of_each_person_and_for_all_else_of_all_at_once(
    counted: Mapping[str, Counted], name: str, people: int
) -> None:
    assert sum(counted[name].store_calls.values()) <= people + 9
    assert counted[name].write_units <= 2


@pytest.mark.parametrize(("name", "members"), EDITS_TOLD.items())
def test_an_edit_is_told_to_many_with_as_few_reads_as_to_few(
    counted: Mapping[str, Counted], name: str, members: int
) -> None:
    assert sum(counted[name].store_calls.values()) <= -(-members // 100) + 4


def test_conversations_that_are_read_are_listed_without_counting(counted: Mapping[str, Counted]) -> None:
    assert counted[ALL_READ].store_calls["Query"] == 1  # of the reader's conversations


@pytest.mark.parametrize(("name", "members"), VOTES_TOLD.items())
def test_a_vote_is_told_with_three_reads_for_a_hundred_people(
    counted: Mapping[str, Counted], name: str, members: int
) -> None:
    assert sum(counted[name].store_calls.values()) <= 3 * -(-members // 100) + 5
    assert counted[name].other_calls["post"] == members


def test_sending_stays_within_its_budget_without_redis(counted_without_redis: Counted) -> None:
    assert counted_without_redis.redis_trips == 0
    assert counted_without_redis.store_trips <= MAX_SEND_TRIPS + SESSION_TRIPS + SOCKET_TRIPS
    assert counted_without_redis.write_units <= MAX_SEND_WRITE_UNITS


def _alike() -> list[list[str]]:
    """The functions that need the same packages, so that one interpreter can import them all."""
    groups: dict[frozenset[str], list[str]] = defaultdict(list)
    for function_id, needed in NEEDED.items():
        groups[frozenset(needed)].append(function_id)
    return list(groups.values())


@pytest.mark.parametrize("function_id", FIRST_PARTY_MAX)
def test_functions_import_little_of_ours_and_make_few_schemas(function_id: str) -> None:
    paths = [str(ROOT / "functions"), str(ROOT / "layers" / "shared")]
    code = (
        f"import sys; sys.path[:0] = {paths}; import {functions()[function_id].module}\n"
        "def below(schema): return {schema}.union(*map(below, schema.__subclasses__()))\n"
        "schemas = sys.modules.get('kernel.schema')\n"
        "made = set() if schemas is None else below(schemas.BaseModel)\n"
        "files = [str(getattr(each, '__file__', '')) for each in sys.modules.values()]\n"
        f"print(sum(each.startswith(tuple({paths})) for each in files), len(made))"
    )
    environment = {"ENVIRONMENT": "local", "STACK_NAME": "test", "AWS_DEFAULT_REGION": "us-east-1"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    modules, schemas = map(int, done.stdout.split())
    most_modules, most_schemas = FIRST_PARTY_MAX[function_id]
    assert modules <= most_modules
    assert schemas <= most_schemas


def test_no_function_builds_a_validator_when_it_is_imported() -> None:
    """Each takes up to several ms, and a call needs few of them."""
    modules = sorted({each.module for each in functions().values()})
    paths = [str(ROOT / "functions"), str(ROOT / "layers" / "shared")]
    code = (
        f"import sys; sys.path[:0] = {paths}; import {', '.join(modules)}; from pydantic import BaseModel\n"
        "def below(schema): return {schema}.union(*map(below, schema.__subclasses__()))\n"
        "print(*(each.__name__ for each in below(BaseModel) if each.__pydantic_complete__))"
    )
    environment = {"ENVIRONMENT": "local", "STACK_NAME": "test", "AWS_DEFAULT_REGION": "us-east-1"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.split() == ["RootModel"]  # pydantic's own


@pytest.mark.parametrize("group", _alike(), ids=lambda group: group[0])
def test_functions_import_no_heavy_package_that_they_do_not_use(group: list[str]) -> None:
    modules = sorted({functions()[function_id].module for function_id in group})
    paths = [str(ROOT / "functions"), str(ROOT / "layers" / "shared")]
    # pyOpenSSL comes with the test packages, not with the layer, and would load cryptography by itself
    bare = "sys.modules['OpenSSL'] = None"
    imports = f"import json, sys; {bare}; sys.path[:0] = {paths}; import {', '.join(modules)}"
    code = f"{imports}; print(json.dumps(list(sys.modules)))"
    environment = {"ENVIRONMENT": "local", "STACK_NAME": "test", "AWS_DEFAULT_REGION": "us-east-1"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert unneeded(group[0], json.loads(done.stdout)) == set()
